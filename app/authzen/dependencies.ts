/** What the questions of applications are given by the composition root. */
import type { Decision } from '../../rbac/decision.ts'
import type { Machine, User } from '../../rbac/identity.ts'
import type { PolicySnapshot } from '../../rbac/policy.ts'
import type { AccessRequest, CanonicalOptions } from '../../rbac/request/access-request.ts'
import type { Situation } from '../../rbac/situation.ts'
import type { ApplicationNames, MachineNames } from '../../rbac/subjects.ts'
import type { AskedByFacts } from '../audit/access-event.ts'
import type { AuditLog } from '../audit/event.ts'
import type { Clock } from '../clock.ts'
import type { Fields as HeaderFields } from '../fronts/front.ts'
import type { WriteReply } from '../fronts/write-reply.ts'
import type { PersonFacts } from '../sessions/session-directory.ts'
import type { Authentication, SaidFacts } from '../verify.ts'
import type { Fields } from './message.ts'

/** What an application may do with its questions, as rows of the domain `authzen` have it. */
export type QuestionAction = 'evaluate' | 'search' | 'assert' | 'explain'

/** Who asks: a machine that has proved who it is. */
export interface Asker {
  readonly identity: Machine
  readonly authentication: Authentication
  /** As rows name it. */
  readonly name: string
}

/** A question whose asker may ask it. */
export interface JudgedQuestion {
  readonly requestId: string
  readonly asked: AskedByFacts
  readonly request: AccessRequest
  readonly identity: Situation['identity']
  readonly clientAddress: string | undefined
  readonly said: SaidFacts
}

/** The newest session of a person that stands. */
export interface KnownPerson extends PersonFacts {
  readonly email?: string
}

export interface PeopleByName {
  readonly providers: readonly { readonly name: string; readonly issuer: string }[]
  /** Name of the provider whose people are meant where nothing else is said. */
  readonly usual?: string | undefined
}

export interface QuestionRules {
  /**
   * Whether a row lets whoever asks do this in a domain. `isAudited`: that none does is written down, which is a question refused.
   * Throws `ERR_AUDIT_UNAVAILABLE` where it has to be and cannot.
   */
  readonly mayAsk: (asker: Asker, action: QuestionAction, domain: string, from: AskedFrom) => boolean
  /** The decision about whom is asked about; written down, counted and kept. */
  readonly judge: (question: JudgedQuestion) => Decision | Promise<Decision>
  /** The same decision, of which nothing is written down: for what a search tries. */
  readonly decide: (situation: Situation) => Decision
  readonly policy: () => PolicySnapshot
  /** Throws `ERR_AUDIT_UNAVAILABLE`. */
  readonly requireAudit: () => void
}

/** Of the request with which somebody asks. */
export interface AskedFrom {
  readonly requestId: string
  readonly clientAddress: string | undefined
}

/** A request with which somebody asks, before it is known who. */
export interface Arrival extends AskedFrom {
  /** What the caller calls its question. */
  readonly askedId: string | undefined
  /** Names and values alternating, as received, so that a repeated header is seen. */
  readonly rawHeaders: readonly string[]
  /** Address of the TCP peer; `undefined` when the connection is gone. */
  readonly peerAddress: string | undefined
}

/** Who asks, and with which request. */
export interface Asking {
  readonly asker: Asker
  readonly from: AskedFrom
  readonly askedId: string | undefined
}

/** Answers a message with what is sent as JSON. Rejects with `QuestionFault` and operational errors. */
export type Route = (message: Fields, asking: Asking, dependencies: QuestionDependencies) => Promise<object>

export interface QuestionNames {
  readonly publicUrl: string
  readonly applications: readonly ApplicationNames[]
  readonly people: PeopleByName
  readonly machines: MachineNames
  readonly canonical: CanonicalOptions
  /** As rows name somebody. */
  readonly nameOf: (identity: Machine | User) => string
}

export interface QuestionFacts {
  /** Rejects with an operational error for whoever may ask nothing, or cannot be told. */
  readonly authenticate: (arrival: Arrival) => Promise<Authentication>
  /** `undefined`: none stands. Rejects with `ERR_STORE_UNAVAILABLE` when it cannot tell. Absent: sessions are not asked. */
  readonly newestSession?: (subject: string) => Promise<KnownPerson | undefined>
  /** What is wrong with a JSON text that `JSON.parse` takes: a name that comes twice, or lists too deep within each other. */
  readonly faultIn: (text: string) => string | undefined
  /** Of page tokens: the same for the same text in every process, and nobody else can make it. */
  readonly sign: (text: string) => string
}

export interface QuestionReports {
  readonly audit: AuditLog
  readonly clock: Clock
  readonly newRequestId: () => string
  /** Rejects with `ERR_TOO_MANY_REQUESTS` for a client that has asked too often. */
  readonly limit: (clientAddress: string | undefined) => Promise<unknown>
  /** Of what failed without being expected, and of what is down. */
  readonly onError: (error: unknown, requestId: string) => void
}

/** How answers go out. */
export interface QuestionWriting {
  readonly write: WriteReply
  /** What every answer of the auth host says to browsers, should one ever see it. */
  readonly pageHeaders: HeaderFields
  /** Whether what this peer says of where a request comes from is believed. */
  readonly isTrustedProxy: (address: string) => boolean
}

export type QuestionDependencies = QuestionRules & QuestionNames & QuestionFacts & QuestionReports & QuestionWriting
