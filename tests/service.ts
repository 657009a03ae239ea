/**
 * The whole service in this process, as `sallyport serve` composes it: real store, real provider, real policy files.
 * Questions are written to the socket byte for byte, because half of the attacks are requests that no client library
 * would send.
 */
import { randomBytes } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { CookieJar } from 'tough-cookie'
import { compose, type Service } from '../app/compose.ts'
import { createOutbound } from '../app/login/outbound.ts'
import { createLogger } from '../app/telemetry/logger.ts'
import type { FrontName } from '../app/verify.ts'
import { loadConfig } from '../config/load.ts'
import { freePort } from './peers.ts'
import { type Person, ProviderVisitor, startProvider, type TestProvider } from './provider.ts'

export interface TestServiceOptions {
  /** Text of `policy/policy.csv`. */
  readonly policy: string
  /** Text of `policy/conditions.yaml`. */
  readonly conditions?: string
  /** Further sections or settings, as in the file. */
  readonly settings?: Readonly<Record<string, Readonly<Record<string, unknown>>>>
  /** Replaces the list of providers, which holds the one in this process otherwise. */
  readonly providers?: readonly Readonly<Record<string, unknown>>[]
  /** How long the provider may be missing at start; by default it is there. */
  readonly hasProvider?: boolean
}

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

/** Headers that only an allowed request may carry. */
export const identityHeaders = ['remote-user', 'remote-email', 'remote-name', 'remote-groups', 'x-sallyport-assertion']

/** What a browser sends when somebody follows a link. */
export const navigation = [
  ['Accept', 'text/html,application/xhtml+xml'],
  ['Sec-Fetch-Mode', 'navigate'],
] as const

export interface TestService {
  readonly publicUrl: string
  readonly service: Service
  readonly provider: TestProvider
  readonly directory: string
  readonly port: number
  readonly adminPort: number
  /** Asks on the endpoint of a dialect, with that dialect's headers. */
  readonly ask: (front: FrontName, question: Question) => Promise<Answer>
  /** Sends lines to the main listener; `Connection: close` is added. */
  readonly send: (requestLine: string, headers: readonly (readonly [string, string])[]) => Promise<Answer>
  /** Logs in with the provider and takes over the session on `appUrl`'s host; gives the Cookie header for it. */
  readonly logIn: (person: Person, appUrl: string, browser?: TestBrowser) => Promise<string>
  readonly moveClock: (seconds: number) => void
  readonly auditEvents: () => readonly AuditRecord[]
  /** The audit event of an answer, as soon as it is written. */
  readonly eventOf: (answer: Answer) => Promise<AuditRecord>
  readonly logText: () => string
  readonly close: () => Promise<void>
}

export type AuditRecord = Readonly<Record<string, unknown>>

const outbound = createOutbound()

/** Cookies of the auth host, and a visitor of the provider. */
export class TestBrowser {
  readonly jar = new CookieJar()
  readonly visitor = new ProviderVisitor()

  /** One request to the auth host; redirects are not followed. */
  async request(url: string, init: { readonly method?: string; readonly body?: string } = {}): Promise<Response> {
    const form = init.body === undefined ? {} : { 'content-type': 'application/x-www-form-urlencoded' }
    const headers = { cookie: await this.jar.getCookieString(url), 'sec-fetch-site': 'same-origin', ...form }
    const response = await outbound.fetch(url, { ...init, redirect: 'manual', headers })
    for (const line of response.headers.getSetCookie()) await this.jar.setCookie(line, url)
    return response
  }
}

export async function startService(options: TestServiceOptions): Promise<TestService> {
  const directory = mkdtempSync(join(tmpdir(), 'sallyport-service-'))
  const port = await freePort()
  const publicUrl = `http://auth.localhost:${port}`
  const provider = await startProvider({
    clients: [
      {
        clientId: 'sallyport',
        clientSecret: 'the client secret of a test',
        redirectUris: [`${publicUrl}/callback/corp`],
      },
    ],
  })
  writePolicy(directory, options)
  const config = load(directory, publicUrl, port, provider, options)
  const audit = join(directory, 'audit.jsonl')
  let log = ''
  let offsetMs = 0
  const write = (line: string): void => {
    log += line
  }
  const logger = createLogger({ level: 'debug', destination: { write } })
  const service = compose(config, { clock: { now: () => Date.now() + offsetMs }, logger })
  await service.start()
  await untilReady(service.ports().admin)
  const send = (requestLine: string, headers: readonly (readonly [string, string])[]) =>
    exchange(port, requestLine, headers)
  const ask = (front: FrontName, question: Question) =>
    send(`GET /verify/${front} HTTP/1.1`, dialectHeaders(front, question))
  return {
    publicUrl,
    service,
    provider,
    directory,
    port,
    adminPort: service.ports().admin,
    ask,
    send,
    logIn: (person, appUrl, browser = new TestBrowser()) => logIn(ask, person, appUrl, browser),
    moveClock: seconds => {
      offsetMs += seconds * 1000
    },
    auditEvents: () => readLines(audit),
    eventOf: answer => eventOf(audit, answer),
    logText: () => log,
    close: async () => {
      await service.close()
      await provider.close()
      rmSync(directory, { recursive: true, force: true })
    },
  }
}

