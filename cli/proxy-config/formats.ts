/** The table of formats: a new one is one file and one line here. */
import { caddy } from './caddy/caddy.ts'
import { envoy, envoyGrpc } from './envoy/envoy.ts'
import type { ProxyFormat } from './format.ts'
import { haproxy } from './haproxy/haproxy.ts'
import { clusterFormats } from './kubernetes/formats.ts'
import { nginx } from './nginx/nginx.ts'
import { traefik, traefikLabels } from './traefik/traefik.ts'

export const formats: readonly ProxyFormat[] = [
  nginx,
  traefik,
  traefikLabels,
  caddy,
  haproxy,
  envoy,
  envoyGrpc,
  ...clusterFormats,
]
