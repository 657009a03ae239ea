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
  const expiresAt = Number(encoded.toString('latin1', 1, headerLength))
  const kind = encoded[0] === 0x72 ? 'record' : encoded[0] === 0x74 ? 'tombstone' : undefined
  if (kind === undefined || !Number.isSafeInteger(expiresAt)) return undefined
  return { kind, expiresAt, value: encoded.subarray(headerLength) }
}
