/** What the check must not change: methods, bodies, streams, spellings of paths, connections that are used again. */
import { createHash } from 'node:crypto'
import { request as httpRequest } from 'node:http'
import { connect } from 'node:net'
import { expect } from 'vitest'
import { download, streamPaths } from '../../cli/demo/app.ts'
import { createBrowser, navigation } from '../../cli/demo/browser.ts'
import { type Scenario, statusOf, type World } from './world.ts'

const digestOf = (bytes: string | Buffer): string => createHash('sha256').update(bytes).digest('hex')
const hostOf = ({ url }: World): string => new URL(url('wiki', '/')).host
const cookieOf = ({ alice, url }: World): string => alice.cookieFor(url('wiki', '/'))

/** A request of Alice as it goes on the wire. */
const wire = (world: World, line: string, more: readonly string[] = [], body = ''): string =>
  `${[`${line} HTTP/1.1`, `Host: ${hostOf(world)}`, `Cookie: ${cookieOf(world)}`, 'Accept: application/json', ...more]
    .map(text => `${text}\r\n`)
    .join('')}\r\n${body}`

const chunked = (text: string): string =>
  `${(text.match(/[\s\S]{1,50000}/g) ?? []).map(part => `${part.length.toString(16)}\r\n${part}\r\n`).join('')}0\r\n\r\n`

const methods = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'PROPFIND', 'REPORT', 'MKCOL'] as const

/** Resolves with the first bytes behind the head of the answer; the stream is given up then. */
function firstOf(world: World, path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(world.stack.port, '127.0.0.1')
    let answer = ''
    socket.setTimeout(30_000, () => socket.destroy(new Error(`nothing came: ${answer}`)))
    socket.setEncoding('latin1').on('data', (part: string) => {
      answer += part
      if (!answer.includes('data: the first')) return
      socket.destroy()
      resolve(answer)
    })
    socket.on('error', reject).on('end', () => reject(new Error(`it ended: ${answer}`)))
    socket.write(wire(world, `GET ${path}`))
  })
}

/** What comes of a head and, once the client is told to go on, of its body; a client that is not told sends none. */
function afterContinue(world: World, head: string, body: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(world.stack.port, '127.0.0.1')
    let answer = ''
    let isTold = false
    socket.setTimeout(30_000, () => socket.destroy(new Error(`nothing came: ${answer}`)))
    socket.setEncoding('latin1').on('data', (part: string) => {
      answer += part
      if (isTold || !/^HTTP\/1\.1 100 [\s\S]*?\r\n\r\n/.test(answer)) return
      isTold = true
      socket.write(body, 'latin1')
    })
    socket.on('error', reject).on('end', () => socket.destroy())
    socket.on('close', () => resolve(answer))
    socket.write(head)
  })
}

/** Length and digest of what comes. */
function downloadOf(world: World): Promise<readonly [length: number, digest: string]> {
  const { hostname, port } = { hostname: '127.0.0.1', port: world.stack.port }
  return new Promise((resolve, reject) => {
    const headers = { host: hostOf(world), cookie: cookieOf(world) }
    const outgoing = httpRequest({ host: hostname, port, path: streamPaths.download, headers }, async answer => {
      const hash = createHash('sha256')
      let length = 0
      for await (const part of answer) {
        length += (part as Buffer).length
        hash.update(part as Buffer)
      }
      resolve([length, hash.digest('hex')])
    })
    outgoing.on('error', reject).end()
  })
}

export const trafficScenarios: readonly Scenario[] = [
  {
    name: 'a page in the web view of an app is led to the login like one in a browser',
    run: async ({ url }) => {
      const headers = { ...navigation, 'x-requested-with': 'com.example.app' }
      expect((await createBrowser().open(url('wiki', '/notes'), { headers })).status).toBe(302)
    },
  },
  {
    name: 'every method is judged as what it is, and arrives as that',
    run: async ({ alice, echo, fetch, url }) => {
      for (const method of methods) {
        expect([method, (await echo(alice, url('wiki', '/notes'), { method })).method]).toEqual([method, method])
        expect([method, (await fetch(url('wiki', '/notes'), { method })).status]).toEqual([method, 401])
      }
    },
  },
  {
    name: 'a preflight request is a request like any other (D04)',
    run: async ({ fetch, url }) => {
      const headers = { origin: 'https://elsewhere.example', 'access-control-request-method': 'PUT' }
      expect((await fetch(url('wiki', '/notes'), { method: 'OPTIONS', headers })).status).toBe(401)
    },
  },
  {
    name: 'a body arrives byte for byte: of 900 KB, in chunks, and after 100 Continue',
    run: async world => {
      const body = 'what a person wrote\n'.repeat(45_000)
      const seen = await world.echo(world.alice, world.url('payroll', '/upload'), { method: 'PUT', body })
      expect([seen.bodyLength, seen.bodyDigest]).toEqual([body.length, digestOf(body)])
      const small = body.slice(0, 120_000)
      const told = [digestOf(small), `"bodyLength":${small.length}`]
      const close = 'Connection: close'
      const ways = [
        await world.rawAnswer(wire(world, 'POST /upload', ['Transfer-Encoding: chunked', close], chunked(small))),
        await afterContinue(
          world,
          wire(world, 'POST /upload', [`Content-Length: ${small.length}`, 'Expect: 100-continue', close]),
          small,
        ),
      ]
      for (const answer of ways) expect(told.filter(text => !answer.includes(text))).toEqual([])
    },
  },
  {
    name: 'events come when the application sends them, not when it is done',
    run: async world => {
      expect(await firstOf(world, streamPaths.events)).toMatch(/^HTTP\/1\.1 200 [\s\S]*data: the first/)
    },
  },
  {
    name: 'a download of 20 MB arrives byte for byte',
    run: async world => expect(await downloadOf(world)).toEqual([20_000_000, digestOf(download())]),
  },
  {
    name: 'letters beyond ASCII and escapes in a path and a query arrive as they were written',
    run: async ({ alice, echo, url }) => {
      // Traefik writes the digits of escapes in a path as capitals.
      const target = '/notes/%C3%BCber%20uns/%E2%82%AC?q=%2F%2e%2e%20%c3%a4&b=%00'
      expect((await echo(alice, url('wiki', '/'), { target })).url).toBe(target)
    },
  },
  {
    name: 'each request on one connection is judged by itself',
    run: async world => {
      const stranger = `GET /notes HTTP/1.1\r\nHost: ${hostOf(world)}\r\nAccept: application/json\r\n`
      const answer = await world.raw(
        `${wire(world, 'GET /notes')}${stranger}\r\n${wire(world, 'GET /notes/2')}${stranger}Connection: close\r\n\r\n`,
      )
      expect(answer.match(/HTTP\/1\.1 \d{3}/g)?.map(statusOf)).toEqual([200, 401, 200, 401])
    },
  },
]
