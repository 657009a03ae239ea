/** Keys that stand twice in one mapping. Threat: kubectl and most programs take the last without a word, and a rule is lost. */
import { isMap, isScalar, isSeq, type Node } from 'yaml'

const mostNamed = 20

interface Open {
  readonly node: unknown
  readonly path: string
}

/** @returns where they stand: `rules[2].verbs`; at most 20 of them */
export function duplicateKeys(contents: unknown): readonly string[] {
  const found: string[] = []
  const open: Open[] = [{ node: contents, path: '' }]
  for (let next = open.pop(); next !== undefined && found.length < mostNamed; next = open.pop()) {
    const { node, path } = next
    if (isSeq(node)) for (const [at, item] of node.items.entries()) open.push({ node: item, path: `${path}[${at}]` })
    if (isMap(node)) open.push(...valuesOf(node.items as readonly Pair[], path, found))
  }
  return found
}

interface Pair {
  readonly key: unknown
  readonly value: Node | null
}

function valuesOf(pairs: readonly Pair[], path: string, found: string[]): Open[] {
  const seen = new Set<string>()
  return pairs.map(({ key, value }) => {
    const name = isScalar(key) ? String(key.value) : String(key)
    const whole = path === '' ? name : `${path}.${name}`
    if (seen.has(name) && name !== '<<') found.push(whole)
    seen.add(name)
    return { node: value, path: whole }
  })
}
