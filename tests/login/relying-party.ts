/** The login pages as they run, with everything around them in memory, and a browser that visits them. */
import { createServer } from 'node:http'
import express from 'express'
import session from 'express-session'
import request, { type Response } from 'supertest'
import { CookieJar } from 'tough-cookie'
import type { AuditEvent } from '../../app/audit/event.ts'
import { createAttempts, type LoginAttempt, randomToken } from '../../app/login/attempts.ts'
import { createBrowserCookie } from '../../app/login/browser/browser-cookie.ts'
import { createFormTokens } from '../../app/login/browser/form-tokens.ts'
import { createProviderCookie } from '../../app/login/browser/provider-cookie.ts'
import { createSessionMiddleware } from '../../app/login/browser/session-middleware.ts'
import { createPostedAnswers, type PostedAnswer } from '../../app/login/posted-answers.ts'
import type { ProviderSettings } from '../../app/login/provider/discovery.ts'
import { createOutbound } from '../../app/login/provider/outbound.ts'
import { createProviders, type Providers, type ProvidersOptions } from '../../app/login/provider/providers.ts'
import { createReturnToGuard } from '../../app/login/return/return-to.ts'
import { createLoginRouter } from '../../app/login/routes.ts'
import { createPagesFor } from '../../app/pages/reader-language.ts'
import { createExpressSessionStore } from '../../app/sessions/express-store.ts'
import type { HandoffTicket } from '../../app/sessions/handoff-ticket.ts'
import type { OneTimeStore } from '../../app/sessions/records/sealed-records.ts'
import { createOneTimeStore } from '../../app/sessions/records/sealed-records.ts'
import { parseLogin } from '../../app/sessions/session-payload.ts'
import { close, listen, type Person, ProviderVisitor, type TestClient } from '../provider.ts'
import { openStore, type StoreName } from './kept-in.ts'

export const publicUrl = 'https://auth.example.com'
export const wiki = 'https://wiki.example.com/a?b=1'
/** The digest of a nonce, as an application's host would give it. */
export const nonceHash = 'n'.repeat(43)

export const client: TestClient = {
  clientId: 'sallyport',
  clientSecret: 'a secret of the test client, long enough',
  redirectUris: [`${publicUrl}/callback/corp`, `${publicUrl}/callback/other`],
  postLogoutRedirectUris: [`${publicUrl}/signed-out`],
}

export const corp = (issuer: string, more: Partial<ProviderSettings> = {}): ProviderSettings => ({
  name: 'corp',
  issuer,
  clientId: client.clientId,
  clientSecret: client.clientSecret,
  scopes: ['profile', 'email', 'groups'],
  ...more,
})

const secrets = ['a secret of the tests']

/** Records in a map, each taken once; where there is a real store, that one answers, and the map is for tests to look at. */
class MemoryOneTimeStore<T> implements OneTimeStore<T> {
  readonly records = new Map<string, { value: T; ttlSeconds: number }>()
  private readonly real: OneTimeStore<T> | undefined
  constructor(real?: OneTimeStore<T>) {
    this.real = real
  }
  async put(id: string, value: T, ttlSeconds: number): Promise<void> {
    await this.real?.put(id, value, ttlSeconds)
    this.records.set(id, { value: structuredClone(value), ttlSeconds })
  }
  async take(id: string): Promise<T | undefined> {
    const record = this.records.get(id)
    this.records.delete(id)
    return this.real === undefined ? record?.value : this.real.take(id)
  }
}

interface LogLine {
  readonly level: 'info' | 'warn' | 'error'
  readonly fields: object
  readonly message: string
}

export interface RelyingPartyOptions {
  readonly providers: readonly ProviderSettings[]
  readonly publicUrl?: string
  /** Where it listens; a free port if absent. */
  readonly port?: number
  readonly store?: session.Store
  /** Keeps sessions, attempts and tickets in a real store; in memory if absent. */
  readonly keptIn?: StoreName | undefined
  readonly discovery?: Partial<ProvidersOptions>
  /** Names of the providers of a host. */
  readonly hosts?: Readonly<Record<string, readonly string[]>>
  /** Whether the provider has told of a log-out of whoever logs in. Default false. */
  readonly isLoggedOut?: boolean
}

export interface RelyingParty {
  readonly publicUrl: string
  readonly server: ReturnType<typeof createServer>
  readonly attempts: MemoryOneTimeStore<LoginAttempt>
  readonly answers: MemoryOneTimeStore<PostedAnswer>
  readonly tickets: MemoryOneTimeStore<HandoffTicket>
  readonly store: session.Store
  readonly providers: Providers
  readonly events: (Record<string, unknown> & { event: AuditEvent['event'] })[]
  readonly log: LogLine[]
  readonly ended: string[]
  /** Added to the real time. */
  moveClock(seconds: number): void
  browser(): Browser
  close(): Promise<void>
}

