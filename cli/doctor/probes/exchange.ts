/** One request, written byte for byte, because what is asked here no client library would send. Nothing is followed. */
import { connect as connectPlain, isIP, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'

export interface Answer {
  /** 0: the connection was closed without one. */
  readonly status: number
  /** Names in lower case; several of one name joined by a comma. */
  readonly headers: ReadonlyMap<string, string>
  /** Of an answer without a length, what came within the time. */
  readonly body: string
}

/** Longer than a check may take at any of the proxies. */
const timeoutMs = 15_000
/** For the rest of an answer that does not say where it ends. */
const restMs = 2_000
const mostCharacters = 65_536

/** Rejects when nobody listens there or the certificate is no good. */
export function exchange(url: URL, bytes: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    let text = ''
    const { socket, readyEvent } = open(url)
    const finish = (): void => {
      socket.destroy()
      resolve(parse(text))
    }
    let isReady = false
    const begin = (): void => {
      isReady = true
      socket.write(bytes, 'latin1')
    }
    socket.once(readyEvent, begin).setTimeout(timeoutMs, finish)
    socket.setEncoding('latin1').on('data', (chunk: string) => {
      text += chunk
      if (isWhole(text) || text.length > mostCharacters) finish()
      else if (text.includes('\r\n\r\n')) socket.setTimeout(restMs)
    })
    // A proxy that refuses while bytes are still under way may reset the connection.
    socket.on('error', error => (isReady ? finish() : reject(error))).on('close', finish)
  })
}

function open(url: URL): { readonly socket: Socket; readonly readyEvent: string } {
  const name = url.hostname.replace(/^\[(.*)\]$/, '$1')
  // Names below localhost are this machine (RFC 6761 section 6.3); not every resolver knows.
  const host = name.endsWith('.localhost') ? '127.0.0.1' : name
  if (url.protocol === 'http:') return { socket: connectPlain(Number(url.port || 80), host), readyEvent: 'connect' }
  const served = isIP(name) === 0 ? { servername: name } : {}
  const socket = connectTls({ port: Number(url.port || 443), host, ALPNProtocols: ['http/1.1'], ...served })
  return { socket, readyEvent: 'secureConnect' }
}

/** A switch of protocols has no body; other answers end where they say, or with the connection. */
function isWhole(text: string): boolean {
  const end = text.indexOf('\r\n\r\n')
  if (end < 0) return false
  if (/^HTTP\/1\.1 101 /.test(text)) return true
  if (/^transfer-encoding: *chunked/im.test(text.slice(0, end))) return /\r\n0\r\n\r\n$/.test(text)
  const [, length] = /^content-length: *(\d+)/im.exec(text.slice(0, end)) ?? []
  return length !== undefined && text.length >= end + 4 + Number(length)
}

function parse(text: string): Answer {
  const end = text.indexOf('\r\n\r\n')
  const start = end < 0 ? text : text.slice(0, end)
  const headers = new Map<string, string>()
  for (const line of start.split('\r\n').slice(1)) {
    const [, name = '', value = ''] = /^([^:]+):\s*(.*)$/.exec(line) ?? []
    const before = headers.get(name.toLowerCase())
    headers.set(name.toLowerCase(), before === undefined ? value : `${before}, ${value}`)
  }
  const status = Number(/^HTTP\/1\.[01] (\d{3})/.exec(start)?.[1] ?? 0)
  return { status, headers, body: end < 0 ? '' : text.slice(end + 4) }
}
