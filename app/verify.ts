/**
 * The one use case: authenticate, decide, assert, audit. Every front asks here, and nothing else decides.
 *
 * It knows no proxy and no HTTP: what came in is an access request and credentials, what goes out is a result that a front
 * renders in its own dialect.
 */

import type { ClientCertificate, Context } from '../rbac/context.ts'
import type { Decision, SessionChallenge } from '../rbac/decision.ts'
import { headersForConditions } from '../rbac/header-names.ts'
import type { Identity, Machine, User } from '../rbac/identity.ts'
import type { AuditedKubernetesCall } from '../rbac/kubernetes/call-facts.ts'
import type { AccessRequest } from '../rbac/request/access-request.ts'
import type { Situation } from '../rbac/situation.ts'
import { type Consultation, decideAnswered } from './answered.ts'
import type { Access, AskedByFacts, CredentialFacts, ImpersonationFacts } from './audit/access-event.ts'
import type { LoginSession } from './sessions/login-session.ts'

/** What the credentials of a request are worth. */
export interface Authentication {
  readonly identity: Identity
  /** First characters of the session key's digest: joins audit events, opens nothing. */
  readonly sessionDigest?: string
  /**
   * The login session of the browser's own cookie, and its id: secret, for tokens that hang on it, and never written down. Both
   * or neither.
   */
  readonly sessionId?: string
  readonly login?: LoginSession
  /** Digest of the cookie that this browser already holds for the host; a handoff is bound to it. */
  readonly bindingHash?: string
  /** A cookie of ours came that is worth nothing. */
  readonly clearCookie: boolean
  /** There is a session, but it does not do for this host before another login; `identity` is nobody's then. */
  readonly sessionChallenge?: SessionChallenge
  /** Somebody else asks to be judged as `identity`. */
  readonly impersonation?: ImpersonationFacts
  /** A token said who is asking, and no session. Whoever sent it is a program: it is sent to no login page. */
  readonly credential?: CredentialFacts
  /** Of a token that was made for somebody to act with: all who do. What a row denies to any of them is denied. */
  readonly actors?: readonly (Machine | User)[] | undefined
}

/** What came along that may say who is asking, as a front could read it; looked at when somebody wants it. */
export interface Credentials {
  /** All Cookie headers, joined by `; `; empty when there are none. */
  readonly cookie: string
  readonly headers: {
    /** False where they come from a peer that is no trusted proxy: to conditions they are unknown then. Default true. */
    readonly areVouchedFor?: boolean
    /** The value of a header that came exactly once, by its lower-case name: of two, one may be somebody else's. */
    readonly only: (name: string) => string | undefined
    /** The first value, by the lower-case name; `undefined` when the header did not come. For conditions, and to see whether it came. */
    readonly any: (name: string) => string | undefined
  }
}

/** One question, as a front understood it. */
export interface VerifyQuestion extends Credentials {
  /** Name in the table of fronts; a closed list, because it labels metrics and audit events. */
  readonly front: string
  readonly requestId: string
  readonly request: AccessRequest
  readonly clientAddress: string | undefined
  readonly isInteractive: boolean
  /** The connection may become something else than one request with one answer, such as a WebSocket. */
  readonly isUpgrade: boolean
  /** Of a call to a cluster, which may be more questions than this one. */
  readonly kubernetes?: AuditedKubernetesCall | undefined
  /** Of a question of an application. */
  readonly asked?: AskedByFacts | undefined
  /** What the application says beside it, and may say. */
  readonly said?: SaidFacts | undefined
}

/** Circumstances that an application states of what it asks about. */
export interface SaidFacts {
  /** The moment that is asked about, seconds since the epoch; absent: now. */
  readonly at?: number | undefined
  readonly property: NonNullable<Context['property']>
}

