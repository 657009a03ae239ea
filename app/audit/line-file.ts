/**
 * Appends lines to a file descriptor in batches, off the request's way.
 *
 * Nothing is dropped silently. What cannot be written (full disk, closed pipe) is kept and tried again until
 * `maxPendingBytes` wait; from then on new lines are refused, and each refusal is reported with its number. What was
 * written in part is continued where it stopped, so that a line is never torn.
 *
 * A file that several processes append to is another matter. The kernel appends each write as a whole, but after a
 * write that stopped half-way (a full disk, a process killed in it) the next bytes may be another process's. So there
 * the torn line is written anew as a whole, and whoever finds the file without a line feed at its end puts one there
 * first: half a line stays behind as a line of its own, and no other line is lost. What remains is a process that looks
 * at the end in the very microseconds in which another's write stops half-way, and an empty line where a write takes
 * longer than anybody waits for it.
 */
import { close as closeDescriptor, openSync, write as writeDescriptor } from 'node:fs'
import { promisify } from 'node:util'
import { type Batch, createLineBuffer } from './line-buffer.ts'
import { endsInsideLine, openShared } from './shared-file.ts'

const closeFile = promisify(closeDescriptor)

export interface LineFile {
  /** Takes one line with its line feed. False if it was refused because too much waits already. */
  append(line: string): boolean
  /** Tries to write everything that waits; resolves when it is written or has failed once more. */
  flush(): Promise<void>
  /** Opens the path anew: what a log rotation moved away is left alone. A standard stream stays as it is. */
  reopen(): Promise<void>
  /** Flushes and closes. Resolves to the number of lines that could not be written. */
  close(): Promise<number>
  /** What waits. A character that is not encoded yet counts as one byte. */
  pendingBytes(): number
  pendingLines(): number
}

export interface LineFileOptions {
  readonly destination: 'stdout' | 'stderr' | (string & {})
  /** How long a line waits for company before it is written, in milliseconds. */
  readonly batchMs: number
  /** How much may wait for a sink that fails, in bytes. */
  readonly maxPendingBytes: number
  /** Whether other processes append to the same file. Default false. */
  readonly isShared?: boolean
  readonly onWritten: (lines: number) => void
  readonly onError: (error: unknown) => void
}

const descriptors: Readonly<Record<string, number>> = { stdout: 1, stderr: 2 }
const retryMs = 1_000
/** A pipe that is full is not a failure: its reader is only slow. */
const busyMs = 10
const longestBusyMs = 1_000
/** The owner writes, the group (a log shipper) reads, nobody else learns who did what. */
const fileMode = 0o640

/** Throws when the path cannot be used: a service that cannot audit must not start. */
export function createLineFile(options: LineFileOptions): LineFile {
  const { destination, batchMs, maxPendingBytes, onWritten, onError } = options
  const standard = descriptors[destination]
  const isShared = options.isShared === true && standard === undefined
  const open = (): number => (isShared ? openShared(destination, fileMode) : openSync(destination, 'a', fileMode))
  let descriptor = standard ?? open()
  const waiting = createLineBuffer()
  let batch: Batch | undefined
  let timer: NodeJS.Timeout | undefined
  let draining: Promise<void> | undefined
  let isClosed = false

  const pendingBytes = (): number => waiting.pendingBytes() + (batch?.bytes.length ?? 0)
  const pendingLines = (): number => waiting.pendingLines() + (batch?.lines ?? 0)

  async function writeBatch(current: Batch): Promise<void> {
    let busyForMs = 0
    while (current.written < current.bytes.length) {
      try {
        if (isShared) await continueShared(descriptor, current)
        else current.written += await write(descriptor, current.bytes.subarray(current.written))
        busyForMs = 0
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EAGAIN' || busyForMs >= longestBusyMs) throw error
        busyForMs += busyMs
        await new Promise(resolve => setTimeout(resolve, busyMs))
      }
    }
  }

  /**
   * Writes what waits now, or as much as can be written. What comes meanwhile waits for company: to go on with it at once
   * would be a write for every few lines, as fast as the disk allows.
   */
  async function drain(): Promise<void> {
    waiting.seal()
    try {
      for (batch ??= waiting.take(); batch !== undefined; batch = waiting.take()) {
        await writeBatch(batch)
        waiting.release(batch)
        onWritten(batch.lines)
      }
    } catch (error) {
      onError(error)
      schedule(retryMs)
    }
  }

  function flush(): Promise<void> {
    clearTimeout(timer)
    timer = undefined
    draining ??= drain().finally(() => {
      draining = undefined
      if (waiting.pendingLines() > 0) schedule(batchMs)
    })
    return draining
  }

  function schedule(delayMs: number): void {
    if (isClosed) return
    timer ??= setTimeout(() => void flush(), delayMs)
  }

  async function swapDescriptor(): Promise<void> {
    // A descriptor that is closed under a write may already be another file's.
    while (draining !== undefined) await draining
    const previous = descriptor
    descriptor = open()
    // A line that was written in part to the old file is written as a whole to the new one.
    if (batch !== undefined) batch.written = lineStart(batch)
    await closeFile(previous)
  }

  return {
    append(line) {
      if (isClosed) return false
      if (!waiting.append(line, maxPendingBytes - pendingBytes())) return false
      if (draining === undefined) schedule(batchMs)
      return true
    },
    async flush() {
      await draining
      await flush()
    },
    async reopen() {
      if (standard === undefined) await swapDescriptor()
    },
    async close() {
      isClosed = true
      while (draining !== undefined) await draining
      await flush()
      clearTimeout(timer)
      if (standard === undefined) await closeFile(descriptor)
      return pendingLines()
    },
    pendingBytes,
    pendingLines,
  }
}

function lineStart(batch: Batch): number {
  const last = batch.bytes.subarray(0, batch.written).lastIndexOf(0x0a)
  return last + 1
}

const lineFeed = Buffer.from('\n')

/** One write of what is left, from the start of a line, on a line of its own whatever stands before it. */
async function continueShared(descriptor: number, batch: Batch): Promise<void> {
  batch.written = lineStart(batch)
  const rest = batch.bytes.subarray(batch.written)
  const isTorn = await endsInsideLine(descriptor)
  const written = await write(descriptor, isTorn ? Buffer.concat([lineFeed, rest]) : rest)
  batch.written += Math.max(0, isTorn ? written - lineFeed.length : written)
}

function write(descriptor: number, bytes: Uint8Array): Promise<number> {
  return new Promise((resolve, reject) => {
    writeDescriptor(descriptor, bytes, (error, written) => {
      if (error === null) resolve(written)
      else reject(error)
    })
  })
}
