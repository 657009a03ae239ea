/**
 * What the proxy has to know, in values that were checked: the configuration of the service, and what the command line adds
 * to it. Pure.
 */
import type { Config } from '../../config/config.ts'
import { createHostSettings } from '../../config/host-settings.ts'
import { hostHeaderNames } from '../../config/schema/header-presets.ts'
import type { SocketAddress } from '../../config/schema/listen-place.ts'
import type { ListenAddress } from '../../config/schema/values.ts'
import { type CertificateOptions, type ClientCertificates, clientCertificatesOf } from './client-certificates.ts'
import { type GrpcTls, type GrpcTlsOptions, grpcTlsOf } from './grpc-tls.ts'
import type { ClusterOptions } from './kubernetes/cluster-options.ts'
import { type BalancerOptions, balancersOf } from './proxy-protocol.ts'
import { QuestionError } from './question-error.ts'

/** A name or an address, and a port. */
export type Address = ListenAddress

/** Where Sallyport is: also the file of a Unix socket, for a proxy on its machine. */
export type OwnAddress = Address | SocketAddress

/** Of a format that opens no sockets, which `questionOf` has refused them. */
export function portOf(address: OwnAddress): Address {
  if ('socket' in address) throw new QuestionError(`unix:${address.socket} is no address of a port`)
  return address
}

/** As it stands in a URL and in most configurations. */
export const addressText = ({ host, port }: Address): string => `${host.includes(':') ? `[${host}]` : host}:${port}`

/** One protected host. */
export interface ProxyHost {
  /** Canonical: lower case, ASCII, no port. */
  readonly host: string
  /** Where its application is. */
  readonly upstream: Address
  /**
   * Headers in which tokens and passwords come that were for Sallyport: `Authorization`, or `bearerHeader` in lower case. The
   * application must not get them.
   */
  readonly withheld: readonly string[]
  /** Whether the application gets `Authorization` from Sallyport (`hosts[].authorization`), and never the client's own. */
  readonly givenAuthorization: boolean
  /** `canonical.allowEncodedSlash`: whether `%2F` in a path has to get through to it. */
  readonly encodedSlash: boolean
}

export interface ProxyQuestion {
  /** At least one, in the order in which they were named; none twice, and none of them the login host. */
  readonly hosts: readonly ProxyHost[]
  /** Of `server.url`: login, callback, log-out, keys. */
  readonly login: { readonly scheme: 'http' | 'https'; readonly host: string }
  /** Where the proxy reaches Sallyport; of several replicas each. */
  readonly sallyport: readonly [OwnAddress, ...OwnAddress[]]
  /** The same for checks over gRPC; empty where the configuration has no section `envoy`. */
  readonly grpc: readonly OwnAddress[]
  /** Whether Sallyport's listener for gRPC wants TLS. */
  readonly grpcTls: boolean
  /** How Envoy speaks TLS there; never present for another format. */
  readonly grpcTrust?: GrpcTls
  /** Where a proxy that can ask one address alone passes checks on to several replicas; its own, and nobody else's. */
  readonly checks: Address
  /** Where the proxy listens. */
  readonly listen: Address
  /** What the proxy ends TLS with: whole paths on its machine. Absent: it does not, or fetches certificates itself. */
  readonly tls?: { readonly certificate: string; readonly key: string }
  /** Whether it speaks HTTP/3 as well, on the same port (UDP); never without TLS of its own. */
  readonly http3: boolean
  /** Absent: it asks nobody for a certificate. */
  readonly clientCertificates?: ClientCertificates
  /** Ranges (CIDR) of balancers in front, whose word on the client's address and scheme counts. */
  readonly balancers: readonly string[]
  /** The same of those that pass bytes on, and say with the PROXY protocol from where; nobody else gets in. */
  readonly relays: readonly string[]
  /** Names of the headers that applications get. */
  readonly identity: {
    readonly user: string
    readonly email: string
    readonly name: string
    readonly groups: string
    readonly assertion: string
  }
  /** Names of what single hosts are told beside those, as they are written: each one is dropped and overwritten on all hosts. */
  readonly hostHeaders: readonly string[]
  /** `server.clientCertificateHeader` in lower case: no client's own may get through. */
  readonly clientCertificateHeader?: string
  /** Headers that conditions of the policy read, in lower case; empty where the policy was not asked for. */
  readonly conditionHeaders: readonly string[]
  /** Whole path of the folder in which the files are on the proxy's machine. */
  readonly directory: string
  /** For gateways in a cluster. */
  readonly cluster?: ClusterOptions
  /** Of `kubernetes.listen`, where kubectl comes. */
  readonly kubectlPort?: number
}

