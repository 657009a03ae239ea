/**
 * One pass of Casbin over the rows of a domain: the four functions of the matcher, and what they saw.
 *
 * The trace is a sink that is passed in, so that an explanation is the evaluation itself with its trace kept and can
 * never disagree with it.
 */

import { evaluateCondition, type Facts, type Truth } from './conditions/condition.ts'
import type { NamesIn } from './deciding/known-names.ts'
import { type Readings, readingsOf } from './matchable-path.ts'
import { fitsReadings } from './resources.ts'
import type { Row } from './row.ts'
import type { Situation } from './situation.ts'

/** Fields of a row in the order in which they are tried. */
export type Field = 'resource' | 'action' | 'subject' | 'condition'
/** `may`: the condition is unknown. */
export type Outcome = 'hit' | 'miss' | 'may'
/** Gets every field that was tried, in order; what follows a miss was not tried. */
export type Trace = (row: Row, field: Field, outcome: Outcome) => void

export interface Evaluation {
  /** Rows all of whose fields fit and whose condition lets them apply, in the order tried. */
  readonly applied: Row[]
  /** Allow rows that fit but for their condition. */
  readonly unmet: Row[]
  /** Deny rows that fit but for their condition, which is false. */
  readonly spared: Row[]
  readonly facts: Facts
  /** What the path may be read as; the first is `r.obj` of the Casbin model. */
  readonly readings: Readings
  /** `r.act` of the Casbin model. */
  readonly action: string
  /** Every name that the identity answers to in the domain. Throws for an identity of no known kind. */
  readonly names: () => ReadonlySet<string>
  readonly trace: Trace
}

export const noTrace: Trace = () => {}

export function createEvaluation(
  { request, identity, context }: Situation,
  { namesIn, trace }: { readonly namesIn: NamesIn; readonly trace: Trace },
): Evaluation {
  let known: ReadonlySet<string> | undefined
  return {
    applied: [],
    unmet: [],
    spared: [],
    facts: { identity, context, request },
    readings: readingsOf(request.resource),
    action: request.action,
    names: () => {
      known ??= namesIn(identity, request.domain)
      return known
    },
    trace,
  }
}

export type MatcherFunction = (evaluation: Evaluation, id: string, ...values: readonly string[]) => boolean

/** The functions of `model.conf`, by name. Each finds the compiled row by its id. */
export function createMatcherFunctions(
  rowOf: (id: string) => Row | undefined,
): Readonly<Record<string, MatcherFunction>> {
  const found = (id: string): Row => {
    const row = rowOf(id)
    if (row === undefined) throw new Error('a row without its compiled form')
    return row
  }
  const saying = (evaluation: Evaluation, row: Row, field: Field, isHit: boolean): boolean => {
    evaluation.trace(row, field, isHit ? 'hit' : 'miss')
    return isHit
  }
  return {
    path(evaluation, id) {
      const row = found(id)
      return saying(evaluation, row, 'resource', fitsReadings(row, evaluation.readings))
    },
    method(evaluation, id, action = '') {
      const row = found(id)
      return saying(evaluation, row, 'action', row.fitsAction(action))
    },
    speaksFor(evaluation, id) {
      const row = found(id)
      return saying(evaluation, row, 'subject', evaluation.names().has(row.whom))
    },
    when(evaluation, id) {
      const row = found(id)
      const outcome = outcomeOf(evaluateCondition(row.when, evaluation.facts))
      evaluation.trace(row, 'condition', outcome)
      return applies(evaluation, row, outcome)
    },
  }
}

function outcomeOf(truth: Truth): Outcome {
  if (truth === undefined) return 'may'
  return truth ? 'hit' : 'miss'
}

/** `when` stands last in the matcher, so its answer is the row's: an allow row needs true, a deny row is off only when false. */
function applies(evaluation: Evaluation, row: Row, outcome: Outcome): boolean {
  const isApplied = row.isDeny ? outcome !== 'miss' : outcome === 'hit'
  if (isApplied) evaluation.applied.push(row)
  else (row.isDeny ? evaluation.spared : evaluation.unmet).push(row)
  return isApplied
}
