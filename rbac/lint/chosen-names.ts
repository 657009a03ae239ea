/**
 * Rows that are bound to a claim that people may choose for themselves, so that whoever takes a name has its folder: only
 * `iss` and `sub` together name somebody (OpenID Connect Core 1.0 section 5.7).
 */
import { criteriaOf } from '../conditions/condition.ts'
import { isPlace } from '../conditions/same/term.ts'
import type { Row } from '../row.ts'
import type { Report } from './finding.ts'

/** Standard claims about a profile (OpenID Connect Core 1.0 section 5.1), and what providers call a user name beside them. */
const chosen: ReadonlySet<string> = new Set([
  'preferred_username',
  'nickname',
  'name',
  'given_name',
  'middle_name',
  'family_name',
  'profile',
  'picture',
  'website',
  'phone_number',
  'username',
  'login',
])

export function findChosenNames(rows: readonly Row[], report: Report): void {
  for (const { id, when } of rows) {
    const compared = [...criteriaOf(when)].flatMap(({ compares }) => (compares?.some(isPlace) === true ? compares : []))
    const claim = compared.find(term => term.kind === 'claim' && chosen.has(term.name))
    if (claim === undefined || isPlace(claim)) continue
    report('chosen-name', id, {
      message: `bound to the claim ${claim.name}, which people may choose for themselves at many providers`,
      advice:
        'bind it to sub, or to a claim that only administrators set; keep it where the provider lets nobody choose',
    })
  }
}
