/** Group names out of a claim: an array of strings, or one string with commas. Anything else is refused. */
import { OperationalError } from '../errors.ts'

const MAX_GROUPS = 1000
const MAX_GROUP_LENGTH = 256

/** Control characters and line separators end up in headers and logs; a lone surrogate has no UTF-8 form. */
const unprintable = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}]/u

/**
 * Absent or null is no group. A string is never split at spaces: `Domain Admins` is one group, not `Domain` and
 * `Admins`. The prefix goes in front of every name, whatever it begins with. Throws `ERR_LOGIN_CLAIMS_INVALID`.
 */
export function parseGroups(value: unknown, prefix = ''): readonly string[] {
  const names = listNames(value)
  if (names.length > MAX_GROUPS) throw invalid(`more than ${MAX_GROUPS} groups`)
  const groups = names.map(parseGroup).filter(name => name !== '')
  return [...new Set(groups)].map(name => `${prefix}${name}`)
}

function listNames(value: unknown): readonly unknown[] {
  if (value === undefined || value === null) return []
  if (Array.isArray(value)) return value
  if (typeof value === 'string') return value.split(',').map(name => name.trim())
  throw invalid('the groups are neither a list nor a text')
}

function parseGroup(name: unknown): string {
  if (typeof name !== 'string') throw invalid('a group is not a text')
  if (name.length > MAX_GROUP_LENGTH) throw invalid(`a group has more than ${MAX_GROUP_LENGTH} characters`)
  if (unprintable.test(name)) throw invalid('a group holds a control character')
  return name
}

const invalid = (detail: string) => new OperationalError('ERR_LOGIN_CLAIMS_INVALID', detail)
