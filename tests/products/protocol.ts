/** A product asked without the service between, to see what it does itself. */
import { createHash, randomBytes } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { decodeProtectedHeader } from 'jose'
import { createOutbound } from '../../app/login/provider/outbound.ts'
import type { Person } from '../provider.ts'
import { FormVisitor } from './form-visitor.ts'
import type { RunningProduct } from './product.ts'

const outbound = createOutbound({ timeoutMs: 60_000 })

type Members = Readonly<Record<string, unknown>>

export async function readMetadata(issuer: string): Promise<Members> {
  const response = await outbound.fetch(`${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`, {})
  return (await response.json()) as Members
}

/** Answers of the token endpoint: to a code, to its refresh token, and to that refresh token once more. */
export async function tokensOf(product: RunningProduct, publicUrl: string, pauseMs: number) {
  const { token, first } = await exchangeCode(product, publicUrl, 'alice')
  const refresh = { grant_type: 'refresh_token', refresh_token: String(first.refresh_token) }
  await delay(pauseMs)
  const second = await token(refresh)
  await delay(pauseMs)
  return { first, second, again: await token(refresh) }
}

/** A refresh token for a person, to be used later. @returns the use of it */
export async function keepRefreshToken(product: RunningProduct, publicUrl: string, person: Person) {
  const { token, first } = await exchangeCode(product, publicUrl, person)
  return () => token({ grant_type: 'refresh_token', refresh_token: String(first.refresh_token) })
}

/** Name of the key that signs ID tokens. */
export async function signingKeyOf(product: RunningProduct, publicUrl: string): Promise<string | undefined> {
  const { first } = await exchangeCode(product, publicUrl, 'alice')
  return decodeProtectedHeader(String(first.id_token)).kid
}

/** Logs somebody in with the client and the callback of the service, which does not hear of it. */
async function exchangeCode(product: RunningProduct, publicUrl: string, person: Person) {
  const { authorization_endpoint: authorize, token_endpoint: endpoint } = await readMetadata(product.issuer)
  const { clientId, clientSecret, scopes } = product.entry as Readonly<Record<string, string | string[]>>
  const verifier = randomBytes(32).toString('base64url')
  const redirect = { redirect_uri: `${publicUrl}/callback/corp` }
  const query = new URLSearchParams({
    ...redirect,
    client_id: String(clientId),
    response_type: 'code',
    scope: ['openid', ...(scopes ?? [])].join(' '),
    state: randomBytes(16).toString('hex'),
    nonce: randomBytes(16).toString('hex'),
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
  })
  const visitor = new FormVisitor(product.origins)
  const back = new URL(await visitor.visit(`${authorize}?${query}`, product.answersOf(person)))
  const credentials = Buffer.from(`${clientId}:${clientSecret}`)
  const token = async (parameters: Readonly<Record<string, string>>): Promise<Members> => {
    const response = await outbound.fetch(String(endpoint), {
      method: 'POST',
      headers: {
        authorization: `Basic ${credentials.toString('base64')}`,
        'content-type': 'application/x-www-form-urlencoded',
      },
      body: new URLSearchParams(parameters).toString(),
    })
    return (await response.json()) as Members
  }
  const code = back.searchParams.get('code') ?? ''
  const first = await token({ grant_type: 'authorization_code', code, code_verifier: verifier, ...redirect })
  return { token, first }
}
