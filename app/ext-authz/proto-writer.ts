/** Writes messages of protocol buffers, as far as our subset needs it. Each function gives the bytes of one field. */
import { isUtf8 } from 'node:buffer'

const lengthDelimited = 2

/** A number or a member of an enumeration; not negative. */
export const numberField = (number: number, value: number): Buffer =>
  Buffer.from([...varint(number << 3), ...varint(value)])

export const textField = (number: number, text: string): Buffer => bytesField(number, Buffer.from(text, 'utf8'))

export const messageField = (number: number, fields: readonly Buffer[]): Buffer =>
  bytesField(number, fields.length === 1 ? (fields[0] as Buffer) : Buffer.concat(fields))

/**
 * Of a text that stands for bytes, one each (Latin-1, as Node reads and writes headers). Throws `RangeError` for what is more than
 * a byte, and for bytes that are no UTF-8: whoever reads the field takes no others.
 */
export function headerField(number: number, text: string): Buffer {
  if (isAscii.test(text)) return textField(number, text)
  const bytes = Buffer.from(text, 'latin1')
  if (bytes.toString('latin1') !== text || !isUtf8(bytes)) throw new RangeError('the value of a header is no UTF-8')
  return bytesField(number, bytes)
}

const isAscii = /^[\x20-\x7e]*$/

function bytesField(number: number, bytes: Buffer): Buffer {
  return Buffer.concat([Buffer.from([...varint((number << 3) | lengthDelimited), ...varint(bytes.length)]), bytes])
}

function varint(value: number): number[] {
  const bytes: number[] = []
  let rest = value
  for (; rest > 0x7f; rest >>>= 7) bytes.push((rest & 0x7f) | 0x80)
  bytes.push(rest)
  return bytes
}
