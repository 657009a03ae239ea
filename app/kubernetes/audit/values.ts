/**
 * JSON values out of a stream of bytes, one after another, in bounded memory: a line each (what API servers write, rotated files cut
 * off at any byte among them), or one document of many lines, or several without anything between them (Firehose).
 */
import { decodedStream } from '../reading/decoded.ts'

export interface FoundValue {
  readonly value: unknown
}

/** What was no JSON: why, and that it is one line or one stretch of text. */
export interface NoValue {
  readonly unreadable: string
}

export const limits = {
  /** Characters of one value: an event with both bodies has at most 1.5 MB by default; a whole EventList has more. */
  value: 64 * 1024 * 1024,
}

/** Never rejects for what it reads, only for a stream that fails. */
export async function* valuesOf(
  stream: AsyncIterable<Uint8Array | string>,
  most = limits.value,
): AsyncGenerator<FoundValue | NoValue> {
  const splitter = createSplitter(most)
  for await (const text of decodedStream(stream)) yield* splitter.write(text)
  yield* splitter.end()
}

interface Splitter {
  readonly write: (text: string) => Generator<FoundValue | NoValue>
  readonly end: () => Generator<FoundValue | NoValue>
}

/**
 * Lines first, since a cut-off event must not swallow the ones behind it. Only where the first two lines with text are no values of
 * their own is it read as a document.
 */
function createSplitter(most: number): Splitter {
  let rest = ''
  let skipping = false
  /** Lines until it is known what it is. */
  let held: string[] | undefined = []
  let document: DocumentReader | undefined

  function* write(text: string): Generator<FoundValue | NoValue> {
    if (document !== undefined) {
      yield* document.write(text)
      return
    }
    rest += text
    const lines = text.includes('\n') ? rest.split('\n') : []
    rest = lines.pop() ?? rest
    for (const [at, line] of lines.entries()) {
      if (skipping) skipping = false
      else yield* takeLine(line)
      if (document !== undefined) {
        const behind = [...lines.slice(at + 1), rest].join('\n')
        rest = ''
        yield* (document as DocumentReader).write(behind)
        return
      }
    }
    if (held !== undefined && rest.length > longestFirstLine && !skipping) {
      document = createDocumentReader(most)
      const all = [...held, rest].join('\n')
      rest = ''
      yield* document.write(all)
    } else if (rest.length > most) {
      if (!skipping) yield { unreadable: 'a line is too long' }
      skipping = true
      rest = ''
    }
  }

  function* takeLine(raw: string): Generator<FoundValue | NoValue> {
    const line = withoutTime(raw.trim())
    if (line === '') return
    const value = parseObject(line)
    if (held === undefined) {
      yield value ?? { unreadable: 'a line is no JSON' }
      return
    }
    if (value !== undefined) {
      // What stood before it was a line as well, and was none that can be read.
      for (const _ of held) yield { unreadable: 'a line is no JSON' }
      held = undefined
      yield value
      return
    }
    held.push(line)
    const [first = ''] = held
    const isDocument = first.startsWith('[') || (first.startsWith('{') && held.length >= 2)
    if (!isDocument) {
      if (first.startsWith('{')) return
      held.pop()
      yield { unreadable: 'a line is no JSON' }
      return
    }
    document = createDocumentReader(most)
    yield* document.write(`${held.join('\n')}\n`)
  }

  function* end(): Generator<FoundValue | NoValue> {
    if (document === undefined && !skipping) yield* takeLine(rest)
    if (document === undefined && held !== undefined && held.length > 0) {
      document = createDocumentReader(most)
      yield* document.write(held.join('\n'))
    }
    if (document !== undefined) yield* document.end()
  }

  return { write, end }
}

/** Where the first line has no end it is a document without line breaks. */
const longestFirstLine = 8 * 1024 * 1024

/** CloudWatch's export to S3 puts the time before each line. */
const withoutTime = (line: string): string => line.replace(/^\d{4}-\d\d-\d\dT[\d:.]+Z\s+(?=[{[])/, '')

function parseObject(line: string): FoundValue | undefined {
  if (!line.startsWith('{')) return undefined
  try {
    return { value: JSON.parse(line) as unknown }
  } catch {
    return undefined
  }
}

interface DocumentReader {
  readonly write: (text: string) => Generator<FoundValue | NoValue>
  readonly end: () => Generator<FoundValue | NoValue>
}

/** Cuts at brackets outside of texts. The items of an outermost list come one by one, so a list may be of any size. */
function createDocumentReader(most: number): DocumentReader {
  let depth = 0
  let isInText = false
  let isEscaped = false
  let parts: string[] = []
  let length = 0
  let isTooLong = false

  function* write(text: string): Generator<FoundValue | NoValue> {
    let from = 0
    for (let at = 0; at < text.length; at += 1) {
      const before = depth
      step(text.charCodeAt(at))
      if (before === 0 && depth === 1) from = at
      if (before === 1 && depth === 0) {
        keep(text.slice(from, at + 1))
        yield take()
      }
    }
    if (depth > 0) keep(text.slice(from))
  }

  function step(code: number): void {
    if (isInText) stepInText(code)
    else if (code === quote) isInText = depth > 0
    // The bracket of an outermost list is none: its items are the values.
    else if (code === openBrace || (code === openBracket && depth > 0)) depth += 1
    else if ((code === closeBrace || code === closeBracket) && depth > 0) depth -= 1
  }

  function stepInText(code: number): void {
    if (isEscaped) isEscaped = false
    else if (code === backslash) isEscaped = true
    else if (code === quote) isInText = false
  }

  function keep(part: string): void {
    length += part.length
    if (length > most) {
      isTooLong = true
      parts = []
    } else parts.push(part)
  }

  function take(): FoundValue | NoValue {
    const text = parts.join('')
    const wasTooLong = isTooLong
    parts = []
    length = 0
    isTooLong = false
    if (wasTooLong) return { unreadable: 'a document is too long: write one event on each line' }
    try {
      return { value: JSON.parse(text) as unknown }
    } catch {
      return { unreadable: 'a document is no JSON' }
    }
  }

  return {
    write,
    *end() {
      if (depth > 0) yield { unreadable: 'a document is cut off' }
    },
  }
}

const [backslash, quote] = [0x5c, 0x22]
const [openBrace, closeBrace, openBracket, closeBracket] = [0x7b, 0x7d, 0x5b, 0x5d]
