/**
 * Carries a connection that becomes something else: exec, attach, cp, port-forward, over WebSocket or SPDY/3.1.
 *
 * Threat: until the API server has answered 101 there is no such connection. Nothing that was sent ahead is passed before
 * that, so that no byte of it can be read as a request of ours; and nothing of an answer is read as a stream.
 */
import type { ClientRequest, IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { farewellOf, type UpgradedStream } from '../frames/farewell.ts'
import { spdyFrames, webSocketFrames } from '../frames/formats.ts'
import { createFrameWalker, type FrameWalker } from '../frames/frame-walker.ts'
import type { Ending, Refusal, UpgradeProtocol } from '../gateway-call.ts'
import { upgradeName } from '../passing/request-headers.ts'
import { responseHeaders } from '../passing/response-headers.ts'
import { refusal, statusOf } from '../status.ts'
import { ownCredentialRefused, slowUpstream, upstreamFailure } from '../upstream/upstream-failure.ts'
import { type Carried, headersFor, targetOf, whereaboutsOf } from './carried.ts'
import { passClientHalf } from './client-half.ts'
import { type CallKind, kindOf, streamKindOf } from './kind.ts'
import { Passage } from './passage.ts'
import { destroyLater, refuse, sendHead } from './reply.ts'

/** How long the frame that is on its way at a cut may take to be whole. */
const boundaryWaitMs = 500
/** How long one side may take to read what the other has left behind. */
const restMs = 60_000

export interface UpgradeArrived {
  readonly request: IncomingMessage
  readonly socket: Duplex
  /** Sent ahead by the client. */
  readonly head: Buffer
  /** For an answer in place of the upgrade. */
  readonly answerInstead: () => ServerResponse
}

export function carryUpgrade(carried: Carried, arrived: UpgradeArrived): void {
  new UpgradeCarriage(carried, arrived).begin()
}

class UpgradeCarriage {
  readonly #carried: Carried
  readonly #arrived: UpgradeArrived
  readonly #kind: CallKind
  readonly #passage: Passage
  readonly #upgrade: UpgradeProtocol
  readonly #walker: FrameWalker
  #asking: ClientRequest | undefined
  #upstream: Duplex | undefined
  #stream: UpgradedStream | undefined
  #timer: NodeJS.Timeout | undefined
  #stopClientHalf: () => void = () => undefined
  #farewell: Refusal | undefined
  #ending: Ending = 'complete'
  /** The client has been answered otherwise, or has had its last frame. */
  #isDone = false

  constructor(carried: Carried, arrived: UpgradeArrived) {
    this.#carried = carried
    this.#arrived = arrived
    this.#kind = kindOf(targetOf(carried))
    this.#upgrade = carried.call.upgrade as UpgradeProtocol
    this.#walker = createFrameWalker(this.#upgrade === 'spdy' ? spdyFrames : webSocketFrames)
    this.#passage = new Passage({
      admission: carried.admission,
      isLasting: true,
      passages: carried.passages,
      meter: carried.meter,
      measured: { cluster: carried.cluster.name, stream: streamKindOf(this.#kind, true) },
      startedAt: carried.startedAt,
      onCut: why => this.#cut(why),
      onError: carried.log.failed,
    })
  }

  begin(): void {
    const { socket } = this.#arrived
    socket.once('close', () => this.#clientClosed())
    socket.on('error', () => socket.destroy())
    if (socket.destroyed) {
      this.#clientClosed()
      return
    }
    const { call, cluster, limits } = this.#carried
    const headers = headersFor(this.#carried, call.method === 'GET' ? undefined : '0')
    if (!Array.isArray(headers)) {
      this.#refuse(headers)
      return
    }
    try {
      const target = targetOf(this.#carried)
      this.#asking = cluster.ask({ method: call.method, target, headers, upgrade: this.#upgrade })
    } catch (error) {
      this.#carried.log.upstreamFailed(error, call.requestId)
      this.#refuse(refusal(400, 'the headers of this request cannot be passed on'))
      return
    }
    this.#asking.once('upgrade', (answer, upstream, head) => this.#upgraded(answer, upstream, head))
    this.#asking.once('response', answer => this.#answeredOtherwise(answer))
    this.#asking.on('error', error => this.#upstreamFailed(error))
    this.#asking.end()
    this.#timer = setTimeout(() => this.#asking?.destroy(slowUpstream()), limits.answerTimeoutMs)
    this.#passage.watch()
  }

  /** The API server refuses, in its own words. */
  #answeredOtherwise(answer: IncomingMessage): void {
    clearTimeout(this.#timer)
    if (this.#isDone) return
    const { cluster, call, log } = this.#carried
    if (answer.statusCode === 401 && !this.#kind.isProxied) {
      cluster.refusedUs()
      log.upstreamFailed(new Error('401 Unauthorized'), call.requestId)
      this.#refuse(ownCredentialRefused(call.cluster))
      return
    }
    this.#isDone = true
    const response = this.#arrived.answerInstead()
    const status = answer.statusCode ?? 502
    this.#passage.status = status
    answer.on('data', (chunk: Buffer) => {
      this.#passage.bytesSent += chunk.length
    })
    answer.once('error', () => response.destroy())
    try {
      sendHead(response, status, responseHeaders(answer.rawHeaders, whereaboutsOf(this.#carried)))
      answer.pipe(response)
    } catch {
      response.destroy()
    }
  }

  #upgraded(answer: IncomingMessage, upstream: Duplex, head: Buffer): void {
    clearTimeout(this.#timer)
    this.#upstream = upstream
    upstream.on('error', error => this.#upstreamFailed(error))
    if (this.#isDone) {
      upstream.destroy()
      return
    }
    const { headers } = answer
    if (headers.upgrade?.toLowerCase() !== upgradeName(this.#upgrade).toLowerCase()) {
      upstream.destroy()
      this.#upstreamFailed(new Error('the API server upgrades to something that was not asked for'))
      return
    }
    const protocol = String(headers['sec-websocket-protocol'] ?? headers['x-stream-protocol-version'] ?? '')
    this.#stream = { upgrade: this.#upgrade, protocol, isCommand: this.#kind.isCommand }
    this.#passage.status = 101
    this.#arrived.socket.write(this.#switchingHead(answer.rawHeaders))
    this.#connect(upstream, head)
  }

  #switchingHead(rawHeaders: readonly string[]): Buffer {
    const headers = responseHeaders(rawHeaders)
    const lines = ['HTTP/1.1 101 Switching Protocols', 'Connection: Upgrade', `Upgrade: ${upgradeName(this.#upgrade)}`]
    for (let index = 0; index < headers.length; index += 2) lines.push(`${headers[index]}: ${headers[index + 1]}`)
    return Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1')
  }

  #connect(upstream: Duplex, head: Buffer): void {
    const { socket, head: ahead } = this.#arrived
    const onReceived = (bytes: number): void => {
      this.#passage.bytesReceived += bytes
    }
    if (ahead.length > 0) {
      onReceived(ahead.length)
      upstream.write(ahead)
    }
    // After its result nothing matters to a command; over WebSocket the closing frame still has to be answered.
    const mayPass = (): boolean => this.#upgrade !== 'spdy' || !this.#isTold()
    this.#stopClientHalf = passClientHalf({ client: socket, upstream, onReceived, mayPass })
    if (head.length > 0) this.#pass(head)
    upstream.on('data', (chunk: Buffer) => this.#pass(chunk))
    upstream.once('end', () => this.#upstreamEnded())
    upstream.once('close', () => this.#upstreamEnded())
  }

  /** Of the server's half. Back-pressure by hand: where frames end has to be known. */
  #pass(chunk: Buffer): void {
    if (this.#isDone) return
    const { socket } = this.#arrived
    const isClosing = this.#farewell !== undefined
    const length = this.#walker.advance(chunk, isClosing)
    const part = length < chunk.length ? chunk.subarray(0, length) : chunk
    this.#passage.bytesSent += part.length
    if (!socket.write(part)) {
      this.#upstream?.pause()
      socket.once('drain', () => this.#upstream?.resume())
    }
    if (isClosing && (this.#walker.isFree || this.#walker.isOver)) this.#sayGoodbye()
  }

  #upstreamEnded(): void {
    if (this.#isDone) return
    // Threat: an API server that went away, and a command that seems to have ended well.
    if (this.#farewell !== undefined || this.#isUnanswered()) {
      this.#upstreamFailed(undefined)
      return
    }
    this.#isDone = true
    this.#arrived.socket.end()
    destroyLater(this.#arrived.socket, restMs)
  }

  /** The client waits for the result of a command. */
  #isUnanswered(): boolean {
    const isWaiting = !this.#arrived.socket.readableEnded && !this.#arrived.socket.destroyed
    return isWaiting && this.#kind.isCommand && !this.#walker.isOver && !this.#walker.hasResult
  }

  /** How the command ended is known, as a whole. */
  #isTold(): boolean {
    return this.#kind.isCommand && this.#walker.hasResult && this.#walker.isFree
  }

  #upstreamFailed(error: unknown): void {
    clearTimeout(this.#timer)
    if (this.#isDone) return
    if (this.#farewell === undefined && this.#isTold()) {
      this.#upstreamEnded()
      return
    }
    const { call, log } = this.#carried
    log.upstreamFailed(error, call.requestId)
    this.#ending = 'upstream-failed'
    const why = upstreamFailure(error, call.cluster)
    if (this.#stream === undefined) {
      this.#refuse(why)
      return
    }
    this.#farewell ??= why
    this.#closeOrBreak()
  }

  #cut(why: Refusal): void {
    clearTimeout(this.#timer)
    if (this.#isDone) return
    this.#farewell = why
    if (this.#stream === undefined) {
      this.#refuse(why)
      return
    }
    // From here on nothing of the person reaches the cluster.
    this.#stopClientHalf()
    if (this.#walker.isFree || this.#walker.isOver) {
      this.#sayGoodbye()
      return
    }
    this.#upstream?.resume()
    this.#timer = setTimeout(() => this.#break(), boundaryWaitMs)
  }

  #closeOrBreak(): void {
    if (this.#walker.isFree) this.#sayGoodbye()
    else this.#break()
  }

  #sayGoodbye(): void {
    const { socket } = this.#arrived
    this.#letGo()
    // A second result behind the first would make both unreadable.
    if (!this.#walker.isOver && !(this.#kind.isCommand && this.#walker.hasResult)) {
      const status = statusOf(this.#farewell as Refusal, this.#carried.call.requestId)
      const last = farewellOf(this.#stream as UpgradedStream, status)
      this.#passage.bytesSent += last.length
      socket.write(last)
    }
    socket.end()
    destroyLater(socket)
  }

  /** In the midst of a frame nothing can be said. */
  #break(): void {
    this.#letGo()
    this.#arrived.socket.destroy()
  }

  #refuse(why: Refusal): void {
    const { call } = this.#carried
    if (this.#ending === 'complete' && !this.#passage.isCut) this.#ending = 'refused'
    this.#passage.refused(why)
    this.#letGo()
    refuse(this.#arrived.answerInstead(), { refusal: why, requestId: call.requestId, target: call.target })
  }

  #clientClosed(): void {
    const wasDone = this.#isDone
    this.#letGo()
    // Which of the two went first cannot be told when the client answers a close frame by closing.
    this.#passage.end(wasDone || this.#walker.isOver || this.#ending !== 'complete' ? this.#ending : 'client-gone')
  }

  #letGo(): void {
    clearTimeout(this.#timer)
    this.#isDone = true
    this.#asking?.destroy()
    this.#upstream?.destroy()
  }
}
