/** Settings of a Redis that need, exclude or contradict each other. */

import { settingAt } from '../schema/settings.ts'
import { type CrossFinding, checkSecretForms } from '../secret-forms.ts'
import { getIn, type Path, type Tree, textAt } from '../tree.ts'

/** Works on the tree, as everything in cross-checks.ts. */
export function checkRedisSettings(tree: Tree): CrossFinding[] {
  const own = [...namesOf(['nodes', 'masterName', 'writeReplicas']), ...sentinelPassword, ...tlsPaths]
  const store = inForce(tree, 'store')
  return [
    ...checkSecretForms(tree, ['sessions'], 'url', store === 'redis'),
    ...checkSecretForms(tree, ['sessions'], 'sentinelPassword', false),
    ...['ca', 'certificate', 'key'].flatMap(name => checkSecretForms(tree, tlsSection, name, false)),
    ...(store === 'lmdb'
      ? withoutUse(tree, [...namesOf(['url', 'topology']), ...own], noRedis)
      : [...checkTopology(tree), ...checkTls(tree)]),
  ]
}

const tlsSection: Path = ['sessions', 'tls']
const namesOf = (names: readonly string[]): Path[] => names.map(name => ['sessions', name])
const sentinelPassword = namesOf(['sentinelPassword', 'sentinelPasswordFile'])
const tlsPaths = ['ca', 'caFile', 'certificate', 'certificateFile', 'key', 'keyFile', 'serverName'].map(name => [
  ...tlsSection,
  name,
])
// Who names a Redis and gets the embedded store has replicas that do not know each other's sessions.
const noRedis = 'expected store: redis beside it; the embedded store has no address'

const inForce = (tree: Tree, name: string): unknown =>
  getIn(tree, ['sessions', name]) ?? settingAt(['sessions', name])?.default

/** What is set and not used is believed to be in force; what is set to its default changes nothing. */
const withoutUse = (tree: Tree, paths: readonly Path[], message: string): CrossFinding[] =>
  paths.filter(path => isOtherThanDefault(tree, path)).map(path => ({ path, message }))

function isOtherThanDefault(tree: Tree, path: Path): boolean {
  const value = getIn(tree, path)
  return value !== undefined && JSON.stringify(value) !== JSON.stringify(settingAt(path)?.default)
}

function checkTopology(tree: Tree): CrossFinding[] {
  const kind = inForce(tree, 'topology')
  if (kind === 'sentinel') {
    if (inForce(tree, 'masterName') !== undefined) return []
    return [{ path: ['sessions', 'masterName'], message: 'is missing: expected the name that the Sentinels know' }]
  }
  const ofSentinel = [...namesOf(['masterName']), ...sentinelPassword]
  const unused = withoutUse(tree, ofSentinel, 'expected topology: sentinel beside it')
  if (kind !== 'cluster') {
    return [...unused, ...withoutUse(tree, namesOf(['nodes']), 'expected topology: sentinel or cluster beside it')]
  }
  return [...unused, ...checkCluster(tree)]
}

function checkCluster(tree: Tree): CrossFinding[] {
  const url = textAt(tree, ['sessions', 'url'])
  const database = url !== undefined && URL.canParse(url) ? new URL(url).pathname : ''
  const prefix = inForce(tree, 'prefix')
  return [
    ...(/^\/?0*$/.test(database)
      ? []
      : [{ path: ['sessions', 'url'], message: 'expected no database number; a Redis Cluster has one database' }]),
    // The first braces of a key say where it is: all records would be on one server.
    ...(typeof prefix === 'string' && /[{}]/.test(prefix)
      ? [{ path: ['sessions', 'prefix'], message: 'expected no braces in the prefix of keys in a Redis Cluster' }]
      : []),
  ]
}

function checkTls(tree: Tree): CrossFinding[] {
  const url = textAt(tree, ['sessions', 'url'])
  const isPlain = url?.startsWith('redis://') === true
  const halves = (['certificate', 'key'] as const).filter(name => isSet(tree, name))
  const missing = halves[0] === 'certificate' ? 'key' : 'certificate'
  return [
    ...(isPlain ? withoutUse(tree, tlsPaths, 'expected an address that starts with rediss:// beside it') : []),
    ...(halves.length === 1
      ? [{ path: [...tlsSection, missing], message: `is missing: expected it beside the ${halves[0]}, or neither` }]
      : []),
  ]
}

const isSet = (tree: Tree, name: string) =>
  [name, `${name}File`].some(form => getIn(tree, [...tlsSection, form]) !== undefined)
