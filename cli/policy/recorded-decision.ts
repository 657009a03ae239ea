/**
 * The one reader of audit events: what a line says of a decision, and which facts it does not hold.
 *
 * Whatever cannot be read for certain counts as missing, so that no answer is built on a guess.
 */

import { recordedCall } from '../../rbac/asking/calls/call.ts'
import type { RecordedCall } from '../../rbac/asking/calls/replay-call.ts'
import type { MissingFact } from '../../rbac/asking/replay.ts'
import type { Effect } from '../../rbac/decision.ts'
import { isKubernetesDomain } from '../../rbac/domains.ts'
import { anonymous, type Identity, type Machine, type User } from '../../rbac/identity.ts'
import type { AuditedKubernetesCall } from '../../rbac/kubernetes/call-facts.ts'

/** A line of an audit file. */
export type AuditEvent = Readonly<Record<string, unknown>>

/** A decision as it was recorded. */
export interface RecordedDecision extends RecordedCall {
  readonly requestId: string
  readonly effect: Effect
  readonly reason?: string
  readonly revision: string
  readonly rule?: string
  readonly shadow: readonly string[]
  /** Rows that let further questions of the same call pass. */
  readonly furtherRules: readonly string[]
  /** Whom to name in a report. */
  readonly who: string
}

/** An audit line is a few hundred bytes; what is longer than this is none. */
const maxLineLength = 1_048_576

/** `undefined` for what is no audit event. */
export function parseEvent(line: string): AuditEvent | undefined {
  if (line.length > maxLineLength) return undefined
  try {
    const value: unknown = JSON.parse(line)
    const isEvent = typeof value === 'object' && value !== null && Reflect.get(value, 'v') === 1
    return isEvent && typeof Reflect.get(value, 'event') === 'string' ? (value as AuditEvent) : undefined
  } catch {
    return undefined
  }
}

const effects: Readonly<Record<string, Effect>> = {
  'access.allowed': 'allow',
  'access.challenged': 'challenge',
  'access.denied': 'deny',
}

const text = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined)
const texts = (value: unknown): readonly string[] | undefined =>
  Array.isArray(value) && value.every(item => typeof item === 'string') ? value : undefined

/** `undefined` for what is no decision, or one without what was asked. */
export function parseDecision(event: AuditEvent): RecordedDecision | undefined {
  const effect = Object.hasOwn(effects, String(event.event)) ? effects[String(event.event)] : undefined
  const [domain, resource, action] = [text(event.domain), text(event.resource), text(event.action)]
  const timeMs = Date.parse(String(event.time))
  if (effect === undefined || domain === undefined || resource === undefined || action === undefined) return undefined
  if (!Number.isFinite(timeMs)) return undefined
  const call = callOf(event, domain)
  const facts = call.facts
  const [clientAddress, rule, reason] = [text(event.clientAddress), text(event.rule), text(event.reason)]
  return {
    requestId: String(event.requestId),
    effect,
    revision: String(event.revision),
    ...(reason === undefined ? {} : { reason }),
    ...(rule === undefined ? {} : { rule }),
    shadow: [...(texts(event.shadow) ?? []), ...(facts?.shadow ?? [])],
    furtherRules: facts?.rules ?? [],
    who: text(event.email) ?? text(event.machine) ?? text(event.subject) ?? 'anonymous',
    request: { domain, resource, action, url: `https://${domain}${resource}` },
    ...(call.asked === undefined ? {} : { call: call.asked }),
    identity: parseIdentity(event),
    actors: (texts(event.credentialActors) ?? []).map(actorNamed),
    context: { now: Math.floor(timeMs / 1000), ...(clientAddress === undefined ? {} : { clientAddress }) },
    missing: new Set([...missingFrom(event), ...(call.isWhole ? [] : (['call'] as const))]),
  }
}

/** What a line says of a call to a cluster. */
interface RecordedFacts {
  readonly facts?: AuditedKubernetesCall
  readonly asked?: NonNullable<RecordedCall['call']>
  /** Nothing is missing. */
  readonly isWhole: boolean
}

/**
 * Threat: a call that was several questions is judged by the one that its line names, and seems to be the same. A line of
 * another version, with what is not known here or without what is needed, cannot be judged.
 */
function callOf({ kubernetes, resource, action }: AuditEvent, domain: string): RecordedFacts {
  // To be judged as somebody else is a question by itself, with a line of its own.
  if (!isKubernetesDomain(domain) || action === 'impersonate') return { isWhole: true }
  if (!areFacts(kubernetes)) return { isWhole: false }
  const asked = recordedCall(domain, kubernetes)
  const isOfCall = asked?.questions.some(question => question.action === action && question.resource === resource)
  return asked === undefined || isOfCall !== true
    ? { facts: kubernetes, isWhole: false }
    : { facts: kubernetes, asked, isWhole: true }
}

