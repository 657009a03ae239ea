/** What can be wrong with the deciders that a policy asks. Works on the tree, as enforce-secure.ts and cross-checks.ts, which call it. */
import type { CrossFinding } from '../secret-forms.ts'
import { getIn, type Path, type Tree, textAt } from '../tree.ts'
import { isLoopback } from './loopback.ts'
import { type SecurityFinding, urlOf } from './security-finding.ts'

function placesOf(tree: Tree): readonly Path[] {
  const deciders = getIn(tree, ['policy', 'deciders'])
  return Array.isArray(deciders) ? deciders.map((_, index) => ['policy', 'deciders', index]) : []
}

// Whoever answers in its place says yes, and whoever listens reads who goes where.
export function checkDeciders(tree: Tree): SecurityFinding[] {
  return placesOf(tree).flatMap((place): SecurityFinding[] => {
    const path = [...place, 'url']
    const url = urlOf(textAt(tree, path))
    if (url?.protocol !== 'http:' || isLoopback(url.hostname)) return []
    return [{ name: 'http-decider', path, message: 'expected an https address; http is for localhost only' }]
  })
}

// Of two with one name a condition would ask either.
export function checkDeciderNames(tree: Tree): CrossFinding[] {
  const places = placesOf(tree).map(place => [...place, 'name'])
  const names = places.map(path => textAt(tree, path))
  return places
    .filter((_, index) => names[index] !== undefined && names.indexOf(names[index]) < index)
    .map(path => ({ path, message: `expected a name of its own: another decider is called ${textAt(tree, path)}` }))
}
