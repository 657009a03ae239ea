/**
 * An OpenID provider for tests: the real oidc-provider, in this process, on a loopback port of its own.
 *
 * Alice is in ops, Bob in contractors, Carol in nothing. `http://idp.localhost:<port>/interaction/<uid>?person=alice`
 * logs in without a password; without `person` it shows a page with a link per person, for real browsers.
 */
import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import Provider, { type ClientMetadata, type Configuration, type KoaContextWithOIDC } from 'oidc-provider'
import { CookieJar } from 'tough-cookie'
import { createOutbound } from '../app/login/provider/outbound.ts'
import { createEndpoints, type ProviderEndpoints } from './provider-endpoints.ts'
import { createPeople, type Person, personNames, type TestPeople } from './provider-people.ts'

export type { Person } from './provider-people.ts'

export interface TestClient {
  readonly clientId: string
  readonly clientSecret: string
  readonly redirectUris: readonly string[]
  readonly postLogoutRedirectUris?: readonly string[]
  /** Laid over the metadata that follows from the rest, such as `backchannel_logout_uri`. */
  readonly metadata?: Partial<ClientMetadata>
}

export interface TestProviderOptions {
  readonly clients: readonly TestClient[]
  /** A port that an earlier provider had; a free one if absent. */
  readonly port?: number
  /** Authentication context classes that a login may claim; the first wanted one is granted. Default none. */
  readonly acrValues?: readonly string[]
  /**
   * Gives every client a refresh token with each login: a new one at each use (`rotated`; the use of an old one revokes
   * the grant), or the same one for good (`kept`). Default none.
   */
  readonly refreshTokens?: 'rotated' | 'kept'
  /** Merged over the configuration of oidc-provider, `features` one by one. */
  readonly configuration?: Configuration
}

export interface TestProvider {
  /** `http://idp.localhost:<port>` */
  readonly issuer: string
  readonly port: number
  readonly provider: Provider
  /** Names of the token endpoint's callers, and what else came in, as `METHOD path`. */
  readonly requests: readonly string[]
  readonly people: TestPeople
  readonly endpoints: Pick<ProviderEndpoints, 'count' | 'setFault'>
  /** Replaces the signing key, and the published one with it. */
  rotateKeys(): void
  close(): Promise<void>
}

export async function startProvider(options: TestProviderOptions): Promise<TestProvider> {
  const requests: string[] = []
  const people = createPeople()
  const endpoints = createEndpoints()
  let handler: (request: IncomingMessage, response: ServerResponse) => void = (_request, response) => response.end()
  const server = createServer((request, response) => {
    requests.push(`${request.method} ${request.url?.split('?')[0]}`)
    endpoints
      .intercept(request, response)
      .then(isAnswered => {
        if (!isAnswered) handler(request, response)
      })
      .catch(() => response.destroy())
  })
  const port = await listen(server, options.port)
  const issuer = `http://idp.localhost:${port}`
  let provider = createProvider(issuer, options, people)
  handler = handlerOf(provider, people)
  return {
    issuer,
    port,
    get provider() {
      return provider
    },
    requests,
    people,
    endpoints,
    rotateKeys: () => {
      provider = createProvider(issuer, options, people)
      handler = handlerOf(provider, people)
    },
    close: () => close(server),
  }
}

export function listen(server: Server, port = 0): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', () => resolve((server.address() as AddressInfo).port))
  })
}

export function close(server: Server): Promise<void> {
  server.closeAllConnections()
  return new Promise(resolve => server.close(() => resolve()))
}

function handlerOf(provider: Provider, people: TestPeople) {
  const callback = provider.callback()
  return (request: IncomingMessage, response: ServerResponse) => {
    const path = request.url ?? ''
    if (!path.startsWith('/interaction/')) {
      callback(request, response)
      return
    }
    interact(provider, people, request, response).catch(error => {
      response.statusCode = 500
      response.end(String(error))
    })
  }
}

