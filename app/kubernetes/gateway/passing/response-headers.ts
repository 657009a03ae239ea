/** The head of an answer as the client gets it: the lines as they came, repeated ones as often. Pure. */
import { isNotForClients, isOfThisHop, nameAs, namedByConnection } from './header-names.ts'

/** Names and values in turn. */
export function responseHeaders(rawHeaders: readonly string[]): string[] {
  const named = namedByConnection(rawHeaders)
  const headers: string[] = []
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = nameAs(rawHeaders[index] as string)
    if (isOfThisHop(name, named) || isNotForClients(name)) continue
    headers.push(rawHeaders[index] as string, rawHeaders[index + 1] as string)
  }
  return headers
}

/** The same for HTTP/2: one entry for each name, in lower case; a repeated one has all its values. */
export function byName(headers: readonly string[]): Map<string, string | string[]> {
  const entries = new Map<string, string | string[]>()
  for (let index = 0; index < headers.length; index += 2) {
    const name = (headers[index] as string).toLowerCase()
    const value = headers[index + 1] as string
    const before = entries.get(name)
    entries.set(name, before === undefined ? value : [...(Array.isArray(before) ? before : [before]), value])
  }
  return entries
}
