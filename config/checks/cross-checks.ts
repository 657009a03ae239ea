/** What no single setting can tell: settings that need, exclude or contradict each other. */

import { parseDuration } from '../schema/values.ts'
import { linesOf } from '../secret-files.ts'
import { type CrossFinding, checkSecretForms } from '../secret-forms.ts'
import { getIn, type Path, type Tree, textAt } from '../tree.ts'
import { checkAuthzen } from './authzen-checks.ts'
import { checkBinding } from './binding-checks.ts'
import { checkCertificateBinding } from './certificate-checks.ts'
import { checkCertificateMachines } from './certificate-machines-checks.ts'
import { checkDeciderNames } from './deciders-checks.ts'
import { checkEnvoy } from './envoy-checks.ts'
import { checkHostHeaders } from './host-headers-checks.ts'
import { checkHosts, checkReturnHosts } from './hosts-checks.ts'
import { inForceAt } from './in-force.ts'
import { checkKubernetes } from './kubernetes-checks.ts'
import { checkMachines } from './machines-checks.ts'
import { checkPasswords } from './passwords-checks.ts'
import { checkProviders } from './provider-checks.ts'
import { checkRedisSettings } from './redis-checks.ts'
import { checkSockets } from './socket-checks.ts'

/** Works on the tree, so that these are reported together with everything else; what has the wrong type is passed over. */
export function checkTogether(tree: Tree): CrossFinding[] {
  return [
    ...checkSecretForms(tree, ['sessions'], 'secret', true),
    ...checkSecretCount(tree),
    ...checkRedisSettings(tree),
    ...checkBinding(tree),
    ...checkCertificateBinding(tree),
    ...checkProviders(tree),
    ...checkHosts(tree),
    ...checkReturnHosts(tree),
    ...checkHostHeaders(tree),
    ...checkMachines(tree),
    ...checkPasswords(tree),
    ...checkCertificateMachines(tree),
    ...checkKubernetes(tree),
    ...checkEnvoy(tree),
    ...checkSockets(tree),
    ...checkAuthzen(tree),
    ...checkLifetimes(tree),
    ...checkHeaderNames(tree),
    ...checkDeciderNames(tree),
    ...checkModule(tree, ['policy', 'adapter']),
    ...checkModule(tree, ['policy', 'adapter', 'watcher'], ['policy', 'adapter']),
    ...checkModule(tree, ['policy', 'casbin', 'adapter']),
    ...checkModule(tree, ['policy', 'casbin', 'adapter', 'watcher'], ['policy', 'casbin', 'adapter']),
    ...checkCasbin(tree),
  ]
}

/** A model without rows is none, and rows without a model would be believed to be in force. */
function checkCasbin(tree: Tree): CrossFinding[] {
  const section: Path = ['policy', 'casbin']
  const isThere = (...names: string[]): boolean => getIn(tree, [...section, ...names]) !== undefined
  const rows = [isThere('policy'), isThere('adapter', 'module')].filter(Boolean).length
  const isSaid = rows > 0 || isThere('model') || isThere('subjects') || isThere('domains')
  if (isSaid && !isThere('model')) return [{ path: [...section, 'model'], message: 'is missing: expected a path' }]
  if (!isSaid || rows === 1) return []
  return [{ path: [...section, 'policy'], message: 'expected rows from one place: this path, or `adapter.module`' }]
}

// Settings of a module that nobody named, or of a watcher without rows to watch, are believed to be in force.
function checkModule(tree: Tree, section: Path, needs: Path = section): CrossFinding[] {
  const names = ['module', 'export', 'options', 'optionsFile']
  if (names.every(name => getIn(tree, [...section, name]) === undefined)) return []
  const missing = [needs, section].find(path => getIn(tree, [...path, 'module']) === undefined)
  const forms = checkSecretForms(tree, section, 'options', false)
  if (missing === undefined) return forms
  return [...forms, { path: [...missing, 'module'], message: 'is missing: expected the name of a package' }]
}

/** One that signs, one that comes and some that go. A cookie that fits nobody costs a computation with each. */
const mostSecrets = 8

function checkSecretCount(tree: Tree): CrossFinding[] {
  const path = ['sessions', 'secret']
  const count = linesOf(textAt(tree, path) ?? '').length
  if (count <= mostSecrets) return []
  return [{ path, message: `expected at most ${mostSecrets} secrets, one on each line, got ${count}` }]
}

function checkLifetimes(tree: Tree): CrossFinding[] {
  return [
    ...checkAtMost(tree, 'idle', 'lifetime', 'which ends every session'),
    ...checkAtMost(tree, 'verifyEvery', 'lifetime', 'which ends every session'),
    ...checkAtMost(tree, 'rememberIdle', 'rememberLifetime', 'which ends every session'),
    ...checkAtMost(tree, 'lifetime', 'rememberLifetime', 'or staying logged in would be shorter than not'),
  ]
}

function checkAtMost(tree: Tree, shorter: string, longer: string, why: string): CrossFinding[] {
  // Staying logged in is an offer that nobody has to make.
  if (longer === 'rememberLifetime' && String(inForceAt(tree, ['sessions', 'remember'])) !== 'true') return []
  const path = ['sessions', shorter]
  const most = secondsAt(tree, ['sessions', longer])
  const seconds = secondsAt(tree, path)
  if (seconds === undefined || most === undefined || seconds <= most) return []
  return [{ path, message: `expected at most sessions.${longer}, ${why}` }]
}

function secondsAt(tree: Tree, path: Path): number | undefined {
  const value = inForceAt(tree, path)
  try {
    return typeof value === 'string' ? parseDuration(value) : undefined
  } catch {
    return undefined
  }
}

// Two facts under one name: the upstream would read one of them as the other.
function checkHeaderNames(tree: Tree): CrossFinding[] {
  const names = ['user', 'email', 'name', 'groups', 'assertion']
  const inForce = names.map(name => String(inForceAt(tree, ['headers', name])).toLowerCase())
  return names.flatMap((name, index): CrossFinding[] => {
    const first = inForce.indexOf(inForce[index] ?? '')
    if (first === index) return []
    return [{ path: ['headers', name], message: `expected a header of its own, got that of headers.${names[first]}` }]
  })
}
