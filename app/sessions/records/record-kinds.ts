/** What there is of each kind of record. */
import type { RecordKind } from '../record-store.ts'

/** Whether no write may be lost that was answered; see RecordStore. */
const durable: Readonly<Record<RecordKind, boolean>> = {
  session: false,
  attempt: false,
  answer: false,
  address: false,
  ticket: false,
  'signing-key': false,
  tokens: true,
  lease: false,
  visit: false,
  summary: false,
  mark: true,
  cutoff: true,
  grant: true,
  'grant-code': false,
  'device-request': false,
  'user-code': false,
  'device-answer': false,
  'exchanged-token': false,
  proof: false,
  password: true,
  person: true,
}

/** An end of anything is as durable as every write of those kinds. */
export const isDurable = (operation: string, kind: RecordKind) => operation === 'end' || durable[kind]

export const isRecordKind = (text: string): text is RecordKind => Object.hasOwn(durable, text)
