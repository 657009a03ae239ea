/** What the questions of applications are given by the composition root. */
import type { Request, RequestHandler } from 'express'
import type { Decision } from '../../rbac/decision.ts'
import type { Machine, User } from '../../rbac/identity.ts'
import type { PolicySnapshot } from '../../rbac/policy.ts'
import type { AccessRequest, CanonicalOptions } from '../../rbac/request/access-request.ts'
import type { Situation } from '../../rbac/situation.ts'
import type { ApplicationNames, MachineNames } from '../../rbac/subjects.ts'
import type { AskedByFacts } from '../audit/access-event.ts'
import type { AuditLog } from '../audit/event.ts'
import type { Clock } from '../clock.ts'
import type { PersonFacts } from '../sessions/session-directory.ts'
import type { Authentication, SaidFacts } from '../verify.ts'

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
  readonly authenticate: (request: Request) => Promise<Authentication>
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
  readonly limit: RequestHandler
  /** Of what failed without being expected, and of what is down. */
  readonly onError: (error: unknown, requestId: string) => void
}

export type QuestionDependencies = QuestionRules & QuestionNames & QuestionFacts & QuestionReports
