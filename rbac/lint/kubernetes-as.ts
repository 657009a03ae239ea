/**
 * Rows of `kube:` domains that deny, where others let people ask to be judged as somebody else (`kubectl --as`).
 *
 * Threat: Bob's group is denied the secrets, and Alice is lent `bob@example.com`. Whoever asks to be Bob has the groups that
 * were asked for and no others, so the row does not meet them (docs/adr/0045-as-somebody-else.md).
 */
import type { RoleRow } from '../roles.ts'
import type { Row } from '../row.ts'
import { coversAction } from './actions.ts'
import { type Coverage, coversCondition, segmentsOf } from './coverage.ts'
import type { Report } from './finding.ts'

export interface AsOptions {
  readonly coverage: Coverage
  readonly roles: readonly RoleRow[]
  /** The claim by which the cluster calls people (`userClaim`). */
  readonly userClaim: string
}

/** Of one domain. */
export function findUnderAs(rows: readonly Row[], options: AsOptions, report: Report): void {
  const [allows, denies] = [rows.filter(({ isDeny }) => !isDeny), rows.filter(({ isDeny }) => isDeny)]
  const lending = allows.filter(row => lendsPeople(row, options.userClaim))
  for (const deny of denies) {
    if (deny.action === 'impersonate') continue
    const subjects = [deny.subject, ...membersOf(deny.subject, options.roles)]
    findMeetingAll(deny, { subjects, lending }, options, report)
    findPassedByAs(deny, { subjects, lending, allows, denies }, options, report)
  }
}

/** Whoever has everything is lent nothing by it: they call for themselves, and what denies them denies them as anybody. */
function lendsPeople({ action, resource, fitsAction, fitsResource }: Row, userClaim: string): boolean {
  if (!fitsAction('impersonate') || (action === '*' && resource === '/**')) return false
  const fixed = segmentsOf(resource)?.fixed
  // Which names a regular expression means is not known.
  if (fixed === undefined && resource.includes('users')) return true
  const name = fixed?.[3] ?? '*'
  if (userClaim === 'email' && !name.includes('@') && !name.includes('*')) return false
  return fitsResource(`/-/core/users/${name.replaceAll('*', userClaim === 'email' ? 'x@x.example' : 'x')}`)
}

function membersOf(subject: string, roles: readonly RoleRow[]): readonly string[] {
  const found = new Set([subject])
  // A set takes in what is added while it is gone through.
  for (const name of found) for (const { member, role } of roles) if (role === name) found.add(member)
  return [...found].slice(1)
}

/** Whom a row means in the end: of a role, those of its members that are no roles. */
const whomOf = (subject: string, roles: readonly RoleRow[]): readonly string[] =>
  [subject, ...membersOf(subject, roles)].filter(name => !name.startsWith('role:'))

interface AroundDeny {
  /** Whom the row means: its subject, and the members of a role. */
  readonly subjects: readonly string[]
  readonly lending: readonly Row[]
}

const isName: Readonly<Record<string, RegExp>> = { email: /^email(?:-domain)?:/, sub: /^user:/ }

function findMeetingAll(deny: Row, { subjects, lending }: AroundDeny, { userClaim }: AsOptions, report: Report): void {
  const [lends] = lending
  const untold = subjects.find(
    name => /^(?:user|email|email-domain):/.test(name) && isName[userClaim]?.test(name) !== true,
  )
  if (lends === undefined || untold === undefined) return
  report('deny-meets-every-as', deny.id, {
    message: `denies everybody whom somebody asks to be (${lends.id}): the cluster calls people by ${userClaim}, so that none of them can be told from ${untold}`,
    advice: 'name people by what the cluster calls them, if one of them is meant',
    severity: 'note',
  })
}

interface AroundGroup extends AroundDeny {
  readonly allows: readonly Row[]
  readonly denies: readonly Row[]
}

function findPassedByAs(deny: Row, around: AroundGroup, { coverage, roles }: AsOptions, report: Report): void {
  const { subjects, lending, allows, denies } = around
  const group = subjects.find(name => name.startsWith('group:'))
  if (group === undefined) return
  const { coversSubject, coversPlace, overlaps } = coverage
  const asWide = denies.filter(
    other => coversPlace(other, deny) && coversAction(other, deny) && coversCondition(other.condition, deny.condition),
  )
  const isMet = (row: Row): boolean => asWide.some(other => coversSubject(other, row))
  for (const lends of lending) {
    // Rows that deny a person deny them as anybody.
    if (isMet(lends)) continue
    const allow = allows.find(
      row =>
        overlaps(deny, row) &&
        !isMet(row) &&
        // What they may do for themselves is no news, and a member of the group who is not asked for has no rows of it.
        !coversSubject(row, lends) &&
        !whomOf(row.subject, roles).every(name => subjects.includes(name)),
    )
    if (allow === undefined) continue
    report('deny-passed-by-as', deny.id, {
      message: `does not deny whoever asks to be a member of ${group} (${lends.id}) and not for the group, whom ${allow.id} allows`,
      advice: 'deny impersonate of the names of its members, or deny people by address',
    })
    return
  }
}
