/** Composition of the login: the relying party and the Express application around it. */
import { isIP } from 'node:net'
import type { Request, RequestHandler } from 'express'
import type { Config } from '../../config/config.ts'
import { returnHostsOf } from '../../config/return-hosts.ts'
import { decide } from '../../rbac/decide.ts'
import { canonicaliseUrl } from '../../rbac/request/access-request.ts'
import { createAssertionRoutes } from '../assertion/routes.ts'
import { createBurstReport } from '../burst-report.ts'
import type { ErrorCode } from '../errors.ts'
import { readHeaders } from '../fronts/raw-headers.ts'
import type { SessionCookieAuthenticator } from '../identity/session-cookie.ts'
import { createPagesApp } from '../listener/server.ts'
import { type Application, createApplications } from '../login/applications.ts'
import { createAttempts } from '../login/attempts.ts'
import { createBrowserCookie } from '../login/browser/browser-cookie.ts'
import { createFormTokens } from '../login/browser/form-tokens.ts'
import { createProviderCookie } from '../login/browser/provider-cookie.ts'
import { createRememberCookie } from '../login/browser/remember-cookie.ts'
import { createSessionMiddleware } from '../login/browser/session-middleware.ts'
import { createBoundStep } from '../login/certificate-binding.ts'
import type { BrowserMarks } from '../login/dependencies.ts'
import { createLogoRoute } from '../login/logo.ts'
import { createPostedAnswers } from '../login/posted-answers.ts'
import { createAskProvider } from '../login/provider/ask-provider.ts'
import { createProviderWays } from '../login/provider/outbound.ts'
import { createProviders, type ProviderStatus } from '../login/provider/providers.ts'
import { createRateLimit } from '../login/rate-limit.ts'
import { createReturnToGuard } from '../login/return/return-to.ts'
import { createLoginRouter } from '../login/routes.ts'
import { createVerifiedStep } from '../login/silent-login.ts'
import { peerOf } from '../peer.ts'
import { parseLogin } from '../sessions/session-payload.ts'
import { composeThumbprint, composeVerification } from './identity.ts'
import { type Base, canonicalOptions, isSecure, type Kept, newRequestId, type Policy, secretsOf } from './kept.ts'
import { composeLogoutChannels } from './logout.ts'
import type { WithPasswords } from './passwords.ts'

/** Paths of claims that applications of a host hear of. */
const claimsPassedOn = ({ assertionClaims = [], claimHeaders = [], userName }: Config['hosts'][number]): string[] => [
  ...[...assertionClaims, ...claimHeaders].map(({ path }) => path),
  ...(userName?.claim === undefined ? [] : [userName.claim]),
]

export type Login = ReturnType<typeof composeLogin>

export function composeLogin(base: Base, kept: Kept & WithPasswords, policy: Policy) {
  const { config, clock, logger, audit, hostSettings } = base
  const { url: publicUrl } = config.server
  const passedOn = [...new Set(config.hosts.flatMap(claimsPassedOn))]
  const ways = createProviderWays()
  const wayWith: typeof ways.to = ca => base.story.calls(ways.to(ca))
  const providers = createProviders({
    settings: config.providers.map(settings => ({ ...settings, passedOn })),
    publicUrl,
    ...wayWith(undefined),
    wayWith,
    clock,
    logger: logger.child('login'),
  })
  const verification = composeVerification(base, kept, createAskProvider(providers, clock))
  const { verifyEverySeconds } = config.sessions
  const middleware = {
    store: kept.expressStore,
    secrets: secretsOf(config),
    isSecure: isSecure(config),
    endOf: kept.endOf,
    rememberedSeconds: kept.rememberedSeconds,
  }
  const sessions = createSessionMiddleware({ ...middleware, parseLogin, clock, logger: logger.child('login') })
  const formTokens = createFormTokens(secretsOf(config))
  const certificate = composeCertificate(base)
  const applications = composeApplications(base, policy)
  const router = createLoginRouter({
    publicUrl,
    providers,
    attempts: createAttempts({ store: kept.attempts, clock, lifetimeSeconds: config.login.attemptLifetimeSeconds }),
    postedAnswers: createPostedAnswers({ store: kept.answers, providers: namesOfPosting(config.providers) }),
    browserCookie: createBrowserCookie(isSecure(config)),
    providerCookie: createProviderCookie(isSecure(config)),
    providersOfHost: host => hostSettings(host).providers,
    tickets: kept.tickets,
    sessions,
    endSession: kept.sessions.end,
    directory: kept.directory,
    isLoggedOut: kept.logoutMarks.isLoggedOut,
    keepTokens: async (sessionId, tokens, login) => {
      // What nobody asks with is not kept.
      if (verifyEverySeconds > 0) await kept.tokens.put(sessionId, tokens, kept.endOf(login) * 1000)
    },
    verification,
    confirmations: kept.ofPasswords.confirmations,
    revokeAllPasswords: kept.ofPasswords.store.revokeAll,
    ...(kept.passwords !== undefined && { passwords: kept.passwords.ofOwners }),
    formTokens,
    sessionDigest: kept.sessions.digest,
    returnTo: createReturnToGuard({
      publicUrl,
      allowedDomains: () => policy.current().domains,
      ...returnHostsOf(config),
      canonical: canonicalOptions(config),
    }),
    applications: applications.list,
    addresses: kept.addresses,
    keepsFragment: config.login.keepFragment,
    ...(config.sessions.remembered !== undefined && { remember: createRememberCookie(isSecure(config)) }),
    ...certificate,
    pages: kept.pages,
    audit,
    logger: logger.child('login'),
    clock,
    newRequestId,
  })
  /** Who is logged in on a page, by a session that its provider stands by. */
  const pageSteps = [sessions.handler, createBoundStep(certificate), createVerifiedStep({ verification })]
  return {
    ...{ providers, closeWays: ways.close, router, verification, pageSteps, formTokens },
    listBy: applications.listBy,
  }
}

