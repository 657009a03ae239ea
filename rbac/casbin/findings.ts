/** What is probably not meant in a Casbin policy that loads. */
import type { CasbinModel } from './model.ts'
import { type CasbinFinding, type CasbinRow, rowsByDomain } from './sources.ts'
import type { SubjectNames, UsedNames } from './subject-names.ts'

export interface FindingsOf {
  readonly model: CasbinModel
  /** Name of the model's file. */
  readonly file: string
  readonly rows: readonly CasbinRow[]
  readonly names: SubjectNames
  readonly used: UsedNames
}

/** Rows of one host that are compared one by one in some milliseconds. */
const manyRows = 1_000

export function findCasbin({ model, file, rows, names, used }: FindingsOf): readonly CasbinFinding[] {
  return [
    ...ofModel(model, file),
    ...ofSize(model, file, rows),
    ...ofSubjects(model, rows, { names, used }),
    ...ofPatterns(model, rows),
  ]
}

function* ofModel({ matcher }: CasbinModel, file: string): Iterable<CasbinFinding> {
  for (const alternative of matcher.withoutRow) {
    yield {
      rule: 'casbin-model',
      id: `${file}:1`,
      message: `the matcher is true where ${alternative.replaceAll(/\b([rp])_/g, '$1.')}, whatever the rows say`,
      advice: 'write a row for it, so that the rule that is named is the one that decides',
    }
  }
  if (matcher.subjectLinks.size > 0) return
  yield {
    rule: 'casbin-model',
    id: `${file}:1`,
    message: 'the matcher compares r.sub without a role definition: groups and addresses count for nothing',
    advice: 'add g = _, _ and write g(r.sub, p.sub)',
  }
}

function* ofSize({ matcher }: CasbinModel, file: string, rows: readonly CasbinRow[]): Iterable<CasbinFinding> {
  const perHost = matcher.comparesDomain ? [...rowsByDomain(rows).values()] : [rows]
  const most = Math.max(0, ...perHost.map(list => (matcher.comparesSubject ? ofOneSubject(list) : list.length)))
  if (most <= manyRows) return
  yield {
    rule: 'casbin-size',
    id: `${file}:1`,
    message: `${most} rows are compared one by one for a request; some ten microseconds each`,
    advice:
      'compare hosts and subjects in each alternative (r.dom == p.dom, g(r.sub, p.sub)), or write them in the built-in language, which has an index',
    severity: 'note',
  }
}

/** Rows that name others are sorted out. */
function ofOneSubject(rows: readonly CasbinRow[]): number {
  const counts = new Map<string, number>()
  for (const { subject } of rows) counts.set(subject, (counts.get(subject) ?? 0) + 1)
  return Math.max(0, ...counts.values())
}

function* ofSubjects(
  { matcher }: CasbinModel,
  rows: readonly CasbinRow[],
  { names, used }: Pick<FindingsOf, 'names' | 'used'>,
): Iterable<CasbinFinding> {
  // Where subjects are patterns, no look at one tells whom it means.
  if (matcher.calls.some(({ name, values }) => !matcher.subjectLinks.has(name) && values.includes('p_sub'))) return
  for (const { id, subject } of rows) {
    if (subject === '' || subject === '*' || used.roles.has(subject) || names.canBe(subject)) continue
    yield {
      rule: 'casbin-subject',
      id,
      message: `nobody is ever called "${subject}": no name of policy.casbin.subjects looks like it, and no g row gives it`,
      advice: 'write it as policy.casbin.subjects does, or change the names there',
    }
  }
}

/** Functions whose pattern becomes an expression, in which a dot is any character. */
const expressions: ReadonlySet<string> = new Set(['keyMatch2', 'keyMatch3', 'keyMatch4', 'keyMatch5', 'keyGet2'])

function* ofPatterns({ matcher, row: names }: CasbinModel, rows: readonly CasbinRow[]): Iterable<CasbinFinding> {
  for (const { name, values } of matcher.calls) {
    const field = names.indexOf(/^p_(\w+)$/.exec(values[1] ?? '')?.[1] ?? '')
    if (field === -1) continue
    for (const row of rows) {
      const pattern = row.fields[field] ?? ''
      const said = trapIn(name, pattern)
      if (said !== undefined) yield { rule: 'casbin-pattern', id: row.id, ...said }
    }
  }
}

/** What a pattern matches beside what it seems to. */
export function trapIn(name: string, pattern: string): Pick<CasbinFinding, 'advice' | 'message'> | undefined {
  if (name === 'regexMatch') return isAnchored(pattern) ? undefined : unanchored(pattern)
  if (name === 'keyMatch' && /\*.|[^/]\*$/.test(pattern)) {
    return {
      message: `keyMatch compares what stands before the first "*" of ${pattern}, and nothing after it`,
      advice: 'end it with "/*", or use keyMatch2, or globMatch, whose star stays within a segment',
    }
  }
  if (expressions.has(name) && /\/\*\//.test(pattern)) {
    return {
      message: `"*" in ${pattern} passes over slashes`,
      advice: 'write a placeholder (/:name/), which stays within a segment',
    }
  }
  if (!expressions.has(name) || !/[.+?()[\]|^$\\]/.test(pattern)) return undefined
  return {
    message: `${pattern} is an expression to ${name}: "." is any character there`,
    advice: 'write "\\." for a dot, and "\\" before any other sign that is to be itself',
  }
}

const isAnchored = (pattern: string): boolean =>
  /^\^.*\$$/s.test(pattern) && (!pattern.includes('|') || /^\^\((?:[^()]|\([^()]*\))*\)\$$/s.test(pattern))

const unanchored = (pattern: string) => ({
  message: `regexMatch looks for ${pattern} anywhere: (GET) is found in FORGET, /admin in /public/admin`,
  advice: 'anchor it at both ends: ^(…)$',
})
