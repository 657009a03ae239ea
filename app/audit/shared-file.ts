/** A file that several processes append to: opened so that its end can be looked at. */
import { closeSync, fstat, fstatSync, openSync, read } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'

const statFile = promisify(fstat)

/**
 * For appending and reading, made when absent. Throws when the path cannot be opened, and for a pipe: there lines of
 * several writers would mingle.
 */
export function openShared(path: string, mode: number): number {
  const appending = openSync(path, 'a', mode)
  const kind = fstatSync(appending)
  if (kind.isFIFO() || kind.isSocket()) {
    closeSync(appending)
    throw new Error(`${path} is a pipe, which several workers cannot write to; use a file, stdout or one worker`)
  }
  // A device has no end that could be looked at.
  if (!kind.isFile()) return appending
  closeSync(appending)
  return openSync(path, 'a+', mode)
}

/** How long an end without a line feed has to stay as it is before it counts as left behind, in milliseconds. */
const stillMs = 50
/** Looks at an end that keeps growing; after these an empty line is the lesser evil. */
const mostLooks = 20

/**
 * Whether the last line has no line feed: a write of it stopped half-way. A write of another process that is under way
 * looks the same, but it goes on; without the second look every such moment would leave an empty line in the file.
 */
export async function endsInsideLine(descriptor: number): Promise<boolean> {
  let sizeBefore: number | undefined
  for (let look = 0; look < mostLooks; look += 1) {
    const status = await statFile(descriptor)
    if (!status.isFile() || status.size === 0) return false
    if ((await byteAt(descriptor, status.size - 1)) === 0x0a) return false
    if (status.size === sizeBefore) return true
    sizeBefore = status.size
    await delay(stillMs)
  }
  return true
}

function byteAt(descriptor: number, position: number): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const byte = Buffer.alloc(1)
    read(descriptor, byte, 0, 1, position, (error, count) => {
      if (error === null) resolve(count === 1 ? byte[0] : undefined)
      else reject(error)
    })
  })
}
