/**
 * passport-openidconnect, with openid-client doing the exchange (OpenID Connect Core 1.0 section 3.1.3, RFC 7636,
 * RFC 9207).
 *
 * The parent runs the dance: authorization request, callback, identity. It knows no PKCE, never checks a signature and
 * keeps one pending login per session. So per request this class puts its own in the places that the parent reads from
 * `this`: the attempt as state store, and tokens that openid-client has checked as the result of the exchange. What the
 * parent checks again on top (iss, aud, azp, exp, nonce, max age) does no harm.
 */
import type { Request } from 'express'
import {
  type AuthorizationCodeGrantChecks,
  authorizationCodeGrant,
  type Configuration,
  calculatePKCECodeChallenge,
} from 'openid-client'
import OpenIdConnectStrategy from 'passport-openidconnect'
import type { Clock } from '../../clock.ts'
import { OperationalError } from '../../errors.ts'
import type { ProviderTokens } from '../../sessions/login-session.ts'
import type { LoginAttempt } from '../attempts.ts'
import { type ClaimPolicy, type ClaimSources, type Claims, parseUser } from '../claims/identity-of-claims.ts'
import { type NewLogin, tokensToKeep, verifyByOf } from '../claims/login-tokens.ts'
import type { Logger } from '../logger.ts'
import { callEndpoint } from './endpoint-call.ts'
import { requireIssued, requireSignature } from './id-token-signature.ts'
import type { ProviderKeys } from './provider-keys.ts'
import { pushRequest } from './pushed-request.ts'
import type { ReadClaims } from './read-claims.ts'
import { explainExchangeFailure } from './refusal.ts'
import { askForMode, type ResponseMode } from './response-mode.ts'
import { requireStepUp } from './step-up.ts'

/** What a login route tells the strategy, beside what passport wants to know. */
export interface LoginOptions {
  readonly phase: 'start' | 'callback'
  readonly attempt: LoginAttempt
  /** Key of the attempt. */
  readonly handle: string
  /** The provider's answer, written as a query; in the phase `callback` alone. */
  readonly answer?: string
  readonly codeChallenge?: string
  readonly prompt?: string
}

export interface StrategySettings extends ClaimPolicy {
  readonly clientId: string
  readonly scopes: readonly string[]
  /** Absolute; from the public URL, never from a request. */
  readonly callbackUrl: string
  /** RFC 9126. */
  readonly pushesRequests: boolean
  readonly responseMode: ResponseMode
  readonly authorizationParameters?: Readonly<Record<string, string>>
  readonly readClaims: ReadClaims
  readonly keys: ProviderKeys
  readonly clock: Clock
  readonly logger: Logger
}

/** Tokens whose every check has passed, in the shape that the parent passes on untouched. */
interface Checked {
  /** For the parent: it allows no difference of clocks, and what it reads has been checked. */
  readonly id_token: string
  readonly idToken: string
  readonly sources: ClaimSources
  readonly tokens: ProviderTokens
  readonly attempt: LoginAttempt
}

type Verified = (error: Error | null, user?: NewLogin) => void

const MAX_KEPT_TOKEN_LENGTH = 4096

export class ProviderStrategy extends OpenIdConnectStrategy {
  private readonly configuration: Configuration
  private readonly settings: StrategySettings

  constructor(configuration: Configuration, authorizationUrl: string, settings: StrategySettings) {
    const metadata = configuration.serverMetadata()
    super(
      {
        issuer: metadata.issuer,
        authorizationURL: authorizationUrl,
        tokenURL: metadata.token_endpoint ?? '',
        userInfoURL: '',
        callbackURL: settings.callbackUrl,
        clientID: settings.clientId,
        clientSecret: '',
        scope: settings.scopes.filter(scope => scope !== 'openid'),
        skipUserProfile: true,
        // Else it makes a name of the address, with a call that Node warns about at each start.
        sessionKey: 'unused',
        store: noStateStore,
      },
      // biome-ignore lint/complexity/useMaxParams: The parent counts them to decide what it passes: eight include the token response.
      (
        _1: unknown,
        _2: unknown,
        _3: unknown,
        _4: unknown,
        _5: unknown,
        _6: unknown,
        response: Checked,
        done: Verified,
      ) => this.identify(response, done),
    )
    this.configuration = configuration
    this.settings = settings
  }

  /** Runs on an object of this request alone (`forRequest`), or two people's logins would share their state. */
  override authenticate(request: Request, options?: LoginOptions): void {
    this.run(request, options).catch((error: unknown) => this.error(asError(error)))
  }

  override authorizationParams(options: LoginOptions): object {
    const { codeChallenge, attempt } = options
    return {
      ...this.settings.authorizationParameters,
      ...askForMode(this.settings.responseMode),
      code_challenge: codeChallenge,
      code_challenge_method: 'S256',
      nonce: attempt.nonce,
    }
  }

  /** A copy for one request, as passport makes one of a strategy that it knows by name. */
  forRequest(): this {
    return Object.create(this)
  }

  private async run(request: Request, options: LoginOptions | undefined): Promise<void> {
    if (options === undefined) throw new TypeError('a login attempt is required')
    if (options.phase === 'start') await this.start(request, options)
    else await this.finish(request, options)
  }

  private async start(request: Request, options: LoginOptions): Promise<void> {
    const { attempt, handle } = options
    const codeChallenge = await calculatePKCECodeChallenge(attempt.verifier)
    Object.assign(this, {
      _stateStore: fixedState(handle, attempt),
      // As text, because the parent takes the number 0 for absent.
      _maxAge: attempt.maxAgeSeconds === undefined ? undefined : String(attempt.maxAgeSeconds),
      _acrValues: attempt.acrValues?.join(' '),
    })
    if (this.settings.pushesRequests) this.pushBeforeRedirect()
    const { prompt, loginHint } = attempt
    const asked = { ...(prompt !== undefined && { prompt }), ...(loginHint !== undefined && { loginHint }) }
    super.authenticate(withQuery(request, {}), { ...options, ...asked, codeChallenge } as LoginOptions)
  }

