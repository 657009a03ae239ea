/** What entries of `hosts` need beyond the form of each of their settings. */
import { suggestion } from '../../spelling/nearest.ts'
import type { CrossFinding } from '../secret-forms.ts'
import { getIn, type Path, type Tree, textAt } from '../tree.ts'

// A wildcard here would hand tickets to whoever can take a name below it. There is one place to say that nobody else can.
export function checkReturnHosts(tree: Tree): CrossFinding[] {
  const path = ['login', 'returnTo']
  return listAt(tree, path).flatMap((item, index): CrossFinding[] => {
    if (typeof item !== 'string' || !item.startsWith('*.')) return []
    const entry = `hosts: [{ host: "${/^[\w.*-]{1,253}$/.test(item) ? item : '*.example.com'}", tickets: true }]`
    return [{ path: [...path, index], message: `expected a single host; if all hosts below are yours, write ${entry}` }]
  })
}

export function checkHosts(tree: Tree): CrossFinding[] {
  const patterns = listAt(tree, ['hosts']).map((_, index) => textAt(tree, ['hosts', index, 'host'])?.toLowerCase())
  return patterns.flatMap((pattern, index): CrossFinding[] => {
    const path = ['hosts', index, 'host']
    const isRepeated = pattern !== undefined && patterns.indexOf(pattern) < index
    return [
      ...(isRepeated ? [{ path, message: 'expected a host of its own, got that of another entry' }] : []),
      ...checkProviderNames(tree, ['hosts', index, 'providers']),
      ...checkClaimNames(tree, ['hosts', index, 'assertionClaims']),
    ]
  })
}

// Nobody could log in on the host with a provider that does not exist, or everybody with one that was meant to be left out.
function checkProviderNames(tree: Tree, path: Path): CrossFinding[] {
  const known = listAt(tree, ['providers']).flatMap((_, index) => textAt(tree, ['providers', index, 'name']) ?? [])
  return listAt(tree, path).flatMap((name, index): CrossFinding[] => {
    if (typeof name !== 'string' || known.includes(name)) return []
    return [{ path: [...path, index], message: `there is no such provider${suggestion(name, known)}` }]
  })
}

// One of the two would win, and nobody could tell which.
function checkClaimNames(tree: Tree, path: Path): CrossFinding[] {
  const names = listAt(tree, path).map(claim => (typeof claim === 'string' ? claim.split('=')[0] : undefined))
  return names.flatMap((name, index): CrossFinding[] => {
    if (name === undefined || names.indexOf(name) === index) return []
    return [{ path: [...path, index], message: 'expected a name of its own, got that of another claim' }]
  })
}

const listAt = (tree: Tree, path: Path): readonly unknown[] => {
  const value = getIn(tree, path)
  return Array.isArray(value) ? value : []
}
