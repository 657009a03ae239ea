/** Reads a cluster and its audit log, and says what of the rights was used. */

import { reachEffectOf } from '../../../../rbac/reach/change/reach-effect.ts'
import { type Excess, excessOf, type IdentityExcess, unusedShare } from '../../../../rbac/reach/excess/excess.ts'
import { defaultChoice } from '../../../../rbac/reach/excess/minimal.ts'
import { isDefaultRole, roleProposals, subjectProposal } from '../../../../rbac/reach/excess/proposals.ts'
import { type Effect, effectOf } from '../../../../rbac/reach/excess/what-if.ts'
import type { Severity } from '../../../../rbac/reach/finding.ts'
import type { Grants } from '../../../../rbac/reach/grant.ts'
import { grantsOf } from '../../../../rbac/reach/grants.ts'
import type { ClusterObjects } from '../../../../rbac/reach/objects.ts'
import { idOf } from '../../../../rbac/reach/subject.ts'
import { reportError } from '../../../report-error.ts'
import { exitCodes, type Terminal } from '../../../terminal.ts'
import { reachDocument } from '../change/reach-document.ts'
import { reachText, remarksText } from '../change/reach-text.ts'
import { readChange } from '../change/read-change.ts'
import { opensAt } from '../change/run.ts'
import { type InputChoice, readObjects } from '../input.ts'
import { jsonText } from '../json-text.ts'
import { UsageError } from '../listening/usage-error.ts'
import { problemsText } from '../problems-text.ts'
import { readSubject } from '../subject-argument.ts'
import { checked } from '../unanswered.ts'
import { hasLog, readUsage, receivedOf, type UsageChoice, type UsageReading, usageText } from '../usage-input.ts'
import { excessDocument } from './excess-document.ts'
import { checkText, effectText, excessText, identityText } from './excess-text.ts'
import { rolesYaml, subjectYaml } from './objects-yaml.ts'

export interface ExcessChoice extends InputChoice, UsageChoice {
  readonly subject?: readonly string[]
  readonly namespace?: readonly string[]
  readonly all?: boolean
  readonly minimal?: boolean
  readonly patch?: boolean
  readonly whatIf?: readonly string[]
  readonly names: 'stable' | 'always' | 'never'
  readonly wide?: boolean
  readonly mostNamespaces: number
  readonly json?: boolean
  readonly failOn?: number | Severity
}

interface World {
  readonly objects: ClusterObjects
  readonly grants: Grants
  readonly reading: UsageReading
  readonly excess: Excess
  readonly shown: readonly IdentityExcess[]
}

export async function runExcess(choice: ExcessChoice, terminal: Terminal): Promise<number> {
  try {
    if (!hasLog(choice, terminal))
      throw new UsageError('--audit or --listen is needed: without a log nothing can be said of use')
    for (const name of choice.subject ?? []) checkSubject(name)
    checkLimit(choice)
    if (choice.minimal === true && choice.subject === undefined) throw new UsageError('--minimal needs --subject')
    if (choice.audit?.includes('-') === true && choice.from?.includes('-') === true)
      throw new UsageError('standard input can be --audit or --from, not both')
    return await answer(choice, terminal)
  } catch (error) {
    if (!(error instanceof UsageError)) return reportError(error, terminal)
    terminal.writeError(`${terminal.colors.red('error')}: ${error.message}\n`)
    return exitCodes.usage
  }
}

/** Threat: a limit of the wrong kind would let everything pass. */
function checkLimit({ failOn, whatIf }: ExcessChoice): void {
  if (failOn === undefined || (whatIf === undefined) === (typeof failOn === 'number')) return
  throw new UsageError(
    `--fail-on takes a ${whatIf === undefined ? 'percentage, such as 80' : 'severity with --what-if, such as high'}`,
  )
}

function checkSubject(name: string): void {
  try {
    readSubject(name)
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error))
  }
}

