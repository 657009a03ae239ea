/** What the relying-party profiles of OpenID conformance ask of us, put to our login pages with a provider that misbehaves. */
import { exportJWK, generateKeyPair, type JWTPayload, SignJWT } from 'jose'
import { type Answers, type MisbehavingProvider, startMisbehavingProvider } from '../login/misbehaving-provider.ts'
import { corp, locationOf, type RelyingParty, startRelyingParty, wiki } from '../login/relying-party.ts'

export interface Profile {
  readonly provider: MisbehavingProvider
  readonly party: RelyingParty
  /** One login of a new browser: the status of the callback, whether somebody is logged in, and the code of a refusal. */
  readonly logIn: (answers?: Answers) => Promise<{ status: number; isLoggedIn: boolean; code?: unknown }>
  readonly close: () => Promise<void>
}

export async function startProfile(metadata: Readonly<Record<string, unknown>> = {}): Promise<Profile> {
  const provider = await startMisbehavingProvider(metadata)
  const party = await startRelyingParty({ providers: [corp(provider.address)] })
  await party.providers.start()
  return {
    provider,
    party,
    logIn: async (answers = {}) => {
      const browser = party.browser()
      const authorization = locationOf(await browser.get(`/login?rd=${encodeURIComponent(wiki)}`))
      const { status } = await browser.get(provider.answerTo(authorization, answers))
      const isLoggedIn = (await browser.get('/')).text.includes('You are logged in')
      const last = party.events.at(-1)
      return { status, isLoggedIn, ...(last?.event === 'login.failed' && { code: last.code }) }
    },
    close: async () => {
      await party.close()
      await provider.close()
    },
  }
}

export const refused = { status: 403, isLoggedIn: false, code: 'ERR_LOGIN_RESPONSE_INVALID' }
export const accepted = { status: 303, isLoggedIn: true }

export async function makeKey(algorithm: 'ES256' | 'RS256', kid?: string) {
  const { privateKey, publicKey } = await generateKeyPair(algorithm, { extractable: true })
  const name = kid === undefined ? {} : { kid }
  const jwk = { ...(await exportJWK(publicKey)), alg: algorithm, use: 'sig', ...name }
  const sign = (claims: JWTPayload) =>
    new SignJWT(claims).setProtectedHeader({ alg: algorithm, ...name }).sign(privateKey)
  return { jwk, sign }
}

const base64url = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')

export const unsigned = (claims: JWTPayload): string => `${base64url({ alg: 'none' })}.${base64url(claims)}.`
