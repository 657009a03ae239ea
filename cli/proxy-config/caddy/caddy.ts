/** Caddy: a Caddyfile, what it imports, and one file with every protected host. */
import { alsoDropped, droppedPatterns } from '../dropped.ts'
import type { ProxyFile, ProxyFormat } from '../format.ts'
import { addressText, type OwnAddress, type ProxyHost, type ProxyQuestion } from '../question.ts'
import { fill, readTemplate } from '../template.ts'

/** What differs between the files that are printed and those of deploy/. */
export interface CaddyParts {
  readonly identity: ProxyQuestion['identity']
  /** Names of what single hosts are told beside it. */
  readonly hostHeaders: readonly string[]
  /** Addresses, with a space between two. */
  readonly sallyport: string
  readonly replicas: readonly string[]
  /** The address of the login host's site. */
  readonly login: string
  readonly tls: readonly string[]
  readonly certificates: readonly string[]
  readonly bind: readonly string[]
  readonly protocols: readonly string[]
  readonly balancers: readonly string[]
  readonly alsoDropped: readonly string[]
  /** What passes a client's certificate on to Sallyport. */
  readonly certificate: readonly string[]
  /** Name of the file with the sites. */
  readonly sites: string
}

const read = (name: string): string => readTemplate(`${name}.tmpl`, import.meta.url)

/** The files that name no protected host. */
export function caddyParts(parts: CaddyParts): readonly ProxyFile[] {
  const dropped = droppedPatterns().map(({ name, isPrefix }) => (isPrefix ? `${name}*` : name))
  return [
    {
      path: 'Caddyfile',
      text: fill(read('Caddyfile'), {
        CERTIFICATES: parts.certificates,
        BIND: parts.bind,
        PROTOCOLS: parts.protocols,
        BALANCERS: parts.balancers,
        SITES: parts.sites,
      }),
    },
    {
      path: 'sallyport.caddy',
      text: fill(read('sallyport.caddy'), {
        DROPPED: [...dropped, ...parts.alsoDropped].map(name => `request_header -${name}`),
        IDENTITY: [...Object.values(parts.identity), ...parts.hostHeaders],
        SALLYPORT: parts.sallyport,
        REPLICAS: parts.replicas,
        LOGIN: parts.login,
        TLS: parts.tls,
        CERTIFICATE: parts.certificate,
      }),
    },
  ]
}

const ownAddress = (address: OwnAddress): string =>
  'socket' in address ? `unix/${address.socket}` : addressText(address)

function render(question: ProxyQuestion): readonly ProxyFile[] {
  const { balancers, hosts, listen, login, sallyport } = question
  const parts = caddyParts({
    identity: question.identity,
    hostHeaders: question.hostHeaders,
    sallyport: sallyport.map(ownAddress).join(' '),
    replicas: replicaLines(question),
    login: siteAddress(login.host, question),
    tls: tlsLines(question),
    certificates: certificateLines(question),
    bind: listen.host === '0.0.0.0' ? [] : [`default_bind ${listen.host}`],
    protocols: [...protocolLines(question), ...strictLines(question)],
    balancers:
      balancers.length === 0
        ? ['# X-Forwarded-* of a client are dropped: nobody is believed but the connection itself (--balancer).']
        : [
            '# From these addresses alone X-Forwarded-For and X-Forwarded-Proto count.',
            `trusted_proxies static ${balancers.join(' ')}`,
            'trusted_proxies_strict',
          ],
    alsoDropped: alsoDropped(question),
    certificate: passingLines(question),
    sites: 'sallyport-sites.caddy',
  })
  const text = fill(read('sallyport-sites.caddy'), {
    SITES: hosts.flatMap(host => siteLines(host, question)).slice(0, -1),
    ANY: siteAddress('', question),
    TLS: tlsLines(question),
  })
  return [...parts, { path: 'sallyport-sites.caddy', text }]
}

