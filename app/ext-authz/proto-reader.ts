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
const lengthDelimited = 2
/** Bytes behind the tag, by wire type; those of a varint have been read by then, and nothing else is known. */
const lengths: Readonly<Record<number, number>> = { [varint]: 0, 1: 8, 5: 4 }

/** A text, bytes or a message within one: where they are. A view of each would cost more than all that is read of them. */
export class Part {
  readonly whole: Buffer
  /** Of the first byte. */
  readonly start: number
  /** Of the first byte behind it. */
  readonly end: number

  constructor(whole: Buffer, start: number, end: number) {
    this.whole = whole
    this.start = start
    this.end = end
  }

  /** One character for each byte. */
  latin1(): string {
    return this.whole.toString('latin1', this.start, this.end)
  }

  bytes(): Buffer {
    return this.whole.subarray(this.start, this.end)
  }
}

/** A message as it came. */
export const wholeOf = (message: Buffer): Part => new Part(message, 0, message.length)

/** One field of a message: its number, and where its bytes are if it is a text, bytes or a message. */
export interface Field {
  readonly number: number
  /** Empty for a number. */
  readonly part: Part
  /** Of a number as it stands in a varint, the lowest 32 bits; 0 for everything else. */
  readonly value: number
}

/** Calls `visit` for each field of a message, in order. Throws `MalformedMessageError`. */
export function readFields(message: Part, visit: (field: Field) => void): void {
  const cursor = cursorOf(message)
  while (cursor.at < cursor.end) {
    next(cursor)
    visit({ number: cursor.number, part: partOf(cursor), value: cursor.value })
  }
}

/** The fields of these numbers, each at most once; those of other numbers are skipped. Throws `MalformedMessageError`. */
export function readOnce(message: Part, numbers: readonly number[]): readonly (Part | undefined)[] {
  const found: (Part | undefined)[] = []
  const cursor = cursorOf(message)
  while (cursor.at < cursor.end) {
    next(cursor)
    const place = numbers.indexOf(cursor.number)
    if (place === -1) continue
    if (found[place] !== undefined) throw new MalformedMessageError(`field ${cursor.number} comes twice`)
    found[place] = partOf(cursor)
  }
  return found
}

/** A place in a message, and the field that ends there. One for all fields: an object for each would be most of the cost. */
interface Cursor {
  readonly whole: Buffer
  readonly end: number
  at: number
  number: number
  start: number
  value: number
}

const cursorOf = ({ whole, start, end }: Part): Cursor => ({ whole, end, at: start, number: 0, start, value: 0 })

const partOf = ({ whole, start, at }: Cursor): Part => new Part(whole, start, at)

function next(cursor: Cursor): void {
  const tag = readVarint(cursor)
  cursor.number = tag >>> 3
  if (cursor.number === 0) throw new MalformedMessageError('a field has number 0')
  const wireType = tag & 7
  cursor.value = wireType === varint ? readVarint(cursor) : 0
  const length = wireType === lengthDelimited ? readVarint(cursor) : lengths[wireType]
  if (length === undefined) throw new MalformedMessageError(`field ${cursor.number} has an unknown wire type`)
  cursor.start = cursor.at
  cursor.at += length
  if (cursor.at > cursor.end) throw new MalformedMessageError('a field is longer than its message')
}

/** The lowest 32 bits, without a sign. */
function readVarint(cursor: Cursor): number {
  let value = 0
  for (let shift = 0; shift < 70; shift += 7) {
    if (cursor.at >= cursor.end) break
    const byte = cursor.whole[cursor.at] as number
    cursor.at += 1
    if (shift < 32) value |= (byte & 0x7f) << shift
    if (byte < 0x80) return value >>> 0
  }
  throw new MalformedMessageError('a number does not end')
}
