/** HAProxy: one configuration, and the action in Lua that asks. */
import { alsoDropped, droppedPatterns } from '../dropped.ts'
import type { ProxyFile, ProxyFormat } from '../format.ts'
import { addressText, type OwnAddress, type ProxyQuestion } from '../question.ts'
import { QuestionError } from '../question-error.ts'
import { fill, readTemplate } from '../template.ts'

/** What differs between the files that are printed and those of deploy/. */
export interface HaproxyParts {
  readonly identity: ProxyQuestion['identity']
  /** Names of what single hosts are told beside it. */
  readonly hostHeaders: readonly string[]
  readonly about: readonly string[]
  readonly directory: string
  /** Lines of the section `global`. */
  readonly tls: readonly string[]
  readonly bind: readonly string[]
  readonly checkSocket: string
  readonly balancers: readonly string[]
  readonly loginHost: string
  readonly unchecked: readonly string[]
  readonly withheld: readonly string[]
  readonly useBackends: readonly string[]
  readonly backends: readonly string[]
  readonly servers: readonly string[]
  readonly alsoDropped: readonly string[]
  /** What passes a client's certificate on to Sallyport. */
  readonly certificate: readonly string[]
  /** Name of the file. */
  readonly path: string
}

const read = (name: string): string => readTemplate(`${name}.tmpl`, import.meta.url)

export function haproxyParts(parts: HaproxyParts): readonly ProxyFile[] {
  const dropped = [
    ...droppedPatterns().map(({ name, isPrefix }) => `${name.toLowerCase()}${isPrefix ? ' -m beg' : ''}`),
    ...parts.alsoDropped.map(name => name.toLowerCase()),
  ]
  const text = fill(read('haproxy.cfg'), {
    ABOUT: parts.about,
    DIRECTORY: parts.directory,
    TLS: parts.tls,
    BIND: parts.bind,
    CHECK_SOCKET: parts.checkSocket,
    BALANCERS: parts.balancers,
    DROPPED: dropped.map(name => `http-request del-header ${name}`),
    LOGIN_HOST: parts.loginHost,
    UNCHECKED: parts.unchecked,
    WITHHELD: parts.withheld,
    USE_BACKENDS: parts.useBackends,
    BACKENDS: parts.backends,
    SERVERS: parts.servers,
    CERTIFICATE: parts.certificate,
  })
  const listed = (names: readonly string[]): string => names.map(name => `'${name.toLowerCase()}'`).join(', ')
  const lua = fill(read('sallyport.lua'), {
    IDENTITY: listed(Object.values(parts.identity)),
    HOST_HEADERS: parts.hostHeaders.length === 0 ? '{}' : `{ ${listed(parts.hostHeaders)} }`,
  })
  return [
    { path: parts.path, text },
    { path: 'sallyport.lua', text: lua, comment: '--' },
  ]
}

/** Names of backends, which no name of a host can meet. */
const backendOf = (host: string): string => `site:${host}`

function render(question: ProxyQuestion): readonly ProxyFile[] {
  const { directory, hosts, listen, login, sallyport } = question
  return haproxyParts({
    identity: question.identity,
    hostHeaders: question.hostHeaders,
    about: [
      `# HAProxy in front of Sallyport: haproxy -f ${directory}/sallyport.cfg. Frontends and backends of your own go into`,
      '# further files, each with a -f of its own.',
    ],
    directory,
    ...tlsOf(question),
    checkSocket: `abns@sallyport-check-${listen.port}`,
    balancers: balancerLines(question),
    loginHost: login.host,
    unchecked: [
      "# Every site is checked that is not named here: the host of server.url in Sallyport's configuration alone.",
      `acl unchecked var(txn.site) -m str "${login.host}"`,
    ],
    withheld: withheldLines(question),
    useBackends: [
      ...hosts.map(({ host }) => `use_backend ${backendOf(host)} if { var(txn.site) -m str "${host}" }`),
      'use_backend sallyport if auth',
    ],
    backends: hosts
      .flatMap(({ host, upstream }) => ['', `backend ${backendOf(host)}`, `    server app ${addressText(upstream)}`])
      .slice(1),
    servers: serverLines(sallyport),
    alsoDropped: alsoDropped(question),
    certificate: passingLines(question),
    path: 'sallyport.cfg',
  })
}

