/** A file that several processes append to: opened so that its end can be looked at. */
import { closeSync, fstat, fstatSync, openSync, read } from 'node:fs'
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

/** Whether the last line has no line feed: a write of it stopped half-way. */
export async function endsInsideLine(descriptor: number): Promise<boolean> {
  const status = await statFile(descriptor)
  if (!status.isFile() || status.size === 0) return false
  return (await byteAt(descriptor, status.size - 1)) !== 0x0a
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
