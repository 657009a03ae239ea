/**
 * Whether the domain that a session cookie is for is somebody's own.
 *
 * Threat (F06): a cookie for `com` or `github.io` would be sent to strangers, one for an address or for a domain of
 * somebody else to nobody that is ours. Nobody can want that, so no flag accepts it.
 */
import { isIP } from 'node:net'
import type { CrossFinding } from '../secret-forms.ts'
import { type Tree, textAt } from '../tree.ts'
import { isOwned } from './public-suffix.ts'
import { urlOf } from './security-finding.ts'

const path = ['sessions', 'cookieDomain']

export function checkBinding(tree: Tree): CrossFinding[] {
  const isDomain = textAt(tree, ['sessions', 'binding']) === 'domain'
  const domain = textAt(tree, path)?.toLowerCase()
  // Who names a domain and gets cookies of single hosts would wonder where the one cookie is.
  if (domain !== undefined && !isDomain) return [{ path, message: 'expected binding: domain beside it' }]
  if (!isDomain) return []
  if (domain === undefined || domain === '')
    return [{ path, message: 'is missing: expected a host name such as example.com' }]
  const message = flawOf(domain, urlOf(textAt(tree, ['server', 'url']))?.hostname)
  return message === undefined ? [] : [{ path, message }]
}

function flawOf(domain: string, publicHost: string | undefined): string | undefined {
  if (isIP(domain) !== 0 || (publicHost !== undefined && isAddress(publicHost))) {
    return 'expected a name: an address has no hosts below it'
  }
  // One label alone counts as a suffix: browsers keep no cookie for it either.
  if (!isOwned(domain)) {
    return `${domain} is a public suffix: the hosts below it have many owners`
  }
  if (publicHost !== undefined && publicHost !== domain && !publicHost.endsWith(`.${domain}`)) {
    return 'expected the host of server.url or one above it'
  }
  return undefined
}

const isAddress = (host: string): boolean => isIP(host.replace(/^\[|\]$/g, '')) !== 0
