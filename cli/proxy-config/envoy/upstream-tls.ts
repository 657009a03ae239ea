/** TLS from Envoy to the listener of checks over gRPC, in the cluster of that listener. */
import { isIP } from 'node:net'
import type { GrpcTls } from '../grpc-tls.ts'
import type { Address } from '../question.ts'

/**
 * Threat: an authority that issues certificates to others as well. Envoy believes each of them unless it is told the name that
 * has to stand in one, and whoever answers in our place lets in whom they like.
 */
export function tlsLines({ caFile, own }: GrpcTls, listeners: readonly Address[]): readonly string[] {
  const hosts = [...new Set(listeners.map(({ host }) => host))]
  const name = hosts.find(host => isIP(host) === 0)
  return [
    '# Checks hold session cookies, and whoever answers them lets in whom they like: nobody but Sallyport, by its names.',
    'transport_socket:',
    '  name: envoy.transport_sockets.tls',
    '  typed_config:',
    "    '@type': type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
    ...(name === undefined ? [] : [`    sni: '${name}'`]),
    '    common_tls_context:',
    '      alpn_protocols: [h2]',
    ...(own === undefined ? [] : certificateLines(own)),
    '      validation_context:',
    `        trusted_ca: { filename: ${caFile} }`,
    '        match_typed_subject_alt_names:',
    ...hosts.map(
      host => `          - { san_type: ${isIP(host) === 0 ? 'DNS' : 'IP_ADDRESS'}, matcher: { exact: '${host}' } }`,
    ),
  ]
}

const certificateLines = ({ certificate, key }: NonNullable<GrpcTls['own']>): readonly string[] => [
  '      # What envoy.tls.clientCaFile asks for.',
  '      tls_certificates:',
  `        - { certificate_chain: { filename: ${certificate} }, private_key: { filename: ${key} } }`,
]
