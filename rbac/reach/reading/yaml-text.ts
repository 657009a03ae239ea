/**
 * A YAML text, document by document, and a list of kubectl (`items:` with its dashes in one column) item by item: so much
 * of it is in memory at once, one mistake spoils one object, and where a text was cut off everything before it is read.
 */
import { LineCounter, parseDocument } from 'yaml'
import type { Place } from '../objects.ts'
import { duplicateKeys } from './duplicate-keys.ts'
import { strayKey, strayKeys } from './list-keys.ts'
import { itemOf, longestYaml, type Raw } from './raw.ts'

interface Lines {
  readonly lines: readonly string[]
  /** 0-based, of the first of `lines` in the text. */
  readonly at: number
}

/** @param source names the text in places and problems */
export function* objectsInYaml(text: string, source: string): Generator<Raw> {
  const all = text.split(/\r?\n/)
  const isCut = all.at(-1)?.trim() !== ''
  let last: Place | undefined
  for (const document of documentsIn(all))
    for (const raw of objectsInDocument(document, source)) {
      if (!('problem' in raw)) last = raw.place
      yield raw
    }
  if (isCut && last !== undefined)
    yield cutOff(
      last,
      'the text does not end with a line break: its last object is read as it stands',
      source === '-' ? 'cut-off' : 'no-line-break',
    )
}

/** What a program writes ends with a line break, what a person saves need not: a file is applied as it stands. */
const cutOff = (place: Place, message: string, code: 'cut-off' | 'no-line-break' = 'cut-off'): Raw => ({
  problem: { code, place, message: `${message}; if it was cut off, what came after it is not known` },
})

/** Markers of documents stand at the beginning of a line, and nothing else may do so. */
function* documentsIn(all: readonly string[]): Generator<Lines> {
  let start = 0
  for (let at = 0; at <= all.length; at++) {
    const line = all[at]
    const isEnd = line !== undefined && /^\.\.\.(\s|$)/.test(line)
    if (line !== undefined && !isEnd && !/^---(\s|$)/.test(line)) continue
    yield { lines: all.slice(start, at), at: start }
    start = isEnd ? at + 1 : at
  }
}

