/** What authorities of client certificates, and hosts that take these, need beyond the form of each of their settings. */
import { suggestion } from '../../spelling/nearest.ts'
import type { CrossFinding } from '../secret-forms.ts'
import { getIn, type Path, type Tree, textAt } from '../tree.ts'

/** Works on the tree, as everything in cross-checks.ts. */
export function checkCertificateMachines(tree: Tree): CrossFinding[] {
  const authorities = placesIn(tree, ['machines', 'certificates'])
  return [...checkOwnNames(tree, authorities), ...checkHeader(tree, authorities), ...checkHosts(tree, authorities)]
}

function placesIn(tree: Tree, list: Path): Path[] {
  const entries = getIn(tree, list)
  return Array.isArray(entries) ? entries.map((_, index) => [...list, index]) : []
}

function checkOwnNames(tree: Tree, authorities: readonly Path[]): CrossFinding[] {
  const names = authorities.map(place => textAt(tree, [...place, 'name']))
  return authorities.flatMap((place, index): CrossFinding[] => {
    if (names[index] === undefined || names.indexOf(names[index]) === index) return []
    return [{ path: [...place, 'name'], message: 'expected a name of its own, got that of another authority' }]
  })
}

// Without it nobody would ever come with a certificate, and rows that deny one would deny nobody.
function checkHeader(tree: Tree, authorities: readonly Path[]): CrossFinding[] {
  const path = ['server', 'clientCertificateHeader']
  if (authorities.length === 0 || textAt(tree, path) !== undefined) return []
  return [{ path, message: 'is missing: machines.certificates expects the name of the header with the certificate' }]
}

function checkHosts(tree: Tree, authorities: readonly Path[]): CrossFinding[] {
  const known = authorities.flatMap(place => textAt(tree, [...place, 'name']) ?? [])
  return placesIn(tree, ['hosts']).flatMap(host => {
    const names = getIn(tree, [...host, 'certificateFrom'])
    return (Array.isArray(names) ? names : []).flatMap((name, index): CrossFinding[] => {
      if (typeof name !== 'string' || known.includes(name)) return []
      const path = [...host, 'certificateFrom', index]
      return [{ path, message: `there is no such authority${suggestion(name, known)}` }]
    })
  })
}
