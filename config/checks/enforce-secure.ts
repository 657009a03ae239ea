/**
 * Refuses insecure settings, each unless its own flag allows it. A flag never covers two risks: who accepts a plain
 * http address for a test has not accepted a guessable secret.
 *
 * Works on the tree, not on the typed configuration, so that insecure settings are reported together with mistakes
 * elsewhere in the file. A value that is no text, no address or no list is somebody else's to report, and passed over.
 */
import ipaddr from 'ipaddr.js'
import { parseListen } from '../schema/listen-place.ts'
import { parseAddressRange } from '../schema/values.ts'
import { getIn, type Path, type Tree, textAt } from '../tree.ts'
import { checkDeciders } from './deciders-checks.ts'
import { type InsecureSetting, insecureFlag } from './insecure.ts'
import { isLoopback } from './loopback.ts'
import { isPublicSuffix } from './public-suffix.ts'
import { checkTokenIssuers } from './secure-machines.ts'
import { checkSessions } from './secure-sessions.ts'
import { type SecurityFinding, urlOf } from './security-finding.ts'
import { checkSocketModes } from './socket-checks.ts'

export interface SecurityReport {
  /** Stop the start. Each message names its flag. */
  readonly refused: readonly SecurityFinding[]
  /** Allowed by a flag, or worth a line in the log. */
  readonly warnings: readonly SecurityFinding[]
}

/** Looks at every setting that can make the service insecure. `tree` holds what secret files hold in place of their names. */
export function enforceSecure(tree: Tree, allowed: ReadonlySet<InsecureSetting>): SecurityReport {
  const found = [
    ...checkSessions(tree),
    ...checkPublicUrl(tree),
    ...checkIssuers(tree),
    ...checkTokenIssuers(tree),
    ...checkDeciders(tree),
    ...checkTrustedProxies(tree),
    ...checkReturnTo(tree),
    ...checkTicketHosts(tree),
    ...checkAdminListener(tree),
    ...checkEnvoyListener(tree),
    ...checkSocketModes(tree),
  ]
  const isRefused = (finding: SecurityFinding) => finding.name !== undefined && !allowed.has(finding.name)
  const withFlag = (finding: SecurityFinding): SecurityFinding =>
    finding.name === undefined
      ? finding
      : { ...finding, message: `${finding.message} (${insecureFlag(finding.name)} to accept it)` }
  return { refused: found.filter(isRefused).map(withFlag), warnings: found.filter(finding => !isRefused(finding)) }
}

const listAt = (tree: Tree, path: Path): { path: Path; item: string }[] => {
  const value = getIn(tree, path)
  if (!Array.isArray(value)) return []
  return value.flatMap((item, index) => (typeof item === 'string' ? [{ path: [...path, index], item }] : []))
}

function parsedOrNone<T>(parse: (text: string) => T, text: string): T | undefined {
  try {
    return parse(text)
  } catch {
    return undefined
  }
}

// Without TLS anybody on the way reads the session cookie and the login codes.
function checkPublicUrl(tree: Tree): SecurityFinding[] {
  const path = ['server', 'url']
  const url = urlOf(textAt(tree, path))
  if (url === undefined) return []
  const findings: SecurityFinding[] = []
  if (url.protocol === 'http:' && !isLoopback(url.hostname)) {
    findings.push({ name: 'http-url', path, message: 'expected an https address; http is for localhost only' })
  }
  if (isPublicSuffix(url.hostname)) {
    findings.push({
      name: 'public-suffix',
      path,
      message: `${url.hostname} is a public suffix, not a host of one owner`,
    })
  }
  return findings
}

// Keys and discovery come over this connection: whoever changes them on the way logs in as anybody.
function checkIssuers(tree: Tree): SecurityFinding[] {
  const providers = getIn(tree, ['providers'])
  if (!Array.isArray(providers)) return []
  return providers.flatMap((_, index): SecurityFinding[] => {
    const path = ['providers', index, 'issuer']
    const url = urlOf(textAt(tree, path))
    if (url?.protocol !== 'http:' || isLoopback(url.hostname)) return []
    return [{ name: 'http-issuer', path, message: 'expected an https address; http is for localhost only' }]
  })
}

// A trusted peer names the host, the path and the client's address of a request: it can make up any request it likes.
function checkTrustedProxies(tree: Tree): SecurityFinding[] {
  return listAt(tree, ['server', 'trustedProxies']).flatMap(({ path, item }): SecurityFinding[] => {
    const range = parsedOrNone(parseAddressRange, item)
    if (range === undefined || !isTooWide(range)) return []
    return [{ name: 'trust-all-proxies', path, message: `${range} trusts far more peers than anybody's own proxies` }]
  })
}

/**
 * IPv4 /8 and IPv6 /32 are the widest networks that one owner has; unique local addresses (fc00::/7) are nobody's.
 * @param range an address, or addresses in CIDR notation, as `parseAddressRange` gives it
 */
export function isTooWide(range: string): boolean {
  const [address, length] = ipaddr.parseCIDR(range)
  if (address.kind() === 'ipv4') return length < 8
  if (address.range() === 'uniqueLocal') return length < 7
  const mapped = ipaddr.IPv6.parse('::ffff:0:0')
  // IPv4 peers appear as ::ffff:a.b.c.d on a dual-stack socket.
  if (mapped.match(address, Math.min(length, 96))) return length < 96 + 8
  return length < 32
}

// A login may return to each of these hosts: below a public suffix anybody can own one.
function checkReturnTo(tree: Tree): SecurityFinding[] {
  return listAt(tree, ['login', 'returnTo']).flatMap(({ path, item }): SecurityFinding[] => {
    const host = item.replace(/^\*\./, '').toLowerCase()
    if (!isPublicSuffix(host)) return []
    return [{ name: 'public-suffix', path, message: `${host} is a public suffix: anybody can own a host below it` }]
  })
}

// The same for every host below one that is marked.
function checkTicketHosts(tree: Tree): SecurityFinding[] {
  const hosts = getIn(tree, ['hosts'])
  if (!Array.isArray(hosts)) return []
  return hosts.flatMap((_, index): SecurityFinding[] => {
    const path = ['hosts', index, 'host']
    const domain = textAt(tree, path)?.toLowerCase() ?? ''
    const isMarked = String(getIn(tree, ['hosts', index, 'tickets'])) === 'true'
    if (!isMarked || !domain.startsWith('*.') || !isPublicSuffix(domain.slice(2))) return []
    const message = `${domain.slice(2)} is a public suffix: anybody can own a host below it, and get tickets for sessions`
    return [{ name: 'public-suffix', path, message }]
  })
}

// Metrics and health answer everybody who reaches them.
function checkAdminListener(tree: Tree): SecurityFinding[] {
  const path = ['admin', 'listen']
  const listen = parsedOrNone(parseListen, textAt(tree, path) ?? '')
  if (listen === undefined || 'socket' in listen || isLoopback(listen.host)) return []
  return [
    { name: 'admin-listen', path, message: 'expected a loopback address; this listener asks nobody who they are' },
  ]
}

// Checks hold session cookies, and whoever answers in our place lets in whom they like.
function checkEnvoyListener(tree: Tree): SecurityFinding[] {
  const path = ['envoy', 'listen']
  if (getIn(tree, ['envoy']) === undefined || getIn(tree, ['envoy', 'tls']) !== undefined) return []
  const listen = parsedOrNone(parseListen, textAt(tree, path) ?? '')
  if (listen === undefined || 'socket' in listen || isLoopback(listen.host)) return []
  return [{ name: 'envoy-listen', path, message: 'expected a loopback address, or envoy.tls beside it' }]
}
