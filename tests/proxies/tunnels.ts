/**
 * Requests that try to turn their connection into a tunnel, and what an attacker does with one: asks over HTTP/2 for a path
 * that nobody is asked about.
 */
import { connect, type Socket } from 'node:net'

const settings = 'HTTP2-Settings: AAMAAABkAAQAAP__'
const wanted = 'Connection: Upgrade, HTTP2-Settings'

export interface Tunnel {
  readonly name: string
  /** Header lines as they are sent. */
  readonly lines: readonly string[]
  /** Default `HTTP/1.1`. */
  readonly version?: string
}

/** No proxy may switch protocols for any of them, nor pass on that it was asked to. */
export const tunnels: readonly Tunnel[] = [
  { name: 'h2c, as RFC 7540 section 3.2 has it', lines: [wanted, 'Upgrade: h2c', settings] },
  { name: 'H2C in capitals', lines: [wanted, 'Upgrade: H2C', settings] },
  {
    name: 'names in odd capitals',
    lines: ['cOnnEctIon: upGrade, http2-seTTings', 'uPGRADE: h2c', 'hTTp2-sEttings: AAMAAABkAAQAAP__'],
  },
  { name: 'a list that begins with h2c', lines: [wanted, 'Upgrade: h2c, websocket', settings] },
  { name: 'a list that ends with h2c', lines: [wanted, 'Upgrade: websocket, h2c', settings] },
  { name: 'a list without a space', lines: [wanted, 'Upgrade: websocket,h2c', settings] },
  { name: 'h2c, then a WebSocket, in two headers', lines: [wanted, 'Upgrade: h2c', 'Upgrade: websocket', settings] },
  { name: 'an empty header, then h2c', lines: [wanted, 'Upgrade:', 'Upgrade: h2c', settings] },
  { name: 'tabs around h2c', lines: [wanted, 'Upgrade:\th2c\t', settings] },
  { name: 'h2c in quotes', lines: [wanted, 'Upgrade: "h2c"', settings] },
  { name: 'h2c with a parameter', lines: [wanted, 'Upgrade: h2c;x=1', settings] },
  {
    name: 'Connection in two headers',
    lines: ['Connection: Upgrade', 'Connection: HTTP2-Settings', 'Upgrade: h2c', settings],
  },
  { name: 'Connection with close', lines: ['Connection: close, Upgrade, HTTP2-Settings', 'Upgrade: h2c', settings] },
  { name: 'Connection without HTTP2-Settings', lines: ['Connection: Upgrade', 'Upgrade: h2c', settings] },
  { name: 'Connection without Upgrade', lines: ['Connection: HTTP2-Settings', 'Upgrade: h2c', settings] },
  { name: 'no Connection', lines: ['Upgrade: h2c', settings] },
  { name: 'HTTP2-Settings alone', lines: ['Connection: HTTP2-Settings', settings] },
  { name: 'an empty Upgrade', lines: [wanted, 'Upgrade:', settings] },
  { name: 'h2', lines: ['Connection: Upgrade', 'Upgrade: h2'] },
  { name: 'HTTP/2.0', lines: ['Connection: Upgrade', 'Upgrade: HTTP/2.0', settings] },
  { name: 'TLS/1.0', lines: ['Connection: Upgrade', 'Upgrade: TLS/1.0'] },
  { name: 'connect-udp', lines: ['Connection: Upgrade', 'Upgrade: connect-udp', 'Capsule-Protocol: ?1'] },
  { name: 'a WebSocket with a version', lines: ['Connection: Upgrade', 'Upgrade: websocket/13'] },
  { name: 'a WebSocket and a comma', lines: ['Connection: Upgrade', 'Upgrade: websocket,'] },
  { name: 'a word that begins as a WebSocket', lines: ['Connection: Upgrade', 'Upgrade: websockets'] },
  { name: 'HTTP/1.0', lines: [wanted, 'Upgrade: h2c', settings], version: 'HTTP/1.0' },
]

