/**
 * The value types of the configuration: each parser takes the text an operator wrote and returns the typed value, or
 * throws a `RangeError` that says what is wrong with it. No parser repeats the text: it could hold a password.
 */
import { createPrivateKey, X509Certificate } from 'node:crypto'
import ipaddr from 'ipaddr.js'

/** Where a server listens. Port 0 asks the system for a free one. */
export interface ListenAddress {
  readonly host: string
  readonly port: number
}

const secondsPerUnit: Readonly<Record<string, number>> = { ms: 0.001, s: 1, m: 60, h: 3600, d: 86_400 }

/** `500ms`, `30s`, `5m`, `12h` or `30d`, in seconds. */
export function parseDuration(text: string): number {
  const [, digits, unit] = /^(\d{1,9})(ms|s|m|h|d)$/.exec(text) ?? []
  const factor = unit === undefined ? undefined : secondsPerUnit[unit]
  if (digits === undefined || factor === undefined) throw new RangeError('it has to be a whole number and a unit')
  return Number(digits) * factor
}

const mostWorkers = 64

/** `auto`, or a whole number from 1 to 64; as text too, because an environment variable has nothing else. */
export function parseWorkers(input: number | string): number | 'auto' {
  if (input === 'auto') return input
  const count = typeof input === 'string' && /^\d{1,3}$/.test(input) ? Number(input) : input
  if (typeof count !== 'number') throw new RangeError('it is neither a number nor auto')
  if (count < 1 || count > mostWorkers) throw new RangeError(`it has to be between 1 and ${mostWorkers}`)
  return count
}

