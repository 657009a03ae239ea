/** Composition of what the operator is told about sessions, by the process that has the store. */
import { type AnswerSessions, createSessionAnswers } from '../admin/session-answers.ts'
import { type Base, type Kept, newRequestId } from './kept.ts'
import type { WithPasswords } from './passwords.ts'

export function composeSessionAnswers({ config, audit }: Base, kept: Kept & WithPasswords): AnswerSessions {
  const { cutoffs, directory, ofPasswords, passwords } = kept
  return createSessionAnswers({
    directory,
    cutoffs,
    providers: config.providers.map(({ name }) => name),
    passwords: ofPasswords.store,
    areTaken: passwords !== undefined,
    revokePasswords: ofPasswords.store.revokeAll,
    audit,
    newRequestId,
  })
}
