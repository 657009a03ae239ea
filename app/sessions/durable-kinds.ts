/** Kinds of which no write may be lost that was answered; see RecordStore. */
import type { RecordKind } from './session-store.ts'

const durableKinds: ReadonlySet<RecordKind> = new Set(['tokens', 'mark', 'cutoff'])

/** An end of anything is as durable as every write of these. */
export const isDurable = (operation: string, kind: RecordKind) => operation === 'end' || durableKinds.has(kind)
