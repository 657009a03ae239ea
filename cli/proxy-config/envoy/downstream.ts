/** How clients come to Envoy: from whom, with which certificate, over what. */
import type { ProxyQuestion } from '../question.ts'
import { fill, readTemplate } from '../template.ts'

/** Lines begin where their place is. */
export interface DownstreamParts {
  readonly listen: string
  readonly listenerFilters: readonly string[]
  readonly chain: readonly string[]
  /** What begins with `&`: the names of what a second listener takes over. */
  readonly shared: { readonly filters: string; readonly sites: string }
  readonly advertised: readonly string[]
  /** A second listener. */
  readonly quic: readonly string[]
  readonly escapedSlashes: string
}

/** Lines of the filter chain of the listener. */
export function chainLines(question: ProxyQuestion): readonly string[] {
  const { clientCertificates, tls } = question
  const only = onlyLines(question)
  return tls === undefined ? only : [...only, ...tlsLines(tls, clientCertificates)]
}

function onlyLines({ balancers, relays }: ProxyQuestion): readonly string[] {
  if (relays.length > 0)
    return [
      '# These balancers alone, by the peer itself: Envoy takes the PROXY protocol from everybody, and closes what has no chain.',
      `filter_chain_match: { direct_source_prefix_ranges: [${rangesOf(relays)}] }`,
    ]
  if (balancers.length === 0) return []
  return [
    '# These balancers alone: Envoy believes X-Forwarded-* from whoever gets in, and closes every other connection.',
    `filter_chain_match: { source_prefix_ranges: [${rangesOf(balancers)}] }`,
  ]
}

function rangesOf(ranges: readonly string[]): string {
  const prefixes = ranges.map(range => {
    const [address = '', length = ''] = range.split('/')
    return `{ address_prefix: '${address}', prefix_len: ${length} }`
  })
  return prefixes.join(', ')
}

/** Of the listener, before any chain is chosen. */
export const listenerFilters = ({ relays }: ProxyQuestion): readonly string[] =>
  relays.length === 0
    ? []
    : [
        'listener_filters:',
        '  # Each connection begins with the PROXY protocol, or is closed.',
        '  - name: envoy.filters.listener.proxy_protocol',
        "    typed_config: { '@type': type.googleapis.com/envoy.extensions.filters.listener.proxy_protocol.v3.ProxyProtocol }",
      ]

type Tls = NonNullable<ProxyQuestion['tls']>

const tlsLines = (tls: Tls, asked: ProxyQuestion['clientCertificates']): readonly string[] => [
  'transport_socket:',
  '  name: envoy.transport_sockets.tls',
  '  typed_config:',
  "    '@type': type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext",
  ...(asked === undefined ? [] : [`    require_client_certificate: ${asked.isRequired}`]),
  '    common_tls_context:',
  '      tls_params: { tls_minimum_protocol_version: TLSv1_2 }',
  '      alpn_protocols: [h2, http/1.1]',
  ...certificateLines(tls).map(line => `      ${line}`),
  ...(asked === undefined ? [] : [`      validation_context: { trusted_ca: { filename: '${asked.caFile}' } }`]),
]

const certificateLines = ({ certificate, key }: Tls): readonly string[] => [
  'tls_certificates:',
  `  - certificate_chain: { filename: '${certificate}' }`,
  `    private_key: { filename: '${key}' }`,
]

/** Behind the line that drops the client's own header. */
export function passingLines({ clientCertificates }: ProxyQuestion): readonly string[] {
  const header = clientCertificates?.header
  if (header === undefined) return []
  return [
    '# The certificate of the connection, which Envoy has verified; without one no header at all. Sites remove it again.',
    '- append:',
    `    header: { key: ${header}, value: '%DOWNSTREAM_PEER_CERT%' }`,
    '    append_action: OVERWRITE_IF_EXISTS_OR_ADD',
  ]
}

/** A second listener, that it is there, and names for what it shares with the first. */
export function http3Parts(
  { http3, listen, tls }: ProxyQuestion,
  shared: Pick<DownstreamParts, 'listen' | 'escapedSlashes'>,
): Pick<DownstreamParts, 'shared' | 'advertised' | 'quic'> {
  if (!http3 || tls === undefined) return { shared: { filters: '', sites: '' }, advertised: [], quic: [] }
  const listener = fill(readTemplate('quic-listener.yaml.tmpl', import.meta.url), {
    LISTEN: shared.listen,
    ESCAPED_SLASHES: shared.escapedSlashes,
    CERTIFICATES: certificateLines(tls),
  })
  return {
    shared: { filters: ' &filters', sites: ' &sites' },
    advertised: [
      '# Clients come over HTTP/3 once they were told.',
      `response_headers_to_add: [{ header: { key: alt-svc, value: 'h3=":${listen.port}"; ma=86400' } }]`,
    ],
    quic: ['', ...listener.trimEnd().split('\n')],
  }
}
