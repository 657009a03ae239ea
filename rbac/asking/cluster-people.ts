/** Whom the rows of a cluster let in: by the names that they write, and whether somebody who is there is among them. */
import type { Identity } from '../identity.ts'
import type { PolicySnapshot } from '../policy.ts'
import type { Row } from '../row.ts'
import { namesOf } from '../subjects.ts'
import { membersOf } from './role-members.ts'

type RowsAndRoles = Pick<PolicySnapshot, 'rows' | 'roles' | 'addRoles'>

/** A subject that some row lets in, and the first row that does. */
export interface AdmittedSubject {
  /** Without roles: they are taken apart. */
  readonly subject: string
  readonly rule: string
}

/** Rows that let somebody pass in a domain, whatever their conditions say. */
export const allowingRows = ({ rows }: Pick<PolicySnapshot, 'rows'>, domain: string): readonly Row[] =>
  rows.filter(row => row.domain === domain && !row.isDeny && !row.isShadow)

/** In order of load, each once. Deny rows take nobody away: what they deny is refused before a cluster is asked. */
export function admittedSubjects(policy: RowsAndRoles, domain: string): readonly AdmittedSubject[] {
  const found = new Map<string, AdmittedSubject>()
  for (const row of allowingRows(policy, domain)) {
    for (const subject of membersOf(row, domain, policy.roles)) {
      if (!found.has(subject)) found.set(subject, { subject, rule: row.id })
    }
  }
  return [...found.values()]
}

/** Whether a row of the domain lets somebody pass, if its condition holds and no other row denies it. */
export function createMayCome(policy: RowsAndRoles, domain: string): (identity: Identity) => boolean {
  const admitted = new Set(allowingRows(policy, domain).map(({ subject }) => subject))
  return identity => {
    const names = new Set(namesOf(identity))
    policy.addRoles(names, domain)
    return [...names].some(name => admitted.has(name))
  }
}
