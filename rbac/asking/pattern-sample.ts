/**
 * Paths that a regular expression of a row matches, found by writing out what it asks for.
 *
 * A reader of the common part of the syntax and no prover: whoever uses a sample tries it on the compiled pattern, so
 * that what is misread here is only a sample fewer.
 */

/** At most this many texts for a part of the pattern, and for the whole of it. */
const maxSamples = 16
const maxLength = 2_048

/** Texts that may match, without promise; none for a pattern that asks for something else than text. */
export function samplesOf(pattern: string): readonly string[] {
  const reader: Reader = { pattern, at: 0 }
  const samples = readAlternatives(reader)
  return reader.at === pattern.length ? samples : []
}

interface Reader {
  readonly pattern: string
  at: number
}

const bounded = (texts: readonly string[]): string[] =>
  [...new Set(texts)].filter(({ length }) => length <= maxLength).slice(0, maxSamples)

const next = ({ pattern, at }: Reader): string => pattern[at] ?? ''

function take(reader: Reader, wanted: RegExp): RegExpExecArray | undefined {
  const found = wanted.exec(reader.pattern.slice(reader.at)) ?? undefined
  reader.at += found?.[0].length ?? 0
  return found
}

/** In turns, so that each alternative is among the first. */
function readAlternatives(reader: Reader): string[] {
  const lists = [readSequence(reader)]
  while (take(reader, /^\|/)) lists.push(readSequence(reader))
  const longest = Math.max(...lists.map(({ length }) => length))
  const turns = Array.from({ length: longest }, (_, turn) => lists.flatMap(list => list.slice(turn, turn + 1)))
  return bounded(turns.flat())
}

function readSequence(reader: Reader): string[] {
  let samples = ['']
  while (reader.at < reader.pattern.length && !'|)'.includes(next(reader))) {
    const parts = readRepeated(reader)
    // Each part's own first sample goes with every beginning before its second one does.
    samples = bounded(parts.flatMap(part => samples.map(start => start + part)))
  }
  return samples
}

function readRepeated(reader: Reader): string[] {
  const isAnything = next(reader) === '.'
  let samples = readAtom(reader)
  for (;;) {
    const found = take(reader, /^(?:[*+?]|\{(\d+)(,?)(\d*)\})\??/)
    if (found === undefined) return samples
    const [text, least, comma, most] = found
    const minimum = least === undefined ? Number(text.startsWith('+')) : Number(least)
    const maximum =
      least === undefined ? (text.startsWith('?') ? 1 : 2) : Number(comma === '' ? least : most || minimum + 1)
    // A word reads better than a letter, where there may be as many letters as it has.
    samples = repeated(isAnything && text.startsWith('*') ? ['sample', ...samples] : samples, minimum, maximum)
  }
}

/** Once where that is allowed, which says more about a pattern than nothing does. */
function repeated(samples: readonly string[], minimum: number, maximum: number): string[] {
  const counts = new Set([Math.max(minimum, Math.min(1, maximum)), minimum])
  return bounded([...counts].flatMap(count => (count > maxLength ? [] : samples.map(text => text.repeat(count)))))
}

function readAtom(reader: Reader): string[] {
  const character = next(reader)
  if (character === '(') return readGroup(reader)
  if (character === '[') return readClass(reader)
  if (character === '\\') return readEscape(reader)
  reader.at++
  if (character === '.') return ['a']
  return character === '^' || character === '$' ? [''] : [character]
}

function readGroup(reader: Reader): string[] {
  const flags = take(reader, /^\((?:\?(?:P?<\w+>|[imsU-]*:?))?/)?.[0] ?? ''
  // Flags alone, `(?i)`, are about what follows.
  if (/^\(\?[imsU-]+$/.test(flags) && take(reader, /^\)/)) return ['']
  const samples = readAlternatives(reader)
  return take(reader, /^\)/) ? samples : []
}

/** One of each sort first; then whatever is visible. */
const characters = [...new Set([...'a0A-_.~', ...Array.from({ length: 94 }, (_, at) => String.fromCharCode(33 + at))])]

/** A class is written alike in both syntaxes, but for the classes with names. */
function readClass(reader: Reader): string[] {
  const [text] = take(reader, /^\[\^?\]?(?:\[:\^?\w+:\]|\\.|[^\]\\])*\]/) ?? ['']
  const named: Readonly<Record<string, string>> = { alpha: 'A-Za-z', digit: '0-9', alnum: 'A-Za-z0-9', word: '\\w' }
  const ranges = text.replaceAll(/\[:(\w+):\]/g, (whole, name: string) => {
    return { ...named, lower: 'a-z', upper: 'A-Z', xdigit: '0-9A-Fa-f' }[name] ?? whole
  })
  return fittingCharacters(ranges.replace(/^(\[\^?)\]/, '$1\\]'))
}

const hexadecimal = /^\\x(?:([0-9A-Fa-f]{2})|\{([0-9A-Fa-f]{1,4})\})/

function readEscape(reader: Reader): string[] {
  const quoted = take(reader, /^\\Q(.*?)(?:\\E|$)/s)
  if (quoted !== undefined) return [quoted[1] ?? '']
  const code = take(reader, hexadecimal)
  if (code !== undefined) return [String.fromCharCode(Number.parseInt(code[1] ?? code[2] ?? '', 16))]
  if (take(reader, /^\\[AbBz]/)) return ['']
  const property = take(reader, /^\\[pP](?:\{\^?\w+\}|\w)/)
  if (property !== undefined) return ['a', '0', 'A']
  const [text = ''] = take(reader, /^\\./s) ?? []
  return /^\\[dDwWS]$/.test(text) ? fittingCharacters(text) : /^\\\W$/.test(text) ? [text.slice(1)] : []
}

function fittingCharacters(written: string): string[] {
  try {
    const fits = new RegExp(`^${written}$`)
    return characters.filter(character => fits.test(character)).slice(0, 1)
  } catch {
    return []
  }
}
