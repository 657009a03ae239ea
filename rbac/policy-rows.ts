/** All `p` and `g` rows of a policy from its texts, with every problem of every file. */
import type { ConditionsFile } from './conditions/conditions-file.ts'
import { createHostLists, type HostLists, isList } from './fields/host-lists.ts'
import { conditionsByOwner, problemOfOwned } from './fields/owned-rows.ts'
import { speaksOfTokens, unusedRow } from './kubernetes/token-question.ts'
import { type Problem, ValueError } from './policy-error.ts'
import { type PolicyFile, type PolicyLine, type PolicyOwner, parsePolicyLines } from './policy-lines.ts'
import { parseRoleRow, type RoleRow } from './roles.ts'
import { createRowParser, type ParseRow, problemOf, type Row } from './row.ts'
import { type Pause, sliceLength } from './slices.ts'
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
  /** Who else may be asked, by the configuration; where given, a row that asks another is a problem. */
  readonly deciders?: readonly string[]
  /** Lower-case names of headers that applications are told; a row whose condition reads one is a problem. */
  readonly writtenHeaders?: readonly string[]
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
  const conditionsOf = conditionsByOwner([conditions ?? []].flat(), problems)
  const parserOf = (owner: PolicyOwner | undefined): ParseRow =>
    createRowParser({ conditions: conditionsOf(owner), problems, known, owner: owner?.name })
  const parseAny = parserOf(undefined)
  const rows: Row[] = []
  const roles: RoleRow[] = []
  const refuseRepeatedRow = createRepetitionCheck(fieldsOfRow, problems)
  const refuseUnused = createTokenRowCheck(directClusters, problems)
  const refuseRepeatedRole = createRepetitionCheck(fieldsOfRole, problems)

  const lists = await readLists(files, problems, pause)
  const addRow = (line: PolicyLine, parseRow: ParseRow, owner: PolicyOwner | undefined): void => {
    for (const [index, host] of hostsOfRow(line, lists, problems).entries()) {
      const row = parseRow(line, rows.length, host)
      if (row === undefined) return
      const problem = owner === undefined ? undefined : problemOfOwned(row, owner)
      if (problem !== undefined) {
        problems.push(problemOf(line, problem.field, problem.message))
        return
      }
      rows.push(row)
      // Of a list each host has its row; the line is one.
      if (index > 0) continue
      refuseRepeatedRow(line, row)
      refuseUnused(line, row)
    }
  }
  const addRole = (line: PolicyLine): void => {
    const role = parseRoleRow(line, problems, known)
    if (role === undefined) return
    roles.push(role)
    refuseRepeatedRole(line, role)
  }
  const addLine = (line: PolicyLine, parseRow: ParseRow, owner: PolicyOwner | undefined): void => {
    const kind = line.fields[0] ?? ''
    if (kind === 'p') addRow(line, parseRow, owner)
    else if (owner !== undefined) problems.push(problemOf(line, 0, 'rows of this directory only narrow: p lines alone'))
    else if (kind === 'g') addRole(line)
    else if (kind !== 'h') problems.push(problemOf(line, 0, unknownName('kind of line', kind, ['p', 'g', 'h'])))
  }
  const pauseAfter = createRowPause(pause)
  refuseEqualNames(files, problems)
  for (const file of files) {
    const parseRow = file.owner === undefined ? parseAny : parserOf(file.owner)
    for (const slice of parsePolicyLines(file, problems)) {
      for (const line of slice) {
        addLine(line, parseRow, file.owner)
        const pausing = pauseAfter(rows.length)
        if (pausing !== undefined) await pausing
      }
      await pause?.()
    }
  }
  return { rows, roles }
}

/** Before any row is read: a list may stand in a file behind its rows. Problems of other lines are found with the rows. */
async function readLists(files: readonly PolicyFile[], problems: Problem[], pause?: Pause): Promise<HostLists> {
  const lists = createHostLists(problems)
  // What owners may not give is refused with the rows.
  for (const file of files.filter(({ text, owner }) => owner === undefined && /^[\s\uFEFF"]*h[\s"]*,/m.test(text))) {
    for (const slice of parsePolicyLines(file, [])) {
      for (const line of slice) if (line.fields[0] === 'h') lists.add(line)
      await pause?.()
    }
  }
  return lists
}

/** `undefined`: the domain as it stands. Empty, and a problem, for a list that nobody gave. */
function hostsOfRow(line: PolicyLine, lists: HostLists, problems: Problem[]): readonly (string | undefined)[] {
  const domain = line.fields[2] ?? ''
  if (!isList(domain)) return [undefined]
  try {
    return lists.hostsOf(domain)
  } catch (error) {
    if (!(error instanceof ValueError)) throw error
    problems.push(problemOf(line, 2, error.message))
    return []
  }
}

/** A few lines with long lists are as much work as a slice of lines. */
function createRowPause(pause: Pause | undefined): (count: number) => Promise<void> | undefined {
  let paused = 0
  return count => {
    if (count - paused < sliceLength) return undefined
    paused = count
    return pause?.()
  }
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