/** `127.0.0.1:9180`, `[::1]:9180` or `localhost:9180`. The host is never left out: "everywhere" has to be said. */
export function parseListenAddress(text: string): ListenAddress {
  const [, bracketed, plain, digits] = /^(?:\[([^\]]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(text) ?? []
  const port = Number(digits)
  if (digits === undefined || port > 65_535) throw new RangeError('it has to be a host, a colon and a port up to 65535')
  if (bracketed !== undefined) {
    if (!ipaddr.IPv6.isValid(bracketed)) throw new RangeError('only an IPv6 address stands in brackets')
    return { host: bracketed, port }
  }
  const host = plain ?? ''
  // 127.1 and 2130706433 are addresses to some resolvers and names to others.
  const isName = isHostName(host) && !/^[\d.x]+$/.test(host)
  if (!ipaddr.IPv4.isValidFourPartDecimal(host) && !isName) {
    throw new RangeError('the part before the colon is neither an IPv4 address nor a host name')
  }
  return { host, port }
}

/** An address range in CIDR form; a single address is a range of one. Bits beyond the prefix are refused as a slip. */
export function parseAddressRange(text: string): string {
  const [address = '', prefix] = text.split('/')
  const isFourParts = ipaddr.IPv4.isValidFourPartDecimal(address)
  if (!isFourParts && !ipaddr.IPv6.isValid(address)) throw new RangeError('it is not an IP address')
  const bits = isFourParts ? 32 : 128
  const length = prefix === undefined ? bits : Number(prefix)
  if ((prefix !== undefined && !/^\d{1,3}$/.test(prefix)) || length > bits || text.split('/').length > 2) {
    throw new RangeError(`the number after the slash has to be between 0 and ${bits}`)
  }
  const range = `${address}/${length}`
  const network = isFourParts ? ipaddr.IPv4.networkAddressFromCIDR(range) : ipaddr.IPv6.networkAddressFromCIDR(range)
  if (network.toNormalizedString() !== ipaddr.parse(address).toNormalizedString()) {
    throw new RangeError(`the address has bits beyond its prefix; the range is ${network.toString()}/${length}`)
  }
  return `${network.toString()}/${length}`
}

/** An origin: scheme, host and optional port, nothing else; in its canonical spelling without a trailing slash. */
export function parseOrigin(text: string): string {
  const url = parseHttpUrl(text)
  if (url.pathname !== '/' || text.includes('?') || text.includes('#')) {
    throw new RangeError('it may not have a path, a query or a fragment')
  }
  return url.origin
}

/** An issuer identifier, exactly as written: it is compared character by character (OpenID Connect Core 1.0 section 2). */
export function parseIssuer(text: string): string {
  parseHttpUrl(text)
  if (text.includes('?') || text.includes('#')) throw new RangeError('it may not have a query or a fragment')
  return text
}

function parseHttpUrl(text: string): URL {
  if (!/^https?:\/\/[\x21-\x7e]+$/.test(text) || !URL.canParse(text)) {
    throw new RangeError('it has to be an address that starts with https:// (or http://)')
  }
  const url = new URL(text)
  // A name in front of the host (https://auth.example.com@evil.example) reads as one host and means another.
  if (url.username !== '' || url.password !== '') throw new RangeError('it may not hold a user name or password')
  if (url.hostname.endsWith('.')) throw new RangeError('the host may not end with a dot')
  return url
}

/** An https origin. kubectl sends no credentials to any other address, and says nothing about it. */
export function parseGatewayUrl(text: string): string {
  const origin = parseOrigin(text)
  if (!origin.startsWith('https://')) throw new RangeError('kubectl sends no credentials without TLS')
  return origin
}

/** Address of an API server, which may have a path: one host may stand in front of several. Without a trailing slash. */
export function parseClusterServer(text: string): string {
  const { protocol, origin, pathname } = parseHttpUrl(text)
  if (text.includes('?') || text.includes('#')) throw new RangeError('it may not have a query or a fragment')
  // What is sent there acts as anybody.
  if (protocol !== 'https:') throw new RangeError('the credential of the gateway is sent over TLS only')
  return `${origin}${pathname.replace(/\/+$/, '')}`
}

/** A name that stands in addresses, file names and policy rows alike. */
export function parseClusterName(text: string): string {
  if (!/^[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?$/.test(text)) {
    throw new RangeError('it may hold lower-case letters, digits and hyphens within, at most 40')
  }
  return text
}

/** What is put in front of groups. Names that start with `system:` are the cluster's own (`system:masters` may do anything). */
export function parseClusterGroupPrefix(text: string): string {
  if (!/^[\w.:/-]{0,64}$/.test(text))
    throw new RangeError('it may hold letters, digits, _ . : / and - only, at most 64')
  // A group of a provider is put behind it: `sys` would make one of `tem:masters`.
  if (text !== '' && ('system:'.startsWith(text) || text.startsWith('system:')))
    throw new RangeError("names that start with system: are the cluster's own")
  return text
}

/** `redis://…` or `rediss://…`, as the Redis client takes it. */
export function parseRedisUrl(text: string): string {
  if (!/^rediss?:\/\//.test(text) || !URL.canParse(text) || new URL(text).hostname === '') {
    throw new RangeError('it has to start with redis:// or rediss:// and name a host')
  }
  return text
}

/** One or more certificates in PEM form (RFC 7468). */
export function parseCertificates(text: string): string {
  const found = text.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? []
  try {
    for (const certificate of found) new X509Certificate(certificate)
  } catch {
    throw new RangeError('it holds a certificate that cannot be read')
  }
  if (found.length === 0) throw new RangeError('it holds no certificate')
  return text
}

/** A private key in PEM form, without a passphrase. */
export function parsePrivateKey(text: string): string {
  try {
    createPrivateKey(text)
  } catch {
    throw new RangeError('it cannot be read as a private key')
  }
  return text
}

/** Options of an operator's module; text that looks like JSON is read as JSON, so that one line of a file can say all. */
export function parseOptions(options: unknown): unknown {
  if (typeof options !== 'string' || !/^[{[]/.test(options)) return options
  try {
    return JSON.parse(options) as unknown
  } catch {
    // The parser's own message repeats the text, which may hold a password.
    throw new RangeError('it starts like JSON and is none')
  }
}

const hostLabel = /^[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/

function isHostName(text: string): boolean {
  return text.length <= 253 && text.split('.').every(label => hostLabel.test(label))
}

/** A host in canonical form: lower case, ASCII (`xn--` for others), no port. */
export function parseHost(text: string): string {
  const host = text.toLowerCase()
  if (!isHostName(host)) throw new RangeError('it has to be a host name without scheme, port and trailing dot')
  return host
}

/** A host, or `*.` and a host: every host below it, not itself. */
export function parseHostPattern(text: string): string {
  if (!text.startsWith('*.')) return parseHost(text)
  return `*.${parseHost(text.slice(2))}`
}

/** The name of a group, or the beginning of names and `*`. */
export function parseGroupPattern(text: string): string {
  if (text === '' || text.trim() !== text) throw new RangeError('it has to be a name without white space around it')
  if (text.slice(0, -1).includes('*')) throw new RangeError('`*` stands at the end alone')
  return text
}

// A proxy, a server or a cache acts on these names itself: an identity must not travel under one of them.
const reservedHeaders =
  /^(?:connection|content-.+|cookie|set-cookie|host|authorization|proxy-.+|keep-alive|te|trailer|transfer-encoding|upgrade|location|cache-control|x-forwarded-.+|x-original-.+|forwarded|date|vary|refresh|strict-transport-security|x-accel-.+)$/i

/** A header field name (RFC 9110 section 5.1). An underscore is refused: servers drop such headers or fold them. */
export function parseHeaderName(text: string): string {
  if (!/^[A-Za-z][A-Za-z0-9-]{0,63}$/.test(text)) throw new RangeError('it may hold letters, digits and hyphens only')
  if (reservedHeaders.test(text)) throw new RangeError('this header already has a meaning of its own')
  return text
}

// What a proxy or this service reads otherwise must not be taken for a certificate. Traefik's own name for it is fixed.
const neverCertificates =
  /^(?!x-forwarded-tls-client-cert$)(?:accept(?:-.+)?|expect|origin|referer|user-agent|sec-.+|x-forwarded-.+|x-original-.+|x-requested-with|x-sallyport-.+)$/i

/** The header in which a proxy passes a client's certificate, in lower case. */
export function parseCertificateHeader(text: string): string {
  const name = text.toLowerCase()
  if (neverCertificates.test(name)) throw new RangeError('this header already has a meaning of its own')
  return name === 'x-forwarded-tls-client-cert' ? name : parseHeaderName(name)
}

/** A header of a host's own for bearer tokens, in lower case. */
export function parseBearerHeader(text: string): string {
  const name = text.toLowerCase()
  if (neverCertificates.test(name) || /^(?:remote-.+|client-cert.*)$/.test(name)) {
    throw new RangeError('this header already has a meaning of its own')
  }
  return parseHeaderName(name)
}
