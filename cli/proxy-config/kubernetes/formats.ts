/** The formats of gateways in a cluster. */

import { inCluster } from './cluster-question.ts'
import { contour } from './contour.ts'
import { envoyGateway } from './envoy-gateway.ts'
import { gatewayApi } from './gateway-api.ts'
import { ingressNginx } from './ingress-nginx.ts'
import { istio } from './istio.ts'
import { kgateway } from './kgateway.ts'
import { traefikCrd } from './traefik-crd.ts'

export const clusterFormats = [envoyGateway, istio, gatewayApi, contour, kgateway, traefikCrd, ingressNginx].map(
  inCluster,
)
