/** A Cookie header, taken apart and put together again without one of its cookies. Nothing here knows what is in them. */

const [semicolon, space, equalsSign] = [0x3b, 0x20, 0x3d]
/** More than any proxy or Node itself lets through by default. */
export const longestHeader = 65_536
/** Threat: a parent domain that plants many cookies of our name. Each costs a MAC, and each session found a look-up. */
const mostCandidates = 32

/** The header without the cookies of this name; empty when nothing is left. */
export function withoutCookie(cookieHeader: string, name: string): string {
  const start = onlyPairOf(cookieHeader, name)
  if (start >= 0) return withoutPair(cookieHeader, start)
  if (!cookieHeader.includes(name)) return cookieHeader
  const kept = cookieHeader.split(';').filter(pair => nameOf(pair) !== name)
  return kept
    .map(pair => withoutJoined(pair, name))
    .join(';')
    .trim()
}

/**
 * Threat: a proxy that joins two Cookie lines as it joins lists (RFC 9110 section 5.3): `a=b,sallyport=…` is one cookie to
 * whoever reads it, nobody's session, and would go on to the application.
 */
function withoutJoined(pair: string, name: string): string {
  if (!pair.includes(',')) return pair
  return pair
    .split(',')
    .filter(part => nameOf(part) !== name)
    .join(',')
}

/**
 * Where `name=` begins when it stands once in the header, as a cookie of its own that was written the usual way; else -1,
 * and the header has to be taken apart. That both ways say the same is tested with random headers.
 */
export function onlyPairOf(cookieHeader: string, name: string): number {
  const start = cookieHeader.indexOf(name)
  if (start === -1 || cookieHeader.charCodeAt(start + name.length) !== equalsSign) return -1
  // Threat: a value that holds our name (`a=sallyport=…`). Only what begins a pair is a name.
  const before = start === 0 ? semicolon : cookieHeader.charCodeAt(start - 1)
  const isFirstOfPair = before === semicolon || (before === space && cookieHeader.charCodeAt(start - 2) === semicolon)
  return isFirstOfPair && cookieHeader.indexOf(name, start + name.length) === -1 ? start : -1
}

export function endOfPair(cookieHeader: string, start: number): number {
  const end = cookieHeader.indexOf(';', start)
  return end === -1 ? cookieHeader.length : end
}

function withoutPair(cookieHeader: string, start: number): string {
  const end = endOfPair(cookieHeader, start)
  if (start === 0) return cookieHeader.slice(end + 1).trim()
  return (cookieHeader.slice(0, cookieHeader.lastIndexOf(';', start)) + cookieHeader.slice(end)).trim()
}

/** One of the cookies of a header, of any name. */
const nameOf = (pair: string) => pair.slice(0, pair.includes('=') ? pair.indexOf('=') : undefined).trim()

export function valuesOf(cookieHeader: string, name: string): string[] {
  // Most requests to a public path carry no cookie of ours: no need to take the header apart.
  if (cookieHeader.length > longestHeader || !cookieHeader.includes(name)) return []
  const pairs = cookieHeader.split(';').filter(pair => nameOf(pair) === name)
  return pairs.slice(0, mostCandidates).map(pair => pair.slice(pair.indexOf('=') + 1).trim())
}
