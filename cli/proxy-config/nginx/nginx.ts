/** NGINX: files to include, and one with every protected host. */
import { droppedHeaders } from '../../client-headers/dropped-headers.ts'
import type { ClientCertificates } from '../client-certificates.ts'
import { alsoDroppedByName } from '../dropped.ts'
import type { ProxyFile, ProxyFormat } from '../format.ts'
import { addressText, type OwnAddress, type ProxyHost, type ProxyQuestion } from '../question.ts'
import { fill, readTemplate, type Values } from '../template.ts'

/** What differs between the files that are printed and those of deploy/, which NGINX's image fills in at its start. */
export interface NginxParts {
  readonly identity: ProxyQuestion['identity']
  /** Names of what single hosts are told beside it. */
  readonly hostHeaders: readonly string[]
  readonly sallyport: readonly string[]
  readonly loginHost: string
  readonly listen: readonly string[]
  readonly balancers: readonly string[]
  readonly realAddress: readonly string[]
  readonly alsoDropped: readonly string[]
  /** What passes a client's certificate on to Sallyport. */
  readonly certificate: readonly string[]
}

const read = (name: string): string => readTemplate(`${name}.conf.tmpl`, import.meta.url)

/** The files that name no protected host. */
export function nginxParts(parts: NginxParts): readonly ProxyFile[] {
  const file = (name: string, values: Values): ProxyFile => ({ path: `${name}.conf`, text: fill(read(name), values) })
  const { user, email, name, groups, assertion } = parts.identity
  const identity = { USER: user, EMAIL: email, NAME: name, GROUPS: groups, ASSERTION: assertion }
  const variables = Object.fromEntries(
    Object.entries(identity).map(([key, value]) => [`${key}_VARIABLE`, variableOf(value)]),
  )
  return [
    file('sallyport', {
      SALLYPORT: parts.sallyport,
      BALANCERS: parts.balancers,
      REAL_ADDRESS: parts.realAddress,
      LISTEN: parts.listen,
      LOGIN_HOST: parts.loginHost,
    }),
    file('sallyport-ask', { ...identity, CERTIFICATE: parts.certificate }),
    file('sallyport-drop', { DROPPED: droppedLines(parts.alsoDropped) }),
    file('sallyport-server', {}),
    file('sallyport-location', { ...identity, ...variables, HOST_HEADERS: hostHeaderLines(parts.hostHeaders) }),
  ]
}

const variableOf = (name: string): string => name.toLowerCase().replaceAll('-', '_')

/** Below the lines that drop a client's own: of two lines for one header, NGINX leaves the empty one out. */
const hostHeaderLines = (names: readonly string[]): readonly string[] =>
  names.length === 0
    ? []
    : [
        '',
        '# What the configuration names for single hosts, by the names of other products. Where Sallyport says nothing, there is none.',
        ...names.flatMap(name => [
          `auth_request_set $sallyport_told_${variableOf(name)} $upstream_http_${variableOf(name)};`,
          `proxy_set_header ${name} $sallyport_told_${variableOf(name)};`,
        ]),
      ]

const drop = (name: string): string => `proxy_set_header ${name} "";`

function droppedLines(also: readonly string[]): readonly string[] {
  const families = droppedHeaders.map(({ names }, index) => {
    const { of } = droppedHeaders[index] ?? {}
    const lines = names.map(drop)
    // Several families of one product stand below each other.
    return of === droppedHeaders[index - 1]?.of ? lines : ['', `# ${of}`, ...lines]
  })
  const own =
    also.length === 0 ? [] : ['', '# what this configuration names besides, or by other names', ...also.map(drop)]
  return [...families.flat(), ...own].slice(1)
}

const ownAddress = (address: OwnAddress): string =>
  'socket' in address ? `unix:${address.socket}` : addressText(address)

