/** A gateway with a judge of the test's, in front of an API server of the test's; both on loopback with real TLS. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import type { IncomingMessage, RequestListener } from 'node:http'
import {
  type ClientHttp2Session,
  connect as connectHttp2,
  createSecureServer,
  type OutgoingHttpHeaders,
  type ServerHttp2Session,
} from 'node:http2'
import { createServer, type RequestOptions, request as requestHttps, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Duplex } from 'node:stream'
import { connect as connectTls, type TLSSocket } from 'node:tls'
import { type ComposeGatewayOptions, composeGateway } from '../../app/compose/clusters/gateway.ts'
import type { Gateway, RefusedCall } from '../../app/kubernetes/gateway/gateway.ts'
import type { Admission, GatewayCall, Outcome, Refusal, Subject } from '../../app/kubernetes/gateway/gateway-call.ts'
import type { AccessFile } from '../../app/kubernetes/gateway/upstream/changing-cluster.ts'
import type { ClusterAccess } from '../../app/kubernetes/gateway/upstream/cluster-access.ts'
import { type Authority, createAuthority } from '../certificates.ts'

export const alice: Subject = { user: 'alice@example.com', groups: ['ops', 'on-call'], extra: {} }

/** What the judge has let in. */
export interface Admitted {
  readonly call: GatewayCall
  readonly isWatched: Promise<void>
  readonly outcome: Promise<Outcome>
  /** Ends the call as the end of a session would; waits until somebody listens for it. */
  cut(why: Refusal): Promise<void>
}

export interface World {
  readonly authority: Authority
  readonly directory: string
  readonly port: number
  readonly gateway: Gateway
  readonly admitted: Admitted[]
  readonly refused: RefusedCall[]
  readonly logged: { readonly message: string; readonly err: unknown }[]
  /** The next call that is let in. */
  next(): Promise<Admitted>
  /** Replaces the judge for the calls to come; none: Alice may do everything. */
  judge(judge: ((call: GatewayCall) => Promise<Admission | Refusal>) | undefined): void
  http2(): ClientHttp2Session
  ask(options: AskOptions): Promise<Answer>
  close(): Promise<void>
}

export interface AskOptions extends Pick<RequestOptions, 'method' | 'path' | 'headers'> {
  readonly body?: string | Buffer
  /** The first bytes of the answer are there. */
  readonly onBegun?: () => void
}

export interface Answer {
  readonly status: number
  readonly rawHeaders: readonly string[]
  readonly headers: IncomingMessage['headers']
  readonly text: string
  readonly trailers: IncomingMessage['trailers']
}

export interface WorldOptions extends Partial<Omit<ComposeGatewayOptions, 'clusters' | 'tls' | 'judge'>> {
  readonly authority: Authority
  readonly access: ClusterAccess | AccessFile
}

export function createPromise<T>() {
  let resolve: (value: T) => void = () => undefined
  const promise = new Promise<T>(settle => {
    resolve = settle
  })
  return { promise, resolve }
}

/** Lets in everybody as `as`; tells the test of each call. */
export function createJudge(admitted: Admitted[], told: (one: Admitted) => void, as: Subject = alice) {
  return async (call: GatewayCall): Promise<Admission> => {
    const watched = createPromise<void>()
    const outcome = createPromise<Outcome>()
    let cut: ((why: Refusal) => void) | undefined
    const one: Admitted = {
      call,
      isWatched: watched.promise,
      outcome: outcome.promise,
      async cut(why) {
        await watched.promise
        cut?.(why)
      },
    }
    admitted.push(one)
    told(one)
    return {
      impersonate: as,
      onEnd(callback) {
        cut = callback
        watched.resolve()
        return () => {
          cut = undefined
        }
      },
      finished: outcome.resolve,
    }
  }
}

