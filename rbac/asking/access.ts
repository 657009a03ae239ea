/**
 * What an identity can reach (docs/policy.md, "Asking the policy"): domains, paths and actions with their conditions.
 *
 * Promised: `decide()` allows a request of this identity exactly when some `allow` entry covers it with a condition that
 * is true, and no `deny` entry covers it with a condition that is not false.
 */
import type { RuleId } from '../decision.ts'
import { coveringPatterns } from '../domains.ts'
import type { Identity } from '../identity.ts'
import type { PolicySnapshot } from '../policy.ts'
import type { Row } from '../row.ts'
import { namesOf } from '../subjects.ts'

export interface AccessEntry {
  /** Pattern of the hosts: the row's own, or a narrower one where the identity has the row's role only there. */
  readonly domain: string
  readonly rule: RuleId
  readonly subject: string
  readonly resource: string
  readonly action: string
  readonly condition: string
  readonly effect: 'allow' | 'deny'
  /** The compiled row, for those who want to ask further. */
  readonly row: Row
}

export interface Access {
  /** In order of load. Nothing that a deny without conditions covers with its whole domain, path and action. */
  readonly entries: readonly AccessEntry[]
}

/** Shadow rows are enforced nowhere, so they open and close nothing here. */
export function accessOf(identity: Identity, policy: PolicySnapshot): Access {
  const patterns = [...new Set([...policy.domains, ...policy.roles.map(({ domain }) => domain)])]
  const namesIn = createNames(identity, policy)
  const entries = policy.rows
    .filter(({ isShadow }) => !isShadow)
    .flatMap(row => domainsOf(row, patterns, namesIn).map(domain => entryOf(row, domain)))
  const closed = entries.filter(isTotal).map(({ domain }) => domain)
  return { entries: entries.filter(entry => entry.effect === 'deny' || !closed.some(by => covers(by, entry.domain))) }
}

type NamesIn = (pattern: string) => ReadonlySet<string>

function createNames(identity: Identity, policy: PolicySnapshot): NamesIn {
  const known = new Map<string, ReadonlySet<string>>()
  return pattern => {
    const before = known.get(pattern)
    if (before !== undefined) return before
    const names = new Set(namesOf(identity))
    // A pattern is covered by the patterns that cover every host of it.
    policy.addRoles(names, pattern)
    known.set(pattern, names)
    return names
  }
}

/** Two patterns are nested or have nothing in common, so a role is held in the whole of some pattern, or not at all. */
function domainsOf(row: Row, patterns: readonly string[], namesIn: NamesIn): string[] {
  if (namesIn(row.domain).has(row.whom)) return [row.domain]
  if (!row.subject.startsWith('role:')) return []
  const held = patterns.filter(pattern => covers(row.domain, pattern) && namesIn(pattern).has(row.whom))
  return held.filter(pattern => !held.some(wider => wider !== pattern && covers(wider, pattern)))
}

const covers = (wide: string, narrow: string): boolean => coveringPatterns(narrow).includes(wide)

function entryOf(row: Row, domain: string): AccessEntry {
  const { id: rule, subject, action, condition, isDeny } = row
  const { resource } = row.written ?? row
  return { domain, rule, subject, resource, action, condition, effect: isDeny ? 'deny' : 'allow', row }
}

const isTotal = ({ effect, resource, action, condition }: AccessEntry): boolean =>
  effect === 'deny' && resource === '/**' && action === '*' && condition === '-'
