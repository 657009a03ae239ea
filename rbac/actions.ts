/** Which methods, verbs or words a row speaks of (docs/policy.md, "Rows"). */

import { suggestion } from '../spelling/nearest.ts'
import { isApplicationDomain, isKubernetesDomain, questionsDomain, tokensDomain } from './domains.ts'
import { kubernetesVerbs, verbsWithin } from './kubernetes/verbs.ts'
import { ValueError } from './policy-error.ts'
import { isMethod, knownMethods, plainReadMethods, readMethods } from './request/methods.ts'
import { shortened, unknownName } from './unknown-name.ts'

export type ActionMatcher = (action: string) => boolean

const groupsOfMethods = ['read', 'write', '*']
const known: ReadonlySet<string> = new Set(knownMethods)
const verb = /^[a-z]{1,40}$/
/** What is done with a token of ours: it is made, or somebody asks what it is worth. */
export const tokenActions: readonly string[] = ['create', 'introspect']
/**
 * What an application may do with its questions: ask whether somebody may, ask who or what may, say what nobody else has told
 * of whom it asks about, and be told why.
 */
export const questionActions: readonly string[] = ['evaluate', 'search', 'assert', 'explain']
/** A word that an application has for what is done with its objects. */
const word = /^[A-Za-z][A-Za-z0-9_.:-]{0,63}$/
/** Before a method that is in no registry: whoever writes it has not mistyped another one. */
const ownPrefix = 'custom:'
/** Without HEAD, which comes with GET otherwise. */
const onlyGet = 'only:GET'

/**
 * Throws `ValueError`.
 * @param isDeny of resources of a cluster a HEAD is a `get`, of its other URLs it is `head`, which whatever denies `get` denies.
 *   Of a host GET covers HEAD in any row: its answer tells what a GET would (RFC 9110 section 9.3.2), and no more
 * @param words of an application, where they are known
 */
export function parseAction(
  text: string,
  domain: string,
  isDeny: boolean,
  words?: readonly string[] | undefined,
): ActionMatcher {
  if (text === '*') return () => true
  const tokens = text.split('|').map(token => token.trim())
  for (const token of tokens) checkToken(token, domain, words)
  const exact = new Set(namesIn(text, domain))
  if (hasWords(domain)) return action => exact.has(action)
  // Threat: a HEAD tells what a row denies to be got.
  if (isDeny && tokens.includes(onlyGet)) throw new ValueError('what denies GET denies HEAD as well; write GET')
  if (tokens.includes('GET')) exact.add('HEAD')
  if (isDeny && exact.has('get')) exact.add('head')
  if (isKubernetesDomain(domain)) return action => exact.has(action)
  const [read, write] = [tokens.includes('read'), tokens.includes('write')]
  return action => exact.has(action) || (read && readMethods.has(action)) || (write && !plainReadMethods.has(action))
}

/** Where no action is a method: `read` and `GET` are words like any other. */
const hasWords = (domain: string): boolean =>
  isApplicationDomain(domain) || domain === tokensDomain || domain === questionsDomain

/** Methods, verbs and words that an action writes by name. @param domain of its row; default: a host or a cluster */
export function namesIn(action: string, domain = '*'): string[] {
  const tokens = action.split('|').map(token => token.trim())
  if (hasWords(domain)) return tokens.filter(token => token !== '*')
  return tokens
    .filter(token => !groupsOfMethods.includes(token))
    .map(token => (token.startsWith(ownPrefix) ? token.slice(ownPrefix.length) : token))
    .map(name => (name === onlyGet ? 'GET' : name))
}

/** How a row that allows writes these methods and no other; one that denies GET denies HEAD in any case. */
export function writtenMethods(methods: readonly string[], isDeny: boolean): string {
  const isAlone = !isDeny && !methods.includes('HEAD')
  const written = (method: string): string => (known.has(method) ? method : ownPrefix + method)
  return methods.map(method => (isAlone && method === 'GET' ? onlyGet : written(method))).join('|')
}

function checkToken(token: string, domain: string, words: readonly string[] | undefined): void {
  if (token === '*') throw new ValueError('"*" stands alone: it already is every action')
  if (isKubernetesDomain(domain)) {
    checkVerb(token)
  } else if (domain === tokensDomain) {
    if (!tokenActions.includes(token)) throw new ValueError(unknownName('action on tokens', token, tokenActions))
  } else if (domain === questionsDomain) {
    if (!questionActions.includes(token)) throw new ValueError(unknownName('question', token, questionActions))
  } else if (isApplicationDomain(domain)) {
    checkWord(token, domain, words)
  } else if (token === onlyGet) return
  else if (token.startsWith(ownPrefix)) checkOwn(token.slice(ownPrefix.length))
  else if (!known.has(token) && token !== 'read' && token !== 'write') throw new ValueError(unknownMethod(token))
}

/** Threat: `lst` is accepted, and a row that was to deny list denies nothing. */
function checkVerb(token: string): void {
  if (!verb.test(token) || token === 'read' || token === 'write') {
    throw new ValueError('a kube: domain takes verbs joined by "|" (get, list, create …) or "*"')
  }
  if (verbsWithin.has(token)) throw new ValueError(`no call has the verb ${token}: the cluster asks for it by itself`)
  if (!kubernetesVerbs.includes(token)) {
    throw new ValueError(`"${token}" is no verb of an API server${suggestion(token, kubernetesVerbs)}`)
  }
}

/** Threat: `can_raed` is accepted, and a row that was to deny reading denies nothing. */
function checkWord(token: string, domain: string, words: readonly string[] | undefined): void {
  if (!word.test(token)) throw new ValueError('an action of an application is one word, of letters, digits and _ . : -')
  if (words?.includes(token) === false) throw new ValueError(unknownName(`action of ${domain}`, token, words))
}

function checkOwn(method: string): void {
  if (!isMethod(method)) throw new ValueError(`expected ${ownPrefix}<method>, one to twenty of A to Z and dashes`)
  if (known.has(method)) throw new ValueError(`${method} is a known method; write it without "${ownPrefix}"`)
}

/** Threat: `GTE` is accepted, and a row that was to deny GET denies nothing. */
function unknownMethod(token: string): string {
  const meant = suggestion(token, [...knownMethods, ...groupsOfMethods])
  const own = isMethod(token) ? ` (a method of your own is written ${ownPrefix}${token})` : ''
  return `"${shortened(token)}" is no registered method${meant}${own}`
}
