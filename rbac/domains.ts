/**
 * Which hosts a row speaks of (docs/policy.md, "Rows"): a host, `*.example.com`, `*`, `kube:<cluster>`,
 * `app:<application>`, `tokens`, `authzen` or `console`.
 *
 * A pattern is compared as a whole string, never as a suffix: `evilexample.com` is not below `*.example.com`.
 */

import { ValueError } from './policy-error.ts'
import { canonicaliseHost } from './request/canonical-host.ts'

/** Where actions are Kubernetes verbs and resources are Kubernetes paths. */
export const isKubernetesDomain = (domain: string): boolean => domain.startsWith('kube:')

/** Where resources are the hosts that a token of ours is for, `/wiki.example.com`, and actions what is done with it. */
export const tokensDomain = 'tokens'

/** Where resources are the domains that an application asks about, `/wiki.example.com` or `/app:todo`, and actions what it may ask. */
export const questionsDomain = 'authzen'

/** Where resources are an application's own objects, `/<type>/<id>`, and actions words of its own. */
export const isApplicationDomain = (domain: string): boolean => domain.startsWith('app:')

/** No host: the console, clusters, applications, tokens and questions. `*` covers none of them, and no login leads there. */
export const isReservedDomain = (domain: string): boolean =>
  named.has(domain) || isKubernetesDomain(domain) || isApplicationDomain(domain)

const named: ReadonlySet<string> = new Set(['console', tokensDomain, questionsDomain])

const application = /^app:[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?$/
const cluster = /^kube:[a-z0-9](?:[a-z0-9.-]{0,61}[a-z0-9])?$/

/** Canonical pattern of a row's domain field. Throws `ValueError`. */
export function parseDomainPattern(text: string): string {
  if (text === '*' || named.has(text) || cluster.test(text) || application.test(text)) return text
  if (isKubernetesDomain(text)) throw new ValueError('a cluster name holds lower-case letters, digits, dots and dashes')
  if (isApplicationDomain(text)) {
    throw new ValueError('the name of an application holds lower-case letters, digits and dashes, at most 40')
  }
  if (!text.startsWith('*.')) return parseHost(text)
  const apex = parseHost(text.slice(2))
  if (/^\[|\.\d+$|^\d+$/.test(apex)) throw new ValueError('an address has no hosts below it')
  return `*.${apex}`
}

function parseHost(text: string): string {
  if (text.includes('*')) throw new ValueError('"*" stands alone or as the first label: *.example.com')
  if (/:\d+$/.test(text) && !text.endsWith(']')) throw new ValueError('a domain has no port; rows hold for all ports')
  try {
    return canonicaliseHost(text, () => true)
  } catch (error) {
    throw new ValueError(`not a domain: ${error instanceof Error ? error.message : 'unreadable'}`)
  }
}

/**
 * Every pattern in which somebody holds, in a domain, a role that a row denies something to.
 *
 * Threat: a role that is given everywhere (`*`), and a row that denies it something in a cluster, for tokens or in the
 * console, which `*` does not cover: it would deny nobody. So such a role counts there where a row denies, and nowhere else.
 */
export const patternsOfDenied = (domain: string): string[] =>
  isReservedDomain(domain) ? [domain, '*'] : coveringPatterns(domain)

/** Every pattern that covers a canonical domain, the most specific first. */
export function coveringPatterns(domain: string): string[] {
  if (isReservedDomain(domain)) return [domain]
  const patterns = [domain]
  const isAddress = domain.startsWith('[') || /\.\d+$/.test(domain)
  if (!isAddress) {
    for (let dot = domain.indexOf('.'); dot !== -1; dot = domain.indexOf('.', dot + 1)) {
      patterns.push(`*${domain.slice(dot)}`)
    }
  }
  patterns.push('*')
  return patterns
}

/** Whether every domain that the pattern `narrow` covers is covered by `wide`. Of two patterns one lies in the other, or they are apart. */
export function coversDomain(wide: string, narrow: string): boolean {
  if (wide === narrow) return true
  if (!narrow.startsWith('*')) return coveringPatterns(narrow).includes(wide)
  if (wide === '*') return true
  return narrow !== '*' && wide.startsWith('*.') && narrow.endsWith(wide.slice(1))
}
