/**
 * The headers that tell the API server who is asking. Pure.
 *
 * The API server reads one group from each line, does not split at commas, and trims. So a value arrives as it is, or
 * the call does not.
 */
import type { Refusal, Subject } from '../gateway-call.ts'
import { refusal } from '../status.ts'

/** Visible ASCII, and spaces within. */
const sendable = /^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/

/** Threat: `system:masters` passes every check of the API server, and `system:` names are its own components'. */
const isReserved = (name: string): boolean => name.toLowerCase().startsWith('system:')

/** Kubernetes' own facts about a caller: which pod, which node. */
const reservedKey = /^(?:[^/]+\.)?(?:kubernetes|k8s)\.io(?:\/|$)/

/** Whether an extra is ever sent: an API server reads its name in lower case. */
export const isSendableKey = (key: string): boolean => key !== '' && key === key.toLowerCase() && !reservedKey.test(key)

/** Characters of a header's name (RFC 9110 section 5.6.2), without `%`, which says that two digits follow. */
const isOfName = /^[!#$&'*+.^_`|~0-9a-z-]$/

/** Of those who are frozen, with all their lists: nobody can have changed them since. */
const remembered = new WeakMap<Subject, readonly string[] | Refusal>()

/** Names and values in turn, or why they cannot be sent. A person calls again and again: 3 % of a call were these lines. */
export function impersonationHeaders(subject: Subject): readonly string[] | Refusal {
  const known = remembered.get(subject)
  if (known !== undefined) return known
  const made = makeHeaders(subject)
  if (isFixed(subject)) remembered.set(subject, Object.freeze(made))
  return made
}

const isFixed = (subject: Subject): boolean =>
  [subject, subject.groups, subject.extra, ...Object.values(subject.extra)].every(part => Object.isFrozen(part))

function makeHeaders(subject: Subject): string[] | Refusal {
  const { user, groups, uid, extra } = subject
  const problem = problemOf(subject)
  if (problem !== undefined) return refusal(403, problem)
  const headers = ['Impersonate-User', user]
  for (const group of groups) headers.push('Impersonate-Group', group)
  if (uid !== undefined) headers.push('Impersonate-Uid', uid)
  for (const [key, values] of Object.entries(extra))
    for (const value of values) headers.push(`Impersonate-Extra-${encodeKey(key)}`, value)
  return headers
}

/** Nothing of the value: who cannot be sent need not be readable either. */
function problemOf({ user, groups, uid, extra }: Subject): string | undefined {
  const values: [string, string][] = [
    ['the name', user],
    ...groups.map((group): [string, string] => ['a group', group]),
    ...(uid === undefined ? [] : [['the uid', uid] as [string, string]]),
    ...Object.entries(extra).flatMap(([key, values]) =>
      values.map((value): [string, string] => [`the extra ${encodeKey(key)}`, value]),
    ),
  ]
  const unsendable = values.find(([, value]) => !sendable.test(value))
  if (unsendable !== undefined)
    return `${unsendable[0]} of this person cannot be told to Kubernetes: only visible ASCII characters can`
  if ([user, ...groups].some(isReserved)) return 'names and groups that begin with system: are never impersonated here'
  const key = Object.keys(extra).find(key => !isSendableKey(key))
  return key === undefined
    ? undefined
    : `the extra ${encodeKey(key)} cannot be sent: its name is reserved or not lower case`
}

/** As client-go does: what cannot stand in a header's name, as the hexadecimal digits of its UTF-8 bytes. */
export function encodeKey(key: string): string {
  let encoded = ''
  for (const character of key) {
    if (isOfName.test(character)) encoded += character
    else for (const byte of new TextEncoder().encode(character)) encoded += `%${byte.toString(16).padStart(2, '0')}`
  }
  return encoded
}
