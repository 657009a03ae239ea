/** Envoy: a bootstrap, and its two filters in files of their own; the check over HTTP or over gRPC. */
import { alsoDropped, droppedPatterns } from '../dropped.ts'
import type { ProxyFile, ProxyFormat } from '../format.ts'
import type { Address, OwnAddress, ProxyQuestion } from '../question.ts'
import { QuestionError } from '../question-error.ts'
import { fill, readTemplate } from '../template.ts'
import { chainLines, type DownstreamParts, http3Parts, listenerFilters, passingLines } from './downstream.ts'
import { tlsLines } from './upstream-tls.ts'

/** What differs between the files that are printed and those of deploy/. Lines begin where their place is. */
export interface EnvoyParts extends DownstreamParts {
  readonly about: readonly string[]
  readonly balancers: readonly string[]
  readonly directory: string
  readonly check: string
  readonly loginHost: string
  readonly sites: readonly string[]
  readonly openSites: readonly string[]
  readonly retry: string
  readonly replicas: readonly string[]
  readonly sallyport: readonly string[]
  readonly clusters: readonly string[]
}

const read = (name: string): string => readTemplate(`${name}.yaml.tmpl`, import.meta.url)

export const envoyBootstrap = (parts: EnvoyParts): string =>
  fill(read('envoy'), {
    ABOUT: parts.about,
    LISTEN: parts.listen,
    LISTENER_FILTERS: parts.listenerFilters,
    CHAIN: parts.chain,
    FILTERS: parts.shared.filters,
    ROUTES: parts.shared.sites,
    ADVERTISED: parts.advertised,
    QUIC: parts.quic,
    BALANCERS: parts.balancers,
    ESCAPED_SLASHES: parts.escapedSlashes,
    DIRECTORY: parts.directory,
    CHECK: parts.check,
    LOGIN_HOST: parts.loginHost,
    SITES: parts.sites,
    OPEN_SITES: parts.openSites,
    RETRY: parts.retry,
    REPLICAS: parts.replicas,
    SALLYPORT_TYPE: typeOf(parts.sallyport),
    SALLYPORT: parts.sallyport,
    CLUSTERS: parts.clusters,
  })

export interface EnvoyFilters {
  /** What passes a client's certificate on to Sallyport. */
  readonly certificate: readonly string[]
  readonly identity: ProxyQuestion['identity']
  /** Names of what single hosts are told beside it. */
  readonly hostHeaders: readonly string[]
  readonly alsoDropped: readonly string[]
  /** Of a check, in the service that is asked. */
  readonly retry: readonly string[]
}

export const dropFilter = ({
  alsoDropped: also,
  certificate,
}: Pick<EnvoyFilters, 'alsoDropped' | 'certificate'>): ProxyFile => {
  const patterns = droppedPatterns()
  const lines = patterns.flatMap(({ of, name, isPrefix }, index) => {
    const lower = name.toLowerCase()
    const line = isPrefix ? `- remove_on_match: { key_matcher: { prefix: ${lower} } }` : `- remove: ${lower}`
    return of === patterns[index - 1]?.of ? [line] : [`# ${of}`, line]
  })
  const more = also.map(name => `- remove: ${name.toLowerCase()}`)
  const why = more.length === 0 ? [] : ['# What this configuration names besides.', ...more]
  return {
    path: 'sallyport-drop.yaml',
    text: fill(read('sallyport-drop'), { DROPPED: [...lines, ...why], CERTIFICATE: certificate }),
  }
}

export const httpFilter = ({
  identity,
  hostHeaders,
  retry,
}: Omit<EnvoyFilters, 'alsoDropped' | 'certificate'>): ProxyFile => ({
  path: 'sallyport-check-http.yaml',
  text: fill(read('sallyport-check-http'), {
    IDENTITY: [...Object.values(identity), ...hostHeaders].map(name => `- exact: ${name.toLowerCase()}`),
    RETRY: retry,
  }),
})

export const grpcFilter = ({ retry }: Pick<EnvoyFilters, 'retry'>): ProxyFile => ({
  path: 'sallyport-check-grpc.yaml',
  text: fill(read('sallyport-check-grpc'), { RETRY: retry }),
})

/** The cluster of checks over gRPC; `tls`: how it is reached, in plain text by default. */
export const grpcCluster = (
  endpoints: readonly string[],
  replicas: readonly string[],
  tls: readonly string[] = [],
): readonly string[] => [
  ...fill(read('grpc-cluster'), { TYPE: typeOf(endpoints), REPLICAS: replicas, SALLYPORT: endpoints, TLS: tls })
    .trimEnd()
    .split('\n'),
]

/** A site's cluster. */
export const siteCluster = (name: string, address: string): readonly string[] => [
  `- name: ${name}`,
  '  type: STRICT_DNS',
  '  load_assignment:',
  `    cluster_name: ${name}`,
  '    endpoints:',
  '      - lb_endpoints:',
  `          - endpoint: { address: { socket_address: { ${address} } } }`,
]

const socket = ({ host, port }: Address): string => `address: '${host}', port_value: ${port}`
const pipe = 'pipe: { path:'
const endpoints = (addresses: readonly OwnAddress[]): readonly string[] =>
  addresses.map(address =>
    'socket' in address
      ? `- endpoint: { address: { ${pipe} ${address.socket} } } }`
      : `- endpoint: { address: { socket_address: { ${socket(address)} } } }`,
  )
/** Where one is a file there is nothing to resolve, and Envoy refuses to. */
const typeOf = (lines: readonly string[]): string => (lines.some(line => line.includes(pipe)) ? 'STATIC' : 'STRICT_DNS')

