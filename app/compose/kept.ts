/** Composition, first part: what everything else is built from, and everything that lives in the store. */
import type { Config } from '../../config/config.ts'
import { canonicalHosts, type HostSettingsFor } from '../../config/host-settings.ts'
import { longestPasswordSeconds } from '../../config/password-span.ts'
import type { PolicySnapshot } from '../../rbac/policy.ts'
import type { CanonicalOptions } from '../../rbac/request/access-request.ts'
import { createSigningKeys, type StoredKey } from '../assertion/signing-keys.ts'
import type { AuditLogFile } from '../audit/audit-log.ts'
import type { AuditLog } from '../audit/event.ts'
import type { Clock } from '../clock.ts'
import type { TrustedProxies } from '../fronts/trusted-proxies.ts'
import { usernameOf } from '../grants/kube-tokens.ts'
import type { LoginAttempt } from '../login/attempts.ts'
import { findClaim } from '../login/claims/identity-of-claims.ts'
import type { PostedAnswer } from '../login/posted-answers.ts'
import { createPagesFor } from '../pages/reader-language.ts'
import type { PolicyReloader } from '../policy/reload.ts'
import { createRandomTexts } from '../random-texts.ts'
import { createDomainCookies } from '../sessions/cookies/domain-cookie.ts'
import { createHostCookies, type HostCookies } from '../sessions/cookies/host-cookie.ts'
import { createCutoffs } from '../sessions/cutoffs.ts'
import { createExchangedTokens } from '../sessions/exchanged-tokens.ts'
import { createExpressSessionStore } from '../sessions/express-store.ts'
import { createVisits } from '../sessions/guards/visits.ts'
import type { HandoffTicket } from '../sessions/handoff-ticket.ts'
import { createKeptAddresses } from '../sessions/kept-addresses.ts'
import type { LoginSession } from '../sessions/login-session.ts'
import { createLogoutMarks } from '../sessions/logout-marks.ts'
import type { RecordStore } from '../sessions/record-store.ts'
import { createBoundedRecords } from '../sessions/records/bounded-records.ts'
import { createOneTimeStore, createSharedStore } from '../sessions/records/sealed-records.ts'
import { createSessionDirectory, type NamesForClusters, type PersonFacts } from '../sessions/session-directory.ts'
import { endOf, longestLifetimeOf } from '../sessions/session-payload.ts'
import { createSessionStore } from '../sessions/session-store.ts'
import { createSessionTokens } from '../sessions/session-tokens.ts'
import { createLeases } from '../sessions/verification/lease.ts'
import type { Logger } from '../telemetry/logger.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import type { Story } from '../telemetry/story.ts'

export interface Base {
  readonly config: Config
  readonly clock: Clock
  readonly logger: Logger
  readonly metrics: Metrics
  readonly audit: AuditLog
  readonly auditFile: Pick<AuditLogFile, 'hasRoom' | 'writeAccess'>
  readonly hostSettings: HostSettingsFor
  readonly trustedProxies: TrustedProxies
  /** Tells at `debug` what is done for each request. */
  readonly story: Story
}

export type Policy = PolicyReloader<PolicySnapshot>
export type Kept = ReturnType<typeof composeKept>

/** Some 2 MB of short ones and 0.5 MB of long ones for a client; a quarter of a gigabyte in all. */
const attemptBounds = {
  short: { perClient: 1000, perNetwork: 5000, inAll: 100_000 },
  long: { perClient: 50, perNetwork: 250, inAll: 5000 },
}
/** A minute each: less of the short ones, some 2 MB of long ones for a client, and 120 MB in all. */
const answerBounds = {
  short: { perClient: 200, perNetwork: 1000, inAll: 20_000 },
  long: { perClient: 100, perNetwork: 500, inAll: 5000 },
}
const addressBounds = { short: attemptBounds.long, long: attemptBounds.long }

const requestIdBytes = 16
export const newRequestId = createRandomTexts(requestIdBytes, 'hex')
export const isSecure = (config: Config): boolean => config.server.url.startsWith('https:')
export const secretsOf = (config: Config): readonly string[] => config.sessions.secrets

