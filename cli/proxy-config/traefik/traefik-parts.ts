/** The files of Traefik that name no protected host: the static settings, and the middleware that asks. */
import { droppedHeaders } from '../../client-headers/dropped-headers.ts'
import type { ClientCertificates } from '../client-certificates.ts'
import { alsoDroppedByName } from '../dropped.ts'
import type { ProxyFile } from '../format.ts'
import { addressText, type ProxyQuestion, portOf } from '../question.ts'
import { fill, readTemplate, type Values } from '../template.ts'

/** The one in which Traefik passes a certificate on. */
export const certificateHeader = 'x-forwarded-tls-client-cert'

/** What differs between the files that are printed and those of deploy/. Lines begin where their place is. */
export interface TraefikParts {
  readonly identity: ProxyQuestion['identity']
  /** Names of what single hosts are told beside it. */
  readonly hostHeaders: readonly string[]
  readonly about: readonly string[]
  /** Origin of the checks. */
  readonly checks: string
  /** `true` or `false`. */
  readonly trust: string
  readonly alsoDropped: readonly string[]
  readonly loginHost: string
  /** Origins of Sallyport. */
  readonly servers: readonly string[]
  readonly checkRouter: readonly string[]
  readonly replicas: readonly string[]
  readonly certificates: readonly string[]
  /** Whether certificates of clients are passed on to Sallyport. */
  readonly passesCertificate: boolean
  readonly env: {
    readonly listen: readonly string[]
    readonly balancers: readonly string[]
    readonly encodedSlash: string
    readonly providers: readonly string[]
    readonly checks: readonly string[]
  }
}

const read = (name: string): string => readTemplate(`${name}.tmpl`, import.meta.url)

export function traefikParts(parts: TraefikParts): readonly ProxyFile[] {
  const removed = (name: string): string => `${name}: ''`
  const names = Object.values(parts.identity)
  const { env } = parts
  return [
    {
      path: 'traefik.env',
      text: fill(read('traefik.env'), {
        LISTEN: env.listen,
        BALANCERS: env.balancers,
        ENCODED_SLASH: env.encodedSlash,
        PROVIDERS: env.providers,
        CHECKS: env.checks,
      }),
    },
    {
      path: 'dynamic/sallyport.yaml',
      text: fill(read('sallyport.yaml'), {
        ABOUT: parts.about,
        CHECKS: parts.checks,
        TRUST: parts.trust,
        IDENTITY: [...names, ...parts.hostHeaders].map(name => `- ${name}`),
        IDENTITY_DROPPED: names.map(removed),
        DROPPED: [...droppedLines(removed), ...parts.alsoDropped.map(removed)],
        LOGIN_HOST: parts.loginHost,
        CHECK_ROUTER: parts.checkRouter,
        SERVERS: parts.servers.map(origin => `- url: '${origin}'`),
        REPLICAS: parts.replicas,
        CERTIFICATES: parts.certificates,
        ...passing(parts.passesCertificate),
      }),
    },
  ]
}

/** Traefik drops by name alone. */
function droppedLines(removed: (name: string) => string): readonly string[] {
  return droppedHeaders.flatMap(({ of, names }, index) => {
    const lines = names.map(removed)
    return of === droppedHeaders[index - 1]?.of ? lines : [`# ${of}`, ...lines]
  })
}

/** What is said for a configuration; `providers` are lines of the environment. */
export function partsOf(question: ProxyQuestion, providers: readonly string[]): TraefikParts {
  const { balancers, checks, clientCertificates, hosts, http3, listen, login, sallyport, tls } = question
  const isSeveral = sallyport.length > 1
  const origins = sallyport.map(address => `http://${addressText(portOf(address))}`)
  return {
    identity: question.identity,
    hostHeaders: question.hostHeaders,
    about: [],
    checks: isSeveral ? `http://${addressText(checks)}` : (origins[0] ?? ''),
    // Without it the middleware that asks drops the certificate as well, from whomever it is.
    trust: String(balancers.length > 0 || clientCertificates?.header !== undefined),
    alsoDropped: alsoDroppedByName(question),
    loginHost: login.host,
    servers: origins,
    checkRouter: isSeveral ? checkRouter : [],
    replicas: isSeveral ? healthCheck(login.host) : [],
    certificates: tls === undefined ? [] : certificateLines(tls, clientCertificates),
    passesCertificate: clientCertificates?.header !== undefined,
    env: {
      listen: [
        `TRAEFIK_ENTRYPOINTS_WEB_ADDRESS=${listen.host === '0.0.0.0' ? '' : addressText(listen).replace(/:\d+$/, '')}:${listen.port}`,
        ...(tls === undefined ? [] : ['TRAEFIK_ENTRYPOINTS_WEB_HTTP_TLS=true']),
        ...(http3 ? http3Lines : []),
      ],
      balancers: balancerLines(balancers),
      encodedSlash: String(hosts.some(({ encodedSlash }) => encodedSlash)),
      providers,
      checks: isSeveral ? checkLines(addressText(checks)) : [],
    },
  }
}

