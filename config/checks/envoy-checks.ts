/** What the settings of the listener for Envoy need of each other. */
import type { CrossFinding } from '../secret-forms.ts'
import { getIn, type Tree } from '../tree.ts'

/** Threat: names that nobody is asked for, because no certificate is. */
export function checkEnvoy(tree: Tree): CrossFinding[] {
  const path = ['envoy', 'tls', 'clientNames']
  if (getIn(tree, path) === undefined || getIn(tree, ['envoy', 'tls', 'clientCaFile']) !== undefined) return []
  return [{ path, message: 'expected clientCaFile beside it: without an authority nobody is asked for a certificate' }]
}
