/**
 * A recorded question put to a policy again. Some facts are not recorded (claims, headers, certificates, groups beyond
 * what an audit line holds): where the answer hangs on one of them, the answer is `uncertain` and says on which.
 */

import { firmReasons } from '../acting/denied-actor.ts'
import type { Condition, Criterion, Facts, Truth } from '../conditions/condition.ts'
import { decide, decideWithTrace } from '../decide.ts'
import type { Decision } from '../decision.ts'
import type { Machine, User } from '../identity.ts'
import { supposing } from '../kubernetes/untold-names.ts'
import { readingsOf } from '../matchable-path.ts'
import type { PolicySnapshot } from '../policy.ts'
import type { Row } from '../row.ts'
import type { Situation } from '../situation.ts'
import { entryBy, loginNeedOf } from '../step-up.ts'
import { namesOf } from '../subjects.ts'

/** `identity`: who asked, so that nothing at all can be told. `call`: what else it was beside the one question. */
export type MissingFact = 'claims' | 'headers' | 'certificate' | 'groups' | 'login' | 'answers' | 'identity' | 'call'

export interface RecordedQuestion extends Situation {
  /** What was not recorded. */
  readonly missing: ReadonlySet<MissingFact>
}

export type ReplayedDecision =
  | { readonly kind: 'certain'; readonly decision: Decision }
  | { readonly kind: 'uncertain'; readonly facts: readonly MissingFact[] }

interface FittingRow {
  readonly row: Row
  /** Every truth that the condition could have had; none when it is not known whether the subject fits. */
  readonly truths: readonly Truth[]
  readonly facts: readonly MissingFact[]
}

/** Of those who act a line holds the names alone. */
const unknownOfActors: readonly MissingFact[] = ['groups', 'claims', 'login']

/** Never throws. */
export function replayQuestion(policy: PolicySnapshot, recorded: RecordedQuestion): ReplayedDecision {
  const { actors = [], ...question } = recorded
  const replayed = replaySubject(policy, question)
  // Whoever might be refused in any case is uncertain, and whoever is refused stays so.
  if (replayed.kind === 'uncertain' || replayed.decision.effect !== 'allow') return replayed
  const missing = new Set([...question.missing, ...unknownOfActors])
  const facts = new Set<MissingFact>()
  for (const actor of actors) {
    const denialOf = (identity: Machine | User) => replayDenial(policy, { ...question, identity, missing })
    const denial = denialOf(toldOf(actor))
    if (isFirm(denial)) return { kind: 'certain', decision: decide({ ...recorded, actors: [actor] }, policy) }
    for (const one of [denial, denialOf(actor)]) {
      if (one.kind === 'uncertain') for (const fact of one.facts) facts.add(fact)
      // By an address: whether it is theirs, no line says.
      else if (isFirm(one)) facts.add('identity')
    }
  }
  return facts.size === 0 ? replayed : { kind: 'uncertain', facts: [...facts] }
}

const isFirm = (replayed: ReplayedDecision): boolean => replayed.kind === 'certain' && isFirmDecision(replayed.decision)

const isFirmDecision = (decision: Decision): boolean => decision.effect === 'deny' && firmReasons.has(decision.reason)

/** By what is known of them, and nothing that might be. */
function toldOf(actor: Machine | User): Machine | User {
  if (actor.kind === 'machine') return actor
  const { untold: _, ...told } = actor
  return told
}

function replaySubject(policy: PolicySnapshot, question: RecordedQuestion): ReplayedDecision {
  const { missing } = question
  if (missing.has('identity')) return { kind: 'uncertain', facts: ['identity'] }
  // No row of a Casbin model can be asked whom it would meet.
  const isBrought = policy.casbin?.covers(question.request.domain) === true
  if (isBrought && missing.has('groups')) return { kind: 'uncertain', facts: ['groups'] }
  const decision = decide(question, policy)
  if (missing.size === 0) return { kind: 'certain', decision }
  const fitting = missing.has('groups') ? fittingAmongAll(policy, question) : fittingRows(policy, question)
  const open = fitting.filter(({ facts }) => facts.length > 0)
  if (open.length > 0 && !isSettled(fitting, open)) {
    return { kind: 'uncertain', facts: [...new Set(open.flatMap(({ facts }) => facts))] }
  }
  // Refused in any case; whether with a login that would help, may hang on what is missing as well.
  const facts = decision.effect === 'allow' || isFirmDecision(decision) ? [] : factsOfChallenge(fitting, question)
  return facts.length === 0 ? { kind: 'certain', decision } : { kind: 'uncertain', facts }
}

