/**
 * Lines that wait to be written, already as bytes but for the last few.
 *
 * A line is encoded to where the next write will take it from: a list of texts would have to be measured, joined and
 * encoded, and would be copied about by the garbage collector meanwhile. The call that encodes costs more than what it
 * does for one line, so it is made for some lines at once.
 */

/** What one write takes. */
export interface Batch {
  readonly bytes: Buffer
  readonly lines: number
  /** How many of the bytes have arrived. */
  written: number
}

export interface LineBuffer {
  /** Takes a line unless more than `room` bytes would be needed. False if it was not taken. */
  append(line: string, room: number): boolean
  /** Makes a batch of what has been appended so far. */
  seal(): void
  /** The oldest batch; no longer part of the buffer. What is not sealed stays. */
  take(): Batch | undefined
  /** The memory of a batch that was written may be used again. */
  release(batch: Batch): void
  /** Bytes that have not been taken. A character that is not encoded yet counts as one. */
  pendingBytes(): number
  /** Lines that have not been taken. */
  pendingLines(): number
}

const batchBytes = 256 * 1_024
/**
 * Buffers that are kept for the next batches: as many as a busy service fills between two writes. Memory outside the heap
 * counts for the garbage collector, which would go through the whole heap every second to find buffers let go.
 */
const mostSpare = 8
/** Lines are encoded when they are so many characters together. */
const gatheredUnits = 8 * 1_024
/** UTF-8 takes at most three bytes for a UTF-16 code unit. */
const mostBytesPerUnit = 3

export function createLineBuffer(): LineBuffer {
  const full: Batch[] = []
  const spare: Buffer<ArrayBufferLike>[] = []
  let filling: Buffer<ArrayBufferLike> = Buffer.allocUnsafeSlow(batchBytes)
  let filled = 0
  let filledLines = 0
  let gathered = ''
  let gatheredLines = 0
  let fullBytes = 0
  let fullLines = 0

  function keep(bytes: Buffer, lines: number): void {
    full.push({ bytes, lines, written: 0 })
    fullBytes += bytes.length
    fullLines += lines
  }

  function changeBuffer(): void {
    if (filledLines === 0) return
    keep(filling.subarray(0, filled), filledLines)
    filling = spare.pop() ?? Buffer.allocUnsafeSlow(batchBytes)
    filled = 0
    filledLines = 0
  }

  /** How many bytes. `text` fits into an empty buffer. */
  function encode(text: string): number {
    if (text.length * mostBytesPerUnit > batchBytes - filled) changeBuffer()
    return filling.write(text, filled)
  }

  /** How many bytes more than characters were gathered. */
  function encodeGathered(): number {
    const units = gathered.length
    if (units === 0) return 0
    const bytes = encode(gathered)
    filled += bytes
    filledLines += gatheredLines
    gathered = ''
    gatheredLines = 0
    return bytes - units
  }

  function seal(): void {
    encodeGathered()
    changeBuffer()
  }

  function appendLong(line: string, room: number): boolean {
    const bytes = Buffer.from(line)
    if (bytes.length > room) return false
    seal()
    keep(bytes, 1)
    return true
  }

  /** Where little room is left, or many have been gathered, it has to be known what a line takes. */
  function appendExactly(line: string, room: number): boolean {
    const left = room - encodeGathered()
    if (line.length * mostBytesPerUnit > batchBytes) return appendLong(line, left)
    const bytes = encode(line)
    if (bytes > left) return false
    filled += bytes
    filledLines += 1
    return true
  }

  return {
    append(line, room) {
      const units = gathered.length + line.length
      if (units > gatheredUnits || units * mostBytesPerUnit > room) return appendExactly(line, room)
      gathered += line
      gatheredLines += 1
      return true
    },
    seal,
    take() {
      const batch = full.shift()
      if (batch === undefined) return undefined
      fullBytes -= batch.bytes.length
      fullLines -= batch.lines
      return batch
    },
    release({ bytes }) {
      const { buffer } = bytes
      if (buffer.byteLength === batchBytes && spare.length < mostSpare) spare.push(Buffer.from(buffer))
    },
    pendingBytes: () => fullBytes + filled + gathered.length,
    pendingLines: () => fullLines + filledLines + gatheredLines,
  }
}