/** The command line, read. */
export interface ProxyOptions extends CertificateOptions, BalancerOptions, GrpcTlsOptions {
  /** Empty: those of the configuration and of the policy. */
  readonly hosts: readonly NamedHost[]
  /** For hosts that name no address. */
  readonly upstream?: Address
  readonly sallyport: readonly OwnAddress[]
  readonly grpc: readonly OwnAddress[]
  readonly checks?: Address
  readonly listen?: { readonly host?: string; readonly port: number }
  readonly tls?: ProxyQuestion['tls']
  readonly directory: string
  readonly cluster?: ClusterOptions
}

export interface NamedHost {
  readonly host: string
  readonly upstream?: Address
}

interface QuestionFacts {
  readonly config: Config
  readonly options: ProxyOptions
  readonly fetchesCertificates: boolean
  readonly speaksHttp3?: boolean
  readonly asksForCertificates?: boolean
  readonly takesProxyProtocol?: boolean
  readonly asksOverGrpc?: boolean
  readonly opensSockets?: boolean
  readonly certificateHeader?: string
  /** Default: none. */
  readonly conditionHeaders?: readonly string[]
  readonly upstreamOf?: (host: string) => Address
}

/** Throws `QuestionError`. */
export function questionOf({ config, options: given, conditionHeaders = [], ...format }: QuestionFacts): ProxyQuestion {
  const url = new URL(config.server.url)
  const scheme = url.protocol === 'https:' ? 'https' : 'http'
  const { balancers, relays } = balancersOf(given, {
    takesProxyProtocol: format.takesProxyProtocol === true,
    isHttps: scheme === 'https',
    endsTls: given.tls !== undefined,
    speaksHttp3: given.http3 === true,
  })
  const options = { ...given, balancers }
  checkTls(config.server.url, options, scheme === 'https', format.fetchesCertificates)
  checkHttp3(options, scheme === 'https', format.speaksHttp3 === true)
  const { user, email, name, groups, assertion } = config.headers
  const { clientCertificateHeader } = config.server
  const { asksForCertificates = false, asksOverGrpc = false, opensSockets = false, fetchesCertificates } = format
  const endsTls = options.tls !== undefined || (fetchesCertificates && scheme === 'https')
  const clientCertificates = clientCertificatesOf({ ...format, config, options, asksForCertificates, endsTls })
  const grpcTrust = grpcTlsOf(config, options, asksOverGrpc)
  const [first, ...more] = options.sallyport
  const sallyport: ProxyQuestion['sallyport'] =
    first === undefined ? [reachable(config.server.listen)] : [first, ...more]
  const grpc = grpcOf(config, options)
  checkSockets(sallyport, opensSockets)
  if (asksOverGrpc) checkSockets(grpc, opensSockets)
  return {
    hosts: hostsOf(config, options, format.upstreamOf),
    login: { scheme, host: url.hostname },
    sallyport,
    grpc,
    grpcTls: config.envoy?.tls !== undefined,
    ...(grpcTrust === undefined ? {} : { grpcTrust }),
    checks: options.checks ?? { host: '127.0.0.1', port: 9189 },
    listen: listenOf(url, given, format.fetchesCertificates),
    ...(options.tls === undefined ? {} : { tls: options.tls }),
    http3: options.http3 === true,
    ...(clientCertificates === undefined ? {} : { clientCertificates }),
    balancers,
    relays,
    identity: { user, email, name, groups, assertion },
    hostHeaders: hostHeaderNames(config),
    ...(clientCertificateHeader === undefined ? {} : { clientCertificateHeader }),
    conditionHeaders,
    directory: options.directory,
    ...(options.cluster === undefined ? {} : { cluster: options.cluster }),
    ...(config.kubernetes?.listen === undefined ? {} : { kubectlPort: config.kubernetes.listen.port }),
  }
}