/** Whether Caddy gets certificates itself: nothing else ends TLS, and logins are over https. */
const isAutomatic = ({ balancers, login, tls }: ProxyQuestion): boolean =>
  tls === undefined && balancers.length === 0 && login.scheme === 'https'

function certificateLines(question: ProxyQuestion): readonly string[] {
  if (isAutomatic(question)) return []
  const how = question.tls === undefined ? 'No site has TLS here' : 'Each site names its certificate'
  return [`# ${how}: Caddy fetches none, and opens no port 80 beside.`, 'auto_https off']
}

/** Of itself Caddy speaks HTTP/3 wherever it ends TLS, and takes what comes early. */
function protocolLines(question: ProxyQuestion): readonly string[] {
  if (!question.http3)
    return question.tls === undefined && !isAutomatic(question)
      ? []
      : ['# No HTTP/3, which Caddy would speak on the same port of UDP (--http3).', 'protocols h1 h2']
  return [
    '# With HTTP/3 a client that comes again may send a request before the handshake is done, and whoever has copied the',
    '# packets sends it once more, cookie and all (RFC 8470). Of itself Caddy passes such a request on.',
    'protocols h1 h2 h3',
    '0rtt off',
  ]
}

function siteAddress(host: string, question: ProxyQuestion): string {
  if (isAutomatic(question)) return host === '' ? `:${question.listen.port}` : `https://${host}:${question.listen.port}`
  return `${question.tls === undefined ? 'http' : 'https'}://${host}:${question.listen.port}`
}

function tlsLines({ clientCertificates, tls }: ProxyQuestion): readonly string[] {
  const own = tls === undefined ? '' : ` ${tls.certificate} ${tls.key}`
  if (clientCertificates === undefined) return tls === undefined ? [] : [`tls${own}`]
  const { caFile, isRequired } = clientCertificates
  return [
    `tls${own} {`,
    '\tclient_auth {',
    `\t\tmode ${isRequired ? 'require_and_verify' : 'verify_if_given'}`,
    `\t\ttrust_pool file ${caFile}`,
    '\t}',
    '}',
  ]
}

/** Caddy's own where certificates are asked for, written down. */
const strictLines = ({ clientCertificates }: ProxyQuestion): readonly string[] =>
  clientCertificates === undefined
    ? []
    : [
        '# No request for another host than the one of the handshake, in which the certificate was asked for.',
        'strict_sni_host on',
      ]

/** In what goes to Sallyport alone; the client's own header is dropped before. */
function passingLines({ clientCertificates }: ProxyQuestion): readonly string[] {
  const header = clientCertificates?.header
  if (header === undefined) return []
  return [
    '# The certificate of the connection, which Caddy has verified; empty without one.',
    `header_up ${header} {http.request.tls.client.certificate_der_base64}`,
  ]
}

/** A replica that does not answer costs no request: the next one is asked. */
const replicaLines = ({ sallyport }: ProxyQuestion): readonly string[] =>
  sallyport.length === 1
    ? []
    : ['lb_policy round_robin', 'lb_try_duration 3s', 'lb_try_interval 50ms', 'fail_duration 2s']

function siteLines(protectedHost: ProxyHost, question: ProxyQuestion): readonly string[] {
  const { host, upstream, withheld, givenAuthorization } = protectedHost
  const text = fill(read('site.caddy'), {
    SITE: siteAddress(host, question),
    TLS: tlsLines(question),
    SNIPPET: givenAuthorization ? 'sallyport_with_authorization' : 'sallyport',
    WITHHELD:
      withheld.length === 0
        ? []
        : [
            '# What was for Sallyport is not the business of the application.',
            ...withheld.map(name => `request_header -${name}`),
          ],
    HOST: host,
    UPSTREAM: addressText(upstream),
  })
  return text.split('\n')
}

export const caddy: ProxyFormat = {
  name: 'caddy',
  summary: 'a Caddyfile and what it imports; certificates by Caddy itself unless they are named',
  fetchesCertificates: true,
  speaksHttp3: true,
  asksForCertificates: true,
  opensSockets: true,
  render,
}
