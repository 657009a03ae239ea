/**
 * A call of HTTP/2 and its answer, on the stream itself. Node's own classes for it copy each part of a call into streams of
 * their own, for everybody who may listen: a third of what a gateway of Node alone takes for a small call.
 *
 * They are made by Node in the place of those (options of `createSecureServer`), with the same arguments.
 */
import type { IncomingHttpHeaders } from 'node:http'
import { constants, type OutgoingHttpHeaders, type ServerHttp2Stream } from 'node:http2'

/** What goes wrong with a stream ends it, and is seen there: nobody may be without an ear for it, or the process ends. */
const unheard = (): void => undefined

export class StreamRequest {
  readonly stream: ServerHttp2Stream
  readonly headers: IncomingHttpHeaders
  /** Names and values in turn, with pseudo-headers. */
  readonly rawHeaders: string[]
  /** Names and values in turn; whole when the body has ended. */
  rawTrailers: readonly string[] = []

  constructor(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, _options: unknown, rawHeaders: string[]) {
    this.stream = stream
    this.headers = headers
    this.rawHeaders = rawHeaders
    stream.on('error', unheard)
    if (stream.endAfterHeaders) return
    stream.on('trailers', (_trailers, _flags, ...[raw]: unknown[]) => {
      this.rawTrailers = raw as string[]
    })
  }

  get method(): string | undefined {
    return this.headers[constants.HTTP2_HEADER_METHOD] as string | undefined
  }

  get url(): string | undefined {
    return this.headers[constants.HTTP2_HEADER_PATH] as string | undefined
  }

  /** Of the connection, while there is one. */
  get peerAddress(): string | undefined {
    const { session } = this.stream
    return session === undefined || session.destroyed ? undefined : session.socket.remoteAddress
  }
}

export class StreamResponse {
  readonly stream: ServerHttp2Stream
  #isEnded = false
  #trailers: OutgoingHttpHeaders = {}

  constructor(stream: ServerHttp2Stream) {
    this.stream = stream
  }

  get headersSent(): boolean {
    return this.stream.headersSent
  }

  /** All has been said, and the client has not said that it wants no more of it. */
  get isAllSent(): boolean {
    // What has no body is ended with its head.
    const isEnded = this.#isEnded || this.stream.writableEnded
    return isEnded && this.stream.rstCode === constants.NGHTTP2_NO_ERROR
  }

  writeContinue(): void {
    if (!this.headersSent && !this.#isGone) this.stream.additionalHeaders({ ':status': 100 })
  }

  /**
   * Sends the head at once. Throws for what cannot be sent, and has sent nothing then.
   *
   * @param headers by lower-case name, `:status` among them
   * @param hasTrailers false: nothing can come behind the body, which then ends with its last byte
   */
  sendHead(headers: OutgoingHttpHeaders, hasTrailers: boolean): void {
    const { stream } = this
    if (this.#isGone) return
    stream.respond(headers, { waitForTrailers: hasTrailers })
    if (hasTrailers) stream.once('wantTrailers', () => stream.sendTrailers(this.#trailers))
  }

  /** False: what waits is more than should; {@link onceDrained} says when it is less. */
  write(chunk: Buffer): boolean {
    return this.#isGone || this.stream.writableEnded || this.stream.write(chunk)
  }

  onceDrained(listener: () => void): void {
    this.stream.once('drain', listener)
  }

  /** Before the end, and only where the head has said that there may be some. */
  addTrailers(trailers: OutgoingHttpHeaders): void {
    this.#trailers = trailers
  }

  end(last?: Buffer | string): void {
    if (this.#isEnded) return
    this.#isEnded = true
    if (this.#isGone || this.stream.writableEnded) return
    if (last === undefined) this.stream.end()
    else this.stream.end(last)
  }

  get #isGone(): boolean {
    return this.stream.destroyed || this.stream.closed
  }
}
