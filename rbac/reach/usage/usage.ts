/**
 * What each subject really did, out of any number of audited calls in bounded memory: one entry for each kind of call, with the names
 * of objects up to a number. What does not fit is counted, never forgotten silently.
 */
import type { AccessQuestion } from '../grant.ts'
import type { Asker } from '../subject.ts'
import type { AuditedCall, EventReading } from './audited-call.ts'
import { bindingKey } from './reason.ts'
import { createRecentKeys } from './recent-keys.ts'

/** A kind of call, without the name of its object. */
export type UsedKind =
  | {
      readonly verb: string
      readonly group: string
      readonly resource: string
      readonly subresource?: string
      readonly namespace?: string
    }
  | { readonly verb: string; readonly path: string }

/** One kind of call of one asker. */
export interface UsedRight {
  readonly kind: UsedKind
  count: number
  /** Seconds since the epoch. */
  first: number
  last: number
  /** Calls that named no object. */
  unnamed: number
  /** Calls for each name, of the first names that were seen. */
  readonly names: Map<string, number>
  /** Calls for other names. */
  moreNames: number
  /** How often the server named which binding (`RoleBinding/shop/pods`); one of several, as it happens to find it. */
  readonly bindings: Map<string, number>
  /** Asked besides the call itself, by servers that know how to: no right to it is missed where there is none. */
  isBesides: boolean
}

export interface AskerUsage {
  readonly asker: Asker
  readonly used: readonly UsedRight[]
  readonly denied: readonly UsedRight[]
  /** Calls as this subject, those of an impersonator among them. */
  readonly calls: number
  /** Of these, made by somebody else as this subject. */
  readonly impersonated: number
  readonly first: number
  readonly last: number
  /** Last call with a token out of a Secret, seconds since the epoch. */
  readonly legacyTokenUsed?: number
}

export interface Usage {
  /** Seconds since the epoch; absent where no call was read. */
  readonly first?: number
  readonly last?: number
  readonly askers: readonly AskerUsage[]
  readonly counts: UsageCounts
}

export interface UsageCounts {
  /** Calls, each once. */
  readonly calls: number
  readonly denied: number
  /** Events of a call that was counted already: its other stages, and copies. */
  readonly repeated: number
  /** Events before a decision (RequestReceived), and of nobody (401). */
  readonly withoutDecision: number
  readonly unauthenticated: number
  /** What could not be read, by reason. */
  readonly unreadable: Readonly<Record<string, number>>
  /** Calls that were left out because there were too many kinds of them: a right may look unused that was used. */
  readonly leftOut: number
  /** Calls before the time that was asked for. */
  readonly tooOld: number
}

export interface UsageLimits {
  /** Kinds of calls that are kept, of all askers. */
  readonly rights: number
  /** Names that are kept of one kind. */
  readonly names: number
  /** Keys of calls that are remembered, so that none is counted twice. */
  readonly keys: number
}

export const defaultLimits: UsageLimits = { rights: 500_000, names: 50, keys: 100_000 }

export interface UsageCollector {
  readonly add: (reading: EventReading) => void
  /** As it stands. */
  readonly usage: () => Usage
}

interface Entry {
  readonly asker: Asker
  readonly used: Map<string, UsedRight>
  readonly denied: Map<string, UsedRight>
  calls: number
  impersonated: number
  first: number
  last: number
  legacyTokenUsed?: number
}

type Counts = { -readonly [key in keyof UsageCounts]: UsageCounts[key] } & { unreadable: Record<string, number> }