async function answer(choice: ExcessChoice, terminal: Terminal): Promise<number> {
  const objects = await readObjects(choice, terminal)
  const reading = await readUsage(choice, terminal)
  const grants = grantsOf(objects)
  const excess = excessOf(objects, grants, reading.usage)
  const shown = excess.identities.filter(one => isShown(one, choice)).sort(byUnused)
  const world: World = { objects, grants, reading, excess, shown }
  if (choice.whatIf !== undefined) return printEffect(choice, choice.whatIf, world, terminal)
  if (choice.minimal === true || choice.patch === true) printYaml(choice, world, terminal)
  else if (choice.json === true) terminal.write(jsonText(excessDocument(world, proposalsOf(choice, world)), 2))
  else printText(choice, world, terminal)
  const { failOn } = choice
  if (typeof failOn !== 'number') return exitCodes.ok
  return checked(objects, { option: '--fail-on', isBad: shown.some(one => unusedShare(one) > failOn) }, terminal)
}

const byUnused = (one: IdentityExcess, other: IdentityExcess): number =>
  other.granted - other.used - (one.granted - one.used) || (one.subject < other.subject ? -1 : 1)

function isShown(one: IdentityExcess, { subject, namespace, all }: ExcessChoice): boolean {
  if (subject !== undefined) return subject.some(name => idOf(readSubject(name)) === one.subject)
  if (namespace !== undefined && !namespace.some(name => one.subject.startsWith(`service-account:${name}/`)))
    return false
  const hasOwn = one.bindings.some(({ rules }) => rules.some(({ grant }) => !isDefaultRole(grant.role)))
  return one.granted > 0 && (all === true || hasOwn)
}

const minimalChoice = ({ names, wide = false, mostNamespaces }: ExcessChoice) => ({
  ...defaultChoice,
  names,
  isWide: wide,
  mostNamespaces,
})

const proposalsOf = (choice: ExcessChoice, { objects, grants, excess, shown }: World) => {
  const subjects = new Set(shown.map(({ subject }) => subject))
  return roleProposals(grants, excess.attribution, minimalChoice(choice), objects.roles).filter(
    ({ subjects: holders }) => holders.some(subject => subjects.has(subject)),
  )
}

function printYaml(choice: ExcessChoice, world: World, terminal: Terminal): void {
  const { grants, excess, shown, reading, objects } = world
  terminal.writeError(usageText(reading, choice.days) + problemsText(objects))
  if (choice.patch === true) terminal.write(rolesYaml(proposalsOf(choice, world)))
  else
    for (const { subject } of shown)
      terminal.write(subjectYaml(subjectProposal(subject, grants, excess.attribution, minimalChoice(choice))))
}

function printText(choice: ExcessChoice, { objects, reading, excess, shown }: World, terminal: Terminal): void {
  const hidden =
    choice.subject === undefined ? excess.identities.filter(one => one.granted > 0).length - shown.length : 0
  const isNarrow = choice.subject !== undefined
  terminal.write(usageText(reading, choice.days))
  if (isNarrow) for (const one of shown) terminal.write(identityText(one))
  else terminal.write(excessText(shown, hidden, terminal))
  if (isNarrow && shown.length === 0) terminal.write('\nNo binding names them, and the log does not either.\n')
  terminal.write(`\n${checkText(excess)}${problemsText(objects)}`)
}

async function printEffect(
  { json, days, failOn }: ExcessChoice,
  files: readonly string[],
  { objects, reading }: World,
  terminal: Terminal,
): Promise<number> {
  const change = await readChange(files, terminal.cwd, objects)
  const effect: Effect = effectOf(objects, change, reading.usage)
  const reach = reachEffectOf(objects, change)
  const remarks = { isNew: effect.isNew, writtenBack: effect.writtenBack, notJudged: change.notJudged }
  if (json === true) {
    terminal.write(jsonText({ ...effect, ...remarks, reach: reachDocument(reach) }, 2))
    terminal.writeError(receivedOf(reading))
  } else
    terminal.write(
      [
        `${usageText(reading, days)}\n`,
        remarksText(remarks),
        effectText(effect, terminal),
        reachText(reach, 'high', terminal.colors),
        problemsText(objects),
      ].join(''),
    )
  const isBad = typeof failOn === 'string' && opensAt(reach, failOn)
  return checked(objects, { option: '--what-if', isBad: isBad || effect.broken.length > 0 }, terminal)
}
