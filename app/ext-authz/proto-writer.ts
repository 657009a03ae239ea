/** Writes messages of protocol buffers, as far as our subset needs it. Each function gives the bytes of one field. */

const lengthDelimited = 2

/** A number or a member of an enumeration; not negative. */
export const numberField = (number: number, value: number): Buffer =>
  Buffer.from([...varint(number << 3), ...varint(value)])

export const textField = (number: number, text: string): Buffer => bytesField(number, Buffer.from(text, 'utf8'))

export const messageField = (number: number, fields: readonly Buffer[]): Buffer =>
  bytesField(number, fields.length === 1 ? (fields[0] as Buffer) : Buffer.concat(fields))

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