/** @param since seconds since the epoch: calls before are counted as too old, and nothing else */
export function createUsageCollector(since = Number.NEGATIVE_INFINITY, limits = defaultLimits): UsageCollector {
  const entries = new Map<string, Entry>()
  const recent = createRecentKeys(limits.keys)
  const counts: Counts = emptyCounts()
  let [first, last] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]
  let rights = 0

  const entryOf = (asker: Asker): Entry => {
    const key = JSON.stringify([asker.id, asker.groups])
    const known = entries.get(key)
    if (known !== undefined) return known
    const never = { first: Number.POSITIVE_INFINITY, last: Number.NEGATIVE_INFINITY }
    const made: Entry = { asker, used: new Map(), denied: new Map(), calls: 0, impersonated: 0, ...never }
    if (rights < limits.rights) entries.set(key, made)
    return made
  }

  /** @returns whether it was kept */
  const note = (into: Map<string, UsedRight>, { question, call, isBesides = false }: Noted): boolean => {
    const { name, kind } = splitName(question)
    const key = JSON.stringify(kind)
    let right = into.get(key)
    if (right === undefined) {
      if (rights >= limits.rights) return false
      rights += 1
      right = emptyRight(kind, call.at, isBesides)
      into.set(key, right)
    }
    right.count += 1
    right.first = Math.min(right.first, call.at)
    right.last = Math.max(right.last, call.at)
    right.isBesides &&= isBesides
    noteName(right, name, limits.names)
    return true
  }

  const addCall = (call: AuditedCall): void => {
    if (!recent.add(call.key)) {
      counts.repeated += 1
      return
    }
    if (call.at < since) {
      counts.tooOld += 1
      return
    }
    counts.calls += 1
    if (call.outcome === 'denied') counts.denied += 1
    first = Math.min(first, call.at)
    last = Math.max(last, call.at)
    const entry = entryOf(call.asker)
    touch(entry, call)
    if (call.impersonator !== undefined) entry.impersonated += 1
    const isKept = note(entry[call.outcome === 'allowed' ? 'used' : 'denied'], { question: call.question, call })
    if (call.namedBinding !== undefined) noteBinding(entry, call)
    const besides = call.outcome === 'allowed' ? call.alsoAsked : []
    const areKept = besides.map(question => note(entry.used, { question, call, isBesides: true }))
    if (!isKept || areKept.includes(false)) counts.leftOut += 1
    if (call.impersonator !== undefined) addImpersonator(call, call.impersonator)
  }

  /** To ask as somebody else takes rights of one's own, whether or not that person may do what was asked. */
  const addImpersonator = (call: AuditedCall, { asker, questions }: Required<AuditedCall>['impersonator']): void => {
    const entry = entryOf(asker)
    touch(entry, call)
    entry.calls -= 1
    // Constrained impersonation remembers for ten seconds that it was allowed, and then asks less than this.
    const areKept = questions.map(question => note(entry.used, { question, call }))
    if (areKept.includes(false)) counts.leftOut += 1
  }

  return {
    add: reading => {
      if ('unreadable' in reading) {
        counts.unreadable[reading.unreadable] = (counts.unreadable[reading.unreadable] ?? 0) + 1
      } else if ('skipped' in reading) {
        counts[reading.skipped === 'stage' ? 'withoutDecision' : 'unauthenticated'] += 1
      } else addCall(reading)
    },
    usage: () => ({
      ...(first <= last && { first, last }),
      askers: [...entries.values()].map(({ used, denied, ...entry }) => ({
        ...entry,
        used: [...used.values()],
        denied: [...denied.values()],
      })),
      counts: { ...counts, unreadable: { ...counts.unreadable } },
    }),
  }
}

interface Noted {
  readonly question: AccessQuestion
  readonly call: AuditedCall
  readonly isBesides?: boolean
}

const emptyCounts = (): Counts => ({
  calls: 0,
  denied: 0,
  repeated: 0,
  withoutDecision: 0,
  unauthenticated: 0,
  unreadable: {},
  leftOut: 0,
  tooOld: 0,
})

const emptyRight = (kind: UsedKind, at: number, isBesides: boolean): UsedRight => ({
  kind,
  count: 0,
  first: at,
  last: at,
  unnamed: 0,
  names: new Map(),
  moreNames: 0,
  bindings: new Map(),
  isBesides,
})

function touch(entry: Entry, { at, isLegacyToken, asker, impersonator }: AuditedCall): void {
  entry.calls += 1
  entry.first = Math.min(entry.first, at)
  entry.last = Math.max(entry.last, at)
  // Whose token it was is known before anybody is impersonated: it is that of whoever does it.
  const owner = impersonator?.asker ?? asker
  if (isLegacyToken && entry.asker.id === owner.id) entry.legacyTokenUsed = Math.max(entry.legacyTokenUsed ?? at, at)
}

function noteName(right: UsedRight, name: string | undefined, most: number): void {
  if (name === undefined) right.unnamed += 1
  else if (right.names.has(name) || right.names.size < most) right.names.set(name, (right.names.get(name) ?? 0) + 1)
  else right.moreNames += 1
}

const mostBindings = 16

function noteBinding(entry: Entry, { question, namedBinding }: AuditedCall): void {
  const right = entry.used.get(JSON.stringify(splitName(question).kind))
  if (right === undefined || namedBinding === undefined) return
  const key = bindingKey(namedBinding)
  if (right.bindings.has(key) || right.bindings.size < mostBindings) {
    right.bindings.set(key, (right.bindings.get(key) ?? 0) + 1)
  }
}

/** The keys of `kind` always stand in the same order. */
function splitName(question: AccessQuestion): { readonly kind: UsedKind; readonly name?: string } {
  if ('path' in question) return { kind: { verb: question.verb, path: question.path } }
  const { verb, group, resource, subresource, namespace, name } = question
  const kind = {
    verb,
    group,
    resource,
    ...(subresource !== undefined && { subresource }),
    ...(namespace !== undefined && { namespace }),
  }
  return name === undefined ? { kind } : { kind, name }
}

/** Each question that was asked, once for each name that is known. */
export function questionsOf({ kind, unnamed, names }: UsedRight): readonly AccessQuestion[] {
  const named = 'path' in kind ? [] : [...names.keys()].map(name => ({ ...kind, name }))
  return unnamed > 0 || 'path' in kind ? [kind, ...named] : named
}
