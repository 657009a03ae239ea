/**
 * Asks an API server as kubectl does: HTTP/2 with Go's windows, all calls of one client on one connection, kept alive.
 *
 * An answer of another status than 200 ends the run: a fast refusal must never look like a fast answer.
 */
import { type ClientHttp2Session, type ClientHttp2Stream, connect, constants } from 'node:http2'
import { connect as connectTls } from 'node:tls'
import { createLatencies } from '../latencies.ts'

/** Who is asked, and as whom. */
export interface CallTarget {
  readonly port: number
  /** The name in its certificate. */
  readonly serverName: string
  /** PEM: vouches for it. */
  readonly authority: string
  /** PEM, where the client has a certificate. */
  readonly certificate?: string
  readonly key?: string
  /** In front of every path. */
  readonly prefix: string
  readonly headers: Readonly<Record<string, string | readonly string[]>>
}

export type CallJob =
  | {
      readonly kind: 'calls'
      readonly target: CallTarget
      readonly path: string
      readonly atOnce: number
      readonly seconds: number
      /** Also when the time is over; counts for each of those at once. */
      readonly leastCalls: number
    }
  | {
      /** Holds watches until the next job. */
      readonly kind: 'watches'
      readonly target: CallTarget
      readonly path: string
      readonly count: number
      readonly perConnection: number
    }
  | { readonly kind: 'release' }

export interface CallResult {
  readonly calls: number
  readonly seconds: number
  readonly p50Ms: number
  readonly p99Ms: number
  /** Of one body, the last one. */
  readonly bytes: number
}

const nothing: CallResult = { calls: 0, seconds: 0, p50Ms: 0, p99Ms: 0, bytes: 0 }
/** As golang.org/x/net/http2 has them. */
const streamWindow = 4 * 1024 * 1024
const connectionWindow = 1024 * 1024 * 1024
const watchTimeoutSeconds = 3_000

export function runCallGenerator(): void {
  let held: readonly ClientHttp2Session[] = []
  const run = async (job: CallJob): Promise<CallResult> => {
    for (const session of held) await closed(session)
    held = []
    if (job.kind === 'calls') return runCalls(job)
    if (job.kind === 'watches') held = await openWatches(job)
    return nothing
  }
  process.on('message', (job: CallJob) => {
    run(job).then(
      result => process.send?.({ result }),
      (error: Error) => process.send?.({ error: error.message }),
    )
  })
  process.send?.({})
}

async function runCalls(job: Extract<CallJob, { kind: 'calls' }>): Promise<CallResult> {
  const { target, path, atOnce, leastCalls } = job
  const session = await open(target)
  try {
    // The first one meets connections that are not there yet, on either side of a gateway.
    await Promise.all(Array.from({ length: atOnce }, () => ask(session, target, path)))
    const latencies = createLatencies()
    const started = performance.now()
    const until = started + job.seconds * 1_000
    let bytes = 0
    const oneAfterAnother = async (): Promise<void> => {
      for (let done = 0; done < leastCalls || performance.now() < until; done += 1) {
        const sentAt = performance.now()
        bytes = await ask(session, target, path)
        latencies.record(performance.now() - sentAt)
      }
    }
    await Promise.all(Array.from({ length: atOnce }, oneAfterAnother))
    const seconds = (performance.now() - started) / 1_000
    return { calls: latencies.count(), seconds, p50Ms: latencies.at(0.5), p99Ms: latencies.at(0.99), bytes }
  } finally {
    await closed(session)
  }
}

/** Resolves when each of them has been answered, and none has ended. */
async function openWatches(job: Extract<CallJob, { kind: 'watches' }>): Promise<readonly ClientHttp2Session[]> {
  const { target, count, perConnection } = job
  const path = `${job.path}&watch=true&timeoutSeconds=${watchTimeoutSeconds}`
  const sessions: ClientHttp2Session[] = []
  for (let opened = 0; opened < count; opened += perConnection) {
    const session = await open(target)
    sessions.push(session)
    const onThis = Math.min(perConnection, count - opened)
    await Promise.all(Array.from({ length: onThis }, () => head(begin(session, target, path).resume())))
  }
  return sessions
}

function begin(session: ClientHttp2Session, { headers, prefix, serverName }: CallTarget, path: string) {
  const { HTTP2_HEADER_AUTHORITY, HTTP2_HEADER_PATH } = constants
  return session.request(
    { [HTTP2_HEADER_AUTHORITY]: serverName, [HTTP2_HEADER_PATH]: `${prefix}${path}`, ...headers } as never,
    { endStream: true },
  )
}

/** Bytes of the body. */
function ask(session: ClientHttp2Session, target: CallTarget, path: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const stream = begin(session, target, path)
    let bytes = 0
    stream.on('data', (chunk: Buffer) => {
      bytes += chunk.length
    })
    stream.once('end', () => resolve(bytes))
    stream.once('close', () => reject(new Error('a call was broken off')))
    head(stream).catch(reject)
  })
}

function head(stream: ClientHttp2Stream): Promise<void> {
  return new Promise((resolve, reject) => {
    stream.once('response', ({ ':status': status }) => {
      if (status === 200) resolve()
      else reject(new Error(`expected 200, got: ${status}`))
    })
    stream.once('error', reject)
    stream.once('close', () => reject(new Error('a call was not answered')))
  })
}

function open({ port, serverName: servername, authority: ca, certificate: cert, key }: CallTarget) {
  return new Promise<ClientHttp2Session>((resolve, reject) => {
    const session = connect(`https://${servername}`, {
      settings: { enablePush: false, initialWindowSize: streamWindow },
      createConnection: () =>
        connectTls({
          host: '127.0.0.1',
          port,
          servername,
          ca,
          ALPNProtocols: ['h2'],
          ...(cert !== undefined && key !== undefined && { cert, key }),
        }),
    })
    session.once('connect', () => {
      session.setLocalWindowSize(connectionWindow)
      resolve(session)
    })
    session.on('error', reject)
  })
}

function closed(session: ClientHttp2Session): Promise<void> {
  return new Promise(resolve => {
    if (session.destroyed) return resolve()
    session.once('close', resolve)
    session.destroy()
  })
}
