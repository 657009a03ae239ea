/**
 * The demo's OpenID provider: oidc-provider in this process, three people, one click to log in.
 *
 * It asks for no password and is for trying Sallyport out and for tests, never for anything else.
 */

import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http'
import { exportJWK, generateKeyPair } from 'jose'
import type { Configuration, KoaContextWithOIDC, Provider } from 'oidc-provider'
import { findPerson } from '../people.ts'
import { errorPage, framed, loginPage, logoutPage, signedOutPage } from './provider-pages.ts'
import { createProviderStore } from './provider-store.ts'

export interface DemoProviderOptions {
  /** Public origin, such as `http://idp.localhost:8080`. */
  readonly issuer: string
  readonly clientId: string
  readonly clientSecret: string
  readonly redirectUris: readonly string[]
  readonly postLogoutRedirectUris: readonly string[]
  /** What the page asks for beside the person, where a login is worth something. */
  readonly code?: string
}

const HOUR = 3600

/** A server that is not listening yet. */
export async function createDemoProvider(options: DemoProviderOptions): Promise<Server> {
  const ProviderClass = await importQuietly()
  const provider = new ProviderClass(options.issuer, await configuration(options))
  // The proxy in front says which scheme and host the browser used.
  provider.proxy = true
  provider.on('server_error', (_ctx, error) => console.error('demo provider:', error))
  const callback = provider.callback() as RequestListener
  const server = createServer((request, response) => {
    if (!request.url?.startsWith('/interaction/')) return void callback(request, response)
    answerInteraction(provider, options.code, request, response).catch((error: unknown) =>
      failInteraction(response, error),
    )
  })
  server.maxHeadersCount = 0
  return server
}

/**
 * oidc-provider warns about Node 20 when it is imported; for a demo that is noise. It is no part of a production installation:
 * nothing but the demo needs it.
 */
async function importQuietly(): Promise<typeof Provider> {
  const { warn } = console
  console.warn = () => undefined
  try {
    return (await import('oidc-provider')).Provider
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw error
    throw new Error(
      'the demo brings an identity provider of its own, and its package is not installed. Install it beside sallyport with `npm install oidc-provider@9`, or run both for once with `npx -p sallyport -p oidc-provider@9 sallyport demo`',
      { cause: error },
    )
  } finally {
    console.warn = warn
  }
}

async function configuration(options: DemoProviderOptions): Promise<Configuration> {
  const { privateKey } = await generateKeyPair('RS256', { extractable: true })
  return {
    adapter: createProviderStore(),
    jwks: {
      keys: [{ ...(await exportJWK(privateKey)), use: 'sig', alg: 'RS256', kid: randomBytes(6).toString('hex') }],
    },
    clients: [
      {
        client_id: options.clientId,
        client_secret: options.clientSecret,
        client_name: 'Sallyport',
        redirect_uris: [...options.redirectUris],
        post_logout_redirect_uris: [...options.postLogoutRedirectUris],
        grant_types: ['authorization_code', 'refresh_token'],
        response_types: ['code'],
        // With auth_time in every ID token, rules about the age of a login can be tried out.
        require_auth_time: true,
      },
    ],
    claims: {
      openid: ['sub'],
      email: ['email', 'email_verified'],
      profile: ['name', 'preferred_username'],
      groups: ['groups'],
    },
    conformIdTokenClaims: false,
    findAccount: (_ctx, id) => account(id),
    loadExistingGrant: grantEverything,
    pkce: { required: () => true },
    cookies: { keys: [randomBytes(32).toString('base64url')] },
    interactions: { url: (_ctx, interaction) => `/interaction/${interaction.uid}` },
    renderError: (ctx, out) => framed(ctx, errorPage(out.error, out.error_description ?? '')),
    features: {
      devInteractions: { enabled: false },
      rpInitiatedLogout: {
        enabled: true,
        logoutSource: (ctx, form) => framed(ctx, logoutPage(form)),
        postLogoutSuccessSource: ctx => framed(ctx, signedOutPage()),
      },
    },
    ttl: {
      AccessToken: HOUR,
      AuthorizationCode: 60,
      Grant: 24 * HOUR,
      IdToken: HOUR,
      Interaction: HOUR,
      RefreshToken: 24 * HOUR,
      Session: 24 * HOUR,
    },
  }
}

function account(id: string) {
  const person = findPerson(id)
  if (person === undefined) return undefined
  const { name, email, groups } = person
  const claims = { sub: id, name, preferred_username: id, email, email_verified: true, groups: [...groups] }
  return { accountId: id, claims: () => claims }
}

/** There is one client and it is ours: nobody is asked for consent. */
async function grantEverything(ctx: KoaContextWithOIDC) {
  const { client, session, params, provider } = ctx.oidc
  if (client === undefined || session?.accountId === undefined) return undefined
  const grant = new provider.Grant({ clientId: client.clientId, accountId: session.accountId })
  grant.addOIDCScope(typeof params?.scope === 'string' ? params.scope : 'openid')
  await grant.save()
  return grant
}

async function answerInteraction(
  provider: Provider,
  code: string | undefined,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { uid } = await provider.interactionDetails(request, response)
  const asked = code === undefined ? 'nothing' : 'code'
  if (request.method !== 'POST') return sendPage(response, 200, loginPage(uid, asked))
  const form = new URLSearchParams(await readBody(request))
  const person = findPerson(form.get('person') ?? '')
  if (person === undefined) return sendPage(response, 400, loginPage(uid, asked))
  if (code !== undefined && form.get('code')?.trim() !== code) {
    return sendPage(response, 403, loginPage(uid, 'code-again'))
  }
  await provider.interactionFinished(request, response, { login: { accountId: person.id, amr: ['pwd'] } })
}

function failInteraction(response: ServerResponse, error: unknown): void {
  if (response.headersSent) return void response.destroy()
  const detail = error instanceof Error ? error.message : 'unknown'
  sendPage(response, 400, errorPage('This login cannot be continued.', detail))
}

function sendPage(
  response: ServerResponse,
  status: number,
  page: { readonly html: string; readonly policy: string },
): void {
  response.writeHead(status, {
    'Content-Type': 'text/html; charset=utf-8',
    'Content-Security-Policy': page.policy,
    'Cache-Control': 'no-store',
  })
  response.end(page.html)
}

async function readBody(request: IncomingMessage): Promise<string> {
  let body = ''
  request.setEncoding('utf8')
  request.on('data', (chunk: string) => {
    body += chunk
    if (body.length > 10_000) request.destroy()
  })
  await once(request, 'end')
  return body
}
