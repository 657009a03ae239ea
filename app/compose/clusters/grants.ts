/** Composition of the logins of kubectl: present where `kubernetes` is configured. */
import { readFile } from 'node:fs/promises'
import { decodeJwt } from 'jose'
import type { Config } from '../../../config/config.ts'
import { signJwt } from '../../assertion/sign.ts'
import { networksOf } from '../../client-networks.ts'
import type { ExchangeLogins } from '../../exchange/dependencies.ts'
import {
  audienceOf,
  type GrantCode,
  type GrantDependencies,
  type GrantReach,
  issuerOf,
  type KnownCluster,
  type SessionUse,
} from '../../grants/dependencies.ts'
import {
  type AskedCode,
  createDeviceRequests,
  type DeviceAnswer,
  type DeviceRequest,
} from '../../grants/device-requests.ts'
import { createKubeTokens, type KubeTokenRefusal, type KubeTokens, type SessionSeal } from '../../grants/kube-tokens.ts'
import { createGrantEndpoints, createGrantPages } from '../../grants/routes.ts'
import { endedAdvice } from '../../grants/token.ts'
import { findClaim } from '../../login/claims/identity-of-claims.ts'
import { createRateLimit } from '../../login/rate-limit.ts'
import { createRefreshGrants } from '../../sessions/grants/refresh-grants.ts'
import type { LoginSession } from '../../sessions/login-session.ts'
import type { RecordStore, ValueOrPromise } from '../../sessions/record-store.ts'
import { createBoundedRecords } from '../../sessions/records/bounded-records.ts'
import { createSeal } from '../../sessions/records/seal.ts'
import { createOneTimeStore } from '../../sessions/records/sealed-records.ts'
import { hasClusters, hasGrants, takesLogins } from '../configured.ts'
import { composeHolds } from '../identity.ts'
import { type Base, type Kept, newRequestId, secretsOf } from '../kept.ts'
import type { Login } from '../login.ts'

/** Machines that wait for somebody, ten minutes each; none of their records is long. */
const deviceBounds = {
  short: { perClient: 50, perNetwork: 250, inAll: 20_000 },
  long: { perClient: 1, perNetwork: 1, inAll: 64 },
}
/** Codes that one client may try in a minute: 20^8 of them are there. */
const codesPerMinute = 20

/** Of what says who is logged in at a command line, where no cluster's setting says it. */
const accountTokenSeconds = 300

interface GrantParts {
  readonly kept: Kept
  readonly login: Login
  readonly records: RecordStore
  readonly isWorker: boolean
  /** Clusters without the gateway. */
  readonly direct: readonly KnownCluster[]
}

/** `settings` are those of the gateway, where there is a cluster behind it. */
export function composeGrants(base: Base, parts: GrantParts) {
  const { kubernetes: settings, directClusters } = base.config
  if (!hasGrants(base.config)) return undefined
  const ofClusters = settings?.tokenLifetimeSeconds ?? directClusters?.tokenLifetimeSeconds
  const tokenLifetimeSeconds = ofClusters ?? accountTokenSeconds
  const tokens = composeKubeTokens(base, parts.kept, tokenLifetimeSeconds)
  return { settings, tokens, ...composeRouters(base, parts, tokens) }
}

type Kubernetes = NonNullable<Config['kubernetes']>

function composeKubeTokens(base: Base, { keys, sessions }: Kept, lifetimeSeconds: number): KubeTokens {
  const { clock, config } = base
  return createKubeTokens({
    keys,
    sign: signJwt,
    issuer: issuerOf(config.server.url),
    lifetimeSeconds,
    clock,
    sealSession: createSessionSeal(secretsOf(config)),
    sessionDigest: sessions.digest,
    findClaim,
  })
}

function createSessionSeal(secrets: readonly string[]): SessionSeal {
  const { seal, unseal } = createSeal(secrets)
  return {
    seal: (id, sessionId) => seal('token-session', id, Buffer.from(sessionId)).toString('base64url'),
    unseal: (id, sealed) => unseal('token-session', id, Buffer.from(sealed, 'base64url'))?.toString(),
  }
}

