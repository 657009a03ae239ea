/**
 * An OpenID provider that answers whatever a test wants, signed with keys of its own.
 *
 * There is no login page: `answerTo` makes the callback URL that a provider would redirect to, `postTo` the form that its
 * page would post, and for real browsers there is such a page.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { exportJWK, generateKeyPair, type JWTPayload, SignJWT } from 'jose'
import { close, listen } from '../provider.ts'
import { client } from './relying-party.ts'

export interface Answers {
  /** Merged over the claims of a good ID token; `undefined` takes a claim away. */
  readonly claims?: Readonly<Record<string, unknown>>
  /** Replaces the good ID token. */
  readonly idToken?: (claims: JWTPayload) => Promise<string | undefined> | string | undefined
  readonly userinfo?: unknown
  /** Given with the ID token; none if absent. */
  readonly refreshToken?: string
  /** Instead of any good answer. */
  readonly token?: (response: ServerResponse) => void
  readonly userinfoAnswer?: (response: ServerResponse) => void
  readonly keysAnswer?: (response: ServerResponse) => void
}

export type MisbehavingProvider = Awaited<ReturnType<typeof startMisbehavingProvider>>

/**
 * @param metadataChange merged over the good metadata; with an `issuer` in it, the provider speaks as that one
 * @param port where it listens; a free one if absent
 */
export async function startMisbehavingProvider(metadataChange: Readonly<Record<string, unknown>> = {}, port?: number) {
  const { privateKey, publicKey } = await generateKeyPair('ES256', { extractable: true })
  const publicJwk = { ...(await exportJWK(publicKey)), kid: 'k1', alg: 'ES256', use: 'sig' }
  const tokenRequests: URLSearchParams[] = []
  const requests: { readonly path: string; readonly authorization: string | undefined }[] = []
  let keys: readonly object[] = [publicJwk]
  let answers: Answers = {}
  let nonce = ''
  let keyRequests = 0
  const server = createServer((request, response) => void serve(request, response))
  const address = `http://idp.localhost:${await listen(server, port)}`
  const issuer = typeof metadataChange.issuer === 'string' ? metadataChange.issuer : address

  const sign = (claims: JWTPayload) =>
    new SignJWT(claims).setProtectedHeader({ alg: 'ES256', kid: 'k1' }).sign(privateKey)

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await readBody(request)
    requests.push({ path: request.url ?? '', authorization: request.headers.authorization })
    switch (request.url) {
      case '/.well-known/openid-configuration':
        return json(response, { ...metadata(issuer), ...metadataChange })
      case '/jwks':
        keyRequests += 1
        if (answers.keysAnswer !== undefined) return answers.keysAnswer(response)
        return json(response, { keys })
      case '/token':
        tokenRequests.push(new URLSearchParams(body))
        return answers.token === undefined ? json(response, await tokens()) : answers.token(response)
      case '/userinfo':
        if (answers.userinfoAnswer !== undefined) return answers.userinfoAnswer(response)
        return json(response, answers.userinfo ?? { sub: 'alice', email: 'alice@example.com', email_verified: true })
      default:
        if (request.url?.includes('response_mode=form_post')) return postingPage(response, `${issuer}${request.url}`)
        response.writeHead(404).end()
    }
  }

  async function tokens(): Promise<object> {
    const now = Math.floor(Date.now() / 1000)
    const good = { iss: issuer, sub: 'alice', aud: client.clientId, iat: now, exp: now + 300, auth_time: now, nonce }
    const claims = { ...good, ...answers.claims } as JWTPayload
    const idToken = await (answers.idToken ?? sign)(claims)
    return {
      access_token: 'an access token',
      token_type: 'Bearer',
      ...(idToken !== undefined && { id_token: idToken }),
      ...(answers.refreshToken !== undefined && { refresh_token: answers.refreshToken }),
    }
  }

  /** Where the browser goes for an authorization request, with what. */
  function answer(authorizationUrl: string): { url: URL; parameters: URLSearchParams } {
    const { searchParams } = new URL(authorizationUrl)
    nonce = searchParams.get('nonce') ?? ''
    const parameters = new URLSearchParams({ code: 'a-code', state: searchParams.get('state') ?? '', iss: issuer })
    return { url: new URL(searchParams.get('redirect_uri') ?? ''), parameters }
  }

  /** Everybody is logged in at once; their browsers post the answer, as OAuth 2.0 Form Post Response Mode shows it. */
  function postingPage(response: ServerResponse, authorizationUrl: string): void {
    const { url, parameters } = answer(authorizationUrl)
    const fields = [...parameters].map(([name, value]) => `<input type="hidden" name="${name}" value="${value}">`)
    const form = `<form method="post" action="${url.href}">${fields.join('')}</form>`
    response.writeHead(200, { 'Content-Type': 'text/html' })
    response.end(`<!doctype html><body onload="document.forms[0].submit()">${form}</body>`)
  }

  return {
    issuer,
    /** Where it listens. */
    address,
    publicJwk,
    privateKey,
    sign,
    /** How often somebody has asked for the keys. */
    keyRequests: () => keyRequests,
    /** From now on, whoever asks. */
    setAnswers(next: Answers): void {
      answers = next
    },
    tokenRequests,
    /** Everything that was asked, in order. */
    requests,
    /** Replaces the published keys. */
    publish(next: readonly object[]): void {
      keys = next
    },
    /** The callback URL for an authorization request, and what the provider will answer to it. */
    answerTo(authorizationUrl: string, next: Answers): string {
      answers = next
      const { url, parameters } = answer(authorizationUrl)
      url.search = parameters.toString()
      return url.href
    },
    /** The same for a provider whose page posts the answer. */
    postTo(authorizationUrl: string, next: Answers): { url: string; form: Record<string, string> } {
      answers = next
      const { url, parameters } = answer(authorizationUrl)
      return { url: url.href, form: Object.fromEntries(parameters) }
    },
    close: () => close(server),
  }
}

/** It offers every algorithm there is, also those that nobody may accept. */
const metadata = (issuer: string) => ({
  issuer,
  authorization_endpoint: `${issuer}/auth`,
  token_endpoint: `${issuer}/token`,
  userinfo_endpoint: `${issuer}/userinfo`,
  jwks_uri: `${issuer}/jwks`,
  end_session_endpoint: `${issuer}/end`,
  response_types_supported: ['code'],
  subject_types_supported: ['public'],
  id_token_signing_alg_values_supported: ['ES256', 'RS256', 'HS256', 'none'],
  userinfo_signing_alg_values_supported: ['ES256', 'HS256', 'none'],
  authorization_response_iss_parameter_supported: true,
})

function json(response: ServerResponse, value: unknown): void {
  response.writeHead(200, { 'Content-Type': 'application/json' }).end(JSON.stringify(value))
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk)
  return Buffer.concat(chunks).toString()
}
