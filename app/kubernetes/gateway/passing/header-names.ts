/** Which headers of a client, and which of an API server, are for the next hop alone or for nobody. Pure. */

/**
 * Threat: to some servers `Impersonate_User` is `Impersonate-User` (CGI, WSGI, what stands in front of an API server).
 * Names are compared as those servers would read them.
 */
export function nameAs(name: string): string {
  const lower = name.toLowerCase()
  // Asked of each header several times, and hardly any has one.
  return lower.includes('_') ? lower.replaceAll('_', '-') : lower
}

/** RFC 9110 section 7.6.1, and what HTTP/1.1 proxies left behind. */
const hopByHop: ReadonlySet<string> = new Set([
  'connection',
  'http2-settings',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

/** Names that `Connection` lists, of all its lines. */
export function namedByConnection(rawHeaders: readonly string[]): ReadonlySet<string> {
  const named = new Set<string>()
  for (let index = 0; index < rawHeaders.length; index += 2) {
    if (nameAs(rawHeaders[index] as string) !== 'connection') continue
    for (const name of (rawHeaders[index + 1] as string).split(',')) named.add(nameAs(name.trim()))
  }
  return named
}

/** Whether a header ends at this hop; `named`: by {@link namedByConnection}. */
export const isOfThisHop = (name: string, named: ReadonlySet<string>): boolean => hopByHop.has(name) || named.has(name)

/**
 * Says who is asking, or from where: the API server hears that from us alone. `Audit-ID` would be taken over as it is.
 */
const ours: ReadonlySet<string> = new Set([
  'audit-id',
  'authorization',
  'cookie',
  // Answered here: the gateway asks for the body itself.
  'expect',
  'forwarded',
  'host',
  'via',
  'x-real-ip',
])
const oursByPrefix = ['impersonate-', 'x-remote-', 'x-forwarded-'] as const

export const isOurs = (name: string): boolean => ours.has(name) || oursByPrefix.some(prefix => name.startsWith(prefix))

/**
 * Of an answer. A cookie would be set for the gateway's host, and never reach whoever set it (a pod behind `/proxy/`);
 * another way to the server would be a way around the gateway.
 */
export const isNotForClients = (name: string): boolean =>
  name === 'set-cookie' || name === 'set-cookie2' || name === 'alt-svc'
