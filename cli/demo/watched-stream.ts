/**
 * A check speaks of one moment, and a WebSocket stays open for hours: whoever carries the stream has to ask again, or a
 * log-out ends everything but what is open.
 */
import type { Duplex } from 'node:stream'

/** How long a stream may outlive its session, in milliseconds. */
export const RECHECK_EVERY_MS = 2_000

/** Asks every `everyMs` milliseconds while the stream is open, and cuts it at the first refusal or failure to answer. */
export function watchStream(stream: Duplex, isAllowed: () => Promise<boolean>, everyMs: number): void {
  let timer: NodeJS.Timeout | undefined
  const cut = (): void => void stream.destroy()
  const wait = (): void => {
    if (!stream.destroyed) timer = setTimeout(ask, everyMs)
  }
  const ask = (): void => {
    isAllowed().then(allowed => (allowed ? wait() : cut()), cut)
  }
  stream.once('close', () => clearTimeout(timer))
  wait()
}
