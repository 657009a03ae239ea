/**
 * Carries an ordinary call: both bodies stream, each no faster than its reader, and whoever goes away takes the other
 * side along.
 */
import type { ClientRequest } from 'node:http'
import { trailersRefused } from '../arriving/read-call.ts'
import { watchError } from '../frames/farewell.ts'
import { type Events, eventsOf } from '../frames/watch-events.ts'
import type { Ending, Refusal } from '../gateway-call.ts'
import { responseHeaders } from '../passing/response-headers.ts'
import { refusal, statusOf } from '../status.ts'
import type { UpstreamAnswer, UpstreamCall } from '../upstream/upstream-call.ts'
import { ownCredentialRefused, slowUpstream, upstreamFailure } from '../upstream/upstream-failure.ts'
import { type Carried, headersFor, targetOf, whereaboutsOf } from './carried.ts'
import { type CallKind, kindOf, mayShare, streamKindOf } from './kind.ts'
import { Passage } from './passage.ts'
import {
  addTrailers,
  bodyOf,
  breakOff,
  closeIfUnread,
  isGone,
  lingerMs,
  mayHaveBody,
  mayHaveTrailers,
  type Request,
  type Response,
  readableOf,
  refuse,
  sendHead,
  sendPart,
  whenOver,
} from './reply.ts'

/** How long the event that is on its way when a watch is cut may take to be whole. */
const boundaryWaitMs = 500

export function carryRequest(carried: Carried, request: Request, response: Response): void {
  new RequestCarriage(carried, request, response).begin()
}

class RequestCarriage {
  readonly #carried: Carried
  readonly #request: Request
  readonly #response: Response
  readonly #kind: CallKind
  readonly #passage: Passage
  #upstream: UpstreamCall | undefined
  /** The same where there is a body to pass on. */
  #bodySink: ClientRequest | undefined
  #answer: UpstreamAnswer | undefined
  #events: Events | undefined
  #lateTimer: NodeJS.Timeout | undefined
  #mayRetry = false
  #ending: Ending = 'complete'
  /** Why it is cut, while the last event may still pass. */
  #farewell: Refusal | undefined
  /** Nothing more of the API server is passed. */
  #isDone = false
  /** Bytes of the answer that are still to come, where the API server has said how many there are. */
  #awaited = Number.NaN

  constructor(carried: Carried, request: Request, response: Response) {
    this.#carried = carried
    this.#request = request
    this.#response = response
    this.#kind = kindOf(targetOf(carried))
    this.#passage = new Passage({
      admission: carried.admission,
      isLasting: this.#kind.isWatch || this.#kind.isFollow,
      passages: carried.passages,
      meter: carried.meter,
      measured: { cluster: carried.cluster.name, stream: streamKindOf(this.#kind, false) },
      startedAt: carried.startedAt,
      onCut: why => this.#cut(why),
      onError: carried.log.failed,
    })
  }

