/**
 * What stands under a key in either backend: a live value or the tombstone of an ended one, with its expiry.
 *
 * One tag byte (`r` record, `t` tombstone), the expiry as 16 decimal digits, the sealed value. The digits have one
 * width so that a script inside Redis compares two moments as strings, without the rounding of Lua's numbers.
 */

export interface Entry {
  readonly kind: 'record' | 'tombstone'
  /** Milliseconds since the epoch. */
  readonly expiresAt: number
  /** Empty for a tombstone. */
  readonly value: Uint8Array
}

const momentLength = 16
export const headerLength = 1 + momentLength
const recordTag = 0x72

/** A moment in milliseconds since the epoch as 16 digits. Throws a RangeError for what is no moment. */
export function encodeMoment(milliseconds: number): string {
  const whole = Math.floor(milliseconds)
  if (!Number.isSafeInteger(whole) || whole < 0) throw new RangeError('an expiry must be milliseconds since the epoch')
  return String(whole).padStart(momentLength, '0')
}

export function encodeEntry(entry: Entry): Buffer {
  const header = (entry.kind === 'record' ? 'r' : 't') + encodeMoment(entry.expiresAt)
  const encoded = Buffer.allocUnsafe(headerLength + entry.value.length)
  encoded.write(header, 'latin1')
  encoded.set(entry.value, headerLength)
  return encoded
}

/** `undefined` for bytes that no `encodeEntry` wrote. The value is a view of `encoded`. */
export function decodeEntry(encoded: Buffer): Entry | undefined {
  if (encoded.length < headerLength) return undefined
  const expiresAt = momentIn(encoded)
  const kind = encoded[0] === recordTag ? 'record' : encoded[0] === 0x74 ? 'tombstone' : undefined
  if (kind === undefined || !Number.isSafeInteger(expiresAt)) return undefined
  // With its end: LMDB-js lends a longer buffer whose `length` is set by hand, which not every version of Node looks at.
  return { kind, expiresAt, value: encoded.subarray(headerLength, encoded.length) }
}

/** Whether `encoded` is a record of exactly this value and expiry; makes no object, for reads that find no change. */
export function isEntryOf(encoded: Buffer, value: Uint8Array, expiresAt: number): boolean {
  if (encoded.length !== headerLength + value.length || encoded[0] !== recordTag) return false
  return momentIn(encoded) === expiresAt && encoded.compare(value, 0, value.length, headerLength, encoded.length) === 0
}

/** NaN for anything but 16 digits. */
function momentIn(encoded: Buffer): number {
  let moment = 0
  for (let position = 1; position < headerLength; position += 1) {
    const digit = (encoded[position] ?? 0) - 0x30
    if (digit < 0 || digit > 9) return Number.NaN
    moment = moment * 10 + digit
  }
  return moment
}

/** A copy in memory of its own: a view that is kept would keep a whole chunk of the network, or of a pool, alive. */
export function ownCopy(bytes: Uint8Array): Buffer {
  const copy = Buffer.allocUnsafeSlow(bytes.length)
  copy.set(bytes)
  return copy
}
