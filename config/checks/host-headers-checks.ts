/**
 * What `identityHeaders`, `userName` and `claimHeaders` of hosts need beyond the form of each.
 *
 * Threat: two facts under one name, or two people under one name, and the application takes one for the other.
 */
import { suggestion } from '../../spelling/nearest.ts'
import { createHostSettings } from '../host-settings.ts'
import { type HeaderPresetName, headerPresetNames, namesOfHost, parseClaimHeader } from '../schema/header-presets.ts'
import type { CrossFinding } from '../secret-forms.ts'
import { getIn, isTree, type Path, type Tree, textAt } from '../tree.ts'
import { inForceAt } from './in-force.ts'

/** Works on the tree, as everything in cross-checks.ts; each entry with what wider ones hold. */
export function checkHostHeaders(tree: Tree): CrossFinding[] {
  const entries = listAt(tree, ['hosts'])
  const named = entries.flatMap(entry => {
    const host = textAt(isTree(entry) ? entry : {}, ['host'])?.toLowerCase()
    return isTree(entry) && host !== undefined ? [{ ...entry, host }] : []
  })
  const settingsOf = createHostSettings<Tree & { readonly host: string }>(named)
  const taken = takenNames(tree)
  return entries.flatMap((entry, index): CrossFinding[] => {
    if (!isTree(entry) || !ownNames.some(name => entry[name] !== undefined)) return []
    const host = textAt(entry, ['host'])?.toLowerCase() ?? ''
    // Any host that the entry is for: a pattern finds itself so.
    const inForce: Tree = settingsOf(host.replace('*', '?'))
    return [...checkNames(entry, inForce, ['hosts', index], taken), ...checkUserName(tree, inForce, ['hosts', index])]
  })
}

const ownNames = ['identityHeaders', 'userName', 'claimHeaders', 'providers']
const facts = ['user', 'email', 'name', 'groups', 'assertion']

/** Lower-case names that mean something else, with the setting that says so. */
function takenNames(tree: Tree): ReadonlyMap<string, string> {
  const certificate = textAt(tree, ['server', 'clientCertificateHeader'])
  const bearers = listAt(tree, ['hosts']).flatMap((_, index): [string, string][] => {
    const name = textAt(tree, ['hosts', index, 'bearerHeader'])
    return name === undefined ? [] : [[name.toLowerCase(), `hosts[${index}].bearerHeader`]]
  })
  return new Map([
    ...facts.map((name): [string, string] => [
      String(inForceAt(tree, ['headers', name])).toLowerCase(),
      `headers.${name}`,
    ]),
    ...(certificate === undefined
      ? []
      : [[certificate.toLowerCase(), 'server.clientCertificateHeader'] satisfies [string, string]]),
    ...bearers,
  ])
}

function checkNames(entry: Tree, inForce: Tree, host: Path, taken: ReadonlyMap<string, string>): CrossFinding[] {
  const setting = entry.claimHeaders !== undefined ? 'claimHeaders' : 'identityHeaders'
  const seen = new Set<string>()
  return namesOfHost(readable(inForce)).flatMap((name): CrossFinding[] => {
    const lower = name.toLowerCase()
    const other = taken.get(lower) ?? (seen.has(lower) ? 'another of the host' : undefined)
    seen.add(lower)
    if (other === undefined) return []
    return [
      { path: [...host, setting], message: `expected a header of its own, got ${name}, which is that of ${other}` },
    ]
  })
}

/** What has the right form; the rest is reported elsewhere. */
function readable({ identityHeaders, claimHeaders }: Tree) {
  const isPreset = (name: unknown): name is HeaderPresetName => headerPresetNames.some(known => known === name)
  return {
    identityHeaders: (Array.isArray(identityHeaders) ? identityHeaders : []).filter(isPreset),
    claimHeaders: (Array.isArray(claimHeaders) ? claimHeaders : []).flatMap(text => {
      try {
        return [parseClaimHeader(String(text))]
      } catch {
        return []
      }
    }),
  }
}

function checkUserName(tree: Tree, inForce: Tree, host: Path): CrossFinding[] {
  const { userName } = inForce
  if (!isTree(userName)) return checkRemote(inForce, host)
  const path = [...host, 'userName']
  const isBoth = userName.claim !== undefined && userName.emailDomain !== undefined
  const isNeither = userName.claim === undefined && userName.emailDomain === undefined
  return [
    ...(inForce.identityHeaders === undefined
      ? [{ path, message: 'expected identityHeaders beside it, or no header holds the name' }]
      : []),
    ...(isBoth || isNeither ? [{ path, message: 'expected either claim or emailDomain' }] : []),
    ...checkProvider(tree, inForce, userName, path),
  ]
}

// It would change nothing, and be believed to.
function checkRemote({ identityHeaders }: Tree, host: Path): CrossFinding[] {
  if (!Array.isArray(identityHeaders) || !identityHeaders.includes('remote')) return []
  return [{ path: [...host, 'identityHeaders'], message: 'expected userName beside remote, which is about it alone' }]
}

// Threat: alice of one provider is alice of the other.
function checkProvider(tree: Tree, { providers }: Tree, { provider }: Tree, path: Path): CrossFinding[] {
  const known = listAt(tree, ['providers']).flatMap((_, index) => textAt(tree, ['providers', index, 'name']) ?? [])
  const admitted = Array.isArray(providers) ? known.filter(name => providers.includes(name)) : known
  const place = [...path, 'provider']
  if (provider === '*') return []
  if (provider === undefined) {
    if (admitted.length < 2) return []
    const words = `people of ${admitted.join(', ')} get in, and two of them may have one name`
    return [{ path: place, message: `is missing: ${words}; expected the provider that the names come from, or '*'` }]
  }
  if (typeof provider !== 'string' || admitted.includes(provider)) return []
  const why = known.includes(provider) ? 'nobody of this provider gets in' : 'there is no such provider'
  return [{ path: place, message: `${why}${suggestion(provider, admitted)}` }]
}

const listAt = (tree: Tree, path: Path): readonly unknown[] => {
  const value = getIn(tree, path)
  return Array.isArray(value) ? value : []
}
