/** The whole service with two clusters, browsers of people, and a command line that speaks with its grant endpoints. */
import { createHash, randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { createOutbound, type Outbound } from '../../app/login/provider/outbound.ts'
import { createAuthority } from '../certificates.ts'
import { leadsTo, type Person } from '../provider.ts'
import { startService, TestBrowser, type TestService, type TestServiceOptions } from '../service.ts'

export const gatewayUrl = 'https://k8s.example.com'
export const clientId = 'sallyport-kubectl'
export const redirectUri = 'http://127.0.0.1:40123/callback'
export const deviceGrantType = 'urn:ietf:params:oauth:grant-type:device_code'

export interface GrantWorld {
  readonly service: TestService
  /** PEM that the kubeconfigs get. */
  readonly certificateAuthority: string
  readonly close: () => Promise<void>
}

/** A service as browsers and programs reach it, in this process or not. */
export type Reached = Pick<TestService, 'publicUrl' | 'provider'>

const policy = 'p, authenticated, kube:prod, /**, *, -, allow\n'

/** `clusters`: what replaces settings of both. Default: a server that is down. */
export async function startGrantWorld(
  options: Partial<TestServiceOptions> & { readonly clusters?: Readonly<Record<string, unknown>> } = {},
): Promise<GrantWorld> {
  const directory = mkdtempSync(join(tmpdir(), 'sallyport-grants-'))
  const authority = createAuthority('an authority of tests')
  const { certificate, key } = authority.issue('k8s.example.com', ['k8s.example.com'])
  authority.close()
  const write = (name: string, text: string): string => {
    const path = join(directory, name)
    writeFileSync(path, text, { mode: 0o600 })
    return path
  }
  const credential = { tokenFile: write('token', 'the-token-of-the-gateway\n') }
  const kubernetes = {
    url: gatewayUrl,
    listen: '127.0.0.1:0',
    tls: {
      certificateFile: write('tls.pem', certificate),
      keyFile: write('tls.key', key),
      caFile: write('ca.pem', authority.certificate),
    },
    clusters: [
      { name: 'prod', server: 'https://127.0.0.1:1', credential, ...options.clusters },
      { name: 'lab', server: 'https://127.0.0.1:1', userClaim: 'sub', credential, ...options.clusters },
    ],
  }
  const service = await startService({ policy, ...options, settings: { kubernetes, ...options.settings } })
  return {
    service,
    certificateAuthority: authority.certificate,
    close: async () => {
      await service.close()
      rmSync(directory, { recursive: true, force: true })
    },
  }
}

/** A browser that is logged in at the auth host, and where it was led after that. */
export async function logInBrowser(service: Reached, person: Person, browser = new TestBrowser()) {
  await followLogin(service, `${service.publicUrl}/login?rd=${encodeURIComponent(`${service.publicUrl}/`)}`, {
    person,
    browser,
  })
  return browser
}

/** From an address of the login to where it leads back. */
export async function followLogin(
  service: Reached,
  start: string,
  { person, browser }: { readonly person: Person; readonly browser: TestBrowser },
): Promise<{ url: string; text: string; status: number }> {
  let url = start
  for (let step = 0; step < 10; step += 1) {
    const response = await browser.request(url)
    const text = await response.text()
    const location = response.headers.get('location')
    if (location === null && !text.includes('http-equiv="refresh"')) return { url, text, status: response.status }
    url = new URL(location ?? leadsTo(text), url).href
    if (url.startsWith(service.provider.issuer)) url = await browser.visitor.logIn(url, person)
  }
  throw new Error(`the login goes round: ${url}`)
}

export interface Proof {
  readonly verifier: string
  readonly challenge: string
}

export function newProof(): Proof {
  const verifier = randomBytes(32).toString('base64url')
  return { verifier, challenge: createHash('sha256').update(verifier).digest('base64url') }
}

export const authorizeQuery = (proof: Proof, more: Readonly<Record<string, string>> = {}) =>
  new URLSearchParams({
    client_id: clientId,
    redirect_uri: redirectUri,
    state: 'the-state-of-a-test',
    code_challenge: proof.challenge,
    code_challenge_method: 'S256',
    ...more,
  })

export async function visit(browser: TestBrowser, url: string) {
  const response = await browser.request(url)
  return { status: response.status, location: response.headers.get('location'), text: await response.text() }
}

/** Presses a button of the form of a page. */
export async function press(
  browser: TestBrowser,
  service: Reached,
  page: string,
  { decision, headers = {}, fields = {} }: Pressed,
) {
  const [, action = ''] = /<form method="post" action="([^"]+)"/.exec(page) ?? []
  const hidden = [...page.matchAll(/<input type="hidden" name="([^"]+)" value="([^"]*)"/g)]
  const body = new URLSearchParams({
    ...Object.fromEntries(hidden.map(([, name = '', value = '']) => [name, value.replaceAll('&amp;', '&')])),
    decision,
    ...fields,
  })
  const url = `${service.publicUrl}${action}`
  const response = await browser.request(url, { method: 'POST', body: body.toString(), headers })
  return { status: response.status, location: response.headers.get('location'), text: await response.text() }
}