/** Redis is connected to in the background; a test that began before would see the outage of the first moments. */
async function untilReady(adminPort: number): Promise<void> {
  for (let attempt = 0; attempt < 200; attempt += 1) {
    const { ok } = await fetch(`http://127.0.0.1:${adminPort}/readyz`)
    if (ok) return
    await setTimeout(25)
  }
  throw new Error('the service is not ready')
}

export function writePolicy(
  directory: string,
  { policy, conditions }: Pick<TestServiceOptions, 'policy' | 'conditions'>,
): void {
  writeFileSync(join(directory, 'policy.csv'), policy)
  if (conditions !== undefined) writeFileSync(join(directory, 'conditions.yaml'), conditions)
}

function load(
  directory: string,
  publicUrl: string,
  port: number,
  provider: TestProvider,
  { settings = {}, providers }: TestServiceOptions,
) {
  const sections = {
    server: { url: publicUrl, listen: `127.0.0.1:${port}`, ...settings.server },
    admin: { listen: '127.0.0.1:0' },
    sessions: { path: './data', secret: randomBytes(32).toString('base64url'), ...settings.sessions },
    policy: { directory: '.' },
    audit: { destination: './audit.jsonl', ...settings.audit },
    login: { rateLimit: 100_000, ...settings.login },
    providers: providers ?? [
      {
        name: 'corp',
        issuer: provider.issuer,
        clientId: 'sallyport',
        clientSecret: 'the client secret of a test',
        scopes: ['profile', 'email', 'groups'],
      },
    ],
  }
  const file = join(directory, 'sallyport.yaml')
  // JSON is YAML.
  writeFileSync(file, JSON.stringify(sections))
  const readFile = (path: string): string => readFileSync(path, 'utf8')
  return loadConfig({ file, env: {}, allowInsecure: new Set(), readFile }).config
}

function dialectHeaders(front: FrontName, question: Question): (readonly [string, string])[] {
  const { method = 'GET', url, cookie, headers = [] } = question
  const [scheme = '', rest = ''] = url.split('://', 2)
  const slash = rest.indexOf('/')
  const own: (readonly [string, string])[] =
    front === 'auth-request'
      ? [
          ['X-Original-Method', method],
          ['X-Original-URL', url],
        ]
      : [
          ['X-Forwarded-Method', method],
          ['X-Forwarded-Proto', scheme],
          ['X-Forwarded-Host', rest.slice(0, slash)],
          ['X-Forwarded-Uri', rest.slice(slash)],
        ]
  const cookies: (readonly [string, string])[] = cookie === undefined ? [] : [['Cookie', cookie]]
  return [...own, ['X-Forwarded-For', '203.0.113.9'], ...cookies, ...headers]
}

function exchange(port: number, requestLine: string, headers: readonly (readonly [string, string])[]): Promise<Answer> {
  const isNamed = headers.some(([name]) => name.toLowerCase() === 'connection')
  const all = [['Host', `127.0.0.1:${port}`], ...headers, ...(isNamed ? [] : [['Connection', 'close']])]
  const text = `${requestLine}\r\n${all.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1')
    const chunks: Buffer[] = []
    socket.setTimeout(10_000, () => socket.destroy(new Error('no answer')))
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

async function logIn(ask: TestService['ask'], person: Person, appUrl: string, browser: TestBrowser): Promise<string> {
  const challenged = await ask('forward-auth', { url: appUrl, headers: navigation })
  const pending = cookiePair(challenged)
  let location = header(challenged, 'location') ?? ''
  for (let step = 0; step < 8 && !location.includes('/.sallyport/handoff'); step += 1) {
    const response = await browser.request(location)
    location = new URL(response.headers.get('location') ?? '', location).href
    if (location.startsWith('http://idp.localhost')) location = await browser.visitor.logIn(location, person)
  }
  const handed = await ask('forward-auth', { url: location, cookie: pending, headers: navigation })
  if (handed.status !== 302) throw new Error(`the handoff was answered with ${handed.status}: ${handed.body}`)
  return cookiePair(handed)
}

/** `name=value` of the one Set-Cookie of an answer. */
export function cookiePair(answer: Answer): string {
  const [pair] = (header(answer, 'set-cookie') ?? '').split(';')
  if (pair === undefined || pair === '')
    throw new Error(`no cookie was set; the answer was ${answer.status}: ${answer.body}`)
  return pair
}

async function eventOf(file: string, answer: Answer): Promise<AuditRecord> {
  const requestId = header(answer, 'x-sallyport-request-id')
  for (let attempt = 0; attempt < 100; attempt += 1) {
    const found = readLines(file).find(event => event.requestId === requestId)
    if (found !== undefined) return found
    // Lines are written in batches, some milliseconds after the answer.
    await setTimeout(10)
  }
  throw new Error(`no audit event for request ${requestId}`)
}

function readLines(file: string): AuditRecord[] {
  const lines = readFileSync(file, 'utf8').split('\n')
  return lines.filter(line => line !== '').map(line => JSON.parse(line) as Record<string, unknown>)
}
