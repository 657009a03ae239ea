/** The head of an answer as the client gets it: the lines as they came, repeated ones as often. Pure. */
import { isNotForClients, isOfThisHop, nameAs, namedByConnection } from './header-names.ts'

/** Names and values in turn; `whereabouts`: absent for trailers, in which nobody looks for an address. */
export function responseHeaders(rawHeaders: readonly string[], whereabouts?: Whereabouts): string[] {
  const named = namedByConnection(rawHeaders)
  const headers: string[] = []
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = nameAs(rawHeaders[index] as string)
    if (isOfThisHop(name, named) || isNotForClients(name)) continue
    const value = rawHeaders[index + 1] as string
    const isAddress = name === 'location' || name === 'content-location'
    headers.push(
      rawHeaders[index] as string,
      isAddress && whereabouts !== undefined ? moved(value, whereabouts) : value,
    )
  }
  return headers
}

type ByName = Record<string, string | string[]>

/** The head of an answer for HTTP/2. Throws for a name that is none. */
export function forStream(status: number, headers: readonly string[]): ByName {
  const entries = byName(headers)
  // Threat: `:status` as a name would be the status of another answer.
  for (const name in entries) if (!isName(name)) throw new TypeError('a header has no name that can be sent')
  entries[':status'] = String(status)
  return entries
}

const isName = (name: string): boolean => name !== '' && !name.startsWith(':') && !name.includes(' ')

/** One entry for each name, in lower case; a repeated one has all its values. */
export function byName(headers: readonly string[]): ByName {
  // Without a prototype: a header may be called `constructor`.
  const entries: ByName = Object.create(null)
  for (let index = 0; index < headers.length; index += 2) {
    const name = (headers[index] as string).toLowerCase()
    const value = headers[index + 1] as string
    const before = entries[name]
    if (before === undefined) entries[name] = value
    else if (typeof before === 'string') entries[name] = [before, value]
    else before.push(value)
  }
  return entries
}

/** Of an API server: what it calls itself, and what it is called here. */
export interface Whereabouts {
  /** What stands before its paths here. */
  readonly prefix: string
  /** `Host` of the API server, and the path that it is below, without a slash at its end. */
  readonly host: string
  readonly base: string
}

/**
 * An address of the API server as one of the gateway's. Threat: a redirect of an application behind `/proxy/` that leads
 * out of its cluster here. Other hosts' addresses stay, and so do those that are told from where one is.
 */
function moved(address: string, { prefix, host, base }: Whereabouts): string {
  const [, server, rest = ''] = /^((?:https?:)?\/\/[^/?#\\]*)?(.*)$/is.exec(address) ?? []
  if (server === undefined ? !rest.startsWith('/') : hostOf(server) !== hostOf(host)) return address
  return `${prefix}${base !== '' && rest.startsWith(`${base}/`) ? rest.slice(base.length) : rest || '/'}`
}

/** With its port, in lower case; `undefined` for what is none. */
function hostOf(server: string): string | undefined {
  const text = `https://${server.replace(/^(?:https?:)?\/\//i, '')}`
  return URL.canParse(text) ? new URL(text).host : undefined
}
