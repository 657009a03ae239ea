/** Headers by name, for gateways that have to be told each one. Pure. */
import { droppedHeaders } from '../../client-headers/dropped-headers.ts'
import type { ClusterQuestion } from './cluster-question.ts'

/**
 * What a check over HTTP has to bring beside what is always sent: who asks, from where, and what for, and what conditions of the
 * policy read. Sorted, in lower case.
 */
export function checkedHeaders({
  conditionHeaders,
  hosts,
  hostHeaders,
  clientCertificateHeader,
}: ClusterQuestion): readonly string[] {
  const names = [
    'accept',
    'accept-language',
    'access-control-request-headers',
    'access-control-request-method',
    'authorization',
    'cookie',
    'dpop',
    'origin',
    'referer',
    'sec-fetch-dest',
    'sec-fetch-mode',
    'sec-fetch-site',
    'sec-websocket-key',
    'sec-websocket-version',
    'upgrade',
    'user-agent',
    'x-forwarded-for',
    'x-forwarded-proto',
    'x-requested-with',
    ...conditionHeaders,
    // A client's own, which is gone by now where the gateway drops it, and is refused where it does not.
    ...hostHeaders,
    ...hosts.flatMap(({ withheld }) => withheld.map(name => name.toLowerCase())),
    ...(clientCertificateHeader === undefined ? [] : [clientCertificateHeader]),
  ]
  return [...new Set(names)].sort()
}

/** What the application gets of the answer, each one in the place of what a client sent. */
export function givenHeaders({ hosts, identityHeaders }: ClusterQuestion): readonly string[] {
  const authorization = hosts.some(({ givenAuthorization }) => givenAuthorization) ? ['authorization'] : []
  return [...identityHeaders, 'cookie', ...authorization]
}

/** Prefixes of names that no client gets through, in lower case: ours, and those of other products. */
export const droppedPrefixes: readonly string[] = [
  'remote-',
  'x-sallyport-',
  'x-original-',
  'x-rewrite-',
  'x-envoy-',
  ...droppedHeaders.flatMap(({ prefix }) => (prefix === undefined ? [] : [prefix.toLowerCase()])),
].filter(prefix => prefix !== 'x-forwarded-')

/** Whole names of the same, in lower case. */
export const droppedNames: readonly string[] = [
  'forwarded',
  'http2-settings',
  'x-real-ip',
  ...droppedHeaders.flatMap(({ prefix, names }) => (prefix === undefined ? names : [])).map(name => name.toLowerCase()),
].filter(name => !name.startsWith('x-forwarded-'))

/** All of `X-Forwarded-*` but the two that the gateway writes, or that a trusted balancer does. */
export const droppedForwarded: readonly string[] = [
  ...new Set([
    'x-forwarded-host',
    'x-forwarded-method',
    'x-forwarded-port',
    'x-forwarded-prefix',
    'x-forwarded-scheme',
    'x-forwarded-server',
    'x-forwarded-ssl',
    'x-forwarded-uri',
    ...droppedHeaders
      .flatMap(({ names }) => names)
      .map(name => name.toLowerCase())
      .filter(name => name.startsWith('x-forwarded-')),
  ]),
].sort()

/** Names under which other products say who is asking, one by one, for gateways that know no prefixes. In lower case. */
export const namesOfOthers: readonly string[] = droppedHeaders
  .flatMap(({ names }) => names)
  .map(name => name.toLowerCase())
  .filter(name => !name.startsWith('x-forwarded-'))