type OfSession = SessionCookieAuthenticator['ofSession']

/** Sessions are looked at by what is composed after the login; `listBy` hands it in. */
function composeApplications({ config, clock, logger, trustedProxies }: Base, policy: Policy) {
  const { url } = config.server
  let ofSession: OfSession = () => undefined
  const list = createApplications({
    applications: config.hosts.flatMap(({ host, title, startPath }): readonly Application[] =>
      title === undefined ? [] : applicationAt(host, { url, title, path: startPath ?? '/' }, config),
    ),
    decide: situation =>
      decide(situation, policy.current(), error => logger.error({ err: error }, 'policy evaluation failed')),
    now: () => clock.now() / 1000,
  })
  return {
    list: async (request: Request) => {
      const { rawHeaders, sessionID, socket, ip } = request
      const headers = readHeaders(trustedProxies.isTrusted(peerOf(socket)) ? rawHeaders : [])
      const seenOn = async (domain: string) => {
        const standing = await ofSession(sessionID, domain, { headers, isInteractive: false })
        return standing?.sessionChallenge === undefined ? standing?.identity : undefined
      }
      return list(seenOn, ip !== undefined && isIP(ip) !== 0 ? ip : undefined)
    },
    listBy: (looking: OfSession): void => {
      ofSession = looking
    },
  }
}

/** Hosts are served as the auth host is, on its port. */
function applicationAt(
  host: string,
  { url, title, path }: { readonly url: string; readonly title: string; readonly path: string },
  config: Base['config'],
): readonly Application[] {
  const { protocol, port } = new URL(url)
  const address = `${protocol}//${host}${port === '' ? '' : `:${port}`}${path}`
  return [{ title, request: canonicaliseUrl('GET', address, canonicalOptions(config)) }]
}

const namesOfPosting = (providers: Base['config']['providers']): ReadonlySet<string> =>
  new Set(providers.filter(({ responseMode }) => responseMode === 'form_post').map(({ name }) => name))

/** Anybody can write the header; it is read when the immediate peer may write it. */
function composeCertificate(base: Base): Pick<BrowserMarks, 'certificateOf'> {
  const thumbprintIn = composeThumbprint(base)
  if (thumbprintIn === undefined) return {}
  const { isTrusted } = base.trustedProxies
  return {
    certificateOf: ({ rawHeaders, socket }) =>
      isTrusted(peerOf(socket)) ? thumbprintIn(readHeaders(rawHeaders)) : undefined,
  }
}

/** A form that none of our pages sends; an unknown address, in comparison, is asked for all day. */
const isOfBody = (code: ErrorCode): boolean => code.startsWith('ERR_BODY_') || code === 'ERR_REQUEST_MALFORMED'
/** A proxy that does not pass the name of the host on, or whoever asks by an address of their own making. */
const misdirected = 'ERR_HOST_MISDIRECTED'

export interface PagesOptions {
  /** The primary counts how often a client asks for these pages. */
  readonly isWorker: boolean
  /** Endpoints of the auth host for programs, each with a limit of its own. */
  readonly endpoints: readonly RequestHandler[]
  /** Further pages of the auth host. */
  readonly pages: readonly RequestHandler[]
}

export function composePages(base: Base, kept: Kept & WithPasswords, login: Login, more: PagesOptions) {
  const { isWorker, endpoints, pages } = more
  const { config, logger, trustedProxies } = base
  const channels = composeLogoutChannels(base, kept, login, isWorker)
  const reportMisdirected = createBurstReport<typeof misdirected, object>((_, { item, times }) =>
    logger.warn({ ...item, times }, 'page refused'),
  )
  return createPagesApp({
    publicHost: new URL(config.server.url).host,
    isSecure: isSecure(config),
    isTrustedProxy: trustedProxies.isTrusted,
    isOnSocket: 'socket' in config.server.listen,
    pages: kept.pages,
    anyHost: createAssertionRoutes(kept.keys),
    publicHostOnly: [
      ...base.story.pages,
      channels.back,
      // Threat: somebody who floods the pages keeps programs from revoking a token, and the other way round.
      ...endpoints,
      createRateLimit(config.login.requestsPerMinute, isWorker),
      ...(config.pages.logo === undefined ? [] : [createLogoRoute(config.pages.logo)]),
      channels.front,
      ...pages,
      login.router,
    ],
    newRequestId,
    onError: (error, requestId) => {
      const { code, message: detail, status } = error
      if (status >= 500) logger.error({ requestId, err: error.cause ?? error }, 'page failed')
      else if (code === misdirected) reportMisdirected(code, { requestId, code, detail })
      else logger[isOfBody(code) ? 'warn' : 'debug']({ requestId, code, detail }, 'page refused')
    },
  })
}

/** Of a provider, for readiness. */
export function providerState(name: string, all: readonly ProviderStatus[]) {
  const { ready, lastError } = all.find(status => status.name === name) ?? { ready: false }
  return { ok: ready, ...(lastError === undefined ? {} : { detail: lastError }) }
}
