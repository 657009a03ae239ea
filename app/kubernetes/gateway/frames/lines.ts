/** Events of a watch in JSON: each is one line, in which no line break can stand. The same walk as that of frames. */
import type { FrameWalker } from './frame-walker.ts'

const lineFeed = 0x0a

export function createLineWalker(): FrameWalker {
  let isFree = true
  return {
    advance(chunk, toBoundary = false) {
      if (toBoundary && isFree) return 0
      if (chunk.length === 0) return 0
      const end = toBoundary ? chunk.indexOf(lineFeed) : -1
      const length = end < 0 ? chunk.length : end + 1
      isFree = chunk[length - 1] === lineFeed
      return length
    },
    get isFree() {
      return isFree
    },
    isOver: false,
    hasResult: false,
  }
}
