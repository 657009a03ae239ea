/** What entries of `hosts` need beyond the form of each of their settings. */
import { suggestion } from '../../spelling/nearest.ts'
import { clusterNamed } from '../schema/authorization-header.ts'
import type { CrossFinding } from '../secret-forms.ts'
import { getIn, type Path, type Tree, textAt } from '../tree.ts'
import { inForceAt } from './in-force.ts'

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
      ...checkAuthorization(tree, ['hosts', index]),
      ...checkTitle(tree, ['hosts', index]),
    ]
  })
}

// A link leads to one host.
function checkTitle(tree: Tree, path: Path): CrossFinding[] {
  const isWildcard = textAt(tree, [...path, 'host'])?.startsWith('*.') === true
  if (!isWildcard) return []
  return ['title', 'startPath']
    .filter(name => getIn(tree, [...path, name]) !== undefined)
    .map(name => ({
      path: [...path, name],
      message: 'expected it at an entry for a single host: the start page leads to one',
    }))
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

function checkAuthorization(tree: Tree, host: Path): CrossFinding[] {
  const path = [...host, 'authorization']
  const wanted = textAt(tree, path)
  if (wanted === undefined) return []
  return [
    ...checkNoSecondName(tree, path),
    ...(wanted === 'assertion' ? checkAssertions(tree, path) : checkCluster(tree, host, wanted)),
  ]
}

// Two facts under one name: the upstream would read one of them as the other.
function checkNoSecondName(tree: Tree, path: Path): CrossFinding[] {
  const names = ['user', 'email', 'name', 'groups', 'assertion']
  const taken = names.find(name => String(inForceAt(tree, ['headers', name])).toLowerCase() === 'authorization')
  return taken === undefined ? [] : [{ path, message: `expected no such header beside that of headers.${taken}` }]
}

function checkAssertions(tree: Tree, path: Path): CrossFinding[] {
  if (String(inForceAt(tree, ['assertion', 'enabled'])) !== 'false') return []
  return [{ path, message: 'there are no assertions: expected assertion.enabled to be true' }]
}

function checkCluster(tree: Tree, host: Path, wanted: string): CrossFinding[] {
  const path = [...host, 'authorization']
  const cluster = clusterNamed(wanted)
  if (cluster === undefined) return []
  const places = listAt(tree, ['kubernetes', 'clusters']).map((_, index): Path => ['kubernetes', 'clusters', index])
  const known = places.flatMap(place => textAt(tree, [...place, 'name']) ?? [])
  const place = places.find(one => textAt(tree, [...one, 'name']) === cluster)
  if (place === undefined) return [{ path, message: `there is no such cluster${suggestion(cluster, known)}` }]
  // Nobody would judge what the application does with it, and the policy is asked for each token there.
  if (textAt(tree, [...place, 'access']) === 'direct')
    return [{ path, message: 'expected a cluster behind the gateway: nobody judges what is done at this one' }]
  // Threat: whoever can take a name below it gets tokens of everybody who visits.
  if (textAt(tree, [...host, 'host'])?.startsWith('*.') === true)
    return [{ path, message: 'expected an entry for the single host: each host below would get such tokens' }]
  return []
}

const listAt = (tree: Tree, path: Path): readonly unknown[] => {
  const value = getIn(tree, path)
  return Array.isArray(value) ? value : []
}