/** Everything that lives in the store: sessions, what is used once, signing keys, and the cookies that lead there. */
export function composeKept({ config, clock, logger }: Base, records: RecordStore) {
  const { lifetimeSeconds, idleSeconds, remembered, cacheBytes } = config.sessions
  const secrets = secretsOf(config)
  const lifetimes = { lifetimeSeconds, idleSeconds, ...(remembered === undefined ? {} : { remembered }) }
  const limits = { records, secrets, clock, ...lifetimes }
  const { algorithm, rotateEverySeconds } = config.assertion
  const sessions = createSessionStore({ ...limits, memoryBytes: cacheBytes / 2 })
  const endOfLogin = (login: LoginSession): number => endOf(login, lifetimes)
  return {
    sessions,
    cookies: composeCookies(config),
    rememberedSeconds: (login: LoginSession): number | undefined =>
      login.isRemembered === true && remembered !== undefined
        ? Math.max(Math.floor(endOfLogin(login) - clock.now() / 1000), 1)
        : undefined,
    visits: createVisits({ records, secrets, clock }),
    directory: createSessionDirectory({
      records,
      secrets,
      clock,
      longestLifetimeSeconds: longestLifetimeOf(lifetimes),
      endOf: endOfLogin,
      ...namesForClusters(config),
      ...factsForQuestions(config),
    }),
    cutoffs: createCutoffs({
      records,
      secrets,
      clock,
      // Threat: a cut while no host takes passwords, or while they may live for a day, that is forgotten when they come back.
      longestLifetimeSeconds: Math.max(longestLifetimeOf(lifetimes), longestPasswordSeconds),
    }),
    logoutMarks: createLogoutMarks({
      records,
      secrets,
      clock,
      attemptLifetimeSeconds: config.login.attemptLifetimeSeconds,
      keepSeconds: marksKeptSeconds(config),
    }),
    tokens: createSessionTokens({ records, secrets }),
    leases: createLeases({ records, clock }),
    endOf: endOfLogin,
    expressStore: createExpressSessionStore({ ...limits, ...namesForClusters(config), ...factsForQuestions(config) }),
    attempts: createBoundedRecords<LoginAttempt>({ records, secrets, clock, kind: 'attempt', bounds: attemptBounds }),
    answers: createBoundedRecords<PostedAnswer>({ records, secrets, clock, kind: 'answer', bounds: answerBounds }),
    addresses: createKeptAddresses({
      store: createBoundedRecords<string>({ records, secrets, clock, kind: 'address', bounds: addressBounds }),
      clock,
      onFailure: error =>
        logger.warn({ err: error }, 'a long address could not be kept, its login leads to a first page'),
    }),
    tickets: createOneTimeStore<HandoffTicket>({ records, secrets, clock, kind: 'ticket' }),
    keys: createSigningKeys({
      store: createSharedStore<StoredKey>({ records, secrets, kind: 'signing-key' }),
      algorithm,
      rotateEverySeconds,
      clock,
      onError: error => logger.error({ err: error }, 'signing keys could not be read or made'),
    }),
    exchanged: createExchangedTokens({ records, secrets, clock }),
    pages: composePages(config),
  }
}

function composePages({ pages: { logo, logoFile: _read, ...rest } }: Config) {
  return createPagesFor({ ...rest, ...(logo !== undefined && { hasLogo: true }) })
}

/** Where there are no application passwords a mark is for logins alone: one for each log-out, for months, is too much to keep. */
const marksKeptSeconds = ({ hosts, passwords }: Config): number =>
  hosts.some(host => host.passwords === true) ? passwords.confirmWithinSeconds : 0

/** Where clusters are configured a summary has what the role of the gateway is made from. */
function namesForClusters({ kubernetes }: Config) {
  if (kubernetes === undefined) return {}
  const claims = [...new Set(kubernetes.clusters.map(({ userClaim }) => userClaim))]
  return {
    inClusters({ identity }: LoginSession): NamesForClusters {
      const names = claims.flatMap(claim => {
        const name = usernameOf(identity, claim, findClaim)
        return name === undefined ? [] : [[claim, name] as const]
      })
      return { groups: identity.groups, names: Object.fromEntries(names) }
    },
  }
}

/** Where applications ask about people a summary has what rows may ask of them. */
function factsForQuestions({ authzen }: Config) {
  if (authzen?.fromSessions !== true) return {}
  return {
    person({ identity: { groups, authTime, amr, acr } }: LoginSession): PersonFacts {
      return {
        groups,
        ...(authTime !== undefined && { authTime }),
        ...(amr !== undefined && { amr }),
        ...(acr !== undefined && { acr }),
      }
    },
  }
}

function composeCookies(config: Config): HostCookies {
  const { cacheBytes, cookieDomain } = config.sessions
  const options = {
    secrets: secretsOf(config),
    name: config.server.cookieName,
    isSecure: isSecure(config),
    memoryBytes: cacheBytes / (cookieDomain === undefined ? 8 : 16),
  }
  const hosts = createHostCookies(options)
  return cookieDomain === undefined ? hosts : createDomainCookies(hosts, { ...options, cookieDomain })
}

export const canonicalOptions = (config: Config): CanonicalOptions => canonicalHosts(config)
