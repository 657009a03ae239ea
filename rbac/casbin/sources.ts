/** What a Casbin source is compiled from, and what becomes of it. */
import type { Decision, RuleId } from '../decision.ts'
import type { PolicyFile } from '../policy-lines.ts'
import type { AddRoles } from '../roles.ts'
import type { Situation } from '../situation.ts'

export interface CasbinTexts {
  /** `model.conf`, by the name that problems show. */
  readonly model: PolicyFile
  /** Rows: a policy file, or what an adapter loaded. */
  readonly files: readonly PolicyFile[]
  /** Whether an adapter gave them, so that their order is ours. Default false. */
  readonly isSorted?: boolean
  /** Names of an identity, in this order (`subject-names.ts`). Default `defaultSubjects`. */
  readonly subjects?: readonly string[]
  /** Hosts that Casbin decides about. Absent: those that its rows name. */
  readonly domains?: readonly string[]
}

/** One `p` row, as people see it. */
export interface CasbinRow {
  readonly id: RuleId
  /** In the order of the policy definition. */
  readonly fields: readonly string[]
  /** By the names of the policy definition: sub, dom, obj, act. Empty where the model has no such field. */
  readonly subject: string
  readonly domain: string
  readonly resource: string
  readonly action: string
  readonly effect: 'allow' | 'deny'
}

export type CasbinRule = 'casbin-model' | 'casbin-pattern' | 'casbin-subject' | 'casbin-size'

export interface CasbinFinding {
  readonly rule: CasbinRule
  /** The place, `file:line`. */
  readonly id: RuleId
  readonly message: string
  readonly advice: string
  /** Default `warning`. */
  readonly severity?: 'note' | undefined
}

/** A decision that lacks the revision of the policy as a whole. */
export type Unstamped<D = Decision> = D extends Decision ? Omit<D, 'revision' | 'shadow'> : never

/** Immutable; decides about hosts of its own. */
export interface CasbinPolicy {
  /** Canonical patterns of the hosts that it decides about. */
  readonly domains: readonly string[]
  readonly covers: (domain: string) => boolean
  /** In the order in which Casbin looks at them. */
  readonly rows: readonly CasbinRow[]
  /** Those that Casbin looks at for a host; where hosts are no field that is compared exactly, all of them. */
  readonly rowsOf: (domain: string) => readonly CasbinRow[]
  /** What is probably not meant. */
  readonly findings: readonly CasbinFinding[]
  /** Reads no context: the same for as long as policy, identity and request are the same. Throws what Casbin throws. */
  readonly decide: (question: CasbinQuestion) => Unstamped
  /** Whether a row alone matches the request as it was asked. Throws what Casbin throws. */
  readonly matches: (row: CasbinRow, question: CasbinQuestion) => boolean
}

export interface CasbinQuestion extends Pick<Situation, 'request' | 'identity'> {
  /** Roles of the built-in `g` rows. */
  readonly addRoles: AddRoles
}

export function rowsByDomain(rows: readonly CasbinRow[]): ReadonlyMap<string, readonly CasbinRow[]> {
  const lists = new Map<string, CasbinRow[]>()
  for (const row of rows) {
    const list = lists.get(row.domain)
    if (list === undefined) lists.set(row.domain, [row])
    else list.push(row)
  }
  return lists
}
