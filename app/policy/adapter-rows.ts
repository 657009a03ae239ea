/**
 * What a Casbin adapter loads, as texts of a policy: one text per kind of row, `adapter:p` and `adapter:g`.
 *
 * Rows are sorted, because a database promises no order: the same rows give the same rule ids and the same revision on
 * every replica. `adapter:p:3` is the third `p` row of a revision, as `wiki.csv:3` is a line of one.
 */
import type { PolicyText } from './policy-source.ts'

export interface RowCollector {
  /** Stands in for a Casbin model; adapters fill one of these. */
  readonly model: object
  readonly texts: () => readonly PolicyText[]
}

/** Takes the place of one kind of row in a Casbin model (`Assertion`). */
interface Assertion {
  readonly policy: unknown[][]
  readonly policyMap: Map<string, number>
  readonly tokens: readonly string[]
}

const tokens = { p: ['sub', 'dom', 'obj', 'act', 'cond', 'eft'], g: ['member', 'role', 'domain'] }

/**
 * Threat: Casbin's own model passes over a row of a kind that it does not know, and a deny row with a slip in its kind
 * would be believed to be in force. Here every kind has a place, and the policy parser refuses the unknown one.
 */
export function createRowCollector(): RowCollector {
  const byKind = new Map<string, Assertion>()
  const assertionOf = (kind: string): Assertion => {
    const known = byKind.get(kind)
    if (known !== undefined) return known
    const names = kind === 'p' || kind === 'g' ? tokens[kind] : []
    const fresh = { policy: [], policyMap: new Map<string, number>(), tokens: names.map(name => `${kind}_${name}`) }
    byKind.set(kind, fresh)
    return fresh
  }
  const add = (_section: string, kind: string, row: readonly unknown[]): boolean => {
    assertionOf(kind).policy.push([...row])
    return true
  }
  return {
    model: {
      // Adapters ask by section, which is the first letter of the kind, and then by kind.
      model: { get: () => ({ get: assertionOf, has: () => true }), has: () => true },
      addPolicy: add,
      addPolicies: (section: string, kind: string, rows: readonly (readonly unknown[])[]) =>
        rows.every(row => add(section, kind, row)),
      hasPolicy: () => false,
      clearPolicy: () => byKind.clear(),
    },
    texts: () => [...byKind].sort(byKey).map(([kind, { policy }]) => toText(kind, policy)),
  }
}

const byKey = ([left]: [string, unknown], [right]: [string, unknown]): number => (left < right ? -1 : 1)

function toText(kind: string, rows: readonly (readonly unknown[])[]): PolicyText {
  const lines = rows.map(row => [kind, ...row].map(toField).join(', ')).sort()
  return { name: `adapter:${kind.replaceAll(/[^\w.-]/g, '?')}`, text: `${lines.join('\n')}\n` }
}

/** A line break would make two rows of one: it becomes a control character, which the parser refuses in its place. */
function toField(value: unknown): string {
  const text = String(value ?? '').replaceAll(/[\r\n]/g, '\x1b')
  return /^[^\s",#][^",]*$/.test(text) ? text : `"${text.replaceAll('"', '""')}"`
}
