/** The list of what writes records, for whoever does something before or after a write. */
import type { RecordKind, RecordStore } from '../record-store.ts'

/** What every write of a record goes through; it calls `write` once and gives its answer. */
export type Around = <T>(kind: RecordKind, key: string, write: () => Promise<T>) => Promise<T>

/**
 * `store` of which every method that writes a record goes through `around`. Threat: a method that is forgotten in one of
 * the places where writes are watched, so that what it changed is still believed there; so the list stands here alone.
 */
export function aroundWrites(
  store: Omit<RecordStore, 'subscribe'>,
  around: Around,
): Pick<RecordStore, 'put' | 'add' | 'extend' | 'take' | 'end' | 'replace' | 'remove'> {
  return {
    put: (kind, key, value, expiresAt) => around(kind, key, () => store.put(kind, key, value, expiresAt)),
    add: (kind, key, value, expiresAt) => around(kind, key, () => store.add(kind, key, value, expiresAt)),
    extend: (kind, key, expiresAt) => around(kind, key, () => store.extend(kind, key, expiresAt)),
    take: (kind, key) => around(kind, key, () => store.take(kind, key)),
    end: (kind, key, tombstoneUntil) => around(kind, key, () => store.end(kind, key, tombstoneUntil)),
    replace: (kind, key, expected, next) => around(kind, key, () => store.replace(kind, key, expected, next)),
    remove: (kind, key, expected) => around(kind, key, () => store.remove(kind, key, expected)),
  }
}
