/** Hosts of other programs as hosts of rows: names, names below one, and regular expressions that spell them out. */
import { isReservedDomain, parseDomainPattern } from '../../../rbac/domains.ts'
import { ValueError } from '../../../rbac/policy-error.ts'

/** `undefined` for what is no host of the web. */
export function canonicalHost(text: string): string | undefined {
  try {
    const host = parseDomainPattern(text)
    return isReservedDomain(host) ? undefined : host
  } catch (error) {
    if (error instanceof ValueError) return undefined
    throw error
  }
}

const maxHosts = 64
const part = /^(?:([a-z0-9-]+|\\\.)|\((?:\?:)?((?:[a-z0-9-]|\\\.)+(?:\|(?:[a-z0-9-]|\\\.)+)*)\))(?![?*+{])/

/**
 * `^(?:wiki|docs)\.example\.com$`: letters, digits, dashes, escaped dots, and groups of alternatives of those, from the
 * first character to the last; or all hosts below one, `^.*\\.example\\.com$`. `undefined` for whatever else: a pattern without its anchors fits other hosts as well.
 */
export function hostsSpeltBy(pattern: string): readonly string[] | undefined {
  const [, body = ''] = /^\^(.+)\$$/.exec(pattern) ?? []
  if (body === '') return undefined
  const [, below] = /^\(?\.[*+]\)?\\\.((?:[a-z0-9-]|\\\.)+)$/.exec(body) ?? []
  if (below !== undefined) return [`*.${below.replaceAll('\\.', '.')}`]
  let hosts = ['']
  for (let rest = body; rest !== ''; ) {
    const [text, literal, alternatives = ''] = part.exec(rest) ?? []
    if (text === undefined) return undefined
    const ends = literal === undefined ? alternatives.split('|') : [literal]
    hosts = hosts.flatMap(start => ends.map(end => start + end.replaceAll('\\.', '.')))
    if (hosts.length > maxHosts) return undefined
    rest = rest.slice(text.length)
  }
  return hosts
}
