/** Hosts that a regular expression spells out, one by one: the only patterns of hosts that rows can say. */

const maxHosts = 64
const part = /^(?:([a-z0-9-]+|\\\.)|\((?:\?:)?((?:[a-z0-9-]|\\\.)+(?:\|(?:[a-z0-9-]|\\\.)+)*)\))(?![?*+{])/

/**
 * `^(?:wiki|docs)\.example\.com$`: letters, digits, dashes, escaped dots, and groups of alternatives of those, from the
 * first character to the last. `undefined` for whatever else: a pattern without its anchors fits other hosts as well.
 */
export function hostsSpeltBy(pattern: string): readonly string[] | undefined {
  const [, body = ''] = /^\^(.+)\$$/.exec(pattern) ?? []
  if (body === '') return undefined
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
