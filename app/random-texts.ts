/** Random texts of one length: request ids, which join an answer with its audit line, and the nonces of pending cookies. */
import { randomFillSync } from 'node:crypto'

/** Random bytes are fetched for so many texts at once: fetching costs more than all the rest. */
const textsAtOnce = 256

/** Nobody can guess one, and nobody can tell from one how many there were or will be. `size` is in bytes. */
export function createRandomTexts(size: number, encoding: 'hex' | 'base64url'): () => string {
  const bytes = Buffer.alloc(size * textsAtOnce)
  let next = bytes.length
  return () => {
    if (next === bytes.length) {
      randomFillSync(bytes)
      next = 0
    }
    const start = next
    next += size
    const text = bytes.toString(encoding, start, next)
    // What was given out is a secret of somebody else from now on.
    bytes.fill(0, start, next)
    return text
  }
}