function render(question: ProxyQuestion): readonly ProxyFile[] {
  const { balancers, login, sallyport } = question
  const parts = nginxParts({
    identity: question.identity,
    hostHeaders: question.hostHeaders,
    // One that does not answer is asked nothing for two seconds; NGINX's own are ten.
    sallyport: sallyport.map(
      address => `server ${ownAddress(address)}${sallyport.length > 1 ? ' max_fails=1 fail_timeout=2s' : ''};`,
    ),
    loginHost: login.host,
    listen: listenLines(question),
    balancers: balancers.map(range => `${range} balancer;`),
    realAddress: realAddressLines(question),
    alsoDropped: alsoDroppedByName(question),
    certificate: certificateLines(question),
  })
  const sites = fill(read('sallyport-sites'), {
    SITES: question.hosts.flatMap(host => siteLines(host, question)).slice(0, -1),
    LISTEN_LAST: listenLines(question, ' default_server'),
  })
  return [...parts, { path: 'sallyport-sites.conf', text: sites }]
}

/** Below the line that drops the client's own: of two lines for one header, NGINX leaves the empty one out. */
function certificateLines({ clientCertificates }: ProxyQuestion): readonly string[] {
  const header = clientCertificates?.header
  if (header === undefined) return []
  return [
    '# The certificate of the connection, which NGINX has verified; without one no header at all. Applications get neither.',
    `proxy_set_header ${header} $ssl_client_escaped_cert;`,
  ]
}

function realAddressLines({ balancers, relays }: ProxyQuestion): readonly string[] {
  const from = [...balancers, ...relays].map(range => `set_real_ip_from ${range};`)
  if (from.length === 0) return []
  if (relays.length === 0) return [...from, 'real_ip_header X-Forwarded-For;', 'real_ip_recursive on;']
  return [
    '# Each connection begins with the PROXY protocol. Of these balancers alone it says who the client is.',
    ...from,
    'real_ip_header proxy_protocol;',
    'geo $realip_remote_addr $sallyport_relay {',
    '  default "";',
    ...relays.map(range => `  ${range} relay;`),
    '}',
  ]
}

function listenLines(question: ProxyQuestion, more = ''): readonly string[] {
  const { relays } = question
  const last = relays.length === 0 ? more : ` proxy_protocol${more}`
  return [...openLines(question, last), ...(relays.length === 0 ? [] : refusalLines)]
}

/** In every `server`: of several on one port, each is a way in. */
const refusalLines: readonly string[] = [
  '# Nobody but the balancers.',
  'if ($sallyport_relay = "") {',
  '  return 444;',
  '}',
]

function openLines({ clientCertificates, listen, tls }: ProxyQuestion, more: string): readonly string[] {
  if (tls === undefined) return [`listen ${addressText(listen)}${more};`]
  return [
    // From 1.25.1 on NGINX would rather read `http2 on;`, which older ones do not know; it takes this as well.
    `listen ${addressText(listen)} ssl http2${more};`,
    `ssl_certificate ${tls.certificate};`,
    `ssl_certificate_key ${tls.key};`,
    'ssl_protocols TLSv1.2 TLSv1.3;',
    ...(clientCertificates === undefined ? [] : verifyLines(clientCertificates)),
  ]
}

/** In every `server`: what one of them lets in without a certificate would be a way to the others. */
const verifyLines = ({ caFile, isRequired }: ClientCertificates): readonly string[] => [
  `ssl_client_certificate ${caFile};`,
  isRequired ? 'ssl_verify_client on;' : 'ssl_verify_client optional;',
]

function siteLines({ host, upstream, withheld }: ProxyHost, question: ProxyQuestion): readonly string[] {
  const own = withheld.filter(name => name !== 'Authorization')
  const why =
    '# A token for Sallyport comes in it. One in Authorization is dropped by the include, where it let somebody in.'
  const text = fill(read('site'), {
    LISTEN: listenLines(question),
    HOST: host,
    WITHHELD: own.length === 0 ? [] : [why, ...own.map(drop)],
    UPSTREAM: addressText(upstream),
  })
  return text.split('\n')
}

export const nginx: ProxyFormat = {
  name: 'nginx',
  summary: 'files to include in the http section of NGINX',
  asksForCertificates: true,
  takesProxyProtocol: true,
  opensSockets: true,
  render,
}