/** The login page of this provider. */
async function interact(
  provider: Provider,
  people: TestPeople,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { uid, params } = await provider.interactionDetails(request, response)
  const query = new URL(request.url ?? '', 'http://idp.localhost').searchParams
  if (query.has('deny')) {
    const refusal = { error: 'access_denied', error_description: '<script>alert(1)</script>' }
    return provider.interactionFinished(request, response, refusal)
  }
  const person = query.get('person')
  if (person !== null && personNames.some(name => name === person) && people.claimsOf(person) === undefined) {
    const refusal = { error: 'access_denied', error_description: 'this account is disabled' }
    return provider.interactionFinished(request, response, refusal)
  }
  if (person === null || people.claimsOf(person) === undefined) {
    const links = personNames.map(
      name => `<li><a id="${name}" href="/interaction/${uid}?person=${name}">${name}</a></li>`,
    )
    response.setHeader('Content-Type', 'text/html')
    response.end(`<!doctype html><title>Log in</title><h1>Who are you?</h1><ul>${links.join('')}</ul>`)
    return
  }
  const [acr] = String(params.acr_values ?? '').split(' ')
  const login = { accountId: person, amr: ['pwd'], ...(acr && { acr }) }
  await provider.interactionFinished(request, response, { login }, { mergeWithLastSubmission: false })
}

function createProvider(issuer: string, options: TestProviderOptions, people: TestPeople): Provider {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const key = { ...privateKey.export({ format: 'jwk' }), use: 'sig', alg: 'ES256', kid: randomBytes(8).toString('hex') }
  return new Provider(issuer, {
    clients: options.clients.map(client => ({
      client_id: client.clientId,
      client_secret: client.clientSecret,
      redirect_uris: [...client.redirectUris],
      post_logout_redirect_uris: [...(client.postLogoutRedirectUris ?? [])],
      id_token_signed_response_alg: 'ES256',
      ...(options.refreshTokens !== undefined && { grant_types: ['authorization_code', 'refresh_token'] }),
      ...client.metadata,
    })),
    jwks: { keys: [key as never] },
    cookies: { keys: ['cookie-key-of-the-test-provider'] },
    claims: { openid: ['sub'], profile: ['name'], email: ['email', 'email_verified'], groups: ['groups'] },
    scopes: ['openid', 'profile', 'email', 'groups', 'offline_access'],
    ...(options.acrValues !== undefined && { acrValues: [...options.acrValues] }),
    enabledJWA: { idTokenSigningAlgValues: ['ES256'] },
    pkce: { required: () => true },
    interactions: { url: (_context, interaction) => `/interaction/${interaction.uid}` },
    findAccount: (_context, sub) => {
      const claims = people.claimsOf(sub)
      return claims && { accountId: sub, claims: async () => claims }
    },
    issueRefreshToken: async (_context, client) =>
      options.refreshTokens !== undefined && client.grantTypeAllowed('refresh_token'),
    rotateRefreshToken: options.refreshTokens === 'rotated',
    // A refresh token outlives the login at the provider, as one with offline_access does.
    expiresWithSession: async () => false,
    loadExistingGrant: grantEverything,
    ttl: {
      AccessToken: 600,
      AuthorizationCode: 60,
      Grant: 3600,
      IdToken: 600,
      Interaction: 600,
      Session: 3600,
      RefreshToken: 86_400,
    },
    ...options.configuration,
    features: {
      devInteractions: { enabled: false },
      rpInitiatedLogout: { enabled: true, logoutSource },
      revocation: { enabled: true },
      backchannelLogout: { enabled: true },
      ...options.configuration?.features,
    },
  })
}

async function grantEverything(context: KoaContextWithOIDC) {
  const { client, session, provider } = context.oidc
  if (client === undefined || session?.accountId === undefined) return undefined
  const existing = session.grantIdFor(client.clientId)
  if (existing !== undefined) return provider.Grant.find(existing)
  const grant = new provider.Grant({ clientId: client.clientId, accountId: session.accountId })
  grant.addOIDCScope('openid profile email groups offline_access')
  await grant.save()
  return grant
}

