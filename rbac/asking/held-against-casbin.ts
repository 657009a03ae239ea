/**
 * A policy held against a plain Casbin enforcer, over random requests in its own words (docs/adr/0082-held-against-casbin.md).
 *
 * What decides finds rows by an index, keeps names, and evaluates Casbin's matcher its own way. The enforcer is shown the
 * rows of a host that can apply, found by looking at each, with others beside them, and keeps nothing.
 */
import { decide } from '../decide.ts'
import type { Decision } from '../decision.ts'
import { coveringPatterns } from '../domains.ts'
import { createEvaluation, noTrace } from '../evaluation.ts'
import type { Identity } from '../identity.ts'
import { readingsOf } from '../matchable-path.ts'
import type { PolicySnapshot } from '../policy.ts'
import type { AccessRequest } from '../request/access-request.ts'
import { fitsReadings } from '../resources.ts'
import type { Row } from '../row.ts'
import type { Situation } from '../situation.ts'
import { namesOf } from '../subjects.ts'
import { identityNamed } from './changes.ts'
import { membersOf } from './role-members.ts'
import { sampleRequests } from './sample-requests.ts'

export interface HoldingOptions {
  /** Requests that are drawn. */
  readonly questions: number
  /** From 0, below 1. */
  readonly random: () => number
  /** Of every request, seconds since the epoch. */
  readonly now: number
  /** Asked after each request. */
  readonly pause?: () => Promise<void> | undefined
  /** Rows that are looked at for the enforcer, in all: where a host has very many, fewer requests are drawn. Default 5,000,000. */
  readonly mostRows?: number
}

export interface Disagreement {
  readonly situation: Situation
  readonly decision: Decision
  /** What the enforcer says; `undefined`: it failed. */
  readonly isAllowed: boolean | undefined
}

export interface Holding {
  /** Requests that were put to both. */
  readonly asked: number
  /** The first one; nothing more is asked. */
  readonly disagreement?: Disagreement
}

/** Hosts that a Casbin model of somebody's own decides about are left out: there the enforcer decides already. */
export async function holdAgainstCasbin(policy: PolicySnapshot, options: HoldingOptions): Promise<Holding> {
  const { questions, pause, mostRows = 5_000_000 } = options
  const draw = createDraw(policy, options)
  const plain = createPlain(policy)
  let asked = 0
  for (let looked = 0; asked < questions && looked < mostRows; asked += 1) {
    const situation = draw()
    if (situation === undefined) break
    const decision = decide(situation, policy)
    const answer = plain(situation)
    looked += answer.looked
    if (!agree(decision, answer)) {
      return { asked: asked + 1, disagreement: { situation, decision, isAllowed: answer.isAllowed } }
    }
    const pausing = pause?.()
    if (pausing !== undefined) await pausing
  }
  return { asked }
}

interface PlainAnswer {
  readonly isAllowed: boolean | undefined
  /** Rows that apply, in order of load, as far as Casbin looked. */
  readonly applied: readonly Row[]
  /** Rows that were looked at. */
  readonly looked: number
}

/** Rows that cannot apply and are shown all the same. */
const shownBeside = 20

function createPlain(policy: PolicySnapshot): (situation: Situation) => PlainAnswer {
  const byPattern = new Map<string, Row[]>()
  for (const row of policy.rows) {
    if (row.isShadow) continue
    const rows = byPattern.get(row.domain) ?? []
    byPattern.set(row.domain, rows)
    rows.push(row)
  }
  const rowsOf = remembered((domain: string): readonly Row[] =>
    coveringPatterns(domain)
      .flatMap(pattern => byPattern.get(pattern) ?? [])
      .sort((one, other) => one.order - other.order),
  )
  return situation => {
    const { domain, resource, action } = situation.request
    const names = new Set(namesOf(situation.identity))
    policy.addRoles(names, domain)
    const readings = readingsOf(resource)
    const all = rowsOf(domain)
    const fits = (row: Row): boolean => names.has(row.whom) && row.fitsAction(action) && fitsReadings(row, readings)
    const rows = all.filter((row, at) => at < shownBeside || fits(row))
    const evaluation = createEvaluation(situation, { namesIn: () => names, trace: noTrace })
    try {
      const isAllowed = policy.stock(rows, evaluation)
      return { isAllowed, applied: evaluation.applied, looked: all.length }
    } catch {
      return { isAllowed: undefined, applied: [], looked: all.length }
    }
  }
}

