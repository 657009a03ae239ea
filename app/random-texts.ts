/** Random texts of one length: request ids, which join an answer with its audit line, and the nonces of pending cookies. */
import { randomFillSync } from 'node:crypto'

/** So many are made at once: fetching random bytes and calling into Node costs more than all the rest. */
const textsAtOnce = 256

/** Nobody can guess one, and nobody can tell from one how many there were or will be. `size` is in bytes. */
export function createRandomTexts(size: number, encoding: 'hex' | 'base64url'): () => string {
  const bytes = Buffer.alloc(size * textsAtOnce)
  const ready: string[] = []
  function fetch(): string {
    randomFillSync(bytes)
    for (let start = 0; start < bytes.length; start += size) ready.push(bytes.toString(encoding, start, start + size))
    // What is given out is a secret of somebody else from now on.
    bytes.fill(0)
    return ready.pop() as string
  }
  return () => ready.pop() ?? fetch()
}
