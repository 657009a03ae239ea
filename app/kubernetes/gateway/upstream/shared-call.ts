/**
 * A call without a body over a connection that it shares, as if Node's HTTP/1.1 client had sent it. Where the server speaks
 * HTTP/1.1 alone that client sends it.
 */
import { EventEmitter } from 'node:events'
import { type IncomingHttpHeaders, validateHeaderName, validateHeaderValue } from 'node:http'
import { type ClientHttp2Stream, constants, type OutgoingHttpHeaders } from 'node:http2'
import type { Place, SharedConnections } from './shared-connections.ts'
import type { UpstreamAnswer, UpstreamCall } from './upstream-call.ts'

export interface SharedCallOptions {
  readonly connections: SharedConnections
  readonly method: string
  readonly path: string
  /** Names and values in turn. */
  readonly headers: readonly string[]
  /** The same over HTTP/1.1; not sent yet. */
  readonly askHttp1: () => UpstreamCall
}

/** Throws for headers that cannot be sent. */
export function createSharedCall(options: SharedCallOptions): UpstreamCall {
  return new SharedCall(options)
}

class SharedCall extends EventEmitter implements UpstreamCall {
  readonly reusedSocket = true
  readonly #options: SharedCallOptions
  readonly #headers: OutgoingHttpHeaders
  #stream: ClientHttp2Stream | undefined
  #http1: UpstreamCall | undefined
  #isDestroyed = false

  constructor(options: SharedCallOptions) {
    super()
    this.#options = options
    this.#headers = asHttp2(options)
  }

  get writableFinished(): boolean {
    return (this.#stream ?? this.#http1)?.writableFinished === true
  }

  end(): void {
    const fail = (error: Error): void => this.#fail(error)
    try {
      const place = this.#options.connections.enter()
      if (place instanceof Promise) place.then(later => this.#begin(later)).catch(fail)
      else this.#begin(place)
    } catch (error) {
      // Who calls is not done yet with what it does to call.
      process.nextTick(fail, error)
    }
  }

  destroy(error?: Error): void {
    if (this.#isDestroyed) return
    this.#isDestroyed = true
    if (this.#http1 !== undefined) {
      this.#http1.destroy(error)
      return
    }
    // One that is not open yet may be so later, and is left to others then.
    this.#stream?.close(constants.NGHTTP2_CANCEL)
    if (error !== undefined) this.emit('error', error)
  }

  #begin(place: Place | undefined): void {
    if (this.#isDestroyed) place?.leave()
    else if (place === undefined) this.#beginHttp1()
    else this.#beginStream(place)
  }

  #beginHttp1(): void {
    const call = this.#options.askHttp1()
    this.#http1 = call
    call.once('response', answer => this.emit('response', answer))
    call.on('error', error => this.emit('error', error))
    call.end()
  }

  #beginStream({ session, leave }: Place): void {
    let stream: ClientHttp2Stream
    try {
      stream = session.request(this.#headers, { endStream: true })
    } catch {
      // Two lines of a name that Node's HTTP/2 has once; or the connection has ended since.
      leave()
      this.#beginHttp1()
      return
    }
    this.#stream = stream
    stream.on('error', unheard)
    let answer: SharedAnswer | undefined
    stream.on('response', (headers, _flags, ...[rawHeaders]: unknown[]) => {
      if (this.#isDestroyed) return
      answer = new SharedAnswer(stream, headers, rawHeaders as string[])
      this.emit('response', answer)
    })
    stream.on('close', () => {
      leave()
      if (answer === undefined) this.#fail(broken())
      else answer.closed()
    })
  }

  #fail(error: Error): void {
    if (this.#isDestroyed) return
    this.#isDestroyed = true
    this.emit('error', error)
  }
}

/** What goes wrong with a stream ends it, and is seen there. */
const unheard = (): void => undefined

/** As HTTP/1.1 says it of a connection that was reset: the call may be asked again. */
const broken = (): Error => Object.assign(new Error('the connection broke'), { code: 'ECONNRESET' })

class SharedAnswer extends EventEmitter implements UpstreamAnswer {
  readonly statusCode: number
  readonly headers: IncomingHttpHeaders
  readonly rawHeaders: string[]
  readonly rawTrailers: string[] = []
  complete = false
  readonly #stream: ClientHttp2Stream

  constructor(stream: ClientHttp2Stream, headers: IncomingHttpHeaders, rawHeaders: readonly string[]) {
    super()
    this.#stream = stream
    this.statusCode = Number(headers[':status'])
    this.headers = headers
    this.rawHeaders = withoutPseudo(rawHeaders)
    stream.on('data', chunk => this.emit('data', chunk))
    stream.on('trailers', (_trailers, _flags, ...[raw]: unknown[]) => this.rawTrailers.push(...(raw as string[])))
  }

  /** Threat: a list that was cut off and looks whole: a reset ends a stream as well. Which it was is known when it closes. */
  closed(): void {
    const { rstCode, readableEnded } = this.#stream
    this.complete = rstCode === constants.NGHTTP2_NO_ERROR && readableEnded
    if (this.complete) this.emit('end')
    else if (this.listenerCount('error') > 0) this.emit('error', broken())
  }

  pause(): void {
    this.#stream.pause()
  }

  resume(): void {
    this.#stream.resume()
  }
}

/** Pseudo-headers come first (RFC 9113 section 8.3). */
function withoutPseudo(rawHeaders: readonly string[]): string[] {
  let start = 0
  while (rawHeaders[start]?.startsWith(':')) start += 2
  return rawHeaders.slice(start)
}

/**
 * Lines of one name stay lines, in their order: an API server reads one group from each. Threat: a value that ends its line, of
 * which Node's HTTP/2 makes another header. Throws as HTTP/1.1 does.
 */
function asHttp2({ method, path, headers }: SharedCallOptions): OutgoingHttpHeaders {
  // Without a prototype: a header may be called `constructor`.
  const all: Record<string, string | string[]> = Object.create(null)
  all[':method'] = method
  all[':scheme'] = 'https'
  all[':authority'] = ''
  all[':path'] = path
  for (let index = 0; index < headers.length; index += 2) {
    const [name, value] = [headers[index] as string, headers[index + 1] as string]
    validateHeaderName(name)
    validateHeaderValue(name, value)
    const lower = name.toLowerCase()
    if (lower === 'host') {
      all[':authority'] ||= value
      continue
    }
    const before = all[lower]
    if (before === undefined) all[lower] = value
    else if (typeof before === 'string') all[lower] = [before, value]
    else before.push(value)
  }
  return all
}
