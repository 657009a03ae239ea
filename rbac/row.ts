/** One `p` line of a policy, checked and compiled (docs/policy.md, "Rows"). */
import { type ActionMatcher, parseAction } from './actions.ts'
import { always, type Condition } from './conditions/condition.ts'
import type { Conditions } from './conditions/conditions-file.ts'
import { parseExpression } from './conditions/expression.ts'
import type { RuleId } from './decision.ts'
import { parseDomainPattern } from './domains.ts'
import { unknownName } from './nearest.ts'
import { type Problem, ValueError } from './policy-error.ts'
import type { PolicyLine } from './policy-lines.ts'
import { parseResource, type ResourceMatcher } from './resources.ts'
import { parseSubject } from './subjects.ts'

const effects = ['allow', 'deny', 'shadow-allow', 'shadow-deny'] as const
export type RowEffect = (typeof effects)[number]

export interface Row {
  readonly id: RuleId
  /** Position in the order of load. */
  readonly order: number
  /** Canonical pattern. */
  readonly domain: string
  /** Canonical name. */
  readonly subject: string
  readonly resource: string
  readonly action: string
  readonly condition: string
  readonly effect: RowEffect
  readonly isDeny: boolean
  readonly isShadow: boolean
  readonly fitsResource: ResourceMatcher
  readonly fitsAction: ActionMatcher
  readonly when: Condition
  /** What Casbin sees: id, sub, obj, act, cond, eft. */
  readonly casbinRule: string[]
}

export interface RowContext {
  readonly conditions: Conditions
  readonly providers?: readonly string[]
  readonly problems: Problem[]
}

const fieldNames = 'p, subject, domain, resource, action, condition, effect'

/** `undefined`, and a problem for each field that cannot be read, unless the whole line can. */
export function parseRow(line: PolicyLine, order: number, context: RowContext): Row | undefined {
  const { conditions, providers, problems } = context
  const [, subject = '', domain = '', resource = '', action = '', condition = '', effect = ''] = line.fields
  if (line.fields.length !== 7) {
    problems.push(problemOf(line, 0, `expected 7 fields (${fieldNames}), found ${line.fields.length}`))
    return undefined
  }
  const before = problems.length
  const read = <T>(field: number, fallback: T, parse: () => T): T => {
    try {
      return parse()
    } catch (error) {
      if (!(error instanceof ValueError)) throw error
      problems.push(problemOf(line, field, error.message))
      return fallback
    }
  }
  const isDeny = effect.endsWith('deny')
  const pattern = read(2, '*', () => parseDomainPattern(domain))
  const row = {
    id: `${line.file}:${line.line}`,
    order,
    domain: pattern,
    subject: read(1, '', () => parseSubject(subject, providers)),
    resource,
    action,
    condition,
    effect: read<RowEffect>(6, 'deny', () => parseEffect(effect)),
    isDeny,
    isShadow: effect.startsWith('shadow-'),
    fitsResource: read(
      3,
      () => false,
      () => parseResource(resource),
    ),
    fitsAction: read(
      4,
      () => false,
      () => parseAction(action, pattern, isDeny),
    ),
    when: read(5, always, () => parseExpression(condition, conditions)),
  }
  if (problems.length > before) return undefined
  return Object.freeze({ ...row, casbinRule: [row.id, row.subject, resource, action, condition, effect] })
}

export function problemOf(line: PolicyLine, field: number, message: string): Problem {
  return { file: line.file, line: line.line, column: line.columnOf(field), message }
}

function parseEffect(text: string): RowEffect {
  const effect = effects.find(known => known === text)
  if (effect === undefined) throw new ValueError(unknownName('effect', text, effects))
  return effect
}
