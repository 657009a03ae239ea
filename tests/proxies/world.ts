/** What a scenario works with: a running stack behind one proxy, people who are logged in, and raw connections. */
import { connect } from 'node:net'
import { type Browser, createBrowser, type HttpResponse, type RequestOptions, request } from '../../cli/demo/browser.ts'
import type { Echo } from '../../cli/demo/echo.ts'
import type { ProxyKind } from '../../cli/demo/proxies/proxies.ts'
import { logIn } from '../../cli/demo/session.ts'
import type { Stack } from '../../cli/demo/stack.ts'

export interface World {
  readonly kind: ProxyKind
  readonly stack: Stack
  /** Logged in, with the wiki and payroll open. */
  readonly alice: Browser
  /** Logged in, with the wiki open. */
  readonly bob: Browser
  readonly url: (name: string, path: string) => string
  /** As a script in a page asks; never redirected. */
  readonly fetch: (url: string, options?: RequestOptions) => Promise<HttpResponse>
  /** What the application received from this person; throws unless it answered 200. */
  readonly echo: (browser: Browser, url: string, options?: RequestOptions) => Promise<Echo>
  /** Sends these bytes to the proxy and returns everything that comes back until it closes or falls silent. */
  readonly raw: (bytes: string) => Promise<string>
  /** The same, and the first answer is enough, where nothing can follow it: not every proxy closes behind a refusal. */
  readonly rawAnswer: (bytes: string) => Promise<string>
}

/** One sentence that holds behind every proxy. */
export interface Scenario {
  readonly name: string
  readonly run: (world: World) => Promise<void>
}

export async function createWorld(stack: Stack): Promise<World> {
  const url = (name: string, path: string): string => `${stack.origin(name)}${path}`
  const alice = createBrowser()
  await arrive(logIn(alice, url('wiki', '/'), 'alice'))
  await arrive(alice.visit(url('payroll', '/')))
  const bob = createBrowser()
  await arrive(logIn(bob, url('wiki', '/'), 'bob'))
  return {
    kind: stack.proxy.kind,
    stack,
    alice,
    bob,
    url,
    fetch: (target, options = {}) =>
      request(target, {
        ...options,
        headers: { accept: 'application/json', 'sec-fetch-mode': 'cors', ...options.headers },
      }),
    echo: async (browser, target, options = {}) => {
      const response = await browser.open(target, {
        ...options,
        headers: { ...options.headers, accept: 'application/json' },
      })
      if (response.status !== 200)
        throw new Error(`status ${response.status} from ${target}: ${response.body.slice(0, 300)}`)
      return JSON.parse(response.body) as Echo
    },
    raw: bytes => exchange(stack.port, bytes, () => false),
    rawAnswer: bytes => exchange(stack.port, bytes, isWhole),
  }
}

async function arrive(visit: Promise<HttpResponse>): Promise<void> {
  const page = await visit
  if (page.status !== 200) throw new Error(`status ${page.status} at ${page.url}: ${page.body.slice(0, 500)}`)
}

function exchange(port: number, bytes: string, isEnough: (answer: string) => boolean): Promise<string> {
  return new Promise(resolve => {
    const socket = connect(port, '127.0.0.1')
    let answer = ''
    const finish = (): void => {
      socket.destroy()
      resolve(answer)
    }
    socket.setTimeout(10_000, finish)
    socket.setEncoding('latin1').on('data', (chunk: string) => {
      answer += chunk
      if (isEnough(answer)) finish()
    })
    // A proxy that refuses while we are still sending may reset the connection.
    socket.on('end', finish).on('close', finish).on('error', finish)
    socket.write(bytes, 'latin1')
  })
}

/** With a length that is reached, or the last of its chunks. */
function isWhole(answer: string): boolean {
  const [head = '', ...rest] = answer.replace(/^HTTP\/1\.1 100 [^\r]*\r\n\r\n/, '').split('\r\n\r\n')
  if (rest.length === 0) return false
  const length = /^content-length: *(\d+)/im.exec(head)?.[1]
  if (length !== undefined) return rest.join('\r\n\r\n').length >= Number(length)
  return /^transfer-encoding: *chunked/im.test(head) && answer.endsWith('\r\n0\r\n\r\n')
}

/** The status of a raw answer; 0 when the proxy closed the connection without one. */
export function statusOf(answer: string): number {
  return Number(/^HTTP\/1\.[01] (\d{3})/.exec(answer)?.[1] ?? 0)
}

/** The application's echo in a raw answer, whatever its framing; `undefined` when it was not reached. */
export function reachedApplication(answer: string): boolean {
  return answer.includes('"app":"') || answer.includes('What this application received')
}

/** All values of a header as the application received it. */
export function received(echo: Echo, name: string): readonly string[] {
  return echo.headers.filter(([candidate]) => candidate.toLowerCase() === name.toLowerCase()).map(([, value]) => value)
}

export const identityHeaders = [
  'remote-user',
  'remote-email',
  'remote-name',
  'remote-groups',
  'x-sallyport-assertion',
] as const
