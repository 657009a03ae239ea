/** Two replicas, two unrelated domains, two providers that say whatever a test wants, and the log-outs they tell of. */
import { randomUUID } from 'node:crypto'
import { type JWTHeaderParameters, type JWTPayload, SignJWT } from 'jose'
import { createOutbound } from '../../app/login/provider/outbound.ts'
import { type Answers, type MisbehavingProvider, startMisbehavingProvider } from '../login/misbehaving-provider.ts'
import { type RunningRedis, startRedis } from '../peers.ts'
import {
  cookiePair,
  header,
  navigation,
  startService,
  TestBrowser,
  type TestService,
  type TestServiceOptions,
} from '../service.ts'

export const wiki = 'https://wiki.example.com/'
export const shop = 'https://shop.example.net/'
const policy = `
p, authenticated, wiki.example.com, /**, read, -, allow
p, authenticated, shop.example.net, /**, read, -, allow
`

export type LogoutWorld = Awaited<ReturnType<typeof startLogoutWorld>>

const outbound = createOutbound()

export async function startLogoutWorld(
  store: 'lmdb' | 'redis',
  { settings, ...further }: Partial<TestServiceOptions> = {},
) {
  const redis: RunningRedis | undefined = store === 'redis' ? await startRedis() : undefined
  const [odd, other] = [await startMisbehavingProvider(), await startMisbehavingProvider()]
  const sessions = redis === undefined ? { store } : { store, url: redis.url }
  const stopPeers = () => Promise.all([odd.close(), other.close(), redis?.stop()])
  const world: TestService = await startService({
    policy,
    replicas: 2,
    settings: { ...settings, sessions: { ...sessions, ...settings?.sessions } },
    providers: corp => [
      corp,
      { ...corp, name: 'odd', issuer: odd.issuer, logout: { frontChannel: true } },
      { ...corp, name: 'other', issuer: other.issuer },
    ],
    ...further,
  }).catch(async (error: unknown) => {
    await stopPeers()
    throw error
  })

  /** Logs in at a provider that puts these claims into its ID token; gives the Cookie header for the host of `url`. */
  async function logIn(
    provider: MisbehavingProvider,
    answers: Answers,
    { url = wiki, browser = new TestBrowser() }: { readonly url?: string; readonly browser?: TestBrowser } = {},
  ): Promise<string> {
    const { pending, response } = await answer(provider, answers, url, browser)
    const handoff = response.headers.get('location') ?? ''
    return cookiePair(await world.ask('forward-auth', { url: handoff, cookie: pending, headers: navigation }))
  }

  /** Takes the session of a browser that is logged in over to another host. */
  async function logInAgain(browser: TestBrowser, url: string): Promise<string> {
    const challenged = await world.ask('forward-auth', { url, headers: navigation })
    const start = await browser.request(header(challenged, 'location') ?? '')
    const handoff = { url: start.headers.get('location') ?? '', cookie: cookiePair(challenged), headers: navigation }
    return cookiePair(await world.ask('forward-auth', handoff))
  }

  /** As far as the answer to the callback. */
  async function answer(provider: MisbehavingProvider, answers: Answers, url = wiki, browser = new TestBrowser()) {
    const challenged = await world.ask('forward-auth', { url, headers: navigation })
    const name = provider === odd ? 'odd' : 'other'
    const start = await browser.request(`${header(challenged, 'location')}&provider=${name}`)
    const callback = provider.answerTo(start.headers.get('location') ?? '', answers)
    return { pending: cookiePair(challenged), response: await browser.request(callback) }
  }

  /** Whether both replicas let a cookie in. */
  async function isLetIn(cookie: string, url = wiki): Promise<boolean> {
    const answers = [
      await world.ask('forward-auth', { url, cookie }),
      await world.replica(1).ask('forward-auth', { url, cookie }),
    ]
    const statuses = answers.map(({ status }) => status)
    if (statuses.some(status => status !== 200 && status !== 401)) throw new Error(`answered with ${statuses}`)
    return statuses.includes(200)
  }

  return {
    ...world,
    odd,
    other,
    redis,
    answer,
    logIn,
    logInAgain,
    isLetIn,
    post: (name: string, body: string, type = 'application/x-www-form-urlencoded') =>
      outbound.fetch(`${world.publicUrl}/backchannel-logout/${name}`, {
        method: 'POST',
        body,
        headers: { 'content-type': type },
      }),
    send: (name: string, token: string) =>
      outbound.fetch(`${world.publicUrl}/backchannel-logout/${name}`, {
        method: 'POST',
        body: new URLSearchParams({ logout_token: token }).toString(),
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
      }),
    get: (path: string, headers: Record<string, string> = {}) =>
      outbound.fetch(`${world.publicUrl}${path}`, { redirect: 'manual', headers }),
    close: async () => {
      await world.close()
      await stopPeers()
    },
  }
}

const event = 'http://schemas.openid.net/event/backchannel-logout'

/** The claims of a good token, changed; `undefined` takes a claim away. */
export function logoutClaims(provider: MisbehavingProvider, changed: Readonly<Record<string, unknown>>): JWTPayload {
  const now = Math.floor(Date.now() / 1000)
  return {
    iss: provider.issuer,
    aud: 'sallyport',
    iat: now,
    exp: now + 120,
    jti: randomUUID(),
    events: { [event]: {} },
    ...changed,
  } as JWTPayload
}

export function logoutToken(
  provider: MisbehavingProvider,
  changed: Readonly<Record<string, unknown>>,
  header: Partial<JWTHeaderParameters> = {},
): Promise<string> {
  return new SignJWT(logoutClaims(provider, changed))
    .setProtectedHeader({ alg: 'ES256', kid: 'k1', typ: 'logout+jwt', ...header })
    .sign(provider.privateKey)
}
