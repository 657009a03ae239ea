/**
 * The gateway in front of the clusters: takes a call, asks whether it may pass, and carries it. Who somebody is, and what
 * they may do, is the judge's; nothing passes without its word.
 */
import type { IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import { OperationalError } from '../../errors.ts'
import { type Arrived, readCall } from './arriving/read-call.ts'
import { type TlsFiles, watchTlsFiles } from './arriving/tls-files.ts'
import { createTlsServer } from './arriving/tls-server.ts'
import type { CallMeter } from './carrying/call-meter.ts'
import type { Carried, CarryLimits, CarryLog } from './carrying/carried.ts'
import { carryRequest } from './carrying/carry-request.ts'
import { carryUpgrade } from './carrying/carry-upgrade.ts'
import { createPassages } from './carrying/passage.ts'
import {
  answerInstead,
  closeAfterwards,
  isGone,
  peerOf,
  type Request,
  type Response,
  refuse,
} from './carrying/reply.ts'
import { type GatewayCall, isRefusal, type Judge, type Refusal } from './gateway-call.ts'
import { refusal, refusalOf } from './status.ts'
import type { ChangingCluster } from './upstream/changing-cluster.ts'

/** A call that was not let in. */
export interface RefusedCall {
  readonly requestId: string
  readonly why: Refusal
  readonly clientAddress: string | undefined
  /** Absent where it could not be read. */
  readonly call?: GatewayCall
}

export interface GatewayOptions {
  readonly tls: TlsFiles
  readonly clusters: readonly ChangingCluster[]
  readonly judge: Judge
  readonly newRequestId: () => string
  /** `peer`: the other side of the connection; `forwardedFor`: what it says, empty when nothing. */
  readonly clientAddress: (peer: string, forwardedFor: string) => string
  readonly limits: CarryLimits
  readonly log: CarryLog & { readonly certificateRefused: (error: unknown) => void }
  readonly onRefused: (refused: RefusedCall) => void
  /** Default: nothing is measured. */
  readonly meter?: CallMeter
  /** How often files are looked at. Default 5000. */
  readonly lookEveryMs?: number
}

export interface Gateway {
  /** Rejects with `ERR_LISTEN_FAILED`. */
  listen(address: { readonly host: string; readonly port: number }): Promise<void>
  readonly port: number
  /**
   * Takes no new connections; what is under way goes on, and what comes on a connection that is there is still carried.
   * Resolves after the last connection, or when none that is left can be idle. `close` has to follow.
   */
  handOver(): Promise<void>
  /**
   * Takes nothing new; cuts watches, logs and upgraded connections at once, with a word; lets other calls end until
   * `timeoutMs` have passed.
   */
  close(timeoutMs: number): Promise<void>
}

const noMeter: CallMeter = { begun: () => () => undefined, upstreamFailed: () => undefined }

const countedLog = ({ upstreamFailed, failed }: CarryLog, count: () => void): CarryLog => ({
  failed,
  upstreamFailed(error, requestId) {
    count()
    upstreamFailed(error, requestId)
  },
})

const stopping = refusal(503, 'the gateway stops', 'run the command again')

/** Throws when certificate and key of the listener cannot be used. */
export function createGateway(options: GatewayOptions): Gateway {
  const { judge, newRequestId, limits, log, onRefused, meter = noMeter } = options
  const clusters = new Map(options.clusters.map(cluster => [cluster.name, cluster]))
  const passages = createPassages()
  const logs = new Map(options.clusters.map(({ name }) => [name, countedLog(log, () => meter.upstreamFailed(name))]))
  let isStopping = false

  const tlsFiles = watchTlsFiles(options.tls, {
    onChange: pair => server.server.setSecureContext({ ...pair, minVersion: 'TLSv1.2' }),
    onError: log.certificateRefused,
    ...(options.lookEveryMs !== undefined && { lookEveryMs: options.lookEveryMs }),
  })
  const server = createTlsServer({
    pair: tlsFiles.value,
    newRequestId,
    onRequest: (request, response, expectsContinue) => void takeRequest(request, response, expectsContinue),
    onUpgrade: (request, socket, head) => void takeUpgrade(request, socket, head),
    onRefused: (why, requestId, peer) => onRefused({ why, requestId, clientAddress: peer }),
  })

  async function takeRequest(request: Request, response: Response, expectsContinue: boolean): Promise<void> {
    const startedAt = performance.now()
    const { method = '', url = '', rawHeaders } = request
    const taken = await take({ method, url, rawHeaders, isUpgrade: false }, peerOf(request) ?? '', startedAt)
    if ('why' in taken) {
      // Of a client that waited to be asked for its body Node ends the connection: its next call would be read as that body.
      if (isGone(request)) return
      refuse(response, { refusal: taken.why, requestId: taken.requestId, target: taken.call?.target ?? '' })
      return
    }
    if (isStopping) closeAfterwards(response)
    if (expectsContinue && !isGone(request)) response.writeContinue()
    carryRequest(taken, request, response)
  }

  async function takeUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    const startedAt = performance.now()
    socket.on('error', () => socket.destroy())
    const { method = '', url = '', rawHeaders } = request
    const taken = await take({ method, url, rawHeaders, isUpgrade: true }, peerOf(request) ?? '', startedAt)
    const instead = () => answerInstead(request, socket)
    if (!('why' in taken)) return carryUpgrade(taken, { request, socket, head, answerInstead: instead })
    if (socket.destroyed) return
    refuse(instead(), { refusal: taken.why, requestId: taken.requestId, target: taken.call?.target ?? '' })
  }

  /** Never rejects. */
  async function take(arrived: Arrived, peer: string, startedAt: number): Promise<Carried | RefusedCall> {
    const requestId = newRequestId()
    const clientAddress = (forwardedFor: string) => options.clientAddress(peer, forwardedFor)
    const call = readCall(arrived, { requestId, peerAddress: peer, clientAddress })
    if ('status' in call) return refused({ requestId, why: call, clientAddress: peer })
    const facts = { requestId, call, clientAddress: call.clientAddress }
    try {
      if (isStopping) return refused({ ...facts, why: stopping })
      const verdict = await judge(call)
      if (isRefusal(verdict)) return refused({ ...facts, why: verdict })
      const cluster = clusters.get(call.cluster)?.current
      const carryLog = logs.get(call.cluster) ?? log
      if (cluster !== undefined && !isStopping)
        return { call, admission: verdict, cluster, passages, startedAt, limits, meter, log: carryLog }
      const why = cluster === undefined ? refusal(404, `there is no cluster ${call.cluster}`) : stopping
      const nothing = { bytesReceived: 0, bytesSent: 0, durationMs: performance.now() - startedAt }
      verdict.finished({ status: why.status, ...nothing, ending: 'refused', why: why.reason })
      return { ...facts, why }
    } catch (error) {
      log.failed(error)
      return refused({ ...facts, why: refusalOf(error) })
    }
  }

  function refused(call: RefusedCall): RefusedCall {
    onRefused(call)
    return call
  }

  return {
    listen({ host, port }) {
      return new Promise((resolve, reject) => {
        const fail = (cause: NodeJS.ErrnoException): void => {
          const reason = cause.code === 'EADDRINUSE' ? 'something else listens there' : (cause.code ?? cause.message)
          reject(new OperationalError('ERR_LISTEN_FAILED', `cannot listen on ${host}:${port}: ${reason}`, { cause }))
        }
        server.server.once('error', fail)
        server.server.listen(port, host, () => {
          server.server.off('error', fail)
          resolve()
        })
      })
    },
    get port() {
      return (server.server.address() as AddressInfo | null)?.port ?? 0
    },
    handOver: server.handOver,
    async close(timeoutMs) {
      isStopping = true
      tlsFiles.close()
      passages.cut(stopping, 'lasting')
      server.close()
      const late = setTimeout(() => passages.cut(stopping, 'all'), timeoutMs)
      const never = new Promise<void>(resolve => setTimeout(resolve, timeoutMs + 1000).unref())
      await Promise.race([passages.whenNone(), never])
      clearTimeout(late)
      server.destroy()
      for (const cluster of clusters.values()) cluster.close()
    },
  }
}