export async function startRelyingParty(options: RelyingPartyOptions): Promise<RelyingParty> {
  const home = options.publicUrl ?? publicUrl
  let offsetMs = 0
  const clock = { now: () => Date.now() + offsetMs }
  const log: LogLine[] = []
  const write = (level: LogLine['level']) => (fields: object, message: string) =>
    void log.push({ level, fields, message })
  const logger = { info: write('info'), warn: write('warn'), error: write('error') }
  const outbound = createOutbound()
  const providers = createProviders({
    settings: options.providers,
    publicUrl: home,
    fetch: outbound.fetch,
    clock,
    logger,
    ...options.discovery,
  })
  const kept = options.keptIn === undefined ? undefined : await openStore(options.keptIn, clock)
  const sealed = kept === undefined ? undefined : { records: kept.records, secrets, clock }
  const attempts = new MemoryOneTimeStore<LoginAttempt>(sealed && createOneTimeStore({ ...sealed, kind: 'attempt' }))
  const answers = new MemoryOneTimeStore<PostedAnswer>(sealed && createOneTimeStore({ ...sealed, kind: 'answer' }))
  const tickets = new MemoryOneTimeStore<HandoffTicket>(sealed && createOneTimeStore({ ...sealed, kind: 'ticket' }))
  const realStore = sealed && createExpressSessionStore({ ...sealed, lifetimeSeconds: 3600, idleSeconds: 3600 })
  const store = options.store ?? realStore ?? new session.MemoryStore()
  const addresses = new Map<string, string>()
  const events: RelyingParty['events'] = []
  const ended: string[] = []
  const isSecure = home.startsWith('https:')
  let requestCount = 0
  const router = createLoginRouter({
    publicUrl: home,
    providers,
    attempts: createAttempts({ store: attempts, clock }),
    postedAnswers: createPostedAnswers({ store: answers, providers: namesOfPosting(options.providers) }),
    browserCookie: createBrowserCookie(isSecure),
    providerCookie: createProviderCookie(isSecure),
    providersOfHost: host => options.hosts?.[host],
    revokeAllPasswords: async () => [],
    tickets,
    sessions: createSessionMiddleware({
      store,
      secrets,
      isSecure,
      endOf: ({ startedAt }) => startedAt + 3600,
      rememberedSeconds: () => undefined,
      parseLogin,
      clock,
      logger,
    }),
    isLoggedOut: async () => options.isLoggedOut ?? false,
    endSession: async id => {
      ended.push(id)
      await new Promise(resolve => store.destroy(id, resolve))
    },
    directory: { list: async () => ({ sessions: [] }), show: async () => undefined, end: async () => 0 },
    keepTokens: async () => {},
    // Sessions that are asked about again are those of the whole service: tests/attacks/f-refresh.test.ts.
    verification: {
      ofPage: async (_sessionId, login) => login,
      isOverdue: () => false,
      needsBrowser: () => false,
      confirm: async (_sessionId, fresh) => fresh,
    },
    formTokens: createFormTokens(secrets),
    sessionDigest: id => `digest-of-${id.slice(0, 4)}`,
    returnTo: createReturnToGuard({
      publicUrl: home,
      allowedDomains: () => ['*.example.com', '*.localhost'],
      tickets: host => (/\.(?:example\.com|localhost)$/.test(host) ? true : undefined),
    }),
    applications: async () => ({ list: [], hasMore: false }),
    addresses: {
      keep: url => {
        const name = randomToken()
        addresses.set(name, url)
        return name
      },
      find: async name => addresses.get(name),
    },
    keepsFragment: true,
    pages: createPagesFor(),
    audit: { write: event => void events.push(event as never), flush: async () => {} },
    logger,
    clock,
    newRequestId: () => `request-${++requestCount}`,
  })
  const app = express().disable('x-powered-by').set('query parser', 'simple').use(router)
  const server = createServer(app)
  await listen(server, options.port)
  const party: RelyingParty = {
    publicUrl: home,
    server,
    attempts,
    answers,
    tickets,
    store,
    providers,
    events,
    log,
    ended,
    moveClock: seconds => {
      offsetMs += seconds * 1000
    },
    browser: () => new Browser(party),
    close: async () => {
      providers.stop()
      await Promise.all([close(server), outbound.close()])
      await kept?.remove()
    },
  }
  return party
}

const namesOfPosting = (providers: readonly ProviderSettings[]): ReadonlySet<string> =>
  new Set(providers.filter(({ responseMode }) => responseMode === 'form_post').map(({ name }) => name))

/** Keeps the cookies of the auth host as a browser would for its public URL, and has one visitor at the provider. */
export class Browser {
  readonly jar = new CookieJar()
  readonly visitor = new ProviderVisitor()
  private readonly party: RelyingParty

  constructor(party: RelyingParty) {
    this.party = party
  }

  async get(address: string, headers: Record<string, string> = {}): Promise<Response> {
    const url = new URL(address, this.party.publicUrl)
    const cookie = await this.jar.getCookieString(url.href)
    return this.keep(
      url,
      await request(this.party.server)
        .get(`${url.pathname}${url.search}`)
        .set({ cookie, ...headers }),
    )
  }

  async post(path: string, form: Record<string, string>, headers: Record<string, string> = {}): Promise<Response> {
    const url = new URL(path, this.party.publicUrl)
    const cookie = await this.jar.getCookieString(url.href)
    const { server } = this.party
    return this.keep(
      url,
      await request(server)
        .post(`${url.pathname}${url.search}`)
        .type('form')
        .set({ cookie, ...headers })
        .send(form),
    )
  }

  /** From `/login` to the callback's answer. */
  async logIn(person: Person, start = `/login?rd=${encodeURIComponent(wiki)}`): Promise<Response> {
    return this.get(await this.visitor.logIn(locationOf(await this.get(start)), person))
  }

  async cookies(): Promise<Record<string, string>> {
    const cookies = await this.jar.getCookies(this.party.publicUrl)
    return Object.fromEntries(cookies.map(({ key, value }) => [key, value]))
  }

  private async keep(url: URL, response: Response): Promise<Response> {
    const lines = (response.headers['set-cookie'] ?? []) as unknown as string[]
    for (const line of lines) await this.jar.setCookie(line, url.href)
    return response
  }
}

export function locationOf(response: Response): string {
  const { location } = response.headers
  if (location === undefined) throw new Error(`no Location: ${response.status} ${response.text}`)
  return location
}
