/**
 * The whole service in this process, as `sallyport serve` composes it: real store, real provider, real policy files;
 * once, or several times as replicas do.
 */

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { compose, type Service } from '../app/compose/service.ts'
import type { FrontKind } from '../app/fronts/front.ts'
import { createLogger } from '../app/telemetry/logger.ts'
import { freshSecret } from '../cli/secret.ts'
import { loadConfig } from '../config/load.ts'
import type { FrontName } from './dialects.ts'
import { freePort } from './peers.ts'
import { type Person, startProvider, type TestClient, type TestProvider, type TestProviderOptions } from './provider.ts'
import { type Answer, dialectHeaders, dialectLine, exchange, header, type Question } from './raw-exchange.ts'
import { TestBrowser } from './test-browser.ts'

export { type Answer, header } from './raw-exchange.ts'
export { TestBrowser } from './test-browser.ts'

export interface TestServiceOptions {
  /** Text of `policy/policy.csv`. */
  readonly policy: string
  /** Text of `policy/conditions.yaml`. */
  readonly conditions?: string
  /** Further sections or settings, as in the file. */
  readonly settings?: Readonly<Record<string, Readonly<Record<string, unknown>>>>
  /**
   * The list of providers, made from the entry `corp` that it has by default. Every name whose issuer is the default one
   * gets its callback registered there.
   */
  readonly providers?: (corp: ProviderEntry) => readonly ProviderEntry[]
  /** Entries of `machines.issuers`, made from the entry `corp` of the providers. Default none. */
  readonly tokenIssuers?: (corp: ProviderEntry) => readonly Readonly<Record<string, unknown>>[]
  /** Entries of `hosts`. Default none. */
  readonly hosts?: readonly Readonly<Record<string, unknown>>[]
  /** Options of the default provider. */
  readonly provider?: Omit<TestProviderOptions, 'clients' | 'port'>
  /** What the default provider knows of the service beside its callbacks. */
  readonly client?: (publicUrl: string) => Partial<TestClient>
  /** Clients that the default provider has beside the service. Default none. */
  readonly furtherClients?: readonly TestClient[]
  /** A port for the service that other things had to know before; a free one if absent. */
  readonly port?: number
  /** How many services there are over the same store, secret, policy and provider. Default 1. */
  readonly replicas?: number
  /** `sessions.secret` of each replica, where they are not all the same. */
  readonly secrets?: readonly string[]
  /** Sections of each replica in place of those in `settings`, where they are not all the same. */
  readonly replicaSettings?: readonly NonNullable<TestServiceOptions['settings']>[]
  /** The table of fronts. Default the product's own. */
  readonly fronts?: readonly FrontKind[]
}

/** An entry of `providers`, as in the file. */
export type ProviderEntry = Readonly<Record<string, unknown>> & { readonly name: string; readonly issuer: string }

/** Headers that only an allowed request may carry. */
export const identityHeaders = ['remote-user', 'remote-email', 'remote-name', 'remote-groups', 'x-sallyport-assertion']

/** What a browser sends when somebody follows a link. */
export const navigation = [
  ['Accept', 'text/html,application/xhtml+xml'],
  ['Sec-Fetch-Mode', 'navigate'],
] as const

/** One of the services. */
export interface TestReplica {
  readonly service: Service
  readonly port: number
  readonly adminPort: number
  /** Asks on the endpoint of a dialect, with that dialect's headers. */
  readonly ask: (front: FrontName, question: Question) => Promise<Answer>
  /** Sends lines to the main listener; `Connection: close` is added. */
  readonly send: (requestLine: string, headers: readonly (readonly [string, string])[]) => Promise<Answer>
  /** Moves the clock of this service alone. */
  readonly moveClock: (seconds: number) => void
  /** What this service has written. */
  readonly auditEvents: () => readonly AuditRecord[]
  /** The audit event of an answer of this service, as soon as it is written. */
  readonly eventOf: (answer: Answer) => Promise<AuditRecord>
  readonly logText: () => string
  /** Again, it does nothing. */
  readonly close: () => Promise<void>
}

/** The first service, the one that browsers reach under `publicUrl`, and everything around it. */
export interface TestService extends TestReplica {
  readonly publicUrl: string
  readonly provider: TestProvider
  readonly directory: string
  /**
   * Logs in with the provider and takes over the session on `appUrl`'s host; gives the Cookie header for it. Where there
   * are several providers, `provider` names the one that is chosen.
   */
  readonly logIn: (person: Person, appUrl: string, browser?: TestBrowser, provider?: string) => Promise<string>
  /** Moves the clocks of all services. */
  readonly moveClock: (seconds: number) => void
  /** 0 is the first one. */
  readonly replica: (index: number) => TestReplica
  /** Closes all services and the provider. */
  readonly close: () => Promise<void>
}

export type AuditRecord = Readonly<Record<string, unknown>>