/** What the fronts render. */
export interface VerifyResult {
  readonly requestId: string
  readonly request: AccessRequest
  readonly identity: Identity
  readonly decision: Decision
  /** Names and values alternating. Every identity header on every allow, empty where unknown; none otherwise. */
  readonly identityHeaders: readonly string[]
  /** The Cookie header for the upstream, without our own cookie; only on an allow. */
  readonly upstreamCookie: string | undefined
  /** Where a challenged person logs in. Present exactly when the effect is challenge. */
  readonly loginUrl: string | undefined
  /** At most one Set-Cookie value. */
  readonly setCookie: string | undefined
  /** Present when a token said who is asking: whoever did is answered as a program. */
  readonly credential: CredentialFacts | undefined
  /** The value of `WWW-Authenticate` for a program; only on a challenge, and only where tokens are taken. */
  readonly bearerChallenge: string | undefined
}

export interface VerifyDependencies {
  /**
   * A value when it is at hand, else a promise. Throws or rejects with `ERR_STORE_UNAVAILABLE` when it cannot tell; an
   * error never yields an identity.
   */
  readonly authenticate: (question: VerifyQuestion) => Authentication | Promise<Authentication>
  /**
   * Present where the proxies pass the client's certificate: that of these credentials, `null` for none, `undefined` where
   * it is not known. Asked only when a condition reads it.
   */
  readonly clientCertificate?: (credentials: Credentials) => ClientCertificate | null | undefined
  /** The policy in force, bound to the decision function; one immutable snapshot for each call. */
  readonly decide: (situation: Situation) => Decision
  /** Present where conditions may ask deciders outside. */
  readonly consult?: (clientAddress: string | undefined) => Consultation
  /** Names and values alternating. */
  readonly identityHeaders: (authentication: Authentication, request: AccessRequest) => readonly string[]
  readonly upstreamCookie: (cookie: string) => string
  readonly challenge: (question: VerifyQuestion, decision: Challenge, authentication: Authentication) => ChallengeAnswer
  readonly clearCookie: (domain: string) => string
  /** Throws `ERR_AUDIT_UNAVAILABLE` where no decision may be made that cannot be recorded. */
  readonly requireAudit: () => void
  /** Writes the audit event; never throws and never blocks. */
  readonly audit: (access: Access) => void
  /** Gets what each decision was made of. It runs on the request's way and must not keep `context`, which reads headers. */
  readonly record: (decided: DecidedQuestion) => void
  readonly onDecision: (front: string, decision: Decision, durationMicroseconds: number) => void
  /** Milliseconds since the epoch. */
  readonly now: () => number
}

/** A decision with everything that it was made of. */
export interface DecidedQuestion extends Situation {
  readonly requestId: string
  readonly decision: Decision
  readonly kubernetes?: AuditedKubernetesCall | undefined
}

export type Challenge = Extract<Decision, { effect: 'challenge' }>

export interface ChallengeAnswer {
  readonly loginUrl: string
  readonly setCookie?: string
  /** For a program, where tokens are taken (RFC 6750 section 3, RFC 9470). */
  readonly bearerChallenge?: string
}

/** A result when everything is at hand, so that most checks never wait; else a promise. Throws or rejects alike. */
export type Verify = (question: VerifyQuestion) => VerifyResult | Promise<VerifyResult>

export function createVerify(dependencies: VerifyDependencies): Verify {
  return question => {
    const started = performance.now()
    dependencies.requireAudit()
    const authentication = dependencies.authenticate(question)
    if (!(authentication instanceof Promise)) return conclude(question, authentication, started, dependencies)
    return authentication.then(known => conclude(question, known, started, dependencies))
  }
}

function conclude(
  question: VerifyQuestion,
  authentication: Authentication,
  started: number,
  dependencies: VerifyDependencies,
): VerifyResult | Promise<VerifyResult> {
  const { identity, actors } = authentication
  const { decide } = dependencies
  const consultation = dependencies.consult?.(question.clientAddress)
  const context = contextOf(question, dependencies, consultation?.answerOf)
  const situation = { request: question.request, identity, context, actors }
  const decided = decide(situation)
  const end = (decision: Decision): VerifyResult => {
    consultation?.close()
    return finish({ question, authentication, context, decided: decision, started }, dependencies)
  }
  return consultation?.isOpen() === true ? decideAnswered(situation, consultation, decide).then(end) : end(decided)
}