const isText = (value: unknown): boolean => typeof value === 'string'
const isListOfTexts = (value: unknown): boolean => texts(value) !== undefined

const checks: Readonly<Record<keyof AuditedKubernetesCall, (value: unknown) => boolean>> = {
  cluster: isText,
  verb: isText,
  group: isText,
  resource: isText,
  namespace: isText,
  name: isText,
  subresource: isText,
  path: isText,
  apply: value => value === true,
  upgrade: value => value === 'websocket' || value === 'spdy',
  rules: isListOfTexts,
  shadow: isListOfTexts,
}

function areFacts(value: unknown): value is AuditedKubernetesCall {
  if (typeof value !== 'object' || value === null || !isText(Reflect.get(value, 'verb'))) return false
  return Object.entries(value).every(
    ([key, fact]) => Object.hasOwn(checks, key) && checks[key as keyof AuditedKubernetesCall](fact),
  )
}

function parseIdentity(event: AuditEvent): Identity {
  const subject = text(event.subject)
  if (subject === undefined) return anonymous
  const common = { subject, provider: text(event.provider) ?? '', groups: texts(event.groups) ?? [], claims: {} }
  if (event.machine !== undefined) return { kind: 'machine', ...common, ...machineName(event) }
  const [email, acr, amr] = [text(event.email), text(event.acr), texts(event.amr)]
  return {
    kind: 'user',
    ...common,
    ...(email === undefined ? untoldIn(event) : { email }),
    ...(typeof event.authTime === 'number' ? { authTime: event.authTime } : {}),
    ...(amr === undefined ? {} : { amr }),
    ...(acr === undefined ? {} : { acr }),
  }
}

/** Somebody who acted, of whom a line holds the name alone. */
function actorNamed(name: string): Machine | User {
  const common = { subject: '#', provider: '/', groups: [], claims: {} }
  if (!name.startsWith('user:')) return { kind: 'machine', ...common, ...machineName({ machine: name }) }
  return { kind: 'user', ...common, subject: name.slice('user:'.length), untold: ['email'] }
}

/** Of people who came by token, what the token did not tell (`User.untold`). */
const untoldIn = ({ credential }: AuditEvent): Pick<User, 'untold'> =>
  credential === 'user-token' || credential === 'exchanged-token' ? { untold: ['email'] } : {}

/** Empty for a workload of a kind that is not known here. */
function machineName({ machine }: { readonly machine?: unknown }): {
  readonly serviceAccount?: string
  readonly client?: string
  readonly certificate?: string
} {
  const [kind, name = ''] = (text(machine) ?? '').split(/:(.*)/s)
  if (kind === 'service-account') return { serviceAccount: name }
  if (kind === 'certificate') return { certificate: name }
  return kind === 'client' ? { client: name } : {}
}

const isOptional = (value: unknown, isRead: boolean): boolean => value === undefined || isRead

function missingFrom(event: AuditEvent): ReadonlySet<MissingFact> {
  const missing = new Set<MissingFact>(['claims', 'headers', 'certificate', 'answers'])
  // The line names who asked; the call was judged as somebody else, of whom it says too little.
  if (event.impersonatedUser !== undefined && event.action !== 'impersonate') missing.add('identity')
  // What an application said of them, or did not tell, is not in the line.
  if (event.askedBy !== undefined) missing.add('identity')
  const { subject, machine, email, authTime, amr, acr } = event
  const isNobody = subject === undefined && machine === undefined && event.provider === undefined
  const isNamed = text(subject) !== undefined && isOptional(email, text(email) !== undefined)
  const acting = texts(event.credentialActors) ?? []
  const areActorsKnown =
    isOptional(event.credentialActors, isListOfTexts(event.credentialActors)) &&
    acting.every(name => name.startsWith('user:') || Object.keys(machineName({ machine: name })).length > 0)
  if (!areActorsKnown) missing.add('identity')
  const isKnownMachine = isOptional(machine, Object.keys(machineName(event)).length > 0)
  if (!isNobody && (!isNamed || !isKnownMachine)) missing.add('identity')
  if (isNobody) return missing
  const isLoginRead = isOptional(authTime, typeof authTime === 'number') && isOptional(acr, text(acr) !== undefined)
  // A line without `provider` was written before these facts were: nothing is known of groups and login.
  const isWhole = text(event.provider) !== undefined
  if (!isWhole || !isLoginRead || !isOptional(amr, texts(amr) !== undefined)) missing.add('login')
  if (!isWhole || texts(event.groups) === undefined) missing.add('groups')
  return missing
}
