/**
 * Where frames end in bytes that go by, however they are cut into chunks. Pure: nothing is kept but a head and a count.
 *
 * What is put between two frames is read as a frame; put anywhere else it would be read as a part of one.
 */

/** `free`: another message may follow. `within`: this one goes on in the next frame. `over`: nothing may follow. */
export type Place = 'free' | 'within' | 'over'

/** A protocol in which each frame says its length first. */
export interface FrameFormat {
  /** Bytes of a head, from which {@link headSize} can be told. */
  readonly shortestHead: number
  readonly longestHead: number
  readonly headSize: (head: Uint8Array) => number
  /** Bytes behind the head. What is no length (`NaN`, below 0) ends the walk: no boundary is found any more. */
  readonly bodySize: (head: Uint8Array) => number
  readonly placeAfter: (head: Uint8Array, before: Place) => Place
  /** Of a command: the frame tells how it ended. */
  readonly isResult: (head: Uint8Array) => boolean
}

export interface FrameWalker {
  /** Walks on; how many bytes of the chunk it went: all, or with `toBoundary` up to the first place that is free. */
  advance(chunk: Uint8Array, toBoundary?: boolean): number
  /** Between two messages, and another may follow. */
  readonly isFree: boolean
  /** The last frame has been, or what came is none: it will never be free. */
  readonly isOver: boolean
  /** How the command ended has been told, or begun to be. */
  readonly hasResult: boolean
}

export function createFrameWalker(format: FrameFormat): FrameWalker {
  return new Walker(format)
}

/** A class, because a busy stream walks for each chunk. */
class Walker implements FrameWalker {
  readonly #format: FrameFormat
  readonly #head: Uint8Array
  #have = 0
  #wanted: number
  /** Bytes of the body still to come; only when the head is whole. */
  #rest = 0
  #place: Place = 'free'
  #next: Place = 'free'
  #isInBody = false
  hasResult = false

  constructor(format: FrameFormat) {
    this.#format = format
    this.#head = new Uint8Array(format.longestHead)
    this.#wanted = format.shortestHead
  }

  get isFree(): boolean {
    return this.#place === 'free' && this.#have === 0 && !this.#isInBody
  }

  get isOver(): boolean {
    return this.#place === 'over'
  }

  advance(chunk: Uint8Array, toBoundary = false): number {
    let at = 0
    while (at < chunk.length && !(toBoundary && this.isFree) && !this.isOver) {
      at += this.#isInBody ? this.#skip(chunk.length - at) : this.#collect(chunk, at)
    }
    return toBoundary ? at : chunk.length
  }

  #skip(present: number): number {
    const step = Math.min(this.#rest, present)
    this.#rest -= step
    if (this.#rest === 0) this.#close()
    return step
  }

  #collect(chunk: Uint8Array, from: number): number {
    const step = Math.min(this.#wanted - this.#have, chunk.length - from)
    this.#head.set(chunk.subarray(from, from + step), this.#have)
    this.#have += step
    if (this.#have === this.#wanted) this.#read()
    return step
  }

  #read(): void {
    const { headSize, bodySize, placeAfter } = this.#format
    this.#wanted = headSize(this.#head)
    if (this.#wanted > this.#have) return
    const size = bodySize(this.#head)
    this.#next = size >= 0 ? placeAfter(this.#head, this.#place) : 'over'
    this.hasResult ||= this.#format.isResult(this.#head)
    this.#rest = size
    this.#isInBody = size > 0
    if (!this.#isInBody) this.#close()
  }

  #close(): void {
    this.#isInBody = false
    this.#place = this.#next
    this.#have = 0
    this.#wanted = this.#format.shortestHead
  }
}