  begin(): void {
    // HTTP/2 says so of a stream that the client has reset as well.
    whenOver(this.#response, isAllSent => (isAllSent ? this.#finished() : this.#clientClosed()))
    // It went away while it was judged.
    if (isGone(this.#request)) {
      this.#clientClosed()
      return
    }
    const { method } = this.#carried.call
    const body = bodyOf(this.#request) ?? (mayHaveBody(method) ? '0' : undefined)
    const headers = headersFor(this.#carried, body)
    if (!Array.isArray(headers)) {
      this.#refuse(headers)
      return
    }
    this.#mayRetry = body === undefined
    if (!this.#send(headers, body === undefined && mayShare(this.#kind))) return
    this.#passBody(body)
    this.#passage.watch()
  }

  #send(headers: readonly string[], isShared: boolean): boolean {
    const { cluster, call, limits } = this.#carried
    let upstream: UpstreamCall
    try {
      const asking = { method: call.method, target: targetOf(this.#carried), headers }
      if (isShared) upstream = cluster.share(asking)
      else upstream = this.#bodySink = cluster.ask(asking)
    } catch (error) {
      this.#carried.log.upstreamFailed(error, call.requestId)
      this.#refuse(refusal(400, 'the headers of this request cannot be passed on'))
      return false
    }
    this.#upstream = upstream
    upstream.once('response', answer => this.#answered(answer))
    upstream.on('error', error => this.#upstreamFailed(error, headers))
    const { isWatch, isFollow, isProxied } = this.#kind
    if (!(isWatch || isFollow || isProxied))
      this.#lateTimer = setTimeout(() => upstream.destroy(slowUpstream()), limits.answerTimeoutMs)
    return true
  }

  #passBody(body: string | undefined): void {
    const sink = this.#bodySink
    if (sink === undefined || body === undefined || (body === '0' && !mayHaveTrailers(this.#request))) {
      this.#upstream?.end()
      return
    }
    const request = readableOf(this.#request)
    request.on('data', (chunk: Buffer) => {
      this.#passage.bytesReceived += chunk.length
    })
    request.pipe(sink, { end: false })
    request.once('end', () => this.#bodyEnded(sink))
  }

  /** Threat: to some servers a trailer is a header, and says who is asking. A body in chunks is no body without its end. */
  #bodyEnded(upstream: ClientRequest): void {
    if (this.#isDone) return
    if (this.#request.rawTrailers.length === 0) upstream.end()
    else if (this.#response.headersSent) this.#break()
    else this.#refuse(trailersRefused)
  }

  #answered(answer: UpstreamAnswer): void {
    clearTimeout(this.#lateTimer)
    const { cluster, call } = this.#carried
    if (this.#isDone) return
    if (answer.statusCode === 401 && !this.#kind.isProxied) {
      cluster.refusedUs()
      this.#carried.log.upstreamFailed(new Error('401 Unauthorized'), call.requestId)
      this.#refuse(ownCredentialRefused(call.cluster))
      return
    }
    this.#answer = answer
    const status = answer.statusCode ?? 0
    this.#awaited = call.method === 'HEAD' ? 0 : Number(answer.headers['content-length'] ?? Number.NaN)
    try {
      const headers = responseHeaders(answer.rawHeaders, whereaboutsOf(this.#carried))
      sendHead(this.#response, status, headers, Number.isNaN(this.#awaited))
    } catch (error) {
      this.#upstreamFailed(error)
      return
    }
    this.#passage.status = status
    if (this.#kind.isWatch && status === 200) this.#events = eventsOf(answer)
    answer.on('data', (chunk: Buffer) => this.#pass(answer, chunk))
    answer.once('end', () => this.#ended(answer))
    answer.once('error', error => this.#upstreamFailed(error))
  }

  #pass(answer: UpstreamAnswer, chunk: Buffer): void {
    if (this.#isDone) return
    const isClosing = this.#farewell !== undefined
    const length = this.#events?.walker.advance(chunk, isClosing) ?? chunk.length
    const part = length < chunk.length ? chunk.subarray(0, length) : chunk
    this.#passage.bytesSent += part.length
    this.#awaited -= chunk.length
    if (this.#awaited === 0 && this.#events === undefined) {
      this.#letGo()
      this.#response.end(part)
      return
    }
    if (!sendPart(this.#response, part, () => answer.resume())) answer.pause()
    if (isClosing && this.#events?.walker.isFree === true) this.#sayGoodbye()
  }

  #ended(answer: UpstreamAnswer): void {
    if (this.#isDone) return
    if (!answer.complete) {
      this.#upstreamFailed(undefined)
      return
    }
    const trailers = answer.rawTrailers
    if (trailers.length > 0) addTrailers(this.#response, responseHeaders(trailers))
    this.#end()
  }

  /** `again`: the headers of a call that may be asked once more. */
  #upstreamFailed(error: unknown, again?: readonly string[]): void {
    clearTimeout(this.#lateTimer)
    if (this.#isDone || this.#answer?.complete === true) return
    if (again !== undefined && this.#answer === undefined && this.#wasStale(error)) {
      this.#mayRetry = false
      if (this.#send(again, mayShare(this.#kind))) this.#upstream?.end()
      return
    }
    const { call, log } = this.#carried
    log.upstreamFailed(error, call.requestId)
    this.#ending = 'upstream-failed'
    if (this.#response.headersSent) this.#break()
    else this.#refuse(upstreamFailure(error, call.cluster))
  }

  /** An idle connection that the API server ended while we sent: nobody has read the call. */
  #wasStale(error: unknown): boolean {
    const { code } = error as NodeJS.ErrnoException
    return this.#mayRetry && this.#upstream?.reusedSocket === true && (code === 'ECONNRESET' || code === 'EPIPE')
  }

  #cut(why: Refusal): void {
    clearTimeout(this.#lateTimer)
    if (this.#isDone) return
    if (!this.#response.headersSent) {
      this.#refuse(why)
      return
    }
    this.#farewell = why
    // Threat: a list that was cut off and looks whole. A watch has no whole: its client asks again, and is refused.
    if (!this.#kind.isWatch) this.#break()
    else if (this.#events === undefined || this.#events.walker.isFree) this.#sayGoodbye()
    else this.#wait(boundaryWaitMs)
  }

  #sayGoodbye(): void {
    const { call } = this.#carried
    const why = this.#farewell as Refusal
    this.#wait(lingerMs)
    this.#end(this.#events?.isJson === true ? watchError(statusOf(why, call.requestId)) : undefined)
  }

  /** The client may not read at all. */
  #wait(ms: number): void {
    clearTimeout(this.#lateTimer)
    this.#lateTimer = setTimeout(() => this.#break(), ms)
  }

  #refuse(why: Refusal): void {
    const { call } = this.#carried
    if (this.#ending === 'complete' && !this.#passage.isCut) this.#ending = 'refused'
    this.#passage.refused(why)
    closeIfUnread(this.#request, this.#response)
    this.#letGo()
    refuse(this.#response, { refusal: why, requestId: call.requestId, target: call.target })
  }

  #end(last?: Buffer): void {
    this.#letGo()
    this.#passage.bytesSent += last?.length ?? 0
    if (last === undefined) this.#response.end()
    else this.#response.end(last)
  }

  #break(): void {
    this.#letGo()
    breakOff(this.#response)
    this.#passage.end(this.#ending)
  }

  #clientClosed(): void {
    clearTimeout(this.#lateTimer)
    this.#letGo()
    this.#passage.end('client-gone')
  }

  #finished(): void {
    clearTimeout(this.#lateTimer)
    this.#letGo()
    this.#passage.end(this.#ending)
  }

  /** Of the API server: nothing of it is wanted any more. An answer that is whole leaves its connection to the next. */
  #letGo(): void {
    this.#isDone = true
    const upstream = this.#upstream
    const isWhole = this.#awaited === 0 || this.#answer?.complete === true
    if (upstream === undefined || (isWhole && upstream.writableFinished)) return
    if (this.#bodySink !== undefined) readableOf(this.#request).unpipe(this.#bodySink)
    upstream.destroy()
  }
}