/** Facts on which it hangs whether a login would help somebody whom no row lets in. */
function factsOfChallenge(fitting: readonly FittingRow[], question: RecordedQuestion): readonly MissingFact[] {
  const { missing } = question
  const rows = fitting.map(({ row }) => row)
  const spared = rows.filter(({ isDeny }) => isDeny)
  const used = new Set<MissingFact>()
  const isHelped = (isMet: boolean): boolean => {
    const assumed = (condition: Condition, wanted: boolean): Condition =>
      assume(condition, wanted, criterion => {
        const facts = missingFactsOf(criterion, question, missing)
        for (const fact of facts) used.add(fact)
        return facts.length === 0 ? undefined : isMet
      })
    const entries = rows.filter(({ isDeny }) => !isDeny).map(row => assumed(entryBy(row, spared), true))
    return entries.some(entry => loginNeedOf(entry, question) !== undefined)
  }
  return isHelped(true) === isHelped(false) ? [] : [...used]
}

/** The condition with some criteria said to be as it wants them, or to be the opposite. */
function assume(
  condition: Condition,
  wanted: boolean,
  isMet: (criterion: Criterion) => boolean | undefined,
): Condition {
  switch (condition.kind) {
    case 'criterion': {
      const met = isMet(condition)
      return met === undefined ? condition : { kind: 'criterion', type: condition.type, test: () => met === wanted }
    }
    case 'not':
      return { kind: 'not', of: assume(condition.of, !wanted, isMet) }
    case 'all':
    case 'any':
      return { kind: condition.kind, of: condition.of.map(part => assume(part, wanted, isMet)) }
  }
}

/** Whether a row denies what no row has to allow; any other answer passes. Never throws. */
export function replayDenial(policy: PolicySnapshot, question: RecordedQuestion): ReplayedDecision {
  const { missing } = question
  if (missing.has('identity')) return { kind: 'uncertain', facts: ['identity'] }
  const decision = decide(question, policy)
  if (missing.size === 0) return { kind: 'certain', decision }
  const fitting = missing.has('groups') ? fittingAmongAll(policy, question) : fittingRows(policy, question)
  const denies = fitting.filter(({ row }) => row.isDeny)
  const open = denies.filter(({ facts }) => facts.length > 0)
  if (open.length === 0 || denies.some(appliesAnyway)) return { kind: 'certain', decision }
  return { kind: 'uncertain', facts: [...new Set(open.flatMap(({ facts }) => facts))] }
}

/** Found through the index: an audit file has a million lines, and a domain may have a hundred thousand rows. */
function fittingRows(policy: PolicySnapshot, question: RecordedQuestion): FittingRow[] {
  const { request, identity, context, missing } = question
  const { names, isMeant } = namesIn(policy, question)
  const asked = { readings: readingsOf(request.resource), action: request.action, names: () => names }
  const rows = policy.narrow(request.domain, asked).enforced.filter(isMeant)
  return rows.map(row => fittingRow(row, { identity, context, request }, missing))
}

/** `names`: with those by which rows that deny may mean somebody (`User.untold`). `isMeant`: not by such a name alone, for a row that allows. */
function namesIn(policy: PolicySnapshot, { request: { domain }, identity }: Situation) {
  const told = new Set(namesOf(identity))
  policy.addRoles(told, domain)
  const untold = identity.kind === 'user' ? identity.untold : undefined
  if (untold === undefined) return { names: told, isMeant: () => true }
  const names = new Set(namesOf(identity))
  supposing(policy, domain, untold).addRoles(names, domain)
  return { names, isMeant: ({ isDeny, whom }: Row) => isDeny || told.has(whom) }
}

/** Whoever the groups would name is not known, so that no index leads to the rows. */
function fittingAmongAll(policy: PolicySnapshot, question: RecordedQuestion): FittingRow[] {
  const { identity, context, request, missing } = question
  const fitting: FittingRow[] = []
  const { names, isMeant } = namesIn(policy, question)
  decideWithTrace(question, policy, {
    onError: () => {},
    trace(row, field, outcome) {
      if (row.isShadow) return
      if (field === 'condition' && isMeant(row)) fitting.push(fittingRow(row, { identity, context, request }, missing))
      if (field !== 'subject' || outcome !== 'miss') return
      if (names.has(row.whom) && isMeant(row)) fitting.push(fittingRow(row, { identity, context, request }, missing))
      else if (isNamedByGroups(row)) fitting.push({ row, truths: [], facts: ['groups'] })
    },
  })
  return fitting
}

