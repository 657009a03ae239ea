/** Composition of the logins of kubectl: present where `kubernetes` is configured. */
import { readFile } from 'node:fs/promises'
import type { Config } from '../../config/config.ts'
import { signJwt } from '../assertion/sign.ts'
import { networksOf } from '../client-networks.ts'
import {
  audienceOf,
  type GrantCode,
  type GrantDependencies,
  issuerOf,
  type KnownCluster,
} from '../grants/dependencies.ts'
import {
  type AskedCode,
  createDeviceRequests,
  type DeviceAnswer,
  type DeviceRequest,
} from '../grants/device-requests.ts'
import { createKubeTokens, type KubeTokens, type SessionSeal } from '../grants/kube-tokens.ts'
import { createGrantEndpoints, createGrantPages } from '../grants/routes.ts'
import { findClaim } from '../login/claims/identity-of-claims.ts'
import { createRateLimit } from '../login/rate-limit.ts'
import { createRefreshGrants } from '../sessions/grants/refresh-grants.ts'
import type { LoginSession } from '../sessions/login-session.ts'
import type { RecordStore } from '../sessions/record-store.ts'
import { createBoundedRecords } from '../sessions/records/bounded-records.ts'
import { createSeal } from '../sessions/records/seal.ts'
import { createOneTimeStore } from '../sessions/records/sealed-records.ts'
import { composeHolds } from './identity.ts'
import { type Base, type Kept, newRequestId, secretsOf } from './kept.ts'
import type { Login } from './login.ts'

/** Machines that wait for somebody, ten minutes each; none of their records is long. */
const deviceBounds = {
  short: { perClient: 50, perNetwork: 250, inAll: 20_000 },
  long: { perClient: 1, perNetwork: 1, inAll: 64 },
}
/** Codes that one client may try in a minute: 20^8 of them are there. */
const codesPerMinute = 20

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
  const tokenLifetimeSeconds = settings?.tokenLifetimeSeconds ?? directClusters?.tokenLifetimeSeconds
  if (tokenLifetimeSeconds === undefined) return undefined
  const tokens = composeKubeTokens(base, parts.kept, tokenLifetimeSeconds)
  return { settings, tokens, ...composeRouters(base, parts, tokens) }
}

export const hasGrants = ({ kubernetes, directClusters }: Config): boolean =>
  kubernetes !== undefined || directClusters !== undefined

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

const behindGateway = ({ url, clusters }: Kubernetes): readonly KnownCluster[] =>
  clusters.map(({ name, userClaim }) => {
    const address = audienceOf(url, name)
    return { name, userClaim, server: address, audience: address }
  })

/** As a check on a host without rules of its own finds it: read, used, and asked about at its provider when that is due. */
export function composeStanding(base: Base, { sessions }: Kept, { verification }: Login) {
  const holds = composeHolds(base, verification)
  return async (sessionId: string): Promise<LoginSession | undefined> => {
    const found = await sessions.find(sessionId)
    if (found === undefined) return undefined
    const verdict = holds(sessionId, found)
    if (!(verdict instanceof Promise)) return verdict ? found : undefined
    // The provider may have been asked just now, and have said other groups.
    return (await verdict) ? sessions.find(sessionId) : undefined
  }
}
