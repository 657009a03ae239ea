/**
 * Questions as a proxy would ask them, written to the socket byte for byte, because half of the attacks are requests
 * that no client library would send.
 */
import { connect } from 'node:net'
import { asksOf, type FrontName, lineOf } from './dialects.ts'

export interface Question {
  readonly method?: string
  readonly url: string
  /** Name and value, in order; sent as they are. */
  readonly headers?: readonly (readonly [string, string])[]
  readonly cookie?: string
}

export interface Answer {
  readonly status: number
  /** Lower-case name to all values. */
  readonly headers: ReadonlyMap<string, readonly string[]>
  readonly body: string
}

export const header = (answer: Answer, name: string): string | undefined => answer.headers.get(name)?.[0]

/** The question in the headers of a dialect. */
export function dialectHeaders(front: FrontName, question: Question): (readonly [string, string])[] {
  const { method = 'GET', url, cookie, headers = [] } = question
  const cookies: (readonly [string, string])[] = cookie === undefined ? [] : [['Cookie', cookie]]
  return [...asksOf(front, { method, url }), ['X-Forwarded-For', '203.0.113.9'], ...cookies, ...headers]
}

export function dialectLine(front: FrontName, { method = 'GET', url }: Question): string {
  const line = lineOf(front, { method, url })
  return `${line.method} ${line.target} HTTP/1.1`
}

/** One request on a connection of its own; `Host` and `Connection: close` are added unless `headers` have them. */
export function exchange(
  port: number,
  requestLine: string,
  headers: readonly (readonly [string, string])[],
): Promise<Answer> {
  const has = (wanted: string) => headers.some(([name]) => name.toLowerCase() === wanted)
  const isNamed = has('connection')
  const host = has('host') ? [] : [['Host', `127.0.0.1:${port}`]]
  const all = [...host, ...headers, ...(isNamed ? [] : [['Connection', 'close']])]
  const text = `${requestLine}\r\n${all.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1')
    const chunks: Buffer[] = []
    socket.setTimeout(60_000, () => socket.destroy(new Error('no answer')))
    socket.on('data', chunk => {
      chunks.push(chunk)
      if (isNamed) socket.end()
    })
    socket.on('error', reject)
    socket.on('close', () => resolve(parseAnswer(Buffer.concat(chunks).toString('latin1'))))
    socket.write(Buffer.from(text, 'latin1'))
  })
}

function parseAnswer(text: string): Answer {
  const [head = '', ...body] = text.split('\r\n\r\n')
  const [statusLine = '', ...lines] = head.split('\r\n')
  const headers = new Map<string, string[]>()
  for (const line of lines) {
    const colon = line.indexOf(':')
    const name = line.slice(0, colon).toLowerCase()
    headers.set(name, [...(headers.get(name) ?? []), line.slice(colon + 1).trim()])
  }
  return {
    status: Number(statusLine.split(' ')[1] ?? 0),
    headers,
    body: Buffer.from(body.join('\r\n\r\n'), 'latin1').toString(),
  }
}
