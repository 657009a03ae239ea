/** Few rules for many single needs, which allow these and nothing else: only what makes a whole rectangle is put together. */
import type { Rule } from '../../kubernetes/rule.ts'

export type Need =
  | {
      readonly verb: string
      readonly group: string
      /** With its subresource. */
      readonly resource: string
      /** Absent: whatever the name. */
      readonly names?: readonly string[]
    }
  | { readonly verb: string; readonly path: string }

/** Sorted, so that the same needs give the same text. */
export function compress(needs: readonly Need[]): readonly Rule[] {
  const paths = needs.flatMap(need => ('path' in need ? [need] : []))
  const resources = needs.flatMap(need => ('path' in need ? [] : [need]))
  return [...resourceRules(resources), ...pathRules(paths)]
}

type ResourceNeed = Exclude<Need, { readonly path: string }>

function resourceRules(needs: readonly ResourceNeed[]): Rule[] {
  // Names to each verb of a kind first: `undefined` is any name, which makes the others needless.
  const cells = new Map<
    string,
    { readonly group: string; readonly resource: string; readonly verbs: Map<string, Names> }
  >()
  for (const { group, resource, verb, names } of needs) {
    const key = JSON.stringify([group, resource])
    const cell = cells.get(key) ?? { group, resource, verbs: new Map<string, Names>() }
    cells.set(key, cell)
    const known = cell.verbs.has(verb) ? cell.verbs.get(verb) : new Set<string>()
    cell.verbs.set(verb, names === undefined || known === undefined ? undefined : new Set([...known, ...names]))
  }
  const rows = [...cells.values()].flatMap(({ group, resource, verbs }) =>
    groupBy([...verbs], ([, names]) => JSON.stringify(names === undefined ? null : [...names].sort())).map(same => ({
      group,
      resource,
      verbs: inOrder(same.map(([verb]) => verb)),
      names: same[0]?.[1] === undefined ? undefined : [...same[0][1]].sort(),
    })),
  )
  return groupBy(rows, ({ group, verbs, names, resource }) =>
    // Resources of one group that may be used alike, whatever the name, are one rule.
    JSON.stringify([group, verbs, names === undefined ? null : [resource, names]]),
  )
    .map(same => {
      const { group, verbs, names } = same[0] as (typeof rows)[number]
      return {
        apiGroups: [group],
        resources: same.map(({ resource }) => resource).sort(),
        verbs,
        ...(names !== undefined && { resourceNames: names }),
      }
    })
    .sort((one, other) => order(sortKey(one), sortKey(other)))
}

type Names = ReadonlySet<string> | undefined

const sortKey = ({ apiGroups, resources, resourceNames, verbs }: Rule): string =>
  JSON.stringify([apiGroups, resources, resourceNames ?? [], verbs])

function pathRules(needs: readonly { readonly verb: string; readonly path: string }[]): Rule[] {
  const byPath = groupBy(needs, ({ path }) => path).map(same => ({
    path: same[0]?.path ?? '',
    verbs: inOrder([...new Set(same.map(({ verb }) => verb))]),
  }))
  return groupBy(byPath, ({ verbs }) => verbs.join())
    .map(same => ({ nonResourceURLs: same.map(({ path }) => path).sort(), verbs: same[0]?.verbs ?? [] }))
    .sort((one, other) => order(one.verbs.join(), other.verbs.join()))
}

function groupBy<Item>(items: readonly Item[], keyOf: (item: Item) => string): readonly Item[][] {
  const groups = new Map<string, Item[]>()
  for (const item of items) {
    const group = groups.get(keyOf(item)) ?? []
    groups.set(keyOf(item), group)
    group.push(item)
  }
  return [...groups.values()]
}

/** As people write them: reading first. */
const usualOrder = ['get', 'list', 'watch', 'create', 'update', 'patch', 'delete', 'deletecollection']
const inOrder = (verbs: readonly string[]): string[] =>
  [...verbs].sort((one, other) => rank(one) - rank(other) || order(one, other))
const rank = (verb: string): number => (usualOrder.indexOf(verb) + usualOrder.length + 1) % (usualOrder.length + 1)
const order = (one: string, other: string): number => (one < other ? -1 : one > other ? 1 : 0)
