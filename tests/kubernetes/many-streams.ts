/** Streams of every kind by the hundred: an API server that opens whatever is asked for, and clients that see how each ends. */
import type { Authority } from '../certificates.ts'
import { connectRaw, type FakeApiServer, type RawConnection } from './gateway-world.ts'

export const kinds = ['exec', 'exec by SPDY', 'attach', 'logs', 'watch', 'port-forward'] as const
export type Kind = (typeof kinds)[number]

const pod = '/api/v1/namespaces/payments/pods/web-0'
const webSocket =
  'Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: eA==\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: v5.channel.k8s.io\r\n'
const spdy = 'Upgrade: SPDY/3.1\r\nConnection: Upgrade\r\nX-Stream-Protocol-Version: v4.channel.k8s.io\r\n'
/** The end of the answer is that of the connection. */
const plain = 'Connection: close\r\n'
const requests: Readonly<Record<Kind, readonly [string, string]>> = {
  exec: [`${pod}/exec?command=sh`, webSocket],
  'exec by SPDY': [`${pod}/exec?command=sh`, spdy],
  attach: [`${pod}/attach?container=main`, webSocket],
  logs: [`${pod}/log?follow=true`, plain],
  watch: ['/api/v1/namespaces/payments/configmaps?watch=true', plain],
  'port-forward': [`${pod}/portforward`, spdy],
}
const event = '{"type":"ADDED","object":{}}\n'

/** Answers every stream with its head and something behind it, and keeps it open. */
export function keepOpen(api: FakeApiServer): void {
  api.answer((request, response) => {
    response.on('error', () => undefined)
    const { url = '' } = request
    if (!/watch=|follow=/.test(url)) return void response.end('{}')
    response.writeHead(200, { 'content-type': url.includes('watch=') ? 'application/json' : 'text/plain' })
    response.write(event)
  })
  api.upgrade((request, socket) => {
    const { upgrade = '', 'sec-websocket-protocol': one, 'x-stream-protocol-version': other } = request.headers
    const protocol = one === undefined ? `X-Stream-Protocol-Version: ${other}` : `Sec-WebSocket-Protocol: ${one}`
    socket.resume()
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${upgrade}\r\n${protocol}\r\n\r\n`,
    )
  })
}

export interface GatewayAddress {
  readonly port: number
  readonly authority: Authority
  readonly token: string
}

export interface ManyStreams {
  readonly count: number
  /** Of those that have ended, by kind: in which way, and how often. */
  readonly endings: () => Readonly<Record<string, number>>
  /** Resolves when all have ended, with the moment of the last end on the monotonic clock. */
  readonly allEnded: Promise<number>
  /** Of those that have ended. */
  readonly said: () => readonly string[]
  readonly stillOpen: () => number
  readonly close: () => void
}

const atOnce = 25

/** So many of each kind, all of them open when it resolves. */
export async function openStreams(
  gateway: GatewayAddress,
  each: number,
  of: readonly Kind[] = kinds,
): Promise<ManyStreams> {
  const wanted = Array.from({ length: each }, () => of).flat()
  const count = wanted.length
  const open: RawConnection[] = []
  const ended: [string, string][] = []
  const ends: Promise<number>[] = []
  const openOn = async (): Promise<void> => {
    for (let kind = wanted.pop(); kind !== undefined; kind = wanted.pop()) {
      const name = kind
      const stream = await openOne(gateway, name)
      open.push(stream)
      ends.push(
        stream.isClosed.then(bytes => {
          const at = performance.now()
          const text = bytes.toString('latin1')
          ended.push([`${name}: ${endingOf(text)}`, text])
          return at
        }),
      )
    }
  }
  await Promise.all(Array.from({ length: atOnce }, openOn))
  return {
    count,
    endings: () => {
      const counts: Record<string, number> = {}
      for (const [how] of ended) counts[how] = (counts[how] ?? 0) + 1
      return counts
    },
    allEnded: Promise.all(ends).then(moments => Math.max(...moments)),
    said: () => ended.map(([, text]) => text),
    stillOpen: () => count - ended.length,
    close: () => {
      for (const { socket } of open) socket.destroy()
    },
  }
}

async function openOne({ port, authority, token }: GatewayAddress, kind: Kind): Promise<RawConnection> {
  const [target, headers] = requests[kind]
  const stream = await connectRaw(port, authority)
  const who = `Host: localhost\r\nAuthorization: Bearer ${token}\r\n`
  stream.socket.write(`GET /clusters/prod${target} HTTP/1.1\r\n${who}${headers}\r\n`)
  const begun = headers === plain ? event.trim() : '\r\n\r\n'
  await stream.until(bytes => bytes.includes(begun), `${kind} has begun`)
  const status = stream.bytes().toString('latin1', 9, 12)
  if (status !== '101' && status !== '200') throw new Error(`${kind}: ${stream.bytes()}`)
  return stream
}

/** What a client can tell of how its stream ended. */
function endingOf(text: string): string {
  const body = text.slice(text.indexOf('\r\n\r\n') + 4)
  const code = /"code":(\d+)/.exec(body)?.[1]
  if (body.includes('"type":"ERROR"') && body.endsWith('0\r\n\r\n')) return `an ERROR event with ${code}`
  // A frame of the error channel, or the last one of the error stream.
  const first = Buffer.from(body.slice(0, 5), 'latin1').toString('hex')
  if (/^827e....03|^0000000101/.test(first)) return `a failure with ${code}`
  if (first.startsWith('80030007')) return 'a GOAWAY'
  return body.endsWith('0\r\n\r\n') ? 'as if it were whole' : 'broken off'
}

/** How they have to end, each of them. */
export const endingsOf = (each: number, code: number): Readonly<Record<string, number>> => ({
  [`exec: a failure with ${code}`]: each,
  [`exec by SPDY: a failure with ${code}`]: each,
  [`attach: a failure with ${code}`]: each,
  [`watch: an ERROR event with ${code}`]: each,
  'logs: broken off': each,
  'port-forward: a GOAWAY': each,
})