function remembered<K, V>(make: (key: K) => V): (key: K) => V {
  const known = new Map<K, V>()
  return key => {
    const found = known.get(key) ?? make(key)
    known.set(key, found)
    return found
  }
}

/** The same effect, by the same row. */
function agree(decision: Decision, { isAllowed, applied }: PlainAnswer): boolean {
  // Casbin knows no bound.
  if (decision.effect === 'deny' && decision.reason === 'path-too-costly') return true
  if (isAllowed === undefined) return decision.effect === 'deny' && decision.reason === 'evaluation-failed'
  if (decision.effect === 'allow') return isAllowed && applied.find(({ isDeny }) => !isDeny)?.id === decision.rule
  if (isAllowed) return false
  const denied = applied.find(({ isDeny }) => isDeny)
  const isDenied = decision.effect === 'deny' && decision.reason === 'rule-denied'
  return isDenied ? denied?.id === decision.rule : denied === undefined
}

/** Most rows ask for at most one of these, so that three say enough of each other. */
const mostNames = 3

function createDraw(policy: PolicySnapshot, { random, now }: HoldingOptions): () => Situation | undefined {
  const { rows, casbin, roles } = policy
  const pick = <T>(list: readonly T[]): T | undefined => list[Math.floor(random() * list.length)]
  const requestsOf = remembered(sampleRequests)
  const someRequest = (row: Row): AccessRequest | undefined => {
    const request = pick(requestsOf(row))
    return request === undefined ? undefined : varied(request, pick, pick(rows))
  }
  const identityOf = (row: Row, domain: string): Identity | undefined => {
    const some = [row, ...Array.from({ length: Math.floor(random() * mostNames) }, () => pick(rows) ?? row)]
    const named = some
      .flatMap(one => pick(membersOf(one, domain, roles)) ?? [])
      .flatMap(name => identityNamed(name, now) ?? [])
    return named.reduce<Identity | undefined>(
      (before, one) => (before === undefined ? one : together(before, one)),
      undefined,
    )
  }
  return () => {
    for (let tries = 0; tries < 50; tries += 1) {
      const row = pick(rows)
      const request = row === undefined ? undefined : someRequest(row)
      if (row === undefined || request === undefined || casbin?.covers(request.domain) === true) continue
      const identity = identityOf(row, request.domain)
      if (identity !== undefined) return { request, identity, context: { now, header: () => undefined } }
    }
    return undefined
  }
}

/** As it is, as another method, below it, at its end with a parameter, or at the host or the path of another row. */
function varied(request: AccessRequest, pick: <T>(list: readonly T[]) => T | undefined, other?: Row): AccessRequest {
  const { domain, resource, action } = request
  const path = resource === '/' ? '' : resource.replace(/\/$/, '')
  const [elsewhere] = other === undefined || other.domain !== domain ? [] : sampleRequests(other)
  const change = pick<Partial<AccessRequest>>([
    {},
    {},
    {},
    { action: action === 'GET' ? 'HEAD' : 'GET' },
    { resource: `${path}/below` },
    { resource: `${path};v=1` },
    elsewhere ?? {},
  ])
  const changed = { ...request, ...change }
  return { ...changed, url: `https://${changed.domain}${changed.resource}` }
}

/** One person who is both, where that can be; else the one or the other. */
function together(one: Identity, other: Identity): Identity {
  if (one.kind !== 'user' || other.kind !== 'user') return one.kind === 'anonymous' ? other : one
  const { email = other.email } = one
  const [subject, provider] = [
    one.subject.startsWith('#') ? other.subject : one.subject,
    one.provider === '/' ? other.provider : one.provider,
  ]
  const groups = [...one.groups, ...other.groups]
  return { ...one, subject, provider, groups, ...(email !== undefined && { email }) }
}
