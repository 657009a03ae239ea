/**
 * Writes messages of protocol buffers, as far as our subset needs it. Each function gives one field, as a text with a character
 * for each byte: joining texts costs nothing, and the bytes are made once, of the whole message.
 */
import { isUtf8 } from 'node:buffer'

/** One character for each byte, U+0000 to U+00FF. */
export type Field = string

const lengthDelimited = 2

/** A number or a member of an enumeration; not negative. */
export const numberField = (number: number, value: number): Field => varint(number << 3) + varint(value)

export const textField = (number: number, text: string): Field =>
  field(number, isAscii.test(text) ? text : Buffer.from(text, 'utf8').toString('latin1'))

export const messageField = (number: number, fields: readonly Field[]): Field => field(number, fields.join(''))

/**
 * Of a text that stands for bytes, one each (Latin-1, as Node reads and writes headers). Throws `RangeError` for what is more than
 * a byte, and for bytes that are no UTF-8: whoever reads the field takes no others.
 */
export function headerField(number: number, text: string): Field {
  if (isAscii.test(text)) return field(number, text)
  const bytes = Buffer.from(text, 'latin1')
  if (bytes.toString('latin1') !== text || !isUtf8(bytes)) throw new RangeError('the value of a header is no UTF-8')
  return field(number, text)
}

/** The message of these fields. */
export const messageOf = (fields: readonly Field[]): Buffer => Buffer.from(fields.join(''), 'latin1')

const isAscii = /^[\x20-\x7e]*$/

const field = (number: number, bytes: Field): Field =>
  varint((number << 3) | lengthDelimited) + varint(bytes.length) + bytes

function varint(value: number): Field {
  if (value <= 0x7f) return String.fromCharCode(value)
  let text = ''
  let rest = value
  for (; rest > 0x7f; rest >>>= 7) text += String.fromCharCode((rest & 0x7f) | 0x80)
  return text + String.fromCharCode(rest)
}
