/** The service with hosts that take application passwords, and people who make some on the page of sessions. */
import type { Person } from '../provider.ts'
import {
  type Answer,
  startService,
  TestBrowser,
  type TestReplica,
  type TestService,
  type TestServiceOptions,
} from '../service.ts'

export const git = 'https://git.example.com'

export const policy = `
p, anyone,            git.example.com,  /public/**, read, -,      allow
p, authenticated,     git.example.com,  /pages/**,  *,    -,      allow
p, group:ops,         git.example.com,  /admin/**,  *,    -,      allow
p, group:contractors, git.example.com,  /pages/inner/**, *, -,    deny
p, authenticated,     git.example.com,  /mfa/**,    *,    mfa,    allow
p, authenticated,     git.example.com,  /fresh/**,  *,    fresh,  allow
p, authenticated,     git.example.com,  /class/**,  *,    class,  allow
p, authenticated,     git.example.com,  /claim/**,  *,    claimed, allow
p, authenticated,     git.example.com,  /unless/**, *,    -,      allow
p, authenticated,     git.example.com,  /unless/**, *,    typed,  deny
p, authenticated,     dav.example.com,  /**,        *,    -,      allow
p, authenticated,     aged.example.com, /**,        *,    -,      allow
p, authenticated,     partners.example.com, /**,    *,    -,      allow
p, authenticated,     wiki.example.com, /**,        *,    -,      allow
p, authenticated,     one.below.example.com, /**,   *,    -,      allow
`

export const conditions = `
mfa:     { authentication-method: [mfa, pwd] }
fresh:   { authentication-age: 3600d }
class:   { acr: ["urn:test"] }
typed:   { authentication-method: [pwd] }
claimed: { claim: { name: amr, in: [pwd] } }
`

export interface MadePassword {
  readonly user: string
  readonly text: string
  readonly handle: string
}

export interface PasswordsWorld extends TestService {
  /** Logs in with a browser of its own, unless one is given that has, and makes a password. */
  readonly make: (person: Person, wish?: Partial<Wish>) => Promise<MadePassword & { readonly browser: TestBrowser }>
  /** As a program does, with a password, on the second front as well as on the first. */
  readonly use: (given: Given, url?: string, replica?: TestReplica) => Promise<Answer>
}

export type Given = Pick<MadePassword, 'user' | 'text'>

interface Wish {
  readonly browser: TestBrowser
  readonly hosts: readonly string[]
  readonly name: string
  readonly days: string
}

export const basicOf = ({ user, text }: Given): string => `Basic ${Buffer.from(`${user}:${text}`).toString('base64')}`

export async function startPasswords(options: Partial<TestServiceOptions> = {}): Promise<PasswordsWorld> {
  const service = await startService({
    policy,
    conditions,
    provider: { refreshTokens: 'rotated' },
    hosts: [
      { host: 'git.example.com', passwords: true },
      { host: 'dav.example.com', passwords: true },
      { host: '*.below.example.com', passwords: true },
      { host: 'partners.example.com', passwords: true, providers: ['corp'] },
      { host: 'wiki.example.com' },
    ],
    ...options,
  })
  return {
    ...service,
    make: (person, wish = {}) => make(service, person, wish),
    use: (given, url = `${git}/pages/a`, replica = service) =>
      replica.ask('auth-request', { url, headers: [['Authorization', basicOf(given)]] }),
  }
}

export const tokenOf = (page: string): string => /name="token" value="([\w-]+)"/.exec(page)?.[1] ?? ''

export async function visit(service: TestService, browser: TestBrowser, path = '/session') {
  const response = await browser.request(`${service.publicUrl}${path}`)
  return { status: response.status, location: response.headers.get('location'), text: await response.text() }
}

export async function post(
  service: TestService,
  browser: TestBrowser,
  path: string,
  form: readonly [string, string][],
) {
  const token = tokenOf((await visit(service, browser)).text)
  const body = new URLSearchParams([['token', token], ...form] satisfies [string, string][]).toString()
  const response = await browser.request(`${service.publicUrl}${path}`, { method: 'POST', body })
  return {
    status: response.status,
    location: response.headers.get('location'),
    caching: response.headers.get('cache-control'),
    text: await response.text(),
  }
}

async function make(service: TestService, person: Person, wish: Partial<Wish>) {
  const browser = wish.browser ?? new TestBrowser()
  const [host = 'git.example.com'] = wish.hosts ?? []
  if (wish.browser === undefined) await service.logIn(person, `https://${host}/pages/`, browser)
  return makeWith(service, browser, wish)
}

/** With a browser in which somebody is logged in. */
export async function makeWith(service: TestService, browser: TestBrowser, wish: Partial<Wish> = {}) {
  const { hosts = ['git.example.com'], name = 'laptop', days = '90' } = wish
  const named = hosts.map((one): [string, string] => ['host', one])
  const { status, text: page } = await post(service, browser, '/session/passwords', [
    ['name', name],
    ['days', days],
    ...named,
  ])
  const factOf = (term: string) => new RegExp(`<dt>${term}<dd>(?:<code>)?([^<]*)`).exec(page)?.[1] ?? ''
  const text = factOf('Password')
  const handle = /^sallyport_([a-z2-7]{16})_[a-z2-7]{48}$/.exec(text)?.[1]
  if (status !== 200 || handle === undefined) throw new Error(`no password was made: ${status} ${page}`)
  return { user: factOf('User name'), text, handle, browser }
}
