/**
 * A JSON text, object by object: lists of kubectl and of the API server by their items, several documents one after the
 * other. Each item is parsed on its own, so that a text which was cut off is read as far as it goes.
 */
import type { Place } from '../objects.ts'
import { createLineCounter, itemOf, longestJson, type Raw } from './raw.ts'
import { duplicatesInJson } from './yaml-text.ts'

interface Slice {
  readonly from: number
  /** After its last character; absent: the text ends within it. */
  readonly to?: number
  /** How many `:` stand outside of texts: one for each key. */
  readonly keys: number
}

interface Value extends Slice {
  /** Of `items` in an object, or of a list: the elements; where they stand. */
  readonly elements?: {
    readonly slices: readonly Slice[]
    readonly from: number
    readonly to: number
    readonly commas: number
  }
}

/** Whether a text is read as JSON: a YAML text in braces begins with a bare word. */
export const looksLikeJson = (text: string): boolean => /^\s*(\{\s*["}]|\[\s*[{\]])/.test(text)

export function* objectsInJson(text: string, source: string): Generator<Raw> {
  const lineAt = createLineCounter(text)
  let at = skipSpace(text, 0)
  while (at < text.length) {
    const value = valueAt(text, at)
    if (value === undefined) {
      const place = { source, line: lineAt(at) }
      yield {
        problem: { code: 'unreadable-document', unread: 1, place, message: 'after the JSON something else follows' },
      }
      return
    }
    yield* objectsOf(text, value, offset => ({ source, line: lineAt(offset) }))
    at = skipSpace(text, value.to ?? text.length)
  }
}

/** A line of dashes between documents is passed over, as kubectl does. */
function skipSpace(text: string, from: number): number {
  const pattern = /(?:\s|^---[ \t]*$)*/my
  pattern.lastIndex = from
  pattern.exec(text)
  return pattern.lastIndex
}

function* objectsOf(text: string, value: Value, placeAt: (offset: number) => Place): Generator<Raw> {
  const { elements, to } = value
  const { kind, apiVersion } = fieldsAround(text, value)
  const isList = text[value.from] === '[' || (kind === undefined ? to === undefined : kind.endsWith('List'))
  if (elements === undefined || !isList || (to !== undefined && hasOthers(text, elements))) {
    yield* parsed(text, value, placeAt)
    return
  }
  for (const slice of elements.slices)
    for (const raw of slice.to === undefined ? [] : parsed(text, slice, placeAt))
      yield 'problem' in raw ? raw : { ...raw, value: itemOf(raw.value, kind, apiVersion) }
  if (to !== undefined) return
  const last = elements.slices.at(-1)
  const isWithinItem = last !== undefined && last.to === undefined
  const message = 'the text ends in the middle: what came after it is not known'
  const place = placeAt(text.length)
  yield { problem: { code: 'cut-off', ...(isWithinItem && { unread: 1 }), place, message } }
}

/** Elements that are neither objects nor lists: the whole is read at once, so that they are counted. */
function hasOthers(text: string, { slices, from, to, commas }: NonNullable<Value['elements']>): boolean {
  const isEmpty = commas === 0 && slices.length === 0 && text.slice(from + 1, to - 1).trim() === ''
  return !isEmpty && slices.length !== commas + 1
}

/** What a list says of itself, before or after its elements. */
function fieldsAround(text: string, { from, to, elements }: Value): { kind?: string; apiVersion?: string } {
  if (elements === undefined || text[from] === '[') return {}
  const around = [text.slice(from, elements.from), text.slice(elements.to, to)]
  const whole = to === undefined ? undefined : parsedObject(around.join('[]'))
  const [kind, apiVersion] = ['kind', 'apiVersion'].map(field => {
    const value = whole?.[field]
    if (whole !== undefined) return typeof value === 'string' ? value : undefined
    return new RegExp(`"${field}"\\s*:\\s*"([^"]*)"`).exec(around.join(''))?.[1]
  })
  return { ...(kind !== undefined && { kind }), ...(apiVersion !== undefined && { apiVersion }) }
}

/** Undefined for what is no JSON, as where the text ends within it. */
function parsedObject(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function* parsed(text: string, { from, to, keys }: Slice, placeAt: (offset: number) => Place): Generator<Raw> {
  const place = placeAt(from)
  const problem = (code: 'cut-off' | 'too-much' | 'unreadable-document', message: string): Raw => ({
    problem: { code, unread: 1, place, message },
  })
  if (to === undefined) yield problem('cut-off', 'the text ends in the middle of this object: it is not read')
  else if (to - from > longestJson)
    yield problem('too-much', `an object of more than ${longestJson / 1024 / 1024} MB is not read`)
  else {
    const slice = text.slice(from, to)
    try {
      const value: unknown = JSON.parse(slice)
      yield { value, place, ...(keysIn(value) !== keys && { duplicateKeys: duplicatesInJson(slice) }) }
    } catch {
      yield problem('unreadable-document', 'this is no JSON')
    }
  }
}

function keysIn(value: unknown): number {
  const isTree = (one: unknown): one is object => typeof one === 'object' && one !== null
  const open = [value].filter(isTree)
  let count = 0
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const values: unknown[] = Object.values(next)
    if (!Array.isArray(next)) count += values.length
    for (const one of values) if (isTree(one)) open.push(one)
  }
  return count
}

const [quote, colon, comma, backslash] = [0x22, 0x3a, 0x2c, 0x5c]
const isOpening = (code: number): boolean => code === 0x7b || code === 0x5b
const isClosing = (code: number): boolean => code === 0x7d || code === 0x5d

/** Walks one object or list and its brackets; whether it is JSON is for the parser to say. */
function valueAt(text: string, from: number): Value | undefined {
  if (!isOpening(text.charCodeAt(from))) return undefined
  const walk = createWalk(text, from)
  for (let at = from; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code === quote) {
      const end = endOfText(text, at)
      if (walk.depth === 1) walk.lastText = text.slice(at + 1, end)
      at = end
    } else if (code === colon) walk.keys += 1
    else if (code === comma) pass(walk)
    else if (isOpening(code)) open(walk, { at, isItems: code === 0x5b && walk.lastText === 'items' })
    else if (isClosing(code)) {
      close(walk, at)
      if (walk.depth === 0) return walkedValue(walk, at + 1)
    }
  }
  return walkedValue(walk, undefined)
}

interface Walk {
  readonly text: string
  readonly from: number
  readonly slices: Slice[]
  depth: number
  /** Of the object itself: a key, or a value until its comma. */
  lastText: string
  keys: number
  /** Of the list whose elements are taken one by one: its brackets; its depth is 0 as long as there is none. */
  itemsDepth: number
  itemsFrom: number
  itemsTo: number | undefined
  commas: number
  /** The element that is being walked. */
  element: { readonly from: number; readonly keys: number } | undefined
}

const createWalk = (text: string, from: number): Walk => ({
  ...{ text, from, slices: [], depth: 0, lastText: '', keys: 0, commas: 0, itemsTo: undefined, element: undefined },
  ...(text[from] === '[' ? { itemsDepth: 1, itemsFrom: from } : { itemsDepth: 0, itemsFrom: 0 }),
})

const isInItems = ({ itemsDepth, itemsTo, depth }: Walk): boolean =>
  itemsDepth > 0 && itemsTo === undefined && depth === itemsDepth + 1

function pass(walk: Walk): void {
  if (walk.depth === walk.itemsDepth && walk.itemsTo === undefined) walk.commas += 1
  if (walk.depth === 1) walk.lastText = ''
}

function open(walk: Walk, { at, isItems }: { readonly at: number; readonly isItems: boolean }): void {
  walk.depth += 1
  if (isItems && walk.depth === 2 && walk.itemsDepth === 0) {
    walk.itemsDepth = 2
    walk.itemsFrom = at
  } else if (isInItems(walk)) walk.element = { from: at, keys: walk.keys }
}

function close(walk: Walk, at: number): void {
  const { element } = walk
  if (element !== undefined && isInItems(walk)) {
    walk.slices.push({ from: element.from, to: at + 1, keys: walk.keys - element.keys })
    walk.element = undefined
  } else if (walk.itemsDepth > 0 && walk.depth === walk.itemsDepth) walk.itemsTo ??= at + 1
  walk.depth -= 1
}

function walkedValue(walk: Walk, to: number | undefined): Value {
  const { text, from, keys, slices, element, commas, itemsDepth, itemsFrom, itemsTo = text.length } = walk
  if (element !== undefined) slices.push({ from: element.from, keys: 0 })
  return {
    from,
    keys,
    ...(to !== undefined && { to }),
    ...(itemsDepth > 0 && { elements: { slices, commas, from: itemsFrom, to: itemsTo } }),
  }
}

/** Where its closing quote stands, or the end of the whole. */
function endOfText(text: string, from: number): number {
  for (let at = from + 1; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code === backslash) at += 1
    else if (code === quote) return at
  }
  return text.length
}
