/**
 * Reads messages of protocol buffers, as far as our subset needs it (https://protobuf.dev/programming-guides/encoding).
 *
 * Threat: a message that two readers understand in two ways. A serialiser writes each field that is not repeated once;
 * whoever reads one here says which these are, and a second one is malformed.
 */
export class MalformedMessageError extends Error {
  override name = 'MalformedMessageError'
}

/** Wire types that a serialiser of proto3 writes. */
const varint = 0
const eightBytes = 1
const lengthDelimited = 2
const fourBytes = 5

/** One field of a message: its number, and where its bytes are if it is a text, bytes or a message. */
export interface Field {
  readonly number: number
  /** Empty for a number. */
  readonly bytes: Buffer
  /** Of a number as it stands in a varint, the lowest 32 bits; 0 for everything else. */
  readonly value: number
}

/** Calls `visit` for each field of a message, in order. Throws `MalformedMessageError`. */
export function readFields(message: Buffer, visit: (field: Field) => void): void {
  const cursor = { message, at: 0 }
  while (cursor.at < message.length) visit(readField(cursor))
}

/** The fields of these numbers, each at most once; those of other numbers are skipped. Throws `MalformedMessageError`. */
export function readOnce(message: Buffer, numbers: readonly number[]): readonly (Buffer | undefined)[] {
  const found: (Buffer | undefined)[] = numbers.map(() => undefined)
  readFields(message, ({ number, bytes }) => {
    const place = numbers.indexOf(number)
    if (place === -1) return
    if (found[place] !== undefined) throw new MalformedMessageError(`field ${number} comes twice`)
    found[place] = bytes
  })
  return found
}

interface Cursor {
  readonly message: Buffer
  at: number
}

const none = Buffer.alloc(0)

function readField(cursor: Cursor): Field {
  const tag = readVarint(cursor)
  const number = tag >>> 3
  if (number === 0) throw new MalformedMessageError('a field has number 0')
  switch (tag & 7) {
    case varint:
      return { number, bytes: none, value: readVarint(cursor) }
    case eightBytes:
      return { number, bytes: skip(cursor, 8), value: 0 }
    case lengthDelimited:
      return { number, bytes: skip(cursor, readVarint(cursor)), value: 0 }
    case fourBytes:
      return { number, bytes: skip(cursor, 4), value: 0 }
    default:
      throw new MalformedMessageError(`field ${number} has an unknown wire type`)
  }
}

/** The lowest 32 bits, without a sign. */
function readVarint(cursor: Cursor): number {
  let value = 0
  for (let shift = 0; shift < 70; shift += 7) {
    const byte = cursor.message[cursor.at]
    if (byte === undefined) break
    cursor.at += 1
    if (shift < 32) value |= (byte & 0x7f) << shift
    if (byte < 0x80) return value >>> 0
  }
  throw new MalformedMessageError('a number does not end')
}

function skip(cursor: Cursor, length: number): Buffer {
  const end = cursor.at + length
  if (end > cursor.message.length) throw new MalformedMessageError('a field is longer than its message')
  const bytes = cursor.message.subarray(cursor.at, end)
  cursor.at = end
  return bytes
}
