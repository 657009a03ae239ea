/** Runs commands within their time and turns every failure into `ERR_STORE_UNAVAILABLE`. */
import { OperationalError } from '../../errors.ts'
import { type Client, createReadOnlyReconnect } from './connection.ts'

export type RunCommand = <T>(operation: string, command: () => Promise<T>) => Promise<T>

/** A command that was sent. All have the same time, so the order in which they were sent is that of their deadlines. */
interface Waiting {
  readonly deadline: number
  readonly giveUp: () => void
  isAnswered: boolean
  isGivenUp: boolean
}

export function createRunner(client: Client, describe: (cause: unknown) => Error, timeoutMs: number): RunCommand {
  const reconnect = createReadOnlyReconnect(client)
  const deadlines = createDeadlines(timeoutMs)
  // Commands that were given up but not answered. Redis answers in order, so whatever is sent behind one of them waits
  // for it: refusing at once keeps a stalled server from holding every request for the whole timeout.
  let overdue = 0

  const settle = (waiting: Waiting) => {
    if (waiting.isGivenUp) overdue -= 1
    deadlines.answered(waiting)
  }
  const failure = (operation: string, error: unknown) => {
    const cause = describe(error)
    if (cause.message.includes('READONLY')) reconnect()
    return unavailable(operation, cause.message, cause)
  }

  return <T>(operation: string, command: () => Promise<T>) => {
    if (overdue > 0) return Promise.reject(unavailable(operation, 'no answer to an earlier command yet'))
    return new Promise<T>((resolve, reject) => {
      const answer = command()
      const waiting = deadlines.add(() => {
        overdue += 1
        reject(unavailable(operation, `no answer within ${timeoutMs} ms`))
      })
      answer.then(
        reply => {
          settle(waiting)
          resolve(reply)
        },
        error => {
          settle(waiting)
          reject(failure(operation, error))
        },
      )
    })
  }
}

/** One timer for all commands: one for each would cost as much as the command. */
function createDeadlines(timeoutMs: number) {
  const waiting: Waiting[] = []
  let first = 0
  let timer: NodeJS.Timeout | undefined

  const expire = () => {
    const now = performance.now()
    for (let next = waiting[first]; next !== undefined; next = waiting[first]) {
      if (!next.isAnswered && next.deadline > now) break
      first += 1
      if (next.isAnswered) continue
      next.isGivenUp = true
      next.giveUp()
    }
    compact()
    arm(now)
  }
  const afterReading = () => setImmediate(expire)
  const arm = (now: number) => {
    const next = waiting[first]
    // After a stall of our own event loop the timer is due before the answers, which already wait in the socket, have
    // been read. One more turn lets them through.
    timer = next === undefined ? undefined : setTimeout(afterReading, Math.max(1, next.deadline - now))
    timer?.unref()
  }
  const compact = () => {
    if (first < waiting.length && first < 1024) return
    waiting.splice(0, first)
    first = 0
  }

  return {
    add(giveUp: () => void): Waiting {
      const now = performance.now()
      const added = { deadline: now + timeoutMs, giveUp, isAnswered: false, isGivenUp: false }
      waiting.push(added)
      if (timer === undefined) arm(now)
      return added
    },
    /** Redis answers in order: what is answered is mostly the first. */
    answered(answer: Waiting): void {
      answer.isAnswered = true
      while (waiting[first]?.isAnswered === true) first += 1
      compact()
    },
  }
}

function unavailable(operation: string, detail: string, cause?: Error): OperationalError {
  const options = cause === undefined ? undefined : { cause }
  return new OperationalError('ERR_STORE_UNAVAILABLE', `redis ${operation}: ${detail}`, options)
}
