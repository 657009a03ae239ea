/**
 * An audit event as one line of JSON.
 *
 * A line can be forged by whoever gets a line feed into it, and hidden by whoever gets a terminal to obey it: every
 * control and direction character of a value is escaped. Only the listed fields of an event are written, so that a
 * credential cannot come along in an object that was passed on whole.
 *
 * Written by hand rather than by `JSON.stringify` over a copy: each check writes a line, and most of its values are
 * plain text that can stand as it is.
 */
import type { AuditEvent, AuditEventName, WithoutStamp } from './event.ts'
import { auditEvents, fieldsOf, kubernetesFields } from './event-fields.ts'

interface WrittenField {
  readonly name: string
  /** `,"name":` */
  readonly label: string
}

const writtenFields = new Map<string, readonly WrittenField[]>(
  Object.keys(auditEvents).map(event => [
    event,
    fieldsOf(event as AuditEventName).map(name => ({ name, label: `,${JSON.stringify(name)}:` })),
  ]),
)

/** Control characters, DEL, C1 controls, line and paragraph separators, and what turns the direction of text. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what this is about
const invisible = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g
/** Printable ASCII without the two characters that JSON escapes: stands in quotes as it is. */
const plain = /^[ !#-[\]-~]*$/

export type LineFormat = (event: WithoutStamp<AuditEvent>, nowMs: number) => string

/** Throws a TypeError for an event of an unknown kind. */
export const createLineFormat = (timeOf: TimeFormat = createTimeFormat()): LineFormat => {
  return (event, nowMs) => {
    const fields = writtenFields.get(event.event)
    if (fields === undefined) throw new TypeError('an audit event of an unknown kind')
    const values = event as unknown as Readonly<Record<string, unknown>>
    let line = `{"v":1,"time":"${timeOf(nowMs)}","event":"${event.event}"`
    for (const { name, label } of fields) {
      const value = values[name]
      if (value !== undefined) line += label + jsonOf(value)
    }
    return `${line}}\n`
  }
}

function jsonOf(value: unknown): string {
  if (typeof value === 'string') return quote(value)
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return objectText(value)
  return typeof value === 'number' && Number.isFinite(value) ? String(value) : escaped(value)
}

/** A text as JSON that can neither split a line nor disguise it. */
const quote = (text: string): string => (plain.test(text) ? `"${text}"` : escaped(text))

/** The same without its quotes, given texts of which none needs to be escaped: then each may stand as it is. */
export const escaperFor = (texts: string): ((text: string) => string) => (plain.test(texts) ? asItIs : withoutQuotes)

const asItIs = (text: string): string => text
const withoutQuotes = (text: string): string => quote(text).slice(1, -1)

/** Fields that are there, each with a comma before it. */
export function fieldsText(values: Readonly<Record<string, unknown>>): string {
  let text = ''
  for (const [name, value] of Object.entries(values)) if (value !== undefined) text += `,"${name}":${jsonOf(value)}`
  return text
}

/** Of objects within an event, too, only what is listed. */
function objectText(value: object): string {
  const values = value as Readonly<Record<string, unknown>>
  let text = ''
  for (const name of namesWithin) {
    const item = values[name]
    if (item !== undefined) text += `${text === '' ? '' : ','}"${name}":${jsonOf(item)}`
  }
  return `{${text}}`
}

const namesWithin = Object.keys(kubernetesFields)
const escaped = (value: unknown): string => JSON.stringify(value, namesWithin).replace(invisible, escapeCharacter)

const escapeCharacter = (character: string): string => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`

export type TimeFormat = (milliseconds: number) => string

/** RFC 3339 with milliseconds, made once for each millisecond. */
export function createTimeFormat(): TimeFormat {
  let last = Number.NaN
  let text = ''
  return milliseconds => {
    if (milliseconds !== last) {
      text = new Date(milliseconds).toISOString()
      last = milliseconds
    }
    return text
  }
}