export async function startWorld({ authority, access, ...options }: WorldOptions): Promise<World> {
  const directory = mkdtempSync(join(tmpdir(), 'sallyport-gateway-'))
  const own = authority.issue('gateway', ['localhost', 'IP:127.0.0.1'])
  const tls = { certificate: join(directory, 'tls.pem'), key: join(directory, 'tls.key') }
  writeFileSync(tls.certificate, own.certificate)
  writeFileSync(tls.key, own.key)
  const admitted: Admitted[] = []
  const refused: RefusedCall[] = []
  const logged: World['logged'] = []
  let waiting: ((one: Admitted) => void)[] = []
  const letAll = createJudge(admitted, one => {
    for (const resolve of waiting) resolve(one)
    waiting = []
  })
  let judge: (call: GatewayCall) => Promise<Admission | Refusal> = letAll
  const log = (fields: object, message: string) => void logged.push({ message, err: (fields as { err?: unknown }).err })
  const gateway = composeGateway({
    lookEveryMs: 20,
    logger: { warn: log as never, error: log as never },
    ...options,
    tls,
    clusters: [{ name: 'prod', access }],
    judge: call => judge(call),
    onRefused: one => refused.push(one),
  })
  await gateway.listen({ host: '127.0.0.1', port: 0 })
  const sessions: ClientHttp2Session[] = []
  return {
    authority,
    directory,
    port: gateway.port,
    gateway,
    admitted,
    refused,
    logged,
    next: () => new Promise(resolve => waiting.push(resolve)),
    judge: other => {
      judge = other ?? letAll
    },
    http2() {
      const session = connectHttp2(`https://localhost:${gateway.port}`, { ca: authority.certificate })
      session.on('error', () => undefined)
      sessions.push(session)
      return session
    },
    ask: options => askHttp1(gateway.port, authority, options),
    async close() {
      for (const session of sessions) session.destroy()
      await gateway.close(0)
      rmSync(directory, { recursive: true, force: true })
    },
  }
}

export function askHttp1(port: number, { certificate }: Authority, options: AskOptions): Promise<Answer> {
  const { body, onBegun = () => undefined, ...rest } = options
  return new Promise((resolve, reject) => {
    const asking = requestHttps({ host: 'localhost', port, ca: certificate, agent: false, ...rest }, answer => {
      const chunks: Buffer[] = []
      answer.once('data', onBegun)
      answer.on('data', chunk => chunks.push(chunk))
      answer.once('error', reject)
      answer.once('end', () => {
        const { statusCode: status = 0, rawHeaders, headers, trailers } = answer
        resolve({ status, rawHeaders, headers, trailers, text: Buffer.concat(chunks).toString() })
      })
    })
    asking.once('error', reject)
    asking.end(body)
  })
}

export interface Answer2 {
  readonly status: number
  readonly headers: Readonly<Record<string, unknown>>
  readonly text: string
  readonly trailers: Readonly<Record<string, unknown>>
}

export interface AskOptions2 {
  readonly body?: Buffer
  readonly onBegun?: () => void
}

export function askHttp2(
  session: ClientHttp2Session,
  headers: OutgoingHttpHeaders,
  { body, onBegun = () => undefined }: AskOptions2 = {},
): Promise<Answer2> {
  return new Promise((resolve, reject) => {
    const stream = session.request(headers, { endStream: body === undefined })
    const chunks: Buffer[] = []
    let head: Record<string, unknown> = {}
    let trailers: Record<string, unknown> = {}
    stream.on('response', all => {
      head = all
    })
    stream.on('trailers', all => {
      trailers = all
    })
    stream.once('data', onBegun)
    stream.on('data', chunk => chunks.push(chunk))
    stream.once('error', reject)
    stream.once('close', () => {
      const status = Number(head[':status'] ?? 0)
      if (stream.rstCode === 0) resolve({ status, headers: head, trailers, text: Buffer.concat(chunks).toString() })
      else reject(new Error(`the stream was reset with ${stream.rstCode}`))
    })
    if (body !== undefined) stream.end(body)
  })
}

