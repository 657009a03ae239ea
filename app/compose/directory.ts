/** Composition of what the operator is told about sessions, by the process that has the store. */
import { type AnswerSessions, createSessionAnswers } from '../admin/session-answers.ts'
import { type Base, type Kept, newRequestId } from './kept.ts'

export function composeSessionAnswers({ config, audit }: Base, { cutoffs, directory }: Kept): AnswerSessions {
  return createSessionAnswers({
    directory,
    cutoffs,
    providers: config.providers.map(({ name }) => name),
    audit,
    newRequestId,
  })
}
