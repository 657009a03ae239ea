/**
 * Text of a policy file -> its lines of fields, each with its place. Comments and empty lines are left out.
 *
 * A byte-order mark and CRLF are accepted, editors write them unasked. A control character, a line of more than 64 KB
 * or a quote that is not closed is a problem of its line; every other line is still read.
 */
import { parse } from 'csv-parse/sync'
import type { Problem } from './policy-error.ts'
import { sliceLength } from './slices.ts'

export interface PolicyFile {
  readonly name: string
  readonly text: string
  /** Whose it is, where its rows may only narrow what others allow. */
  readonly owner?: PolicyOwner
}

export interface PolicyOwner {
  /** Files of one owner share it. */
  readonly name: string
  /** Hosts and patterns that the rows may speak of. */
  readonly hosts: readonly string[]
}

export interface PolicyLine {
  readonly file: string
  /** Counted from 1. */
  readonly line: number
  readonly fields: readonly string[]
  /** Column, counted from 1, at which a field starts. */
  readonly columnOf: (field: number) => number
}

const maxLineLength = 65_536
const csvOptions = { trim: true, relax_column_count: true } as const
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
const control = /[\x00-\x08\x0b-\x1f\x7f]/

interface Numbered {
  readonly line: number
  readonly text: string
}

/**
 * Slice by slice, each of at most `sliceLength` lines of the file.
 * Adds to `problems` and leaves out the lines that it cannot read.
 */
export function* parsePolicyLines(file: PolicyFile, problems: Problem[]): Generator<PolicyLine[]> {
  let start = file.text.startsWith('\uFEFF') ? 1 : 0
  for (let line = 1; start <= file.text.length; line += sliceLength) {
    const slice: Numbered[] = []
    for (let index = 0; index < sliceLength && start <= file.text.length; index++) {
      const end = (file.text.indexOf('\n', start) + 1 || file.text.length + 1) - 1
      addContent(file, { line: line + index, text: file.text.slice(start, end) }, slice, problems)
      start = end + 1
    }
    yield parseSlice(file.name, slice, problems)
  }
}

function addContent(file: PolicyFile, { line, text: raw }: Numbered, slice: Numbered[], problems: Problem[]): void {
  const text = raw.endsWith('\r') ? raw.slice(0, -1) : raw
  const problem = lineProblem(text)
  if (problem !== undefined) problems.push({ file: file.name, line, ...problem })
  else if (!/^\s*(?:#|$)/.test(text)) slice.push({ line, text })
}

function lineProblem(text: string): Pick<Problem, 'column' | 'message'> | undefined {
  if (text.length > maxLineLength) return { column: maxLineLength + 1, message: 'the line is longer than 64 KB' }
  const column = text.search(control) + 1
  return column === 0 ? undefined : { column, message: 'the line holds a control character' }
}

function parseSlice(file: string, lines: readonly Numbered[], problems: Problem[]): PolicyLine[] {
  if (lines.every(({ text }) => !text.includes('"'))) {
    return lines.map(line => describe(file, line, splitPlain(line.text)))
  }
  // The start of the CSV parser costs as much as six lines, so it gets all of them.
  const records = tryParse(lines.map(({ text }) => text).join('\n'))
  // A quote left open swallows the lines after it: one by one, only its own line is lost.
  if (records?.length === lines.length) return lines.map((line, index) => describe(file, line, records[index] ?? []))
  return lines.flatMap(line => parseLine(file, line, problems))
}

/**
 * What the CSV parser makes of a line without a quote. A large policy has few others, and its buffers are what made the
 * collector stop the process for tens of milliseconds.
 */
const splitPlain = (text: string): string[] => text.split(',').map(field => field.trim())

function tryParse(text: string): string[][] | undefined {
  try {
    return parse(text, csvOptions)
  } catch {
    return undefined
  }
}

function parseLine(file: string, line: Numbered, problems: Problem[]): PolicyLine[] {
  const fields = tryParse(line.text)?.[0]
  if (fields !== undefined) return [describe(file, line, fields)]
  const column = line.text.indexOf('"') + 1
  problems.push({
    file,
    line: line.line,
    column,
    message: 'a quote is not closed, or stands inside a field (write "" for one)',
  })
  return []
}

function describe(file: string, { line, text }: Numbered, fields: readonly string[]): PolicyLine {
  return { file, line, fields, columnOf: field => startOfField(text, field) }
}

/** Only for messages, so it is computed when a message needs it. */
function startOfField(text: string, field: number): number {
  let [index, isQuoted, start] = [0, false, 0]
  for (let position = 0; position < text.length && index < field; position++) {
    if (text[position] === '"') isQuoted = !isQuoted
    if (text[position] === ',' && !isQuoted) [index, start] = [index + 1, position + 1]
  }
  return start + text.slice(start).search(/\S|$/) + 1
}