// Threat: a login that leads to https while nobody ends TLS, or cookies marked for https that come over http.
function checkTls(url: string, { balancers, tls }: ProxyOptions, isHttps: boolean, fetches: boolean): void {
  if (isHttps && tls === undefined && balancers.length === 0 && !fetches)
    throw new QuestionError(
      `server.url is ${url}, and nothing that is asked for ends TLS: add --tls-certificate and --tls-key for this proxy, or --balancer with the addresses of what ends it in front`,
    )
  if (!isHttps && tls !== undefined)
    throw new QuestionError(
      `server.url is ${url}, and --tls-certificate makes every host https: write https:// in server.url, or leave TLS out`,
    )
}

function checkHttp3({ balancers, http3 = false }: ProxyOptions, isHttps: boolean, speaksHttp3: boolean): void {
  if (!http3) return
  if (!speaksHttp3)
    throw new QuestionError('--http3 is for caddy, traefik and envoy: no other is run with it (docs/proxies/http3.md)')
  if (!isHttps || balancers.length > 0)
    throw new QuestionError(
      'HTTP/3 has TLS always, and ends where that does: --http3 needs https:// in server.url, and no --balancer in front',
    )
}

function hostsOf(config: Config, options: ProxyOptions, upstreamOf?: (host: string) => Address): ProxyHost[] {
  const settingsOf = createHostSettings(config.hosts)
  const login = new URL(config.server.url).hostname
  if (options.hosts.length === 0)
    throw new QuestionError('neither the configuration nor the policy names a host: name each with --host')
  const seen = new Set<string>([login])
  const missing = options.hosts.filter(({ upstream }) => (upstream ?? options.upstream ?? upstreamOf) === undefined)
  if (missing.length > 0)
    throw new QuestionError(
      `it is not known where the applications are: say ${missing.map(({ host }) => `--host ${host}=ADDRESS:PORT`).join(' ')}, or --upstream ADDRESS:PORT for all of them`,
    )
  return options.hosts.flatMap(({ host, upstream = options.upstream ?? upstreamOf?.(host) }) => {
    if (host === login)
      throw new QuestionError(
        `${host} is the host of server.url, which Sallyport serves itself: leave it out of --host`,
      )
    if (seen.has(host)) throw new QuestionError(`--host names ${host} twice: once is enough`)
    seen.add(host)
    if (upstream === undefined) return []
    const { authorization, bearerFrom, bearerHeader, passwords } = settingsOf(host)
    // Where Sallyport gives the application that header, the client's own is gone anyway.
    const takesAuthorization =
      authorization === undefined && ((bearerFrom !== undefined && bearerHeader === undefined) || passwords === true)
    return {
      host,
      upstream,
      withheld: [
        ...(bearerHeader === undefined ? [] : [bearerHeader]),
        ...(takesAuthorization ? ['Authorization'] : []),
      ],
      givenAuthorization: authorization !== undefined,
      encodedSlash: config.canonical.allowEncodedSlash.includes(host),
    }
  })
}

/** Threat: a proxy that takes the path for a name, or asks nobody. */
function checkSockets(addresses: readonly OwnAddress[], opensSockets: boolean): void {
  const sockets = addresses.filter(address => 'socket' in address)
  if (sockets.length === 0) return
  if (!opensSockets)
    throw new QuestionError(
      'Sallyport listens on a Unix socket, which this proxy cannot ask: let server.listen be a port, or name one with --sallyport (nginx, caddy, haproxy and envoy can)',
    )
  if (sockets.length < addresses.length)
    throw new QuestionError('replicas are reached by ports or by Unix sockets, not by both: name them alike')
}

function grpcOf({ envoy }: Config, { grpc }: ProxyOptions): readonly OwnAddress[] {
  if (grpc.length > 0) return grpc
  return envoy === undefined ? [] : [reachable(envoy.listen)]
}

/** An address on which somebody listens, as somebody on the same machine calls it. */
function reachable(listen: OwnAddress): OwnAddress {
  if ('socket' in listen) return { socket: listen.socket }
  const { host, port } = listen
  if (host === '0.0.0.0') return { host: '127.0.0.1', port }
  return host === '::' ? { host: '::1', port } : { host, port }
}

/** Behind a balancer the port of `server.url` is the balancer's. */
function listenOf(url: URL, { balancers, listen, tls }: ProxyOptions, fetches: boolean): Address {
  const endsTls = tls !== undefined || (fetches && url.protocol === 'https:' && balancers.length === 0)
  const usual = endsTls ? 443 : 80
  const own = url.port === '' || balancers.length > 0 ? usual : Number(url.port)
  return { host: listen?.host ?? '0.0.0.0', port: listen?.port ?? own }
}
