/** All `p` and `g` rows of a policy from its texts, with every problem of every file. */
import { type Conditions, type ConditionsFile, parseAllConditions } from './conditions/conditions-file.ts'
import { speaksOfTokens, unusedRow } from './kubernetes/token-question.ts'
import type { Problem } from './policy-error.ts'
import { type PolicyFile, type PolicyLine, parsePolicyLines } from './policy-lines.ts'
import { parseRoleRow, type RoleRow } from './roles.ts'
import { createRowParser, problemOf, type Row } from './row.ts'
import type { Pause } from './slices.ts'
import type { ApplicationNames, MachineNames } from './subjects.ts'
import { unknownName } from './unknown-name.ts'

export interface PolicyTexts {
  /** The `*.csv` files in order of load; names are shown in rule ids and must differ. */
  readonly files: readonly PolicyFile[]
  /** Of several directories, in order of load; a name is given once in all of them. */
  readonly conditions?: ConditionsFile | readonly ConditionsFile[]
  /** Names of the configured providers; where given, a row that names another one is a problem. */
  readonly providers?: readonly string[]
  /** Whose machines there can be; where given, a row that names one of somebody else is a problem. */
  readonly machines?: MachineNames
  /** What applications ask about their own objects; where given, a row that names another application, type or word is a problem. */
  readonly applications?: readonly ApplicationNames[]
  /** Names of clusters that judge calls by themselves; a row for one that does not speak of its tokens is a problem. */
  readonly directClusters?: readonly string[]
}

export interface PolicyRows {
  /** In order of load. */
  readonly rows: readonly Row[]
  readonly roles: readonly RoleRow[]
}

/** Adds to `problems` and leaves out what it cannot read. Pauses after each slice of lines. */
export async function parsePolicyRows(
  { files, conditions, directClusters = [], ...known }: PolicyTexts,
  problems: Problem[],
  pause?: Pause,
): Promise<PolicyRows> {
  const named: Conditions = parseAllConditions([conditions ?? []].flat(), problems)
  const parseRow = createRowParser({ conditions: named, problems, known })
  const rows: Row[] = []
  const roles: RoleRow[] = []
  const refuseRepeatedRow = createRepetitionCheck(fieldsOfRow, problems)
  const refuseUnused = createTokenRowCheck(directClusters, problems)
  const refuseRepeatedRole = createRepetitionCheck(fieldsOfRole, problems)

  const addRow = (line: PolicyLine): void => {
    const row = parseRow(line, rows.length)
    if (row === undefined) return
    rows.push(row)
    refuseRepeatedRow(line, row)
    refuseUnused(line, row)
  }
  const addRole = (line: PolicyLine): void => {
    const role = parseRoleRow(line, problems, known)
    if (role === undefined) return
    roles.push(role)
    refuseRepeatedRole(line, role)
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

/** Threat: a deny for a secret of a cluster that we do not stand in front of; whoever wrote it believes that it holds. */
function createTokenRowCheck(directClusters: readonly string[], problems: Problem[]) {
  const domains = new Set(directClusters.map(name => `kube:${name}`))
  return (line: PolicyLine, row: Row): void => {
    if (domains.has(row.domain) && !speaksOfTokens(row)) problems.push(problemOf(line, 3, unusedRow.problem))
  }
}

const fieldsOfRow = (row: Row): readonly string[] => {
  const { domain, resource, condition } = row.written ?? row
  return [row.subject, domain, resource, row.action, condition, row.effect]
}
const fieldsOfRole = ({ member, role, domain }: RoleRow): readonly string[] => [member, role, domain]

function refuseEqualNames(files: readonly PolicyFile[], problems: Problem[]): void {
  const names = new Set<string>()
  for (const { name } of files) {
    if (names.has(name)) problems.push({ file: name, line: 1, column: 1, message: `two files have the name ${name}` })
    names.add(name)
  }
}

/**
 * A repeated line is a merge gone wrong: whoever deletes one of the two believes that the rule is gone.
 *
 * Keeps a number for each row instead of its text, and many tables instead of one: what is kept only while a policy is
 * read is what makes the collector stop the process, and a large table takes long to grow.
 */
function createRepetitionCheck<T extends { readonly id: string }>(
  fieldsOf: (row: T) => readonly string[],
  problems: Problem[],
): (line: PolicyLine, row: T) => void {
  const tables = Array.from({ length: 256 }, () => new Map<number, T>())
  return (line, row) => {
    const fields = fieldsOf(row)
    for (let sum = sumOf(fields); ; sum++) {
      const rowOf = tables[sum % tables.length]
      const known = rowOf?.get(sum)
      if (known === undefined) {
        rowOf?.set(sum, row)
        return
      }
      if (fieldsOf(known).every((field, index) => field === fields[index])) {
        problems.push(problemOf(line, 0, `the same as ${known.id}`))
        return
      }
    }
  }
}

/** A whole number of 30 bits that equal texts share and others seldom do. */
function sumOf(texts: readonly string[]): number {
  let sum = 0
  for (const text of texts) {
    for (let index = 0; index < text.length; index++) sum = (sum * 31 + text.charCodeAt(index)) & 0x3fffffff
  }
  return sum
}