  /** The parent redirects with every parameter in the address; this request goes by way of the provider. */
  private pushBeforeRedirect(): void {
    const { redirect } = this
    this.redirect = url => {
      pushRequest(this.configuration, url).then(
        pushed => redirect.call(this, pushed),
        error => this.error(error),
      )
    }
  }

  private async finish(request: Request, options: LoginOptions): Promise<void> {
    const { attempt, handle } = options
    const response = await this.exchange(options)
    Object.assign(this, {
      _stateStore: fixedState(handle, attempt),
      _oauth2: {
        _clientId: this.settings.clientId,
        getOAuthAccessToken: (_code: unknown, _parameters: unknown, done: (...result: unknown[]) => void) =>
          done(null, '', undefined, response),
      },
    })
    super.authenticate(withQuery(request, { code: 'exchanged' }), options)
  }

  /** Also for `error=` responses: openid-client looks at `iss` and `state` before it reports what the provider said. */
  private async exchange({ answer = '', attempt, handle }: LoginOptions): Promise<Checked> {
    const { configuration, settings } = this
    const callback = new URL(settings.callbackUrl)
    callback.search = answer
    const now = settings.clock.now() / 1000
    try {
      const tokens = await callEndpoint('the token endpoint', () =>
        authorizationCodeGrant(configuration, callback, checksOf(attempt, handle)),
      )
      const claims = tokens.claims()
      if (claims === undefined || tokens.id_token === undefined) throw invalid('there is no ID token')
      await requireSignature(tokens.id_token, { configuration, keys: settings.keys, origin: 'provider' })
      requireIssued(claims, now)
      const sources = await settings.readClaims({ idToken: claims, accessToken: tokens.access_token })
      const kept = tokensToKeep(tokens, claims, sources.userinfo, Math.floor(now))
      return { id_token: readByParent(claims), idToken: tokens.id_token, sources, tokens: kept, attempt }
    } catch (error) {
      throw explainExchangeFailure(error)
    }
  }

  private identify(response: Checked, done: Verified): void {
    try {
      done(null, this.createSession(response))
    } catch (error) {
      done(asError(error))
    }
  }

  private createSession(response: Checked): NewLogin {
    const { clock, logger, provider } = this.settings
    const startedAtMs = clock.now()
    const startedAt = Math.floor(startedAtMs / 1000)
    const { user, dropped } = parseUser(response.sources, this.settings, startedAt)
    requireStepUp(response.attempt, user, startedAt)
    if (dropped.length > 0) logger.warn({ provider, claims: dropped.slice(0, 20) }, 'claims dropped: too large')
    // Kept for the log-out alone, where a longer one does not fit into the URL.
    const { idToken, sources, tokens } = response
    const { sid } = sources.idToken
    const session = typeof sid === 'string' && sid !== '' ? { providerSession: sid } : {}
    const hint = idToken.length <= MAX_KEPT_TOKEN_LENGTH ? { idToken } : {}
    const login = { identity: user, startedAt, startedAtMs, ...verifyByOf(tokens), ...session, ...hint }
    return { login, tokens, sources }
  }
}

/** The claims as a token that nobody has to verify any more, and that does not expire on the way. */
function readByParent(claims: Claims): string {
  const encode = (part: object) => Buffer.from(JSON.stringify(part)).toString('base64url')
  return `${encode({ alg: 'none' })}.${encode({ ...claims, exp: Number.MAX_SAFE_INTEGER })}.`
}

/** Not the age of the login: `requireStepUp` looks at it together with the rest that was asked for. */
function checksOf(attempt: LoginAttempt, handle: string): AuthorizationCodeGrantChecks {
  return {
    pkceCodeVerifier: attempt.verifier,
    expectedNonce: attempt.nonce,
    expectedState: handle,
    idTokenExpected: true,
  }
}

/**
 * The parent looks into the query to find out which phase this is, and acts on `error` before anything else: on any
 * link to `/login` as well. It gets to see what the phase needs, and nothing of the address.
 */
const withQuery = (request: Request, query: Readonly<Record<string, string>>): Request =>
  Object.create(request, { query: { value: query } })

/** The parent asks a store for the state; ours was made, or found and used up, before it is called. */
const fixedState = (handle: string, attempt: LoginAttempt) => ({
  store: (...call: unknown[]) => callbackOf(call)(null, handle),
  verify: (_request: unknown, _handle: unknown, restored: (...result: unknown[]) => void) =>
    restored(null, { nonce: attempt.nonce }),
})

/** Stands where the parent would otherwise put one login per session; never reached, and refuses if it were. */
const noStateStore = {
  store: (...call: unknown[]) => refuse(call),
  verify: (...call: unknown[]) => refuse(call),
}

const refuse = (call: readonly unknown[]): void => callbackOf(call)(new TypeError('a login attempt is required'))

/** The last of the arguments, however many there are. Throws for a call without one. */
function callbackOf(call: readonly unknown[]): (error: Error | null, result?: unknown) => void {
  const done = call.at(-1)
  if (typeof done !== 'function') throw new TypeError('a state store is called with a callback')
  return (error, result) => done(error, result)
}

const asError = (error: unknown): Error =>
  error instanceof Error ? error : new Error('login failed', { cause: error })

const invalid = (detail: string) => new OperationalError('ERR_LOGIN_RESPONSE_INVALID', detail)
