/** Sessions as the primary of several workers answers for them: any one worker has the store that all of them share. */
import type { AnswerSessions, SessionsAnswer } from '../admin/session-answers.ts'
import type { WorkerPool } from './pool.ts'

/** A worker that is not stuck says in this time that it is there. */
const greetMs = 3_000
/** A person may have many sessions, each of which is ended on the disk. */
const answerMs = 280_000

/** The worker that is the first to say that it is there gets the call: one that is stuck must not delay an end. */
export function createWorkersSessions(pool: Pick<WorkerPool, 'answering'>): AnswerSessions {
  return async (call): Promise<SessionsAnswer> => {
    const greeted = pool.answering().map(worker => worker.ask('policy', [], greetMs).then(() => worker))
    const worker = await Promise.any(greeted).catch(() => {
      throw new Error('no worker answers')
    })
    return worker.ask('sessions', [call], answerMs)
  }
}