/** A TLS connection to the gateway on which HTTP/1.1 is written by hand. */
export async function connectRaw(port: number, { certificate }: Authority): Promise<RawConnection> {
  const socket = connectTls({
    host: 'localhost',
    port,
    ca: certificate,
    ALPNProtocols: ['http/1.1'],
    servername: 'localhost',
  })
  const chunks: Buffer[] = []
  const readers = new Set<() => void>()
  const tell = () => {
    for (const reader of readers) reader()
  }
  socket.on('data', chunk => {
    chunks.push(chunk)
    tell()
  })
  socket.on('close', tell)
  socket.on('error', () => undefined)
  await new Promise<void>((resolve, reject) => {
    socket.once('secureConnect', resolve)
    socket.once('error', reject)
  })
  const bytes = () => Buffer.concat(chunks)
  return {
    socket,
    bytes,
    until: (found, what) =>
      new Promise((resolve, reject) => {
        const look = () => {
          if (!found(bytes())) {
            if (socket.destroyed) reject(new Error(`closed before ${what}: ${bytes().toString('latin1')}`))
            return
          }
          readers.delete(look)
          resolve()
        }
        readers.add(look)
        look()
      }),
    isClosed: new Promise(resolve => socket.once('close', () => resolve(bytes()))),
  }
}

export interface RawConnection {
  readonly socket: TLSSocket
  readonly bytes: () => Buffer
  readonly until: (found: (bytes: Buffer) => boolean, what: string) => Promise<void>
  readonly isClosed: Promise<Buffer>
}

export interface FakeApiServer {
  readonly server: Server
  readonly access: ClusterAccess
  /** Replaces what answers. */
  answer(listener: RequestListener): void
  upgrade(listener: (request: IncomingMessage, socket: Duplex, head: Buffer) => void): void
  /** Connections that it has had. */
  readonly connections: () => number
  readonly sockets: readonly Duplex[]
  /** Those of HTTP/2, in order. */
  readonly sessions: readonly ServerHttp2Session[]
  close(): Promise<void>
}

/** As Go's servers take. */
const mostHeaderBytes = 1024 * 1024

/** `mostStreams`: it speaks HTTP/2 as well, and takes so many calls on a connection. */
export async function startFakeApiServer(
  authority: Authority,
  { names = ['localhost', 'IP:127.0.0.1'], mostStreams }: { names?: string[]; mostStreams?: number } = {},
): Promise<FakeApiServer> {
  const own = authority.issue('kube-apiserver', names)
  const pair = { key: own.key, cert: own.certificate }
  let listener: RequestListener = (_request, response) => response.end('{}')
  let upgrade: (request: IncomingMessage, socket: Duplex, head: Buffer) => void = (_request, socket) => socket.destroy()
  const server =
    mostStreams === undefined
      ? createServer({ ...pair, maxHeaderSize: mostHeaderBytes, ALPNProtocols: ['http/1.1'] })
      : // Its requests and answers are those of HTTP/1.1 as far as tests look at them.
        (createSecureServer({
          ...pair,
          allowHTTP1: true,
          maxHeaderListPairs: 100_000,
          http1Options: { maxHeaderSize: mostHeaderBytes },
          settings: { maxConcurrentStreams: mostStreams, maxHeaderListSize: mostHeaderBytes },
        } as never) as unknown as Server)
  const sessions: ServerHttp2Session[] = []
  server.on('session' as never, (session: ServerHttp2Session) => sessions.push(session))
  server.on('request', (request, response) => listener(request, response))
  server.on('checkContinue', (request, response) => listener(request, response))
  server.on('upgrade', (request, socket, head) => {
    socket.on('error', () => socket.destroy())
    upgrade(request, socket, head)
  })
  const sockets: Duplex[] = []
  server.on('secureConnection', socket => sockets.push(socket))
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    server,
    access: {
      server: `https://localhost:${port}`,
      authority: { text: authority.certificate },
      credential: { kind: 'token', token: 'gateway-token' },
    },
    answer: other => {
      listener = other
    },
    upgrade: other => {
      upgrade = other
    },
    connections: () => sockets.length,
    sockets,
    sessions,
    close: () =>
      new Promise(resolve => {
        server.close(() => resolve())
        for (const session of sessions) session.destroy()
        for (const socket of sockets) socket.destroy()
      }),
  }
}

export const startAuthority = (): Authority => createAuthority('authority of the cluster')