const isBlank = (line: string): boolean => /^\s*(#.*)?$/.test(line)

function* objectsInDocument(document: Lines, source: string): Generator<Raw> {
  const [first, ...rest] = document.lines
  const marker = first === undefined ? undefined : /^---\s*(#.*)?$/.test(first)
  const lines = marker ? ['', ...rest] : document.lines
  if (lines.every(line => isBlank(line) || line.startsWith('%'))) return
  const list = itemsOf(lines)
  if (list === undefined) {
    yield* objectIn({ lines, at: document.at }, source)
    return
  }
  // kubectl writes the kind after the items.
  const { kind, apiVersion } = fieldsOf(list.around)
  for (const item of list.items)
    for (const raw of objectIn({ lines: item.lines, at: document.at + item.at }, source))
      yield 'problem' in raw ? raw : { ...raw, value: itemOf(raw.value, kind, apiVersion) }
  for (const key of strayKeys(Object.fromEntries(list.around.flatMap(keyAtStart)))) {
    const at = lines.findLastIndex(line => keyAtStart(line)[0]?.[0] === key)
    yield { problem: strayKey(key, { source, line: document.at + at + 1 }) }
  }
  const place = { source, line: document.at + lines.length }
  if (kind === undefined) yield cutOff(place, 'after these items the kind of the list is missing')
}

/** Of a line that is not indented. */
function keyAtStart(line: string): readonly (readonly [key: string, value: true])[] {
  const [, key] = /^["']?([A-Za-z][\w.-]*)["']?\s*:/.exec(line) ?? []
  return key === undefined ? [] : [[key, true]]
}

function fieldsOf(around: readonly string[]): { readonly kind?: string; readonly apiVersion?: string } {
  const field = (name: string): string | undefined =>
    around
      .map(line => new RegExp(`^${name}:\\s*"?([\\w./-]+)"?\\s*$`).exec(line)?.[1])
      .find(value => value !== undefined)
  const [kind, apiVersion] = [field('kind'), field('apiVersion')]
  return { ...(kind !== undefined && { kind }), ...(apiVersion !== undefined && { apiVersion }) }
}

interface Items {
  readonly items: readonly Lines[]
  readonly around: readonly string[]
}

/** @returns undefined for everything that is no such list, or may have an anchor that goes from one item to another */
function itemsOf(lines: readonly string[]): Items | undefined {
  const head = lines.findIndex(line => /^items:\s*(#.*)?$/.test(line))
  const start = head === -1 ? -1 : lines.findIndex((line, at) => at > head && !isBlank(line))
  const dash = start === -1 ? null : /^( *)- /.exec(lines[start] ?? '')
  if (dash === null || lines.some(line => /(^|[\s[,:-])&\S/.test(line))) return undefined
  if (!/^kind:\s*\w*List\s*$/m.test(lines.slice(0, head).join('\n')) && !isListAt(lines, head)) return undefined
  const indent = dash[1] ?? ''
  const items: { readonly lines: string[]; readonly at: number }[] = []
  let at = start
  for (; at < lines.length; at++) {
    const line = lines[at] ?? ''
    if (line.startsWith(`${indent}- `) || line.trimEnd() === `${indent}-`)
      items.push({ lines: [`${indent} ${line.slice(indent.length + 1)}`], at })
    else if (isBlank(line) || line.startsWith(`${indent} `)) items.at(-1)?.lines.push(line)
    else break
  }
  return { items, around: [...lines.slice(0, head), 'items: []', ...lines.slice(at)] }
}

/** A kind that ends with List after the items, or none at all, because the text ends within them. */
function isListAt(lines: readonly string[], head: number): boolean {
  const kind = lines.findLast((line, at) => at > head && /^kind:/.test(line))
  return kind === undefined
    ? !lines.slice(0, head).some(line => /^kind:/.test(line))
    : /^kind:\s*\w*List\s*$/.test(kind)
}

function* objectIn({ lines, at }: Lines, source: string): Generator<Raw> {
  const text = lines.join('\n')
  const firstLine = lines.findIndex(line => !isBlank(line))
  const place = { source, line: at + 1 + Math.max(0, firstLine) }
  if (text.length > longestYaml) {
    const message = `a document of more than ${longestYaml / 1024 / 1024} MB is not read: split it, or give it as JSON`
    yield { problem: { code: 'too-much', unread: 1, place, message } }
    return
  }
  try {
    const { value, duplicates, error } = parse(text)
    if (error !== undefined) {
      const line = at + error.line
      yield { problem: { code: 'unreadable-document', unread: 1, place: { source, line }, message: error.message } }
    } else if (value !== null && value !== undefined) yield { value, place, duplicateKeys: duplicates }
  } catch (error) {
    const isBomb =
      error instanceof RangeError || (error instanceof Error && error.message.includes('Excessive alias count'))
    const [code, why] = isBomb
      ? (['too-much', 'it would become more than anybody can hold'] as const)
      : (['unreadable-document', 'an alias leads nowhere'] as const)
    yield { problem: { code, unread: 1, place, message: `the document is not read: ${why}` } }
  }
}

interface Parsed {
  readonly value: unknown
  readonly duplicates: readonly string[]
  readonly error?: { readonly line: number; readonly message: string }
}

/**
 * Threat: messages of the library quote the text, and the text may hold a Secret; its codes say as much.
 *
 * As kubectl: merge keys count, the last of two keys counts. Throws for a bomb.
 */
function parse(text: string): Parsed {
  const lineCounter = new LineCounter()
  const document = parseDocument(text, {
    merge: true,
    uniqueKeys: false,
    prettyErrors: false,
    logLevel: 'silent',
    lineCounter,
  })
  const [first] = document.errors
  if (first !== undefined) {
    const { line } = lineCounter.linePos(first.pos[0])
    return {
      value: undefined,
      duplicates: [],
      error: { line: Math.max(1, line), message: `this is no YAML (${first.code})` },
    }
  }
  return { value: document.toJS({ maxAliasCount: 100 }), duplicates: duplicateKeys(document.contents) }
}

/** Of a small JSON text, which is YAML too. */
export const duplicatesInJson = (text: string): readonly string[] => parse(text).duplicates
