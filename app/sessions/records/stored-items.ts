/**
 * What a store holds, item by item, as it goes from one store to another. Nothing is opened on the way: values stay sealed,
 * and whoever has the file but not the secret and the cookies has no session.
 *
 * As lines of JSON: a header, the items, and a closing line that says how many there were. Without it the file was cut.
 */

import type { RecordKind } from '../record-store.ts'
import { decodeEntry } from './entry.ts'
import { isRecordKind } from './record-kinds.ts'

export interface StoredRecordItem {
  readonly kind: RecordKind
  readonly key: string
  readonly expiresAt: number
  /** Absent: a tombstone. */
  readonly value?: Uint8Array
}

export interface StoredLink {
  readonly index: string
  readonly member: string
  readonly expiresAt: number
}

export type StoredItem = StoredRecordItem | StoredLink

export interface ItemCounts {
  readonly records: number
  readonly tombstones: number
  readonly links: number
}

/** The first line of a file. */
export const header = { format: 'sallyport-store', version: 1 }

/** An item under `<kind>` and `<digest>`; `undefined` for what is none, or has expired. */
export function itemOf(kind: string, key: string, encoded: Buffer, now: number): StoredRecordItem | undefined {
  const entry = decodeEntry(encoded)
  if (entry === undefined || !isRecordKind(kind) || entry.expiresAt <= now) return undefined
  const { expiresAt } = entry
  return entry.kind === 'tombstone'
    ? { kind, key, expiresAt }
    : { kind, key, expiresAt, value: Buffer.from(entry.value) }
}

/** The expiry and the member in a text of index-members.ts; `undefined` for one that has expired. */
export function linkOf(index: string, text: string, now: number): StoredLink | undefined {
  const [, moment, member] = /^(\d{16})([\w-]{1,64})$/.exec(text) ?? []
  const expiresAt = Number(moment)
  return member === undefined || !(expiresAt > now) ? undefined : { index, member, expiresAt }
}

export function formatItem(item: StoredItem): string {
  if ('index' in item || item.value === undefined) return JSON.stringify(item)
  return JSON.stringify({ ...item, value: Buffer.from(item.value).toString('base64url') })
}

/** Throws a RangeError for what no `formatItem` wrote. Threat: a name that reaches another key of the store. */
export function parseItem(parsed: Readonly<Record<string, unknown>>): StoredItem {
  const { kind, key, index, member, expiresAt, value } = parsed
  if (typeof expiresAt !== 'number' || !Number.isSafeInteger(expiresAt) || expiresAt < 0)
    throw new RangeError('no expiry')
  if (isDigest(index) && isDigest(member)) return { index, member, expiresAt }
  if (typeof kind !== 'string' || !isRecordKind(kind) || !isDigest(key))
    throw new RangeError('neither a record nor a link')
  if (value === undefined) return { kind, key, expiresAt }
  if (typeof value !== 'string' || !/^[\w-]*$/.test(value)) throw new RangeError('a value that is no base64url')
  return { kind, key, expiresAt, value: Buffer.from(value, 'base64url') }
}

const isDigest = (text: unknown): text is string => typeof text === 'string' && /^[\w-]{1,64}$/.test(text)
