/**
 * Policy sources -> an immutable snapshot: checked, compiled, partitioned by domain (docs/policy.md).
 *
 * The one home of Casbin. Its enforcer never leaves this file: what it would do on its own (allow everything when
 * switched off, match an empty policy, cache by joined strings) cannot be asked of it. Evaluation is synchronous, so
 * the rows of a request are put in front of one enforcer, and ten thousand domains do not need ten thousand enforcers.
 */
import { Enforcer, FunctionMap, type Model, newEnforcerWithClass, newModelFromString } from 'casbin'
import { createMatcherFunctions, type Evaluation } from './evaluation.ts'
import { type Candidates, createPartition } from './partition.ts'
import { PolicyError, type Problem } from './policy-error.ts'
import { type PolicyTexts, parsePolicyRows } from './policy-rows.ts'
import { type AddRoles, createRoles, type RoleRow } from './roles.ts'
import type { Row } from './row.ts'

export { PolicyError } from './policy-error.ts'

export interface PolicySources extends PolicyTexts {
  /** Text of model.conf. */
  readonly model: string
}

/** Immutable; every request is decided by one of them, whole. */
export interface PolicySnapshot {
  /** First 16 hexadecimal digits of SHA-256 over all sources. */
  readonly revision: string
  /** Number of `p` rows. */
  readonly rowCount: number
  /** Every domain pattern that a `p` row names, in order of load. */
  readonly domains: readonly string[]
  /** All `p` rows in order of load. */
  readonly rows: readonly Row[]
  /** All `g` rows in order of load. */
  readonly roles: readonly RoleRow[]
  readonly addRoles: AddRoles
  readonly candidatesFor: (domain: string) => Candidates
  /** Casbin's answer over these rows; `evaluation` holds what it saw. Throws what a matcher throws. */
  readonly enforce: (rows: readonly Row[], evaluation: Evaluation) => boolean
}

/** Throws `PolicyError` with every problem of every source. */
export async function compilePolicy(sources: PolicySources): Promise<PolicySnapshot> {
  const problems: Problem[] = []
  const model = parseModel(sources.model, problems)
  const { rows, roles } = parsePolicyRows(sources, problems)
  if (problems.length > 0 || model === undefined) throw new PolicyError(problems)
  const partition = createPartition(rows)
  return Object.freeze({
    revision: await digestOf(sources),
    rowCount: rows.length,
    domains: Object.freeze([...partition.domains]),
    rows: Object.freeze(rows),
    roles: Object.freeze(roles),
    addRoles: createRoles(roles),
    candidatesFor: partition.candidatesFor,
    enforce: await createEnforce(model, rows),
  })
}

const requestDefinition = ['r_obj', 'r_act', 'r_ctx']
const policyDefinition = ['p_id', 'p_sub', 'p_obj', 'p_act', 'p_cond', 'p_eft']
const effectExpressions = [
  'some(where (p_eft == allow)) && !some(where (p_eft == deny))',
  'priority(p_eft) || deny',
  'some(where (p_eft == allow))',
]
const matcher = [
  'path(r_ctx, p_id, r_obj, p_obj)',
  'method(r_ctx, p_id, r_act, p_act)',
  'speaksFor(r_ctx, p_id, p_sub)',
  'when(r_ctx, p_id, p_cond)',
].join(' && ')

/**
 * Threat: a model that matches or allows more than its rows say, such as `!some(where (p.eft == deny))`, which admits
 * whatever no row speaks of. Definitions and matcher are what the rest of this folder is written for; the effect is
 * one of three.
 */
function parseModel(text: string, problems: Problem[]): Model | undefined {
  const report = (key: string, message: string): void => {
    const line = text.split('\n').findIndex(content => new RegExp(`^\\s*${key}\\s*=`).test(content)) + 1
    problems.push({ file: 'model.conf', line: Math.max(line, 1), column: 1, message })
  }
  const before = problems.length
  try {
    const model = newModelFromString(text)
    const assertion = (section: string) => model.model.get(section)?.get(section)
    const tight = (value: string | undefined): string => (value ?? '').replaceAll(/\s/g, '')
    const isOne = (value: string | undefined, known: readonly string[]): boolean =>
      known.map(tight).includes(tight(value))
    for (const [section, definitions] of model.model) {
      if (definitions.size !== 1) report(`${section}2`, `one definition of "${section}" is used, the others are not`)
    }
    if (!isOne(assertion('r')?.tokens.join(), [requestDefinition.join()])) report('r', 'expected r = obj, act, ctx')
    if (!isOne(assertion('p')?.tokens.join(), [policyDefinition.join()]))
      report('p', 'expected p = id, sub, obj, act, cond, eft')
    if (!isOne(assertion('m')?.value, [matcher])) report('m', `expected m = ${matcher.replaceAll(/\b([rp])_/g, '$1.')}`)
    const effect = effectExpressions.find(known => isOne(assertion('e')?.value, [known]))
    if (effect === undefined)
      report('e', `expected one of: ${effectExpressions.map(known => known.replaceAll('p_', 'p.')).join('; ')}`)
    // Casbin compares the text of the effect with its own spelling.
    const definition = assertion('e')
    if (definition !== undefined && effect !== undefined) definition.value = effect
    return problems.length === before ? model : undefined
  } catch (error) {
    report('', `Casbin cannot read the model: ${error instanceof Error ? error.message : 'unreadable'}`)
    return undefined
  }
}

/** Casbin without its built-in functions: `regexMatch` is not anchored, and each one is copied for every row. */
class BareEnforcer extends Enforcer {
  constructor() {
    super()
    this.fm = new FunctionMap()
  }
}

async function createEnforce(model: Model, rows: readonly Row[]): Promise<PolicySnapshot['enforce']> {
  const enforcer = await newEnforcerWithClass(BareEnforcer, model)
  const functions = createMatcherFunctions(new Map(rows.map(row => [row.id, row])))
  for (const [name, evaluate] of Object.entries(functions)) await enforcer.addFunction(name, evaluate)
  const assertion = enforcer.getModel().model.get('p')?.get('p')
  if (assertion === undefined) throw new Error('the model has no policy definition')
  let isBusy = false
  return (candidates, evaluation) => {
    // Casbin tries an empty policy against a row of empty fields instead of denying.
    if (candidates.length === 0) return false
    // A fact that asks for a decision while one is being made would change the rows under it.
    if (isBusy) throw new Error('a decision inside a decision')
    isBusy = true
    try {
      assertion.policy = candidates.map(row => row.casbinRule)
      return enforcer.enforceSync(evaluation.path, evaluation.action, evaluation)
    } finally {
      assertion.policy = []
      isBusy = false
    }
  }
}

/** Lengths are part of what is hashed, so that no two sets of sources read the same. */
async function digestOf({ model, files, conditions }: PolicySources): Promise<string> {
  const texts = [conditions ?? []].flat().map(({ text }) => text)
  const parts = [model, ...files.flatMap(({ name, text }) => [name, text]), ...(texts.length === 0 ? [''] : texts)]
  const bytes = new TextEncoder().encode(parts.map(part => `${part.length}:${part}`).join(''))
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes))
  return Array.from(digest.slice(0, 8), byte => byte.toString(16).padStart(2, '0')).join('')
}