/** Opens a WebSocket (RFC 6455 section 4.1); everything that it was asked with, up to the empty line. */
export function handshake(origin: string, path: string, more: readonly string[] = []): string {
  const lines = [`GET ${path} HTTP/1.1`, `Host: ${new URL(origin).host}`, 'Connection: Upgrade', 'Upgrade: websocket']
  lines.push('Sec-WebSocket-Version: 13', 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==', ...more)
  return `${lines.join('\r\n')}\r\n\r\n`
}

/** A connection on which one answer has arrived, whole unless it switches protocols. */
export interface Answered {
  readonly status: number
  readonly text: string
  readonly socket: Socket
}

/** Sends these bytes. The status is 0 when the connection was closed without an answer. Rejects after a minute. */
export function send(port: number, bytes: string): Promise<Answered> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1')
    let text = ''
    const finish = (): void => {
      socket.removeAllListeners('data').removeAllListeners('end').setTimeout(0)
      resolve({ status: Number(/^HTTP\/1\.[01] (\d{3})/.exec(text)?.[1] ?? 0), text, socket })
    }
    socket.setTimeout(60_000, () => {
      socket.destroy()
      reject(new Error(`no whole answer to ${bytes.split('\r\n')[0]}: ${text.slice(0, 200)}`))
    })
    socket.on('data', chunk => {
      text += chunk.toString('latin1')
      if (isWhole(text)) finish()
    })
    // A proxy that refuses while we are still sending may reset the connection.
    socket.once('end', finish).once('close', finish).on('error', finish)
    socket.write(bytes, 'latin1')
  })
}

function isWhole(text: string): boolean {
  const end = text.indexOf('\r\n\r\n')
  if (end === -1) return false
  const head = text.slice(0, end)
  if (/^HTTP\/1\.[01] 101 /.test(head)) return true
  const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1]
  if (length !== undefined) return text.length - end - 4 >= Number(length)
  return /\r\ntransfer-encoding: *chunked/i.test(head) && text.endsWith('0\r\n\r\n')
}

/**
 * What comes after `101` for h2c: the preface, and on stream 3 a request of the attacker's own, who says that he is
 * `admin`. Resolves with all that comes back until the request was answered or the connection closed.
 */
export async function askThroughTunnel({ socket }: Answered, path: string): Promise<string> {
  if (socket.destroyed || !socket.writable) return ''
  return new Promise(resolve => {
    let text = ''
    const finish = (): void => {
      socket.destroy()
      resolve(text)
    }
    socket.on('data', chunk => {
      text += chunk.toString('latin1')
      if (text.includes(path) || /^HTTP\/1/.test(text)) finish()
    })
    socket.once('end', finish).once('close', finish).on('error', finish)
    // A proxy that reads no more of a closed connection says nothing either.
    socket.setTimeout(1_000, finish)
    socket.write(
      Buffer.concat([Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), frame(4, 0, 0, Buffer.alloc(0)), ask(path)]),
    )
  })
}

/** RFC 9113 section 4.1. */
function frame(type: number, flags: number, stream: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(9)
  head.writeUIntBE(payload.length, 0, 3)
  head.writeUInt8(type, 3)
  head.writeUInt8(flags, 4)
  head.writeUInt32BE(stream, 5)
  return Buffer.concat([head, payload])
}

/** HEADERS with END_STREAM and END_HEADERS on stream 3; fields as literals without indexing (RFC 7541 section 6.2.2). */
function ask(path: string): Buffer {
  const fields = [
    [':method', 'GET'],
    [':scheme', 'http'],
    [':authority', 'wiki.localhost'],
    [':path', path],
    ['remote-user', 'admin'],
  ] as const
  const text = (value: string): Buffer => Buffer.concat([Buffer.from([value.length]), Buffer.from(value)])
  const block = fields.map(([name, value]) => Buffer.concat([Buffer.from([0]), text(name), text(value)]))
  return frame(1, 0x05, 3, Buffer.concat(block))
}
