/** What the grant endpoints are given by the composition root. */
import type { RequestHandler } from 'express'
import type { AuditLog } from '../audit/event.ts'
import type { ClientNetworks } from '../client-networks.ts'
import type { Clock } from '../clock.ts'
import type { SentHeaders } from '../fronts/vouched-headers.ts'
import type { FormTokens } from '../login/browser/form-tokens.ts'
import type { PagesFor } from '../pages/pages.ts'
import type { RefreshGrants } from '../sessions/grants/refresh-grants.ts'
import type { LoginSession } from '../sessions/login-session.ts'
import type { ValueOrPromise } from '../sessions/record-store.ts'
import type { OneTimeStore } from '../sessions/records/sealed-records.ts'
import type { DeviceRequests } from './device-requests.ts'
import type { KubeTokens, NamesInToken } from './kube-tokens.ts'

/** What a code of the browser flow stands for. */
export interface GrantCode {
  readonly sessionId: string
  readonly redirectUri: string
  /** base64url SHA-256 of the verifier. */
  readonly challenge: string
}

/** A cluster as people are told of it. */
export interface KnownCluster {
  readonly name: string
  readonly userClaim: string
  /** Where kubectl calls. */
  readonly server: string
  /** Of its tokens, and of those of no other cluster. */
  readonly audience: string
  /** Present where the cluster judges calls by itself. */
  readonly direct?: DirectAccess
}

export interface DirectAccess {
  /** PEM of whoever vouches for the API server; `undefined` where that is publicly known. */
  readonly certificateAuthority: () => Promise<string | undefined>
  /** Asked before each token: nobody looks at it after that. Rejects when it cannot tell. */
  readonly admit: (asking: AskingForToken) => Promise<Admission>
}

export interface AskingForToken extends SentHeaders {
  readonly login: LoginSession
  readonly sessionDigest: string
  readonly requestId: string
  readonly clientAddress: string | undefined
}

/** What somebody is called in the cluster, or why they get no token, in a sentence for them. */
export type Admission =
  | { readonly names: NamesInToken }
  | { readonly reason: 'policy' | 'name'; readonly sentence: string }

/** What people let a command line use. */
export type GrantReach = 'clusters' | 'hosts' | 'clusters-and-hosts'

/** Where everything is. */
export interface GrantPlaces {
  /** Origin of the auth host. */
  readonly publicUrl: string
  readonly clusters: readonly KnownCluster[]
  /** What the pages say that it is about. */
  readonly reach: GrantReach
  /** Algorithm of the tokens. */
  readonly algorithm: string
  /** PEM of whoever vouches for the gateway; `undefined` where that is publicly known. */
  readonly certificateAuthority: () => Promise<string | undefined>
}

/** Who asks: somebody, by which their session is used, or a program of theirs, which keeps none from being idle. */
export type SessionUse = 'person' | 'program'

export interface GrantSessions {
  /**
   * The login of a session that stands now and may be used, as a check would find it; `undefined` for one that has ended.
   * Throws or rejects with `ERR_STORE_UNAVAILABLE` and `ERR_PROVIDER_UNAVAILABLE`.
   */
  readonly standing: (sessionId: string, use: SessionUse) => ValueOrPromise<LoginSession | undefined>
  /** Seconds since the epoch. */
  readonly endOf: (login: LoginSession) => number
  readonly digest: (sessionId: string) => string
  /** Notes for the person's own list that the session is used there. */
  readonly visited: (sessionId: string, host: string) => Promise<void>
}

export interface GrantRecords {
  readonly codes: OneTimeStore<GrantCode>
  readonly devices: DeviceRequests
  readonly grants: RefreshGrants
  readonly tokens: KubeTokens
}

/** What stands before the pages: who somebody is, and how often they may ask. */
export interface GrantSteps {
  /** Who is logged in: sets `request.user` and `request.sessionID`. */
  readonly pageSteps: readonly RequestHandler[]
  /**
   * How often one client may ask each of the endpoints for programs, counted by itself. Threat: a flood of one keeps people
   * from revoking what another one gave.
   */
  readonly limits: Readonly<Record<'device' | 'token' | 'revoke' | 'account', RequestHandler>>
  /** Of codes that are typed or guessed. */
  readonly codeLimit: RequestHandler
  readonly formTokens: FormTokens
  readonly networksOf: (address: string | undefined) => ClientNetworks
}

export interface GrantReports {
  readonly pages: PagesFor
  readonly audit: AuditLog
  readonly clock: Clock
  readonly newRequestId: () => string
  /** Of what failed without being expected, and of what is down. */
  readonly onError: (error: unknown, requestId: string) => void
}

export type GrantDependencies = GrantPlaces & GrantSessions & GrantRecords & GrantSteps & GrantReports

/** Below the auth host; the issuer of the tokens is this address. */
export const grantsPath = '/kube'
export const issuerOf = (publicUrl: string): string => `${publicUrl}${grantsPath}`
/** The audience of a cluster's tokens: its address at the gateway. */
export const audienceOf = (gatewayUrl: string, cluster: string): string => `${gatewayUrl}/clusters/${cluster}`
/** That of a cluster without the gateway. It begins with our issuer, so no gateway has such an address. */
export const directAudienceOf = (publicUrl: string, cluster: string): string =>
  `${issuerOf(publicUrl)}/clusters/${cluster}`

/** Kubectl is in somebody's hands. What is made of a token of the account goes to hosts, and a script may have it. */
export const useOf = (audience: string, { publicUrl }: Pick<GrantDependencies, 'publicUrl'>): SessionUse =>
  audience === issuerOf(publicUrl) ? 'program' : 'person'