interface Pressed {
  readonly decision: string
  readonly headers?: Readonly<Record<string, string>>
  readonly fields?: Readonly<Record<string, string>>
}

/** The parameters with which the browser comes to the program's own address. */
export async function authorize(service: Reached, browser: TestBrowser, proof: Proof, decision = 'allow') {
  const page = await visit(browser, `${service.publicUrl}/kube/authorize?${authorizeQuery(proof)}`)
  const { text } = await press(browser, service, page.text, { decision })
  return new URL(leadsTo(text)).searchParams
}

const outbound = createOutbound()

export interface OAuthAnswer {
  readonly status: number
  readonly body: Readonly<Record<string, unknown>>
}

/** Where the auth host is, and how it is reached where its certificate is not known. */
export interface ReachedService {
  readonly publicUrl: string
  readonly outbound?: Pick<Outbound, 'fetch'>
}

export async function post(
  service: ReachedService,
  path: string,
  form: Readonly<Record<string, string>> | string,
  headers: Readonly<Record<string, string>> = {},
): Promise<OAuthAnswer> {
  const body = typeof form === 'string' ? form : new URLSearchParams({ client_id: clientId, ...form }).toString()
  const response = await (service.outbound ?? outbound).fetch(`${service.publicUrl}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
    body,
  })
  return { status: response.status, body: (await response.json()) as Record<string, unknown> }
}

export async function get(
  service: Reached,
  path: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<OAuthAnswer & { readonly headers: Headers }> {
  const response = await outbound.fetch(`${service.publicUrl}${path}`, { headers })
  const text = await response.text()
  const isJson = response.headers.get('content-type')?.includes('json') === true
  return { status: response.status, headers: response.headers, body: isJson ? JSON.parse(text) : { text } }
}

export const redeem = (
  service: ReachedService,
  code: string,
  proof: Proof,
  more: Readonly<Record<string, string>> = {},
) =>
  post(service, '/kube/token', {
    grant_type: 'authorization_code',
    code,
    redirect_uri: redirectUri,
    code_verifier: proof.verifier,
    ...more,
  })

export const refresh = (service: ReachedService, token: unknown, more: Readonly<Record<string, string>> = {}) =>
  post(service, '/kube/token', { grant_type: 'refresh_token', refresh_token: String(token), ...more })

/** The answer to a login of kubectl in a browser that is logged in. */
export async function newGrant(service: Reached, browser: TestBrowser, audience?: string) {
  const proof = newProof()
  const answer = await authorize(service, browser, proof)
  return redeem(service, answer.get('code') ?? '', proof, audience === undefined ? {} : { audience })
}

export const eventsOf = (service: TestService, name: string) =>
  service.auditEvents().filter(({ event }) => event === name)

/** The last event of a name that has these fields, as soon as there is one. */
export async function untilEvent(
  service: TestService,
  name: string,
  fields: Readonly<Record<string, unknown>>,
): Promise<Readonly<Record<string, unknown>>> {
  const fits = (event: Readonly<Record<string, unknown>>) =>
    Object.entries(fields).every(([key, value]) => event[key] === value)
  for (let attempt = 0; attempt < 6_000; attempt += 1) {
    const found = eventsOf(service, name).findLast(fits)
    if (found !== undefined) return found
    // Lines are written in batches, some milliseconds after the answer.
    await setTimeout(10)
  }
  throw new Error(`no event ${name} with ${JSON.stringify(fields)}`)
}
