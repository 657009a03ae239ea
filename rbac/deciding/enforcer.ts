/**
 * Casbin over the rows of one request (docs/adr/0072-one-context-for-all-rows.md).
 *
 * Its enforcer never leaves this file: what it would do on its own (allow everything when switched off, match an empty
 * policy, cache by joined strings) cannot be asked of it. Evaluation is synchronous, so the rows of a request are put in
 * front of one enforcer, and ten thousand domains do not need ten thousand enforcers.
 */
import { Effect, Enforcer, FunctionMap, type Model, newEnforcerWithClass } from 'casbin'
import { createMatcherFunctions, type Evaluation, type MatcherFunction, noTrace } from '../evaluation.ts'
import type { Row } from '../row.ts'

/** Casbin's answer over these rows; `evaluation` holds what it saw. Throws what a matcher throws. */
export type Enforce = (rows: readonly Row[], evaluation: Evaluation) => boolean

/** Casbin without its built-in functions: `regexMatch` is not anchored, and each one is copied for every row. */
class BareEnforcer extends Enforcer {
  constructor() {
    super()
    this.fm = new FunctionMap()
  }
}

/** Definitions, matcher and effect of the model have been checked (`policy.ts`). */
export async function createStockEnforce(model: Model): Promise<Enforce> {
  const enforcer = await newEnforcerWithClass(BareEnforcer, model)
  // The rows in front of Casbin; a table of all of them would be the largest of the snapshot.
  const shown = new Map<string, Row>()
  const functions = createMatcherFunctions(id => shown.get(id))
  for (const [name, evaluate] of Object.entries(functions)) await enforcer.addFunction(name, evaluate)
  const assertion = enforcer.getModel().model.get('p')?.get('p')
  if (assertion === undefined) throw new Error('the model has no policy definition')
  return alone((rows, evaluation) => {
    try {
      for (const row of rows) shown.set(row.id, row)
      assertion.policy = rows.map(casbinRule)
      return enforcer.enforceSync(evaluation.readings[0], evaluation.action, evaluation)
    } finally {
      assertion.policy = []
      shown.clear()
    }
  })
}

/** What Casbin sees of a row: id, sub, obj, act, cond, eft. */
const casbinRule = ({ id, subject, resource, action, condition, effect }: Row): string[] => [
  id,
  subject,
  resource,
  action,
  condition,
  effect,
]

/**
 * The same answer by the same compiled matcher and the same stream of effects, without the copy of request, row and
 * functions that Casbin makes for each row: one context, in which the row changes. A version of Casbin that does not
 * give its compiled matcher decides by itself: slower, not otherwise.
 */
export async function createEnforce(model: Model): Promise<Enforce> {
  const enforcer = await newEnforcerWithClass(OneContextEnforcer, model)
  const evaluate = enforcer.open()
  return evaluate === undefined ? createStockEnforce(model) : alone(evaluate)
}

/** Names are those of the checked model. */
type MatcherContext = Record<string, unknown>
type Matcher = (context: MatcherContext) => unknown

class OneContextEnforcer extends BareEnforcer {
  open(): Enforce | undefined {
    const [matcher, effect] = [this.#matcher(), this.model.model.get('e')?.get('e')?.value]
    if (matcher === undefined || effect === undefined) return undefined
    let current: Row | undefined
    const functions = createMatcherFunctions(id => (current?.id === id ? current : undefined))
    const context = contextOf(functions)
    return (rows, evaluation) => {
      const stream = this.eft.newStream(effect)
      try {
        context.r_obj = evaluation.readings[0]
        context.r_act = evaluation.action
        context.r_ctx = evaluation
        // One more row that allows changes neither the answer nor the row that is named; an explanation has each tried.
        const isShort = evaluation.trace === noTrace
        let isAllowed = false
        for (const row of rows) {
          if (isShort && isAllowed && row.effect === 'allow') continue
          current = row
          show(row, context)
          const effect = effectOf(row, matcher(context))
          const [, , isDone] = stream.pushEffect(effect)
          if (isDone) break
          isAllowed ||= effect === Effect.Allow
        }
        return stream.current()
      } finally {
        current = undefined
        context.r_ctx = undefined
      }
    }
  }

  /** As `enforceSync` gets it. It is private there, and whatever is not as it was is not used. */
  #matcher(): Matcher | undefined {
    const text = this.model.model.get('m')?.get('m')?.value
    const within = this as unknown as { readonly getExpression?: (isAsync: boolean, text: string) => unknown }
    if (text === undefined || typeof within.getExpression !== 'function') return undefined
    const matcher = within.getExpression(false, text)
    return typeof matcher === 'function' ? (matcher as Matcher) : undefined
  }
}

/** All names from the start: an object that grows while it is used is slow. */
const contextOf = (functions: Readonly<Record<string, MatcherFunction>>): MatcherContext => ({
  r_obj: undefined,
  r_act: undefined,
  r_ctx: undefined,
  p_id: undefined,
  p_sub: undefined,
  p_obj: undefined,
  p_act: undefined,
  p_cond: undefined,
  p_eft: undefined,
  ...functions,
})

function show(row: Row, context: MatcherContext): void {
  context.p_id = row.id
  context.p_sub = row.subject
  context.p_obj = row.resource
  context.p_act = row.action
  context.p_cond = row.condition
  context.p_eft = row.effect
}

/** Shadow rows have no effect, whether they fit or not. */
function effectOf({ effect }: Row, fits: unknown): Effect {
  if (typeof fits !== 'boolean') throw new TypeError('the matcher says neither yes nor no')
  if (!fits) return Effect.Indeterminate
  if (effect === 'allow') return Effect.Allow
  return effect === 'deny' ? Effect.Deny : Effect.Indeterminate
}

function alone(enforce: Enforce): Enforce {
  let isBusy = false
  return (rows, evaluation) => {
    // Casbin tries an empty policy against a row of empty fields instead of denying.
    if (rows.length === 0) return false
    // A fact that asks for a decision while one is being made would change the rows under it.
    if (isBusy) throw new Error('a decision inside a decision')
    isBusy = true
    try {
      return enforce(rows, evaluation)
    } finally {
      isBusy = false
    }
  }
}