function tlsOf({ clientCertificates, listen, relays, tls }: ProxyQuestion): Pick<HaproxyParts, 'tls' | 'bind'> {
  if (tls === undefined) return { tls: [], bind: [`bind ${addressText(listen)}`, ...relayLines(relays)] }
  const bind = [
    `bind ${addressText(listen)} ssl crt ${tls.certificate} alpn h2,http/1.1${verifyWords(clientCertificates)}`,
    ...relayLines(relays),
  ]
  const newest = 'ssl-default-bind-options ssl-min-ver TLSv1.2'
  if (tls.key === tls.certificate || tls.key === `${tls.certificate}.key`) return { tls: [newest], bind }
  if (tls.certificate.endsWith('.crt') && tls.key === tls.certificate.replace(/\.crt$/, '.key'))
    return { tls: [newest, '# The key of x.crt is x.key.', 'ssl-load-extra-del-ext'], bind }
  throw new QuestionError(
    `HAProxy finds a key by the name of its certificate: put the key at ${tls.certificate}.key, or both into one file and name it twice`,
  )
}

function verifyWords(asked: ProxyQuestion['clientCertificates']): string {
  if (asked === undefined) return ''
  return ` ca-file ${asked.caFile} verify ${asked.isRequired ? 'required' : 'optional'}`
}

function passingLines({ clientCertificates }: ProxyQuestion): readonly string[] {
  const header = clientCertificates?.header
  if (header === undefined) return []
  return [
    '# The certificate of the connection, which HAProxy has verified. Without one the header stays away.',
    `http-request set-header ${header} %[ssl_c_der,base64] if { ssl_c_used }`,
  ]
}

/** Not `accept-proxy` at the `bind`: with the first of these lines gone, whoever connects would say who it is. */
function relayLines(relays: readonly string[]): readonly string[] {
  if (relays.length === 0) return []
  const from = `{ src ${relays.join(' ')} }`
  return [
    '# Each connection begins with the PROXY protocol, of these balancers alone: `src` is the peer here, and the client that the',
    '# balancer names in every line below.',
    `tcp-request connection reject unless ${from}`,
    `tcp-request connection expect-proxy layer4 if ${from}`,
  ]
}

function balancerLines({ balancers: ranges, relays }: ProxyQuestion): readonly string[] {
  if (relays.length > 0)
    return ['# The balancers say it before each connection; X-Forwarded-* is what a client says itself.']
  if (ranges.length === 0) return ['# Nobody is believed who says otherwise: no --balancer was named.']
  const from = `{ src ${ranges.join(' ')} }`
  return [
    '# From these balancers alone the last address of X-Forwarded-For, and X-Forwarded-Proto, count.',
    `http-request set-var(txn.client) req.hdr_ip(x-forwarded-for,-1) if ${from}`,
    `http-request set-var(txn.scheme) str(https) if ${from} { req.fhdr(x-forwarded-proto) -m str https }`,
  ]
}

function withheldLines({ clientCertificates, hosts }: ProxyQuestion): readonly string[] {
  const { header } = clientCertificates ?? {}
  const lines = [
    ...hosts.flatMap(({ host, withheld }) =>
      withheld.map(name => `http-request del-header ${name.toLowerCase()} if { var(txn.site) -m str "${host}" }`),
    ),
    ...(header === undefined ? [] : [`http-request del-header ${header} unless auth`]),
  ]
  return lines.length === 0 ? [] : ['# What was for Sallyport is not the business of the application.', ...lines]
}

const ownAddress = (address: OwnAddress): string =>
  'socket' in address ? `unix@${address.socket}` : addressText(address)

/** A replica that does not answer costs no request: the next one is asked, and it is asked nothing until it is back. */
function serverLines(sallyport: readonly OwnAddress[]): readonly string[] {
  const [only, ...more] = sallyport.map(ownAddress)
  if (only !== undefined && more.length === 0) return [`server sallyport ${only}`]
  return [
    'option redispatch',
    'default-server check inter 1s fall 1 rise 1',
    ...sallyport.map((address, index) => `server sallyport-${index + 1} ${ownAddress(address)}`),
  ]
}

export const haproxy: ProxyFormat = {
  name: 'haproxy',
  summary: 'one configuration for HAProxy 2.6 or later, and the Lua that asks',
  asksForCertificates: true,
  takesProxyProtocol: true,
  opensSockets: true,
  render,
}
