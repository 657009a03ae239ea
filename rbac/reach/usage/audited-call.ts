/**
 * One event of an API server's audit log (audit.k8s.io/v1, and the older v1beta1 and v1alpha1), read for what it says of rights:
 * whose they were, what the authorizer was asked, and what it said. Bodies of requests, which hold secrets, are never looked at.
 */
import { parseInstant } from '../../conditions/times.ts'
import type { AccessQuestion } from '../grant.ts'
import { type Asker, builtInGroups, idOf, userSubject } from '../subject.ts'
import { impersonationOf } from './impersonation.ts'
import { questionOf } from './question.ts'
import { type NamedBinding, readReason } from './reason.ts'

export interface AuditedCall {
  /**
   * The same for each stage of one call. Threat: the API server takes `Audit-ID` from the request as it is, so whoever sends the
   * same one each time would hide all of his calls but the first behind it; time and target are part of it.
   */
  readonly key: string
  /** A watch or an exec is written down when it begins, and again when it ends. */
  readonly stage: 'started' | 'complete'
  /** Seconds since the epoch. */
  readonly at: number
  /** Who was judged: whoever is impersonated, where somebody is. */
  readonly asker: Asker
  readonly outcome: 'allowed' | 'denied'
  readonly question: AccessQuestion
  /** What the server asks besides where it knows how to: a right to it was used if there was one. */
  readonly alsoAsked: readonly AccessQuestion[]
  /** Whoever asked as somebody else, and the rights that this took. */
  readonly impersonator?: { readonly asker: Asker; readonly questions: readonly AccessQuestion[] }
  readonly namedBinding?: NamedBinding
  /** `authentication.k8s.io/legacy-token`: it came with a token out of a Secret. */
  readonly isLegacyToken: boolean
}

/** Why an event says nothing of a right. */
export type Skipped = 'stage' | 'unauthenticated'

export type EventReading = AuditedCall | { readonly skipped: Skipped } | { readonly unreadable: string }

type Fields = Readonly<Record<string, unknown>>

/** @param event parsed JSON; anything. Never throws. */
export function readAuditEvent(event: unknown): EventReading {
  if (!isFields(event)) return { unreadable: 'it is no object' }
  const { kind, apiVersion, stage, verb, auditID } = event
  if (kind !== undefined && kind !== 'Event') return { unreadable: 'it is no Event' }
  // Events of a namespace (events.k8s.io, core) are called Event as well.
  if (apiVersion !== undefined && !text(apiVersion).startsWith('audit.k8s.io/')) {
    return { unreadable: 'it is no event of audit.k8s.io' }
  }
  if (stage === 'RequestReceived') return { skipped: 'stage' }
  if (stage !== 'ResponseStarted' && stage !== 'ResponseComplete' && stage !== 'Panic') {
    return { unreadable: 'it has no known stage' }
  }
  if (text(verb) === '' || text(auditID) === '') return { unreadable: 'it has no verb or no auditID' }
  const at = instantOf(event)
  if (at === undefined) return { unreadable: 'it has no time' }
  return readCall(event, { at, stage: stage === 'ResponseStarted' ? 'started' : 'complete' })
}

function readCall(event: Fields, when: Pick<AuditedCall, 'at' | 'stage'>): EventReading {
  const user = askerOf(event.user)
  const code = isFields(event.responseStatus) ? event.responseStatus.code : undefined
  if (user === undefined) return code === 401 ? { skipped: 'unauthenticated' } : { unreadable: 'it names no user' }
  const question = questionOf(event)
  if (question === undefined) return { unreadable: 'what was asked for cannot be read' }
  const annotations = isFields(event.annotations) ? event.annotations : {}
  const impersonated = event.impersonatedUser === undefined ? undefined : askerOf(event.impersonatedUser)
  if (event.impersonatedUser !== undefined && impersonated === undefined) {
    return { unreadable: 'it names nobody as impersonated' }
  }
  const received = text(event.requestReceivedTimestamp) || text(event.timestamp)
  const namedBinding = readReason(text(annotations['authorization.k8s.io/reason']))
  const constraint = isFields(event.authenticationMetadata) ? event.authenticationMetadata.impersonationConstraint : ''
  return {
    ...when,
    key: `${text(event.auditID)} ${received} ${text(event.verb)} ${text(event.requestURI)}`,
    asker: impersonated ?? user,
    outcome: outcomeOf(annotations['authorization.k8s.io/decision'], code),
    question,
    alsoAsked: alsoAsked(question, code),
    ...(impersonated !== undefined && {
      impersonator: {
        asker: user,
        questions: impersonationOf(event.impersonatedUser as Fields, text(constraint), question),
      },
    }),
    ...(namedBinding !== undefined && { namedBinding }),
    isLegacyToken: annotations['authentication.k8s.io/legacy-token'] !== undefined,
  }
}

/**
 * What the authorizer said counts, not what came of the call: a 404 and a refusal by admission took the right as well. Where nothing
 * is written of a decision (events of old servers, and impersonation that was refused before anything else) the code decides.
 */
function outcomeOf(decision: unknown, code: unknown): 'allowed' | 'denied' {
  if (decision === 'allow') return 'allowed'
  if (decision === 'forbid') return 'denied'
  return code === 403 || code === 401 ? 'denied' : 'allowed'
}

const streams: ReadonlySet<string> = new Set(['exec', 'attach', 'portforward'])

/** A PUT or apply that made the object is asked for `create` too, and so is a stream over WebSocket since 1.35. */
function alsoAsked(question: AccessQuestion, code: unknown): readonly AccessQuestion[] {
  if ('path' in question) return []
  const { verb, group, resource, subresource = '' } = question
  const hasMade = (verb === 'patch' || verb === 'update') && code === 201
  const isStream = verb === 'get' && group === '' && resource === 'pods' && streams.has(subresource)
  return hasMade || isStream ? [{ ...question, verb: 'create' }] : []
}

function askerOf(user: unknown): Asker | undefined {
  if (!isFields(user) || typeof user.username !== 'string' || user.username === '') return undefined
  const subject = userSubject(user.username)
  const groups = Array.isArray(user.groups) ? user.groups.filter(group => typeof group === 'string') : []
  // Some clouds leave groups out; those that everybody is in are known all the same.
  return { id: idOf(subject), groups: [...new Set(groups.length === 0 ? builtInGroups(subject) : groups)].sort() }
}

function instantOf({ requestReceivedTimestamp, stageTimestamp, timestamp }: Fields): number | undefined {
  for (const value of [requestReceivedTimestamp, stageTimestamp, timestamp]) {
    const instant = typeof value === 'string' ? parseInstant(value) : undefined
    if (instant !== undefined) return instant
  }
  return undefined
}

const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
const text = (value: unknown): string => (typeof value === 'string' ? value : '')
