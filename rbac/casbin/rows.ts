/**
 * Rows of a Casbin policy from its texts, with every problem of every file.
 *
 * Threat: Casbin passes over a line of a kind that the model does not know, over an effect that it does not know, and
 * over fields that are too many; where no deny counts it reads them all the same. A deny with such a slip is believed to be
 * in force. Here each is a problem.
 */
import type { Problem } from '../policy-error.ts'
import { type PolicyLine, parsePolicyLines } from '../policy-lines.ts'
import { problemOf } from '../row.ts'
import type { Pause } from '../slices.ts'
import { unknownName } from '../unknown-name.ts'
import { checkPattern, createMatchFunctions, patternFunctions } from './functions.ts'
import type { CasbinModel } from './model.ts'
import type { CasbinRow, CasbinTexts } from './sources.ts'
import { methodProblem, pathProblem } from './unmet.ts'

export interface RoleLink {
  /** `g`, `g2`, … */
  readonly kind: string
  readonly fields: readonly string[]
}

export interface CasbinRows {
  /** In order of load. */
  readonly rows: readonly CasbinRow[]
  readonly links: readonly RoleLink[]
  /** Where a row stands, for problems that show later. */
  readonly problemOf: (row: CasbinRow, field: string, message: string) => Problem
  /** The same of a link; `field` defaults to its domain. */
  readonly problemOfLink: (link: RoleLink, message: string, field?: number) => Problem
}

/** Adds to `problems` and leaves out what it cannot read. */
export async function readRows(
  { files }: CasbinTexts,
  model: CasbinModel,
  problems: Problem[],
  pause?: Pause,
): Promise<CasbinRows> {
  const rows: CasbinRow[] = []
  const links: RoleLink[] = []
  const lines = new Map<CasbinRow | RoleLink, PolicyLine>()
  const seen = new Map<string, string>()
  const checkPatterns = createPatternCheck(model, problems)
  const checkMet = createMetCheck(model, problems)
  const kinds = ['p', ...model.roles.keys()]

  const add = (line: PolicyLine): void => {
    const [kind = '', ...fields] = line.fields
    const wanted = kind === 'p' ? model.row.length : model.roles.get(kind)
    if (wanted === undefined) return void problems.push(problemOf(line, 0, unknownName('kind of line', kind, kinds)))
    const problem = fieldsProblem(fields, kind, wanted)
    if (problem !== undefined) return void problems.push(problemOf(line, problem.field, problem.message))
    const key = JSON.stringify(line.fields)
    const id = `${line.file}:${line.line}`
    const known = seen.get(key)
    if (known !== undefined) return void problems.push(problemOf(line, 0, `the same as ${known}`))
    seen.set(key, id)
    if (kind !== 'p') {
      const link = { kind, fields }
      lines.set(link, line)
      return void links.push(link)
    }
    checkPatterns(line, fields)
    checkMet(line, fields)
    const row = readRow(line, fields, model, problems)
    if (row === undefined) return
    rows.push(row)
    lines.set(row, line)
  }

  const lineOf = (one: CasbinRow | RoleLink): PolicyLine => {
    const line = lines.get(one)
    if (line === undefined) throw new Error('a row without its line')
    return line
  }

  for (const file of files) {
    for (const slice of parsePolicyLines(file, problems)) {
      for (const line of slice) add(line)
      await pause?.()
    }
  }
  return {
    rows,
    links,
    problemOf: (row, field, message) => {
      return problemOf(lineOf(row), Math.max(0, model.row.indexOf(field) + 1), message)
    },
    problemOfLink: (link, message, field = 3) => problemOf(lineOf(link), field, message),
  }
}

function fieldsProblem(fields: readonly string[], kind: string, wanted: number) {
  if (fields.length !== wanted) {
    return { field: 0, message: `expected ${wanted} fields after ${kind}, as in the model, found ${fields.length}` }
  }
  const empty = fields.indexOf('')
  return empty === -1 ? undefined : { field: empty + 1, message: 'an empty field' }
}

function readRow(
  line: PolicyLine,
  fields: readonly string[],
  { row: names, effect: rule }: CasbinModel,
  problems: Problem[],
): CasbinRow | undefined {
  const fieldOf = (name: string): string => fields[names.indexOf(name)] ?? ''
  const effect = names.includes('eft') ? fieldOf('eft') : 'allow'
  if (effect !== 'allow' && effect !== 'deny') {
    problems.push(problemOf(line, names.indexOf('eft') + 1, unknownName('effect', effect, ['allow', 'deny'])))
    return undefined
  }
  if (effect === 'deny' && rule === 'allow-override') {
    problems.push(problemOf(line, names.indexOf('eft') + 1, 'the effect of the model counts no row that denies'))
    return undefined
  }
  if (names.includes('priority') && !/^-?\d{1,9}$/.test(fieldOf('priority'))) {
    problems.push(problemOf(line, names.indexOf('priority') + 1, 'expected a priority that is a whole number'))
    return undefined
  }
  return {
    id: `${line.file}:${line.line}`,
    fields,
    subject: fieldOf('sub'),
    domain: fieldOf('dom'),
    resource: fieldOf('obj'),
    action: fieldOf('act'),
    effect,
  }
}

/** Every method and path could be one of a request. */
function createMetCheck({ matcher, row }: CasbinModel, problems: Problem[]) {
  const functions = createMatchFunctions()
  const [act, obj] = [matcher.compared.get('act'), matcher.compared.get('obj')]
  return (line: PolicyLine, fields: readonly string[]): void => {
    const say = (name: string, problem: string | undefined): void => {
      if (problem !== undefined) problems.push(problemOf(line, row.indexOf(name) + 1, problem))
    }
    if (act !== undefined) say('act', methodProblem(fields[row.indexOf('act')] ?? '', act, functions))
    if (obj !== undefined) say('obj', pathProblem(fields[row.indexOf('obj')] ?? '', obj))
  }
}

/** Every field that the matcher takes for a pattern is one. */
function createPatternCheck({ matcher, row }: CasbinModel, problems: Problem[]) {
  const asked = matcher.calls.flatMap(({ name, values }) => {
    const field = row.indexOf(/^p_(\w+)$/.exec(values[1] ?? '')?.[1] ?? '')
    return patternFunctions.has(name) && field !== -1 ? [{ name, field }] : []
  })
  return (line: PolicyLine, fields: readonly string[]): void => {
    for (const { name, field } of asked) {
      try {
        checkPattern(name, fields[field] ?? '')
      } catch (error) {
        const why = error instanceof Error ? error.message : 'unreadable'
        problems.push(problemOf(line, field + 1, `${name} cannot be asked about this: ${why}`))
      }
    }
  }
}
