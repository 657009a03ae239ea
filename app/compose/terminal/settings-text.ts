/** What a service that has just started is set to, for the person at its terminal. `config show` prints all of it. */
import type { Config } from '../../../config/config.ts'
import { listenText } from '../../../config/schema/listen-place.ts'
import { describeSources } from '../../policy/configured-source.ts'
import { printable } from '../../telemetry/readable-lines.ts'
import { version } from '../../version.ts'

export interface PolicyInForce {
  readonly revision: string
  readonly rows: number
}

/** @param policy absent when no worker could say it */
export function settingsText(config: Config, policy: PolicyInForce | undefined): string {
  const { server, admin, kubernetes, envoy, providers } = config
  const lines: readonly (readonly [string, string | undefined])[] = [
    ['checks and logins', listenText(server.listen)],
    ['admin', listenText(admin.listen)],
    ['kubectl', kubernetes && listenText(kubernetes.listen)],
    ['Envoy over gRPC', envoy && listenText(envoy.listen)],
    ['workers', server.workers === 1 ? undefined : `${server.workers}`],
    ['sessions', storeText(config)],
    ['cookies', cookieText(config)],
    ['providers', listed(providers.map(({ name, issuer }) => `${name} (${withoutSecrets(issuer)})`))],
    ['policy', listed(describeSources(config.policy))],
    ['', policy && `${policy.rows} rows, revision ${policy.revision}`],
    ['trusted proxies', listed(server.trustedProxies)],
    ['audit log', 'path' in config.audit.destination ? config.audit.destination.path : config.audit.destination.kind],
  ]
  const shown = lines.flatMap(([name, value]) =>
    value === undefined ? [] : `  ${name.padEnd(18)} ${printable(value)}\n`,
  )
  return `sallyport ${version} serves ${printable(withoutSecrets(server.url))}\n${shown.join('')}`
}

const listed = (values: readonly string[]): string => (values.length === 0 ? 'none' : values.join(', '))

/** Threat: a terminal is filmed, shared and scrolled back; the address of a store may hold a password, in its query too. */
function withoutSecrets(address: string): string {
  if (!URL.canParse(address)) return '(an address)'
  const { protocol, host, pathname } = new URL(address)
  return `${protocol}//${host}${pathname === '/' ? '' : pathname}`
}

function storeText({ sessions: { store } }: Config): string {
  if (store.kind === 'lmdb') return `lmdb ${store.path}`
  return `redis ${withoutSecrets(store.url)} (${store.topology.kind})`
}

const cookieText = ({ sessions, server }: Config): string =>
  sessions.cookieDomain === undefined
    ? `each host its own; login at ${new URL(server.url).host}`
    : `one for every host below ${sessions.cookieDomain}`
