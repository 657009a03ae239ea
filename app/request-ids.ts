/** Request ids: 128 random bits in hexadecimal, which join an answer with its audit line and its explanation. */
import { randomFillSync } from 'node:crypto'

const idBytes = 16
/** Random bytes are fetched for so many ids at once. */
const idsAtOnce = 256

/** Nobody can guess one, and nobody can tell from one how many there were. */
export function createRequestIds(): () => string {
  const bytes = Buffer.alloc(idBytes * idsAtOnce)
  let next = bytes.length
  return () => {
    if (next === bytes.length) {
      randomFillSync(bytes)
      next = 0
    }
    next += idBytes
    return bytes.toString('hex', next - idBytes, next)
  }
}
