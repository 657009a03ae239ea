/**
 * What the workers print, on the primary's own streams.
 *
 * Writes to one pipe by several processes mingle as soon as one is longer than a page, and the audit log may go to
 * stdout. So each worker has a pipe of its own, and whole lines are passed on, one write after the other. A reader that
 * is slow makes the workers wait, as it would without us; it never blocks this process, which accepts connections.
 */
import { write as writeDescriptor } from 'node:fs'
import type { Readable } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'
import { isatty } from 'node:tty'
import { promisify } from 'node:util'

const write = promisify(writeDescriptor)
const lineFeed = 0x0a
/** A pipe that is full: its reader is only slow. */
const busyMs = 10
/** A disk that is full. */
const retryMs = 1_000
/** More than any line of ours; what is longer is passed on in parts. */
const longestLine = 1_024 * 1_024

export interface LineOutput {
  /** Passes on the lines of a stream; resolves at its end. Never rejects. */
  readonly pass: (stream: Readable) => Promise<void>
}

/** `descriptor`: 1 or 2. `readOut` makes of each line what a terminal shows; elsewhere lines are passed on as they are. */
export function createLineOutput(descriptor: number, readOut?: (line: string) => string): LineOutput {
  const shown = readOut !== undefined && isatty(descriptor) ? eachLine(readOut) : (lines: Buffer) => lines
  let last: Promise<void> = Promise.resolve()

  function append(bytes: Buffer): Promise<void> {
    const written = last.then(() => writeAll(descriptor, bytes))
    last = written.catch(() => undefined)
    return written
  }

  return {
    async pass(stream) {
      try {
        for await (const lines of wholeLines(stream)) await append(shown(lines))
      } catch {
        // Nobody reads any more. The worker learns of it as it would by itself, and its audit log counts what is lost.
        stream.destroy()
      }
    },
  }
}

const eachLine = (readOut: (line: string) => string) => (lines: Buffer) =>
  Buffer.from(
    lines
      .toString()
      .split(/(?<=\n)/)
      .map(readOut)
      .join(''),
  )

async function* wholeLines(stream: Readable): AsyncGenerator<Buffer> {
  let begun = Buffer.alloc(0)
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    const end = chunk.lastIndexOf(lineFeed) + 1
    if (end > 0) yield Buffer.concat([begun, chunk.subarray(0, end)])
    begun = end > 0 ? Buffer.from(chunk.subarray(end)) : Buffer.concat([begun, chunk])
    if (begun.length > longestLine) {
      yield begun
      begun = Buffer.alloc(0)
    }
  }
  // Half a line of a worker that was killed must not run into the next one's.
  if (begun.length > 0) yield Buffer.concat([begun, Buffer.from('\n')])
}

async function writeAll(descriptor: number, bytes: Buffer): Promise<void> {
  for (let written = 0; written < bytes.length; ) {
    try {
      written += (await write(descriptor, bytes, written)).bytesWritten
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      if (code !== 'EAGAIN' && code !== 'ENOSPC' && code !== 'EDQUOT') throw error
      await delay(code === 'EAGAIN' ? busyMs : retryMs)
    }
  }
}