interface Decided {
  readonly question: VerifyQuestion
  readonly authentication: Authentication
  readonly context: Context
  /** By the policy alone. */
  readonly decided: Decision
  readonly started: number
}

function finish(
  { question, authentication, context, decided, started }: Decided,
  dependencies: VerifyDependencies,
): VerifyResult {
  const { requestId, request, kubernetes } = question
  const { identity, actors } = authentication
  const decision = withSessionChallenge(decided, authentication.sessionChallenge)
  const result = answer(question, authentication, decision, dependencies)
  const durationMicroseconds = Math.round((performance.now() - started) * 1000)
  dependencies.onDecision(question.front, decision, durationMicroseconds)
  dependencies.audit({ question, authentication, decision, durationMicroseconds })
  dependencies.record({ requestId, request, identity, context, actors, decision, kubernetes })
  return result
}

function contextOf(
  question: VerifyQuestion,
  { now, clientCertificate }: VerifyDependencies,
  answerOf: Context['answerOf'],
): Context {
  const { clientAddress, headers, said } = question
  const seconds = Math.floor(now() / 1000)
  if (said !== undefined) return { now: said.at ?? seconds, clientAddress, property: said.property, answerOf }
  // Threat: a header that the policy reads, written by whoever asks. Only of a trusted proxy is it known who wrote it.
  const header = headers.areVouchedFor === false ? undefined : headersForConditions(headers)
  if (clientCertificate === undefined) return { now: seconds, header, clientAddress, answerOf }
  return {
    now: seconds,
    header,
    clientAddress,
    answerOf,
    // An own property: a copy of the context has the certificate as well.
    get clientCertificate() {
      return clientCertificate(question)
    },
  }
}

/** What nobody would be challenged for, because nobody is logged in, is challenged for what the session lacks. */
function withSessionChallenge(decision: Decision, lacking: Authentication['sessionChallenge']): Decision {
  return lacking === undefined || decision.effect !== 'challenge' ? decision : { ...decision, ...lacking }
}

function answer(
  question: VerifyQuestion,
  authentication: Authentication,
  decision: Decision,
  dependencies: VerifyDependencies,
): VerifyResult {
  const { requestId, request } = question
  const { identity, credential } = authentication
  const setCookie = authentication.clearCookie ? dependencies.clearCookie(request.domain) : undefined
  // Every result is written out with the same fields in the same order: to spread one into another costs more than it says.
  switch (decision.effect) {
    case 'allow': {
      const identityHeaders = dependencies.identityHeaders(authentication, request)
      const upstreamCookie = dependencies.upstreamCookie(question.cookie)
      return {
        requestId,
        request,
        identity,
        decision,
        identityHeaders,
        upstreamCookie,
        loginUrl: undefined,
        setCookie,
        credential,
        bearerChallenge: undefined,
      }
    }
    case 'challenge': {
      const asked = dependencies.challenge(question, decision, authentication)
      const { loginUrl, setCookie: pending = setCookie, bearerChallenge } = asked
      return {
        requestId,
        request,
        identity,
        decision,
        identityHeaders: noHeaders,
        upstreamCookie: undefined,
        loginUrl,
        setCookie: pending,
        credential,
        bearerChallenge,
      }
    }
    case 'deny':
      return {
        requestId,
        request,
        identity,
        decision,
        identityHeaders: noHeaders,
        upstreamCookie: undefined,
        loginUrl: undefined,
        setCookie,
        credential,
        bearerChallenge: undefined,
      }
  }
}

const noHeaders: readonly string[] = Object.freeze([])