const isNamedByGroups = ({ subject }: Row): boolean => subject.startsWith('group:') || subject.startsWith('role:')

/** A deny row that applies whatever the missing facts were; or such an allow row, and no deny row that hangs on them. */
function isSettled(fitting: readonly FittingRow[], open: readonly FittingRow[]): boolean {
  if (fitting.some(candidate => candidate.row.isDeny && appliesAnyway(candidate))) return true
  const isAllowed = fitting.some(candidate => !candidate.row.isDeny && appliesAnyway(candidate))
  return open.every(({ row }) => !row.isDeny) && isAllowed
}

/** Whatever the missing facts were. */
const appliesAnyway = ({ row, truths }: FittingRow): boolean =>
  truths.length > 0 && truths.every(truth => (row.isDeny ? truth !== false : truth === true))

function fittingRow(row: Row, facts: Facts, missing: ReadonlySet<MissingFact>): FittingRow {
  const used = new Set<MissingFact>()
  const truths = [...truthsOf(row.when, facts, missing, used)]
  return { row, truths, facts: truths.length > 1 ? [...used] : [] }
}

/** The fact that a criterion looks at; `undefined` where a line says it, or where nobody has it but who asks for themselves. */
const factOf: Readonly<Record<string, MissingFact | undefined>> = {
  'source-network': undefined,
  'time-window': undefined,
  'date-window': undefined,
  // What an application says is in no line, nor is of whom it asked: `identity`.
  property: undefined,
  claim: 'claims',
  header: 'headers',
  preflight: 'headers',
  // Handed on among the headers, and written nowhere.
  route: 'headers',
  'client-certificate': 'certificate',
  // What somebody else said then, no line says.
  ask: 'answers',
  'authentication-age': 'login',
  'authentication-method': 'login',
  acr: 'login',
  // What it compares says which.
  same: undefined,
  group: 'groups',
}

const ofSomebody: ReadonlySet<MissingFact> = new Set(['claims', 'login', 'groups'])

/** Conditions, and parts of those that compare, of which it is known what they look at. */
export const replayedConditions: readonly string[] = Object.keys(factOf)

type Truths = ReadonlySet<Truth>

/** Every truth that is possible; parts count as independent, so that it may be one too many and never one too few. */
function truthsOf(
  condition: Condition,
  facts: Facts,
  missing: ReadonlySet<MissingFact>,
  used: Set<MissingFact>,
): Truths {
  switch (condition.kind) {
    case 'criterion':
      return truthsOfCriterion(condition, facts, missing, used)
    case 'not':
      return new Set(
        [...truthsOf(condition.of, facts, missing, used)].map(truth => (truth === undefined ? undefined : !truth)),
      )
    case 'all':
    case 'any': {
      const decisive = condition.kind === 'any'
      return condition.of
        .map(part => truthsOf(part, facts, missing, used))
        .reduce((left, right) => joined(left, right, decisive), new Set<Truth>([!decisive]))
    }
  }
}

/** Which facts that are missing a criterion needs; of what `same` compares, each may need its own. */
function missingFactsOf({ type, compares }: Criterion, { identity }: Facts, missing: ReadonlySet<MissingFact>) {
  const isNobody = identity.kind === 'anonymous'
  return [type, ...(compares ?? []).map(({ kind }) => kind)]
    .map(kind => factOf[kind])
    .filter((fact): fact is MissingFact => fact !== undefined)
    .filter(fact => missing.has(fact) && !(isNobody && ofSomebody.has(fact)))
}

function truthsOfCriterion(
  criterion: Criterion,
  facts: Facts,
  missing: ReadonlySet<MissingFact>,
  used: Set<MissingFact>,
): Truths {
  const needed = missingFactsOf(criterion, facts, missing)
  if (needed.length === 0) return new Set([criterion.test(facts)])
  for (const fact of needed) used.add(fact)
  return new Set([true, false, undefined])
}

function joined(left: Truths, right: Truths, decisive: boolean): Truths {
  const result = new Set<Truth>()
  for (const one of left) {
    for (const other of right) {
      if (one === decisive || other === decisive) result.add(decisive)
      else result.add(one === undefined || other === undefined ? undefined : !decisive)
    }
  }
  return result
}
