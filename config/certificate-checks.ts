/**
 * Sessions that are bound to a client certificate, and the header that it comes in.
 *
 * Threat: a name that the service or the upstream gives another meaning is one that clients may write, so no flag
 * accepts it.
 */
import type { CrossFinding } from './secret-forms.ts'
import { settingAt } from './settings.ts'
import { getIn, type Tree, textAt } from './tree.ts'

const path = ['server', 'clientCertificateHeader']
const identityNames = ['user', 'email', 'name', 'groups', 'assertion']

export function checkCertificateBinding(tree: Tree): CrossFinding[] {
  const isBound = textAt(tree, ['sessions', 'bindTo']) === 'client-certificate'
  const header = textAt(tree, path)?.toLowerCase()
  if (header === undefined) {
    if (!isBound) return []
    return [{ path, message: 'is missing: sessions.bindTo expects the name of the header with the certificate' }]
  }
  // Who names the header and gets sessions that are not bound believes that they are.
  if (!isBound) return [{ path, message: 'expected sessions.bindTo: client-certificate beside it' }]
  const taken = identityNames.find(name => nameInForce(tree, name) === header)
  return taken === undefined ? [] : [{ path, message: `expected a header of its own, got that of headers.${taken}` }]
}

const nameInForce = (tree: Tree, name: string): string =>
  String(getIn(tree, ['headers', name]) ?? settingAt(['headers', name])?.default).toLowerCase()
