/** What the token endpoints are given by the composition root. */
import type { RequestHandler } from 'express'
import type { Decision } from '../../rbac/decision.ts'
import type { Machine, User } from '../../rbac/identity.ts'
import type { CredentialFacts } from '../audit/access-event.ts'
import type { AuditLog } from '../audit/event.ts'
import type { Clock } from '../clock.ts'
import type { SentHeaders } from '../fronts/vouched-headers.ts'
import type { ProofQuestion, VerifiedProof } from '../identity/proof/dpop.ts'
import type { OwnClaims } from '../identity/token/own-signature.ts'
import type { ExchangedToken, ExchangedTokens } from '../sessions/exchanged-tokens.ts'

/** Whoever a token stands for, as its issuer says. */
export interface KnownBearer {
  readonly identity: Machine | User
  readonly credential: CredentialFacts
  /** Seconds since the epoch; when it says so itself, whatever a clock may be late by. */
  readonly expiresAt: number
  /** Thumbprint of the client certificate that it is bound to, and that this connection has (RFC 8705). */
  readonly certificate?: string
  /** Its claims, where it has any that can be read. */
  readonly claims: Readonly<Record<string, unknown>>
}

/** The login that a token of a command line hangs on. */
export interface KnownLogin {
  /** Secret. */
  readonly sessionId: string
  readonly identity: User
  /** `jti` of the token. */
  readonly tokenId: string
  /** Seconds since the epoch: of the token, and never later than that of its session. */
  readonly expiresAt: number
}

export interface ExchangeLogins {
  /**
   * The login behind a token that says who is logged in at a command line; `undefined` for any other token. Rejects with
   * `ERR_STORE_UNAVAILABLE` and `ERR_PROVIDER_UNAVAILABLE` when it cannot tell.
   */
  readonly openLogin: (token: string) => Promise<KnownLogin | NotKnown | undefined>
  readonly digest: (sessionId: string) => string
  /** Notes for the person's own list that the session is used there. */
  readonly visited: (sessionId: string, host: string) => Promise<void>
}

/** One of our own, as it was made. */
export interface OwnToken {
  readonly id: string
  readonly token: ExchangedToken
}

/** A token that counts for nothing; the sentence is for whoever sent it. */
export interface NotKnown {
  readonly refusal: string
}

export interface ExchangeTokens {
  /**
   * What issuers of the configuration made, together with what it is bound to. Rejects with `ERR_ISSUER_UNAVAILABLE` when it
   * cannot tell.
   *
   * @param certificate thumbprint of the connection's client certificate; `undefined` where none is known
   */
  readonly verify: (token: string, certificate: string | undefined) => Promise<KnownBearer | NotKnown>
  /** Of our own, whatever its host. Rejects with `ERR_STORE_UNAVAILABLE` when it cannot tell. */
  readonly openOwn: (token: string) => Promise<OwnToken | NotKnown>
  /** Of our own, whatever the clock says. Rejects with `ERR_SIGNING_UNAVAILABLE` when it cannot tell. */
  readonly signedByUs: (token: string) => Promise<Pick<OwnClaims, 'aud' | 'sub' | 'jti' | 'exp'> | NotKnown>
  /** Of a key, for a request to the token endpoint (RFC 9449 section 5). */
  readonly verifyProof: (question: ProofQuestion) => Promise<VerifiedProof | NotKnown>
  /** Whether a token seems to be ours: says who is asked about it, and nothing more. */
  readonly isOurs: (token: string) => boolean
  readonly kept: Pick<ExchangedTokens, 'keep' | 'end'>
  /** Throws `ERR_SIGNING_UNAVAILABLE` when there is no key. */
  readonly sign: (claims: Readonly<Record<string, unknown>>) => string
  readonly newId: () => string
}

/** What may be done with a token for a host. */
export type TokenAction = 'create' | 'introspect'

export interface ExchangeConnections {
  /** Whether a connection has the certificate that a token is bound to; both thumbprints. */
  readonly isCertificate: (bound: string, presented: string | undefined) => boolean
  /**
   * Thumbprint of the client certificate of a connection, where a trusted proxy vouches for it. Absent: none is ever known, and
   * nothing can be bound to one.
   */
  readonly certificateIn?: (sent: SentHeaders) => string | undefined
}

export interface ExchangeRules {
  /** The policy's answer, which is audited; rejects with `ERR_AUDIT_UNAVAILABLE` where it has to be and cannot. */
  readonly decide: (asking: AskingForHost, bearer: AskingBearer) => Promise<Decision>
  /** Canonical host of `resource` or `audience`; `undefined` for what names none. Never a cluster's. */
  readonly hostIn: (name: string) => string | undefined
  readonly takesOwn: (host: string) => boolean
  /** Whether there is a cluster of this name behind the gateway. */
  readonly isCluster: (name: string) => boolean
  readonly scopes: {
    /** Throws an error whose message is for whoever asked. */
    readonly parse: (text: string) => string
    readonly isWithin: (narrow: string | undefined, wide: string | undefined) => boolean
  }
  readonly nameOf: (identity: Machine | User) => string
  readonly lifetimeSeconds: number
  readonly proofAlgorithms: readonly string[]
}

interface AskingBearer extends Pick<KnownBearer, 'identity' | 'credential'> {
  /** Those who act for them. Default none. */
  readonly actors?: readonly (Machine | User)[] | undefined
}

export interface AskingForHost extends SentHeaders {
  readonly host: string
  readonly action: TokenAction
  readonly requestId: string
  readonly clientAddress: string | undefined
}

export interface ExchangeReports {
  readonly audit: AuditLog
  readonly clock: Clock
  readonly newRequestId: () => string
  /**
   * How often one client may ask, counted for each endpoint by itself. Threat: a flood of one keeps people from revoking, and
   * a token that they could not revoke lives on.
   */
  readonly limits: Readonly<Record<'token' | 'revoke' | 'introspect', RequestHandler>>
  /** Of what failed without being expected, and of what is down. */
  readonly onError: (error: unknown, requestId: string) => void
}

export type ExchangeDependencies = { readonly publicUrl: string } & ExchangeTokens &
  ExchangeLogins &
  ExchangeConnections &
  ExchangeRules &
  ExchangeReports

export const tokenPath = '/token'
/** `iss` of our exchanged tokens: not that of assertions, nor that of the tokens of kubectl. */
export const exchangeIssuerOf = (publicUrl: string): string => `${publicUrl}${tokenPath}`