function composeRouters(base: Base, { kept, login, records, isWorker, direct }: GrantParts, tokens: KubeTokens) {
  const { audit, clock, config, logger } = base
  const secrets = secretsOf(config)
  const caPath = config.kubernetes?.tls.caPath
  const bounded = { records, secrets, clock, bounds: deviceBounds }
  const limit = (name: string) => createRateLimit(config.login.requestsPerMinute, isWorker, name)
  const dependencies: GrantDependencies = {
    publicUrl: config.server.url,
    reach: reachOf(config),
    clusters: [...(config.kubernetes === undefined ? [] : behindGateway(config.kubernetes)), ...direct],
    algorithm: config.assertion.algorithm,
    certificateAuthority: async () => (caPath === undefined ? undefined : readFile(caPath, 'utf8')),
    standing: composeStanding(base, kept, login),
    endOf: kept.endOf,
    digest: kept.sessions.digest,
    visited: kept.directory.visited,
    codes: createOneTimeStore<GrantCode>({ records, secrets, clock, kind: 'grant-code' }),
    devices: createDeviceRequests({
      requests: createBoundedRecords<DeviceRequest>({ ...bounded, kind: 'device-request' }),
      codes: createBoundedRecords<AskedCode>({ ...bounded, kind: 'user-code' }),
      answers: createOneTimeStore<DeviceAnswer>({ records, secrets, clock, kind: 'device-answer' }),
      clock,
    }),
    grants: createRefreshGrants({ records, secrets, clock }),
    tokens,
    pageSteps: login.pageSteps,
    limits: {
      device: limit('kube-device'),
      token: limit('kube-token'),
      revoke: limit('kube-revoke'),
      account: limit('kube-account'),
    },
    codeLimit: createRateLimit(codesPerMinute, isWorker, 'user-code'),
    formTokens: login.formTokens,
    networksOf,
    pages: kept.pages,
    audit,
    clock,
    newRequestId,
    onError: (error, requestId) => logger.error({ requestId, err: error }, 'a login of kubectl could not be answered'),
  }
  return { endpoints: [createGrantEndpoints(dependencies)], pages: [createGrantPages(dependencies)] }
}

function reachOf(config: Config): GrantReach {
  if (!takesLogins(config)) return 'clusters'
  return hasClusters(config) ? 'clusters-and-hosts' : 'hosts'
}

const behindGateway = ({ url, clusters }: Kubernetes): readonly KnownCluster[] =>
  clusters.map(({ name, userClaim }) => {
    const address = audienceOf(url, name)
    return { name, userClaim, server: address, audience: address }
  })

/**
 * As a check on a host without rules of its own finds it: read, used if it is a person who asks, and asked about at its provider
 * when that is due.
 */
export function composeStanding(base: Base, { sessions }: Kept, { verification }: Login) {
  const holds = composeHolds(base, verification)
  const look = (sessionId: string): ValueOrPromise<LoginSession | undefined> => {
    const found = sessions.look(sessionId)
    return found instanceof Promise ? found.then(looked => looked?.login) : found?.login
  }
  const standing = (sessionId: string, found: LoginSession | undefined): ValueOrPromise<LoginSession | undefined> => {
    if (found === undefined) return undefined
    const verdict = holds(sessionId, found)
    if (!(verdict instanceof Promise)) return verdict ? found : undefined
    // The provider may have been asked just now, and have said other groups.
    return verdict.then(isStanding => (isStanding ? look(sessionId) : undefined))
  }
  return (sessionId: string, use: SessionUse): ValueOrPromise<LoginSession | undefined> => {
    const found = use === 'person' ? sessions.find(sessionId) : look(sessionId)
    return found instanceof Promise ? found.then(login => standing(sessionId, login)) : standing(sessionId, found)
  }
}

interface LoginParts {
  readonly kept: Kept
  readonly login: Login
  /** Absent where nobody can log a command line in. */
  readonly tokens: KubeTokens | undefined
}

/** For the token exchange: the logins that command lines have. */
export function composeLogins(base: Base, { kept, login, tokens }: LoginParts): ExchangeLogins {
  const { sessions, directory, endOf } = kept
  // A token for a cluster is for that cluster, which must not get others with it.
  const audience = issuerOf(base.config.server.url)
  const standing = composeStanding(base, kept, login)
  return {
    async openLogin(token) {
      if (issuerIn(token) !== audience) return undefined
      if (tokens === undefined || !takesLogins(base.config))
        return { refusal: 'no tokens of hosts are given to logins here' }
      const verdict = await tokens.verify(token, audience)
      if (!verdict.isValid) return { refusal: loginRefusals[verdict.reason] }
      const { sessionId, claims, expiresAt } = verdict
      const found = await standing(sessionId, 'program')
      if (found?.identity.subject !== claims.sub) return { refusal: endedAdvice }
      const { identity } = found
      return { sessionId, identity, tokenId: claims.jti, expiresAt: Math.min(expiresAt / 1000, endOf(found)) }
    },
    digest: sessions.digest,
    visited: directory.visited,
  }
}

/** Never a part of the token. */
const loginRefusals: Readonly<Record<KubeTokenRefusal, string>> = {
  malformed: 'the token of the login cannot be read',
  signature: 'the signature does not fit',
  type: 'the token is of another type',
  issuer: 'the token is not of this service',
  audience: 'the token is for a cluster, and for nothing else',
  expired: 'the token has expired',
  session: 'the token of the login cannot be opened',
}

/** Not verified; `undefined` for what is no JWT. */
function issuerIn(token: string): unknown {
  try {
    return decodeJwt(token).iss
  } catch {
    return undefined
  }
}