function render(question: ProxyQuestion, isGrpc: boolean): readonly ProxyFile[] {
  const { balancers, directory, hosts, listen, login, sallyport } = question
  const isSeveral = sallyport.length > 1
  const check = isGrpc
    ? grpcFilter({ retry: retryLines(grpcOf(question).length > 1) })
    : httpFilter({ identity: question.identity, hostHeaders: question.hostHeaders, retry: retryLines(isSeveral) })
  const shared = {
    listen: socket(listen),
    escapedSlashes: hosts.some(({ encodedSlash }) => encodedSlash)
      ? 'KEEP_UNCHANGED # canonical.allowEncodedSlash names a host; Sallyport refuses them on the others'
      : 'REJECT_REQUEST',
  }
  const text = envoyBootstrap({
    ...shared,
    ...http3Parts(question, shared),
    about: [
      `# Envoy in front of Sallyport: envoy -c ${directory}/envoy.yaml. Listeners and clusters of your own go into a file of`,
      '# their own, which Envoy adds to this one: --config-yaml "$(cat own.yaml)".',
    ],
    listenerFilters: listenerFilters(question),
    chain: chainLines(question),
    balancers:
      balancers.length === 0
        ? []
        : [
            '# The last address of X-Forwarded-For is the client, and X-Forwarded-Proto counts: nobody else gets as far as here.',
            'xff_num_trusted_hops: 1',
          ],
    directory,
    check: check.path,
    loginHost: login.host,
    sites: hosts.flatMap(({ host }) => siteLines(host, question.clientCertificates?.header)),
    openSites: [],
    // A login may not be asked twice: only where nobody was reached.
    retry: isSeveral ? `, retry_policy: { retry_on: connect-failure, ${elsewhere} }` : '',
    replicas: replicaLines(isSeveral),
    sallyport: endpoints(sallyport),
    clusters: [
      ...(isGrpc ? clusterOf(question, grpcOf(question)) : []),
      ...hosts.flatMap(({ host, upstream }) => siteCluster(siteOf(host), socket(upstream))),
    ],
  })
  return [
    { path: 'envoy.yaml', text },
    dropFilter({ alsoDropped: alsoDropped(question), certificate: passingLines(question) }),
    check,
  ]
}

/** A name that no cluster of ours has. */
const siteOf = (host: string): string => `site-${host}`

/** `certificate`: the header of a client's certificate, which is for Sallyport alone. */
const siteLines = (host: string, certificate?: string): readonly string[] => [
  `- name: ${siteOf(host)}`,
  `  domains: ['${host}']`,
  ...(certificate === undefined ? [] : [`  request_headers_to_remove: [${certificate}]`]),
  '  # No limit for downloads and streams; 15 s is what Envoy has by itself.',
  `  routes: [{ match: { prefix: / }, route: { cluster: ${siteOf(host)}, timeout: 0s } }]`,
]

const clusterOf = ({ grpcTrust }: ProxyQuestion, grpc: readonly OwnAddress[]): readonly string[] =>
  grpcCluster(
    endpoints(grpc),
    replicaLines(grpc.length > 1),
    grpcTrust === undefined ? [] : tlsLines(grpcTrust, grpc.map(port)),
  )

/** `envoy.tls` on a Unix socket: nobody on the way could read it, and Envoy would have no name to ask for. */
function port(address: OwnAddress): Address {
  if (!('socket' in address)) return address
  throw new QuestionError('Sallyport is asked over gRPC on a Unix socket here: leave envoy.tls out, or name a port')
}

function grpcOf({ grpc }: ProxyQuestion): readonly OwnAddress[] {
  if (grpc.length === 0)
    throw new QuestionError(
      'Sallyport has no listener for checks over gRPC: add the section `envoy` to its configuration, or say --grpc ADDRESS:PORT, or take the format envoy',
    )
  return grpc
}

/** A replica on which nobody answers is asked nothing until it is back. */
const replicaLines = (isSeveral: boolean): readonly string[] =>
  isSeveral
    ? [
        'health_checks: [{ timeout: 1s, interval: 1s, unhealthy_threshold: 1, healthy_threshold: 1, tcp_health_check: {} }]',
        '# When a replica goes, every check that was under way there asks again; of itself Envoy lets three do so at a time.',
        'circuit_breakers: { thresholds: [{ max_retries: 1024 }] }',
      ]
    : []

/** Another replica than those that did not answer. */
const elsewhere = [
  'num_retries: 2',
  'host_selection_retry_max_attempts: 3',
  "retry_host_predicate: [{ name: envoy.retry_host_predicates.previous_hosts, typed_config: { '@type': type.googleapis.com/envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate } }]",
].join(', ')

/** Until it is known that a replica is gone, a check asks the next one. A check may be asked twice. */
const retryLines = (isSeveral: boolean): readonly string[] =>
  isSeveral ? [`retry_policy: { retry_on: 'connect-failure,reset', ${elsewhere} }`] : []

export const envoy: ProxyFormat = {
  name: 'envoy',
  summary: 'a bootstrap for Envoy that asks over HTTP',
  speaksHttp3: true,
  asksForCertificates: true,
  takesProxyProtocol: true,
  opensSockets: true,
  render: question => render(question, false),
}

export const envoyGrpc: ProxyFormat = {
  name: 'envoy-grpc',
  summary: 'the same that asks over gRPC',
  directory: '/etc/envoy',
  speaksHttp3: true,
  asksForCertificates: true,
  takesProxyProtocol: true,
  opensSockets: true,
  asksOverGrpc: true,
  render: question => render(question, true),
}
