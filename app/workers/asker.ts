/** The primary's end of the channel to one worker: questions with a time limit, answers found by their number. */
import { type Answer, type Duties, type DutyName, errorOf, type Question } from './duties.ts'

export type Ask = <Name extends DutyName>(
  name: Name,
  args: Parameters<Duties[Name]>,
  /** How long the answer may take, in milliseconds. */
  timeoutMs: number,
) => Promise<Awaited<ReturnType<Duties[Name]>>>

export interface Asker {
  readonly ask: Ask
  readonly answered: (answer: Answer) => void
  /** The worker has ended: nothing is going to be answered any more. */
  readonly close: (reason: Error) => void
}

interface Waiting {
  readonly resolve: (value: unknown) => void
  readonly reject: (error: Error) => void
}

/** `send` hands a question to the worker. One that cannot be reached is about to end, and `close` follows. */
export function createAsker(send: (question: Question) => void): Asker {
  const waiting = new Map<number, Waiting>()
  let lastId = 0
  let ended: Error | undefined

  function settle(id: number): Waiting | undefined {
    const found = waiting.get(id)
    waiting.delete(id)
    return found
  }

  function askUntyped(name: DutyName, args: readonly unknown[], timeoutMs: number): Promise<unknown> {
    if (ended !== undefined) return Promise.reject(ended)
    const id = ++lastId
    return new Promise((resolve, reject) => {
      const late = setTimeout(() => settle(id)?.reject(new Error(`no answer within ${timeoutMs / 1000} s`)), timeoutMs)
      const finish =
        <T>(act: (value: T) => void) =>
        (value: T): void => {
          clearTimeout(late)
          act(value)
        }
      waiting.set(id, { resolve: finish(resolve), reject: finish(reject) })
      send({ kind: 'question', id, name, args })
    })
  }

  return {
    ask: askUntyped as Ask,
    answered({ id, value, failure }) {
      const asked = settle(id)
      if (failure === undefined) asked?.resolve(value)
      else asked?.reject(errorOf(failure))
    },
    close(reason) {
      ended = reason
      for (const id of [...waiting.keys()]) settle(id)?.reject(reason)
    },
  }
}
