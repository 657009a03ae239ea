/** Bounds the time that anybody waits for a backend. */
import { OperationalError } from '../../errors.ts'

/** Rejects with `ERR_STORE_UNAVAILABLE` when `work` takes longer than `timeoutMs`; the work itself goes on. */
export function withDeadline<T>(work: Promise<T>, timeoutMs: number, detail: string): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    // After a stall of our own event loop the timer is due before the answer, which already waits in the socket, has
    // been read. One more turn lets it through.
    const expire = () => setImmediate(() => reject(new OperationalError('ERR_STORE_UNAVAILABLE', detail)))
    const timer = setTimeout(expire, timeoutMs)
    work.then(resolve, reject).finally(() => clearTimeout(timer))
  })
}