const http3Lines: readonly string[] = [
  '# HTTP/3 as well, on the same port of UDP. Traefik takes no request that comes before the handshake is done (0-RTT).',
  'TRAEFIK_ENTRYPOINTS_WEB_HTTP3=true',
]

function balancerLines(ranges: readonly string[]): readonly string[] {
  if (ranges.length === 0) return ['# X-Forwarded-* of a client are dropped: no --balancer was named.']
  return [
    "# From these balancers alone X-Forwarded-* count. They belong into Sallyport's server.trustedProxies as well, because",
    '# Traefik lists them as one more hop.',
    `TRAEFIK_ENTRYPOINTS_WEB_FORWARDEDHEADERS_TRUSTEDIPS=${ranges.join(',')}`,
  ]
}

/** A middleware asks one address. With several replicas that is Traefik itself, which passes checks on to them. */
const checkLines = (address: string): readonly string[] => [
  '',
  '# The way of the checks to several replicas. For Traefik itself alone: it believes what comes here.',
  `TRAEFIK_ENTRYPOINTS_SALLYPORTCHECKS_ADDRESS=${address}`,
  'TRAEFIK_ENTRYPOINTS_SALLYPORTCHECKS_FORWARDEDHEADERS_TRUSTEDIPS=127.0.0.1/32,::1/128',
  '# Routers without entry points of their own are not asked there.',
  'TRAEFIK_ENTRYPOINTS_WEB_ASDEFAULT=true',
  '',
]

const checkRouter: readonly string[] = [
  '# The way of the checks to several replicas; see traefik.env.',
  'sallyport-checks:',
  '  entryPoints: [sallyportchecks]',
  '  rule: Path(`/verify/forward-auth`)',
  '  middlewares: [sallyport-next-replica]',
  '  service: sallyport',
]

/** A replica on which nobody answers is asked nothing until it is back. */
const healthCheck = (host: string): readonly string[] => [
  'healthCheck:',
  '  path: /.well-known/jwks.json',
  `  hostname: ${host}`,
  '  interval: 1s',
  '  timeout: 1s',
  'passiveHealthCheck: { maxFailedAttempts: 1, failureWindow: 1s }',
]

/** Between the middleware that drops the client's own header and the check, and behind it. */
function passing(passesCertificate: boolean): Values {
  if (!passesCertificate) return { PASSED: '', WITHHELD: '', PASSED_TO_LOGIN: '', CERTIFICATE: [] }
  return {
    PASSED: 'sallyport-pass-certificate, ',
    WITHHELD: ', sallyport-withhold-certificate',
    PASSED_TO_LOGIN: ', sallyport-pass-certificate',
    CERTIFICATE: [
      '# The certificate of the connection, which Traefik has verified: for Sallyport, and not for applications.',
      'sallyport-pass-certificate:',
      '  passTLSClientCert: { pem: true }',
      'sallyport-withhold-certificate:',
      `  headers: { customRequestHeaders: { ${certificateHeader}: '' } }`,
      '',
    ],
  }
}

const verifyLines = ({ caFile, isRequired }: ClientCertificates): readonly string[] => [
  '      clientAuth:',
  `        caFiles: [${caFile}]`,
  `        clientAuthType: ${isRequired ? 'RequireAndVerifyClientCert' : 'VerifyClientCertIfGiven'}`,
]

const certificateLines = (
  { certificate, key }: NonNullable<ProxyQuestion['tls']>,
  clientCertificates: ClientCertificates | undefined,
): readonly string[] => [
  '',
  'tls:',
  '  options:',
  ...(clientCertificates === undefined
    ? ['    default: { minVersion: VersionTLS12 }']
    : ['    default:', '      minVersion: VersionTLS12', ...verifyLines(clientCertificates)]),
  '  stores:',
  '    default:',
  `      defaultCertificate: { certFile: ${certificate}, keyFile: ${key} }`,
]