export async function startService(options: TestServiceOptions): Promise<TestService> {
  const directory = mkdtempSync(join(tmpdir(), 'sallyport-service-'))
  const port = options.port ?? (await freePort())
  const publicUrl = `http://auth.localhost:${port}`
  const providerPort = await freePort()
  const corp = {
    name: 'corp',
    issuer: `http://idp.localhost:${providerPort}`,
    clientId: 'sallyport',
    clientSecret: 'the client secret of a test',
    scopes: ['profile', 'email', 'groups'],
  }
  const providers = options.providers?.(corp) ?? [corp]
  const issuers = options.tokenIssuers?.(corp) ?? []
  const own = providers.filter(({ issuer }) => issuer === corp.issuer)
  const redirectUris = own.map(({ name }) => `${publicUrl}/callback/${name}`)
  const client = { clientId: corp.clientId, clientSecret: corp.clientSecret, redirectUris }
  const clients = [{ ...client, ...options.client?.(publicUrl) }, ...(options.furtherClients ?? [])]
  const provider = await startProvider({ ...options.provider, clients, port: providerPort })
  writePolicy(directory, options)
  const secret = freshSecret()
  const replicas: TestReplica[] = []
  for (let index = 0; index < (options.replicas ?? 1); index += 1) {
    const ownPort = index === 0 ? port : await freePort()
    const audit = index === 0 ? 'audit.jsonl' : `audit-${index}.jsonl`
    const settings = { ...options.settings, ...options.replicaSettings?.[index] }
    replicas.push(
      await startReplica(
        { directory, publicUrl, port: ownPort, secret: options.secrets?.[index] ?? secret, providers, issuers, audit },
        { ...options, settings },
      ),
    )
  }
  const replica = (index: number): TestReplica => {
    const found = replicas[index]
    if (found === undefined) throw new Error(`there are ${replicas.length} replicas, and no number ${index}`)
    return found
  }
  const first = replica(0)
  return {
    ...first,
    publicUrl,
    provider,
    directory,
    replica,
    logIn: (person, appUrl, browser = new TestBrowser(), chosen) => logIn(first.ask, person, appUrl, browser, chosen),
    moveClock: seconds => {
      for (const one of replicas) one.moveClock(seconds)
    },
    close: async () => {
      for (const one of replicas) await one.close()
      await provider.close()
      rmSync(directory, { recursive: true, force: true })
    },
  }
}

/** What one service has to itself, and what it shares with the others. */
interface ReplicaPlace {
  readonly directory: string
  readonly publicUrl: string
  readonly port: number
  readonly secret: string
  readonly providers: readonly ProviderEntry[]
  readonly issuers: readonly Readonly<Record<string, unknown>>[]
  /** File name in `directory`. */
  readonly audit: string
}

async function startReplica(place: ReplicaPlace, options: TestServiceOptions): Promise<TestReplica> {
  const config = load(place, options)
  const audit = join(place.directory, place.audit)
  let log = ''
  let offsetMs = 0
  const write = (line: string): void => {
    log += line
  }
  const logger = createLogger({ level: 'debug', destination: { write } })
  const { fronts } = options
  const clock = { now: () => Date.now() + offsetMs }
  const service = await compose(config, { clock, logger, ...(fronts !== undefined && { fronts }) })
  await service.start()
  const adminPort = service.ports().admin
  await untilReady(adminPort)
  const send: TestReplica['send'] = (requestLine, headers) => exchange(place.port, requestLine, headers)
  let closing: Promise<void> | undefined
  return {
    service,
    port: place.port,
    adminPort,
    send,
    ask: (front, question) => send(dialectLine(front, question), dialectHeaders(front, question)),
    moveClock: seconds => {
      offsetMs += seconds * 1000
    },
    auditEvents: () => readLines(audit),
    eventOf: answer => eventOf(audit, answer),
    logText: () => log,
    close: () => {
      closing ??= service.close()
      return closing
    },
  }
}

/** Redis is connected to in the background; a test that began before would see the outage of the first moments. */
async function untilReady(adminPort: number): Promise<void> {
  for (let attempt = 0; attempt < 4_000; attempt += 1) {
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

function load(place: ReplicaPlace, { settings = {}, hosts = [] }: TestServiceOptions) {
  const sections = {
    ...settings,
    server: { url: place.publicUrl, listen: `127.0.0.1:${place.port}`, ...settings.server },
    admin: { listen: '127.0.0.1:0', ...settings.admin },
    sessions: { path: './data', secret: place.secret, ...settings.sessions },
    policy: { directory: '.', ...settings.policy },
    audit: { destination: `./${place.audit}`, ...settings.audit },
    login: { rateLimit: 100_000, ...settings.login },
    providers: place.providers,
    ...(place.issuers.length > 0 && { machines: { issuers: place.issuers, ...settings.machines } }),
    hosts,
  }
  const file = join(place.directory, 'sallyport.yaml')
  // JSON is YAML.
  writeFileSync(file, JSON.stringify(sections))
  const readFile = (path: string): string => readFileSync(path, 'utf8')
  return loadConfig({ file, env: {}, allowInsecure: new Set(), readFile }).config
}

/** As `TestService.logIn`; `ask` says which replica gets each of the two questions. */
export async function logIn(
  ask: TestService['ask'],
  person: Person,
  appUrl: string,
  browser: TestBrowser,
  provider?: string,
): Promise<string> {
  const challenged = await ask('forward-auth', { url: appUrl, headers: navigation })
  const pending = cookiePair(challenged)
  let location = header(challenged, 'location') ?? ''
  if (provider !== undefined) location += `&provider=${provider}`
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
  for (let attempt = 0; attempt < 6_000; attempt += 1) {
    const found = readLines(file).find(event => event.requestId === requestId)
    if (found !== undefined) return found
    // Lines are written in batches, some milliseconds after the answer.
    await setTimeout(10)
  }
  throw new Error(`no audit event for request ${requestId}`)
}

/** The lines of an audit file that are whole: what is behind the last break is still being written. */
export function readLines(file: string): AuditRecord[] {
  const lines = readFileSync(file, 'utf8').split('\n').slice(0, -1)
  return lines.map(line => JSON.parse(line) as Record<string, unknown>)
}
