/** What application passwords, and hosts that take them, need beyond the form of each of their settings. */
import { parseDuration } from '../schema/values.ts'
import type { CrossFinding } from '../secret-forms.ts'
import { getIn, type Path, type Tree } from '../tree.ts'
import { inForceAt } from './in-force.ts'

/** Works on the tree, as everything in cross-checks.ts. */
export function checkPasswords(tree: Tree): CrossFinding[] {
  const hosts = getIn(tree, ['hosts'])
  const places = Array.isArray(hosts) ? hosts.map((_, index): Path => ['hosts', index]) : []
  return [...checkLifetime(tree), ...places.flatMap(place => checkHost(tree, place))]
}

function checkLifetime(tree: Tree): CrossFinding[] {
  const path = ['passwords', 'lifetime']
  const [seconds, most] = [secondsAt(tree, path), secondsAt(tree, ['passwords', 'maxLifetime'])]
  if (seconds === undefined || most === undefined || seconds <= most) return []
  return [{ path, message: 'expected at most passwords.maxLifetime' }]
}

// What is set and never lets anybody in is believed to work; what works without the certificate is the way around it.
function checkHost(tree: Tree, place: Path): CrossFinding[] {
  if (getIn(tree, [...place, 'passwords']) !== true) return []
  const path = [...place, 'passwords']
  const limit = ['maxAge', 'maxIdle'].find(name => getIn(tree, [...place, name]) !== undefined)
  return [
    ...(limit === undefined ? [] : [{ path, message: `expected nothing beside ${limit}: a password is no login` }]),
    ...(inForceAt(tree, ['sessions', 'bindTo']) === 'client-certificate'
      ? [{ path, message: 'expected nothing beside sessions.bindTo: a password is not bound to the certificate' }]
      : []),
  ]
}

function secondsAt(tree: Tree, path: Path): number | undefined {
  const value = inForceAt(tree, path)
  try {
    return typeof value === 'string' ? parseDuration(value) : undefined
  } catch {
    return undefined
  }
}
