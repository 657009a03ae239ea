/**
 * The tokens of a session, so that its provider can be asked again.
 *
 * Sealed with the session id, as the session is: a dump of the store and the master secret do not open them without the
 * cookie. Their name in the store is that of the session, in another kind: whoever knows only the session's key, as the
 * directory does, can end them and cannot read them.
 */

import type { ProviderTokens } from './login-session.ts'
import type { RecordStore } from './record-store.ts'
import { digestOf } from './records/seal.ts'
import { createSealedRecords, type SealedRecordsOptions } from './records/sealed-records.ts'

/** Every method rejects with `ERR_STORE_UNAVAILABLE` when the store does not answer. */
export interface SessionTokens {
  /** Those of a new login, until `expiresAt` in milliseconds. Not written if the session has ended. */
  put(sessionId: string, tokens: ProviderTokens, expiresAt: number): Promise<void>
  get(sessionId: string): Promise<StoredTokens | undefined>
  /** In the place of the ones that were read as `stored`; not written if others are there or the session has ended. */
  replace(sessionId: string, stored: StoredTokens, tokens: ProviderTokens): Promise<void>
}

export interface StoredTokens {
  readonly tokens: ProviderTokens
  readonly expiresAt: number
  /** The sealed bytes, which no other version shares. */
  readonly version: Uint8Array
}

const kind = 'tokens'

export function createSessionTokens(options: Pick<SealedRecordsOptions, 'records' | 'secrets'>): SessionTokens {
  const sealed = createSealedRecords({ ...options, kind, keyOf: sessionId => digestOf('session', sessionId) })
  return {
    async put(sessionId, tokens, expiresAt) {
      await sealed.put(sessionId, tokens, expiresAt)
    },
    async get(sessionId) {
      const record = await sealed.get(sessionId)
      if (record === undefined) return undefined
      const { value, expiresAt, version } = record
      // The seal vouches that nobody else wrote it.
      return { tokens: value as ProviderTokens, expiresAt, version }
    },
    async replace(sessionId, { version, expiresAt }, tokens) {
      await sealed.replace(sessionId, version, tokens, expiresAt)
    },
  }
}

/** `tombstoneUntil` in milliseconds, as for the session itself: tokens that are written late stay away. */
export const endTokens = (records: RecordStore, sessionKey: string, tombstoneUntil: number): Promise<void> =>
  records.end(kind, sessionKey, tombstoneUntil)
