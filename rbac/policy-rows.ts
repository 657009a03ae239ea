/** All `p` and `g` rows of a policy from its texts, with every problem of every file. */
import { type Conditions, type ConditionsFile, parseAllConditions } from './conditions/conditions-file.ts'
import { unknownName } from './nearest.ts'
import type { Problem } from './policy-error.ts'
import { type PolicyFile, type PolicyLine, parsePolicyLines } from './policy-lines.ts'
import { parseRoleRow, type RoleRow } from './roles.ts'
import { parseRow, problemOf, type Row } from './row.ts'

export interface PolicyTexts {
  /** The `*.csv` files in order of load; names are shown in rule ids and must differ. */
  readonly files: readonly PolicyFile[]
  /** Of several directories, in order of load; a name is given once in all of them. */
  readonly conditions?: ConditionsFile | readonly ConditionsFile[]
  /** Names of the configured providers; where given, a row that names another one is a problem. */
  readonly providers?: readonly string[]
}

export interface PolicyRows {
  /** In order of load. */
  readonly rows: readonly Row[]
  readonly roles: readonly RoleRow[]
}

/** Adds to `problems` and leaves out what it cannot read. */
export function parsePolicyRows({ files, conditions, providers }: PolicyTexts, problems: Problem[]): PolicyRows {
  const known: Conditions = parseAllConditions([conditions ?? []].flat(), problems)
  const context = { conditions: known, problems, ...(providers === undefined ? {} : { providers }) }
  const rows: Row[] = []
  const roles: RoleRow[] = []
  const refuseRepeated = createRepetitionCheck(problems)

  const addRow = (line: PolicyLine): void => {
    const row = parseRow(line, rows.length, context)
    if (row === undefined) return
    rows.push(row)
    refuseRepeated(line, ['p', row.domain, ...row.casbinRule.slice(1)])
  }
  const addRole = (line: PolicyLine): void => {
    const role = parseRoleRow(line, problems, providers)
    if (role === undefined) return
    roles.push(role)
    refuseRepeated(line, ['g', role.member, role.role, role.domain])
  }
  for (const line of files.flatMap(file => parsePolicyLines(file, problems))) {
    const kind = line.fields[0] ?? ''
    if (kind === 'p') addRow(line)
    else if (kind === 'g') addRole(line)
    else problems.push(problemOf(line, 0, unknownName('kind of line', kind, ['p', 'g'])))
  }
  return { rows, roles }
}

/** A repeated line is a merge gone wrong: whoever deletes one of the two believes that the rule is gone. */
function createRepetitionCheck(problems: Problem[]): (line: PolicyLine, fields: readonly string[]) => void {
  const lineOf = new Map<string, string>()
  const seen = new Set<string>()
  return (line, fields) => {
    const key = JSON.stringify(fields)
    const id = `${line.file}:${line.line}`
    const first = lineOf.get(key)
    if (seen.has(id)) problems.push(problemOf(line, 0, `two files have the name ${line.file}`))
    else if (first !== undefined) problems.push(problemOf(line, 0, `the same as ${first}`))
    seen.add(id)
    lineOf.set(key, first ?? id)
  }
}
