/**
 * What stands in front of a proxy in many networks: it ends TLS, passes everything on as the client sent it, and says in
 * two headers whom it heard and how (`X-Forwarded-For`, which it appends to, and `X-Forwarded-Proto`).
 */
import { request as httpRequest, type IncomingHttpHeaders, type IncomingMessage } from 'node:http'
import { createServer, request as httpsRequest, type Server } from 'node:https'
import type { Duplex } from 'node:stream'
import { connect as connectTls } from 'node:tls'
import type { Certificate } from '../certificates.ts'
import { ProviderVisitor } from '../provider.ts'

/** All of 127.0.0.0/8 is this machine, so each part of a test has an address of its own. */
export const addresses = { balancer: '127.0.0.2', client: '127.0.0.9', stranger: '127.0.0.3' } as const

export function createBalancer({ certificate, key }: Certificate, proxyPort: number): Server {
  const open = (incoming: IncomingMessage) =>
    httpRequest({
      host: '127.0.0.1',
      port: proxyPort,
      localAddress: addresses.balancer,
      agent: false,
      method: incoming.method ?? 'GET',
      path: incoming.url ?? '/',
      headers: {
        ...incoming.headers,
        'x-forwarded-for': [incoming.headers['x-forwarded-for'], incoming.socket.remoteAddress]
          .filter(Boolean)
          .join(', '),
        'x-forwarded-proto': 'https',
      },
    })
  const server = createServer({ cert: certificate, key }, (incoming, outgoing) => {
    const onward = open(incoming)
    onward.on('error', () => outgoing.destroy())
    onward.on('response', answer => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.rawHeaders)
      answer.pipe(outgoing)
    })
    incoming.pipe(onward)
  })
  return server.on('upgrade', (incoming: IncomingMessage, socket: Duplex) => {
    const onward = open(incoming)
    const write = ({ statusCode, rawHeaders }: IncomingMessage): void => {
      const lines = rawHeaders.map((text, index) => (index % 2 === 0 ? `${text}: ` : `${text}\r\n`))
      socket.write(`HTTP/1.1 ${statusCode} Answer\r\n${lines.join('')}\r\n`)
    }
    onward.on('error', () => socket.destroy())
    onward.on('upgrade', (answer, onwardSocket, first) => {
      write(answer)
      socket.write(first)
      onwardSocket.pipe(socket).on('error', () => onwardSocket.destroy())
      socket.pipe(onwardSocket).on('error', () => socket.destroy())
    })
    onward.on('response', answer => {
      write(answer)
      answer.pipe(socket)
    })
    onward.end()
  })
}

export interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

export interface Question {
  readonly headers?: Readonly<Record<string, string>>
  readonly from?: string
  readonly method?: string
  /** Where to connect, if that is not the port of the address. */
  readonly port?: number
  /** The client's own, over TLS. */
  readonly certificate?: Certificate
}

/** One request for an address below `.localhost`, over TLS or not; redirects are not followed. */
export function ask(
  address: string,
  { headers = {}, from = addresses.client, method = 'GET', port: connected, certificate }: Question = {},
): Promise<Answer> {
  const { host, hostname, pathname, port, protocol, search } = new URL(address)
  const options = {
    host: '127.0.0.1',
    port: connected ?? port,
    localAddress: from,
    agent: false as const,
    method,
    path: `${pathname}${search}`,
    headers: { host, ...headers },
  }
  return new Promise((resolve, reject) => {
    const sent =
      protocol === 'https:'
        ? httpsRequest({
            ...options,
            servername: hostname,
            rejectUnauthorized: false,
            ...(certificate === undefined ? {} : { cert: certificate.certificate, key: certificate.key }),
          })
        : httpRequest(options)
    sent.on('error', reject).on('response', response => {
      let body = ''
      response.setEncoding('utf8').on('data', chunk => {
        body += chunk
      })
      response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body }))
    })
    sent.end()
  })
}

/** A WebSocket handshake over TLS: the status, and what came after it. */
export function shakeHands(address: string, headers: Readonly<Record<string, string>>): Promise<string> {
  const { host, pathname, port } = new URL(address)
  const lines = Object.entries({
    Host: host,
    Connection: 'Upgrade',
    Upgrade: 'websocket',
    'Sec-WebSocket-Version': '13',
    'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
    ...headers,
  }).map(([name, value]) => `${name}: ${value}\r\n`)
  return new Promise((resolve, reject) => {
    let answer = ''
    const socket = connectTls({ host: '127.0.0.1', port: Number(port), rejectUnauthorized: false }, () =>
      socket.write(`GET ${pathname} HTTP/1.1\r\n${lines.join('')}\r\n`),
    )
    socket.setEncoding('latin1').on('data', (chunk: string) => {
      answer += chunk
      if (answer.includes('hello ') || /^HTTP\/1\.1 [45]/.test(answer)) socket.destroy()
    })
    socket.on('error', reject).on('close', () => resolve(answer))
  })
}

export interface Login {
  readonly addresses: readonly string[]
  readonly last: Answer
  /** The Cookie header of the host where it ended. */
  readonly cookie: string
}

/** Alice opens a page and logs in, as a browser would: every cookie to the host that set it. `ask` is one request. */
export async function logInThrough(
  ask: (address: string, headers: Readonly<Record<string, string>>) => Promise<Answer>,
  wanted: string,
): Promise<Login> {
  const visitor = new ProviderVisitor()
  const jars = new Map<string, Map<string, string>>()
  const visited: string[] = []
  const headersFor = (host: string) => ({
    accept: 'text/html',
    'sec-fetch-mode': 'navigate',
    cookie: [...(jars.get(host) ?? [])].map(pair => pair.join('=')).join('; '),
  })
  let next = wanted
  for (let step = 0; step < 12; step += 1) {
    if (next.startsWith('http://idp.localhost')) next = await visitor.logIn(next, 'alice')
    visited.push(next)
    const { host } = new URL(next)
    const last = await ask(next, headersFor(host))
    for (const line of last.headers['set-cookie'] ?? []) {
      const [name = '', value = ''] = (line.split(';')[0] ?? '').split('=', 2)
      jars.set(host, (jars.get(host) ?? new Map<string, string>()).set(name, value))
    }
    if (last.headers.location === undefined) return { addresses: visited, last, cookie: headersFor(host).cookie }
    next = new URL(last.headers.location, next).href
  }
  throw new Error(`the login goes in circles: ${visited.join(' ')}`)
}
