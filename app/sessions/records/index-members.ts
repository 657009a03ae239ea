/**
 * What stands in an index, in either backend: the member's expiry as 16 decimal digits, then the member.
 *
 * The order of these texts is the order of a page, the text of the last one is the cursor for the next: a place among
 * all members that there could be, so no insertion or removal moves it.
 */

import type { IndexPage, PageOptions, StoredMember } from '../record-store.ts'
import { encodeMoment } from './entry.ts'

const momentLength = 16
const longestPage = 1000

/** Throws a RangeError for an expiry that is no moment, and for a member that is no digest. */
export function encodeMember(member: string, expiresAt: number): string {
  requireDigest(member)
  return encodeMoment(expiresAt) + member
}

/** Threat: whoever puts together names in the store must not be able to reach another one. Throws a RangeError. */
export function requireDigest(text: string): void {
  if (!/^[\w-]{1,64}$/.test(text)) throw new RangeError('an index and its members must be digests')
}

/** What a text of an index holds. */
export function decodeMember(text: string): StoredMember {
  return { member: text.slice(momentLength), expiresAt: Number(text.slice(0, momentLength)) }
}

/** Where a page begins and how many texts to read for it. */
export interface PageRange {
  readonly start: string
  /** Whether `start` itself was on the page before. */
  readonly isAfter: boolean
  /** One more than the page holds: whether there is a next one. */
  readonly limit: number
}

/** Throws a RangeError for a limit out of bounds and for a cursor that no page gave. */
export function rangeOf({ after, limit }: PageOptions, now: number): PageRange {
  if (!Number.isInteger(limit) || limit < 1 || limit > longestPage) {
    throw new RangeError(`a page has 1 to ${longestPage} members`)
  }
  // A cursor comes back from outside.
  if (after !== undefined && !/^\d{16}[\w-]{1,64}$/.test(after)) throw new RangeError('no page gave this cursor')
  const firstLive = encodeMoment(now + 1)
  const isAfter = after !== undefined && after > firstLive
  return { start: isAfter ? after : firstLive, isAfter, limit: limit + 1 }
}

/** `texts`: what was found in the range, in order. */
export function pageOf(texts: readonly string[], limit: number): IndexPage {
  const members = texts.slice(0, limit).map(text => text.slice(momentLength))
  const next = texts.length > limit ? texts[limit - 1] : undefined
  return next === undefined ? { members } : { members, next }
}