/** Logs out at once where the parameter says so; a page with a button for real browsers. */
function logoutSource(context: KoaContextWithOIDC, form: string): void {
  context.body = `<!doctype html><title>Log out</title>${form}<button form="op.logoutForm" name="logout" value="yes">Log out</button>`
}

const outbound = createOutbound()

/** A browser at the provider: keeps its cookies, follows its redirects, and stops where it leaves the provider. */
export class ProviderVisitor {
  readonly jar = new CookieJar()

  /**
   * Logs a person in, or uses the provider's own session of this visitor.
   * @returns the callback URL that the provider redirects to
   */
  async logIn(authorizationUrl: string, person: Person): Promise<string> {
    return (await this.follow(authorizationUrl, `person=${person}`)).url
  }

  /** The same, where the provider's page posts its answer. */
  async logInByPost(authorizationUrl: string, person: Person): Promise<PostedForm> {
    return posted(await this.follow(authorizationUrl, `person=${person}`))
  }

  /** Refuses the login at the provider's page. */
  async refuse(authorizationUrl: string): Promise<string> {
    return (await this.follow(authorizationUrl, 'deny=1')).url
  }

  async refuseByPost(authorizationUrl: string): Promise<PostedForm> {
    return posted(await this.follow(authorizationUrl, 'deny=1'))
  }

  /** One request; cookies are sent and kept, redirects are not followed. */
  async request(url: string, init: { readonly method?: string; readonly body?: string } = {}): Promise<Response> {
    const cookie = await this.jar.getCookieString(url)
    const form = init.body === undefined ? {} : { 'content-type': 'application/x-www-form-urlencoded' }
    const response = await outbound.fetch(url, { ...init, redirect: 'manual', headers: { cookie, ...form } })
    for (const line of response.headers.getSetCookie()) await this.jar.setCookie(line, url)
    return response
  }

  private async follow(start: string, answer: string): Promise<{ url: string; body?: string | undefined }> {
    const { origin } = new URL(start)
    let url = start
    let body: string | undefined
    for (let step = 0; step < 12; step += 1) {
      const response = await this.request(url, body === undefined ? {} : { method: 'POST', body })
      const location = response.headers.get('location')
      // Where one person replaces another, the provider answers with a form that a script would submit.
      const form = location === null ? formOf(await response.text(), response.status) : { action: location }
      const next = new URL(form.action, url)
      if (next.origin !== origin) return { url: next.href, body: form.body }
      if (next.pathname.startsWith('/interaction/')) next.search = answer
      url = next.href
      body = form.body
    }
    throw new Error('the provider redirects for ever')
  }
}

/** A form that a provider's page posts to another site. */
export interface PostedForm {
  readonly url: string
  readonly body: string
}

function posted({ url, body }: { url: string; body?: string | undefined }): PostedForm {
  if (body === undefined) throw new Error(`the provider redirected to ${url}, and posted nothing`)
  return { url, body }
}

/** Where a page without a script leads on to by itself. */
export function leadsTo(text: string): string {
  const [, address] = /<meta http-equiv="refresh" content="0;url=([^"]+)">/.exec(text) ?? []
  if (address === undefined) throw new Error(`the page leads nowhere: ${text.slice(0, 200)}`)
  return address.replaceAll('&amp;', '&')
}

/** Action and fields of a page that holds nothing but one form. */
export function formOf(page: string, status: number): { action: string; body?: string } {
  const [, action] = /<form[^>]* action="([^"]*)"/.exec(page) ?? []
  if (action === undefined) throw new Error(`the provider answered ${status}: ${page}`)
  const fields = [...page.matchAll(/<input[^>]* name="([^"]*)"[^>]* value="([^"]*)"/g)]
  const body = new URLSearchParams(fields.map(([, name = '', value = '']): [string, string] => [name, value]))
  return { action: action.replaceAll('&amp;', '&'), body: body.toString() }
}
