/**
 * The client certificate: the header that it comes in, and whether sessions are bound to it.
 *
 * Threat: a name that the service or the upstream gives another meaning is one that clients may write, so no flag
 * accepts it.
 */

import { settingAt } from '../schema/settings.ts'
import type { CrossFinding } from '../secret-forms.ts'
import { getIn, type Tree, textAt } from '../tree.ts'

const path = ['server', 'clientCertificateHeader']
const identityNames = ['user', 'email', 'name', 'groups', 'assertion']

export function checkCertificateBinding(tree: Tree): CrossFinding[] {
  const bindTo = textAt(tree, ['sessions', 'bindTo'])
  const header = textAt(tree, path)?.toLowerCase()
  if (header === undefined) {
    if (bindTo !== 'client-certificate') return []
    return [{ path, message: 'is missing: sessions.bindTo expects the name of the header with the certificate' }]
  }
  // Who names the header and gets sessions that are not bound believes that they are.
  if (bindTo === undefined) {
    const message = 'expected sessions.bindTo beside it: client-certificate, or none where only conditions ask for it'
    return [{ path, message }]
  }
  const taken = identityNames.find(name => nameInForce(tree, name) === header)
  return taken === undefined ? [] : [{ path, message: `expected a header of its own, got that of headers.${taken}` }]
}

const nameInForce = (tree: Tree, name: string): string =>
  String(getIn(tree, ['headers', name]) ?? settingAt(['headers', name])?.default).toLowerCase()
