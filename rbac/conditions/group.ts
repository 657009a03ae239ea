/**
 * `group: [ops, corp/dev]`: whoever asks is in one of the groups, named as in the subject of a row. With a row for one group
 * and this for another, somebody has to be in both. Unknown for nobody, and for whose groups are not told.
 */
import type { Identity } from '../identity.ts'
import { ValueError } from '../policy-error.ts'
import { groupNames, parseSubject } from '../subjects.ts'
import { parseTexts } from './arguments.ts'
import type { Criterion, Truth } from './condition.ts'

export function group(value: unknown): Criterion {
  const listed = parseTexts(value, 'groups')
  if (listed.some(name => name !== name.trim())) throw new ValueError('a name of a group starts or ends with a space')
  const subjects = listed.map(name => parseSubject(`group:${name}`))
  return { type: 'group', subjects, test: ({ identity }) => isMember(identity, subjects) }
}

function isMember(identity: Identity, subjects: readonly string[]): Truth {
  if (identity.kind === 'anonymous') return undefined
  if (groupNames(identity).some(name => subjects.includes(name))) return true
  return identity.kind === 'user' && identity.untold?.includes('groups') === true ? undefined : false
}
