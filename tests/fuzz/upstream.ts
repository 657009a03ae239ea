/**
 * An application that shows the bytes which reached it. It reads no more of them than where a request ends, and that as
 * strictly as can be: what it cannot be sure of is said with the request, and is a finding.
 */
import { createServer, type Server, type Socket } from 'node:net'

export interface Arrived {
  readonly site: 'wiki' | 'payroll'
  /** Up to the empty line, without it. */
  readonly head: string
  readonly method: string
  readonly target: string
  /** Names as they came. */
  readonly lines: readonly (readonly [name: string, value: string])[]
  /** Why another server may find another end than this one. */
  readonly doubts: readonly string[]
}

const answer = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n'

export function createUpstream(site: Arrived['site'], onArrived: (arrived: Arrived) => void): Server {
  return createServer({ noDelay: true }, socket => {
    let text = ''
    const take = (): void => {
      for (let next = firstOf(site, text); next !== undefined; next = firstOf(site, text)) {
        text = text.slice(next.length)
        onArrived(next.arrived)
        reply(socket, next.arrived.method)
        if (!next.isLost) continue
        socket.removeAllListeners('data').end()
        return
      }
    }
    socket.setEncoding('latin1').on('data', (chunk: string) => {
      text += chunk
      take()
    })
    socket.on('error', () => socket.destroy())
  })
}

interface Taken {
  readonly arrived: Arrived
  readonly length: number
  /** Nobody knows where the next one begins. */
  readonly isLost: boolean
}

/** The first request of these bytes; `undefined` while it is not whole. */
function firstOf(site: Arrived['site'], text: string): Taken | undefined {
  const end = text.indexOf('\r\n\r\n')
  if (end === -1) return undefined
  const read = readHead(site, text.slice(0, end))
  const body = bodyLength(read, text, end + 4)
  if (body === undefined) return undefined
  const { bytes, doubt } = body
  const arrived = doubt === undefined ? read : { ...read, doubts: [...read.doubts, doubt] }
  return { arrived, length: end + 4 + bytes, isLost: doubt !== undefined }
}

function reply(socket: Socket, method: string): void {
  socket.write(method === 'HEAD' ? answer : `${answer}ok`)
}

function readHead(site: Arrived['site'], head: string): Arrived {
  const [first = '', ...rest] = head.split('\r\n')
  const [method = '', target = '', version = '', ...more] = first.split(' ')
  const doubts: string[] = []
  if (more.length > 0 || !/^HTTP\/1\.[01]$/.test(version)) doubts.push('the request line has not three words')
  if (/[\r\n\0]/.test(head.replaceAll('\r\n', ''))) doubts.push('a line ends otherwise than with CR LF, or holds a NUL')
  const lines = rest.map(line => {
    const colon = line.indexOf(':')
    if (!/^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(line.slice(0, Math.max(colon, 0)))) doubts.push('a line has no name')
    return [line.slice(0, colon), line.slice(colon + 1).trim()] as const
  })
  const all = (wanted: string) => lines.filter(([name]) => aliasOf(name) === wanted).map(([, value]) => value)
  const [lengths, encodings] = [all('content-length'), all('transfer-encoding')]
  if (lengths.length + encodings.length > 1) doubts.push('the length is said more than once')
  if (lengths.some(value => !/^\d+$/.test(value))) doubts.push('the length is no number')
  if (encodings.some(value => value.toLowerCase() !== 'chunked')) doubts.push('the encoding is not plainly chunked')
  if (all('host').length !== 1) doubts.push('there is not one Host')
  return { site, head, method, target, lines, doubts }
}

/** Many applications read `Remote_User` and `Remote.User` as `Remote-User`. */
export const aliasOf = (name: string): string =>
  name
    .trim()
    .toLowerCase()
    .replaceAll(/[^a-z0-9]/g, '-')
    .replaceAll(/^-+|-+$/g, '')

/** `undefined` while it is not whole. */
function bodyLength({ lines }: Arrived, text: string, from: number): { bytes: number; doubt?: string } | undefined {
  const of = (wanted: string) => lines.find(([name]) => name.toLowerCase() === wanted)?.[1]
  if (of('transfer-encoding') !== undefined) return chunkedLength(text, from)
  const length = Number(of('content-length') ?? 0)
  if (Number.isNaN(length)) return { bytes: 0 }
  return text.length - from < length ? undefined : { bytes: length }
}

function chunkedLength(text: string, from: number): { bytes: number; doubt?: string } | undefined {
  let at = from
  for (;;) {
    const end = text.indexOf('\r\n', at)
    if (end === -1) return undefined
    const size = /^([0-9A-Fa-f]{1,7})(?:[ \t]*;[^\r\n]*)?$/.exec(text.slice(at, end))?.[1]
    if (size === undefined) return { bytes: end - from, doubt: 'a chunk has no plain size' }
    at = end + 2 + Number.parseInt(size, 16)
    if (Number.parseInt(size, 16) === 0) break
    if (text.length < at + 2) return undefined
    if (text.slice(at, at + 2) !== '\r\n') return { bytes: at - from, doubt: 'a chunk does not end where it says' }
    at += 2
  }
  // Trailers end with an empty line of their own.
  for (;;) {
    const end = text.indexOf('\r\n', at)
    if (end === -1) return undefined
    if (end === at) return { bytes: at + 2 - from }
    at = end + 2
  }
}
