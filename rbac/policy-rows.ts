/** All `p` and `g` rows of a policy from its texts, with every problem of every file. */
import { type Conditions, type ConditionsFile, parseAllConditions } from './conditions/conditions-file.ts'
import { unknownName } from './nearest.ts'
import type { Problem } from './policy-error.ts'
import { type PolicyFile, type PolicyLine, parsePolicyLines } from './policy-lines.ts'
import { parseRoleRow, type RoleRow } from './roles.ts'
import { createRowParser, problemOf, type Row } from './row.ts'
import type { Pause } from './slices.ts'

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

/** Adds to `problems` and leaves out what it cannot read. Pauses after each slice of lines. */
export async function parsePolicyRows(
  { files, conditions, providers }: PolicyTexts,
  problems: Problem[],
  pause?: Pause,
): Promise<PolicyRows> {
  const known: Conditions = parseAllConditions([conditions ?? []].flat(), problems)
  const parseRow = createRowParser({ conditions: known, problems, ...(providers === undefined ? {} : { providers }) })
  const rows: Row[] = []
  const roles: RoleRow[] = []
  const refuseRepeated = createRepetitionCheck(problems)

  const addRow = (line: PolicyLine): void => {
    const row = parseRow(line, rows.length)
    if (row === undefined) return
    rows.push(row)
    refuseRepeated(line, row.domain, [row.subject, row.resource, row.action, row.condition, row.effect])
  }
  const addRole = (line: PolicyLine): void => {
    const role = parseRoleRow(line, problems, providers)
    if (role === undefined) return
    roles.push(role)
    refuseRepeated(line, role.domain, [role.member, role.role])
  }
  refuseEqualNames(files, problems)
  for (const file of files) {
    for (const slice of parsePolicyLines(file, problems)) {
      for (const line of slice) {
        const kind = line.fields[0] ?? ''
        if (kind === 'p') addRow(line)
        else if (kind === 'g') addRole(line)
        else problems.push(problemOf(line, 0, unknownName('kind of line', kind, ['p', 'g'])))
      }
      await pause?.()
    }
  }
  return { rows, roles }
}

function refuseEqualNames(files: readonly PolicyFile[], problems: Problem[]): void {
  const names = new Set<string>()
  for (const { name } of files) {
    if (names.has(name)) problems.push({ file: name, line: 1, column: 1, message: `two files have the name ${name}` })
    names.add(name)
  }
}

/** A repeated line is a merge gone wrong: whoever deletes one of the two believes that the rule is gone. */
function createRepetitionCheck(
  problems: Problem[],
): (line: PolicyLine, domain: string, fields: readonly string[]) => void {
  // One table for each domain: the larger a table, the longer the pause in which it grows.
  const linesOf = new Map<string, Map<string, string>>()
  return (line, domain, fields) => {
    const lineOf = linesOf.get(domain) ?? new Map<string, string>()
    linesOf.set(domain, lineOf)
    // The number of fields tells the kinds apart.
    const key = JSON.stringify(fields)
    const first = lineOf.get(key)
    if (first === undefined) lineOf.set(key, `${line.file}:${line.line}`)
    else problems.push(problemOf(line, 0, `the same as ${first}`))
  }
}
