/** `model.conf` -> a Casbin model that can be trusted with a request, or every problem of it. */
import { type Model, newModelFromString } from 'casbin'
import type { Problem } from '../policy-error.ts'
import type { PolicyFile } from '../policy-lines.ts'
import { type Matcher, readMatcher } from './matcher.ts'

export interface CasbinModel {
  readonly model: Model
  /** Fields of the request: sub and obj, and where the model has them dom and act, in its order. */
  readonly request: readonly RequestField[]
  /** Fields of a row, in its order. */
  readonly row: readonly string[]
  /** Number of fields of each kind of `g` row. */
  readonly roles: ReadonlyMap<string, number>
  readonly effect: Effect
  readonly matcher: Matcher
}

export type RequestField = 'sub' | 'dom' | 'obj' | 'act'
const requestFields: readonly RequestField[] = ['sub', 'dom', 'obj', 'act']

export type Effect = 'allow-override' | 'deny-override' | 'priority' | 'subject-priority'

/** By Casbin's own spelling, which is the only one that it knows. */
const effects: Readonly<Record<string, Effect>> = {
  'some(where (p_eft == allow))': 'allow-override',
  'some(where (p_eft == allow)) && !some(where (p_eft == deny))': 'deny-override',
  'priority(p_eft) || deny': 'priority',
  'subjectPriority(p_eft) || deny': 'subject-priority',
}

const tight = (value: string): string => value.replaceAll(/\s/g, '')

/** Adds to `problems` and gives nothing where there is one. */
export function readModel({ name: file, text }: PolicyFile, problems: Problem[]): CasbinModel | undefined {
  const before = problems.length
  const report = (key: string, message: string): void => {
    const line = text.split('\n').findIndex(content => new RegExp(`^\\s*${key}\\s*=`).test(content)) + 1
    problems.push({ file, line: Math.max(line, 1), column: 1, message })
  }
  try {
    const model = newModelFromString(text)
    const fieldsOf = (section: 'p' | 'r'): string[] =>
      (model.model.get(section)?.get(section)?.tokens ?? []).map(token => token.slice(section.length + 1))
    const row = fieldsOf('p')
    const roles = readRoles(model)
    const said: string[] = []
    const value = model.model.get('m')?.get('m')?.value ?? ''
    const matcher = readMatcher(value, { request: fieldsOf('r'), row, roles: [...roles.keys()] }, said)
    for (const message of new Set(said)) report('m', message)
    refuseSecond(model, report)
    const request = readRequest(fieldsOf('r'), report)
    if (new Set(row).size < row.length) report('p', 'a field of a row has a name of its own')
    const effect = readEffect(model, row, report)
    if (problems.length > before || effect === undefined) return undefined
    return { model, request, row, roles, effect, matcher }
  } catch (error) {
    report('', `Casbin cannot read the model: ${error instanceof Error ? error.message : 'unreadable'}`)
    return undefined
  }
}

type Report = (key: string, message: string) => void

/** Threat: rows of a second definition, which Casbin reads and never asks. */
function refuseSecond(model: Model, report: Report): void {
  for (const [section, definitions] of model.model) {
    if (section !== 'g' && definitions.size > 1) report(`${section}2`, `one definition of "${section}" is used`)
  }
}

function readRequest(names: readonly string[], report: Report): readonly RequestField[] {
  const fields = requestFields.filter(field => names.includes(field))
  const isKnown = fields.length === names.length && fields.includes('sub') && fields.includes('obj')
  if (!isKnown) report('r', 'expected r = sub, dom, obj, act in any order; dom and act may be absent')
  return isKnown ? names.map(name => fields.find(field => field === name) ?? 'sub') : fields
}

function readRoles(model: Model): ReadonlyMap<string, number> {
  const definitions = [...(model.model.get('g') ?? [])]
  return new Map(definitions.map(([kind, { value }]) => [kind, value.split('_').length - 1]))
}

/**
 * Threat: `!some(where (p.eft == deny))` allows whatever no row speaks of, and allows everybody everything when the rows
 * are gone. Nothing is allowed here without a row that allows it.
 */
function readEffect(model: Model, row: readonly string[], report: Report): Effect | undefined {
  const definition = model.model.get('e')?.get('e')
  const spelling = Object.keys(effects).find(known => tight(known) === tight(definition?.value ?? ''))
  if (definition === undefined || spelling === undefined) {
    const isOpen = tight(definition?.value ?? '') === '!some(where(p_eft==deny))'
    const why = isOpen ? 'it allows whatever no row speaks of, to anybody; ' : ''
    const known = Object.keys(effects).map(effect => effect.replaceAll('p_', 'p.'))
    report('e', `${why}expected one of: ${known.join('; ')}`)
    return undefined
  }
  definition.value = spelling
  const effect = effects[spelling]
  // Without the field every row that matches allows.
  if (effect !== 'allow-override' && !row.includes('eft')) report('p', 'the effect asks for p.eft, and rows have none')
  if (effect === 'subject-priority' && model.model.get('g')?.get('g') === undefined) {
    report('e', 'a priority of subjects needs a role definition g')
  }
  return effect
}
