/** Which methods or verbs a row speaks of (docs/policy.md, "Rows"). */
import { isKubernetesDomain } from './domains.ts'
import { unknownName } from './nearest.ts'
import { ValueError } from './policy-error.ts'

export type ActionMatcher = (action: string) => boolean

const readMethods: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS'])
const knownMethods = ['GET', 'HEAD', 'OPTIONS', 'POST', 'PUT', 'PATCH', 'DELETE', 'read', 'write', '*']
const method = /^[A-Z]{1,20}$/
const verb = /^[a-z]{1,40}$/

/**
 * Throws `ValueError`.
 * @param isDeny a HEAD answer tells what a GET would (RFC 9110 section 9.3.2), so a row that denies GET denies HEAD
 */
export function parseAction(text: string, domain: string, isDeny: boolean): ActionMatcher {
  if (text === '*') return () => true
  const tokens = text.split('|').map(token => token.trim())
  for (const token of tokens) checkToken(token, domain)
  const exact = new Set(tokens.filter(token => isKubernetesDomain(domain) || method.test(token)))
  if (isDeny && exact.has('GET')) exact.add('HEAD')
  const [read, write] = isKubernetesDomain(domain)
    ? [false, false]
    : [tokens.includes('read'), tokens.includes('write')]
  return action => exact.has(action) || (readMethods.has(action) ? read : write)
}

function checkToken(token: string, domain: string): void {
  if (token === '*') throw new ValueError('"*" stands alone: it already is every action')
  if (isKubernetesDomain(domain)) {
    if (!verb.test(token) || token === 'read' || token === 'write') {
      throw new ValueError('a kube: domain takes verbs joined by "|" (get, list, create …) or "*"')
    }
  } else if (!method.test(token) && token !== 'read' && token !== 'write') {
    throw new ValueError(unknownName('action', token, knownMethods))
  }
}
