/**
 * Group names out of a claim (docs/providers/generic.md, "Shapes of groups").
 *
 * Threat: text that is cut where it should not be, or not cut where it should, makes names that no row speaks of, and a
 * deny for the group that was meant does not apply. So what is not clearly a list of names is refused, and text is cut
 * only where the operator has said at what.
 */
import { OperationalError } from '../errors.ts'

export interface GroupsShape {
  /** Of the claim, for the log. Default `groups`. */
  readonly claim?: string
  /** Put in front of every name, whatever it begins with. Default none. */
  readonly prefix?: string
  /** At what a text is cut; `none`: a text is one name, whatever it holds. Absent: a text has to be clearly one name. */
  readonly separator?: string
}

/** Of all names together, in UTF-8: what a session and a check can carry. */
export const maxGroupsBytes = 32 * 1024
const maxGroupLength = 256

/** Control characters and line separators end up in headers and logs; a lone surrogate has no UTF-8 form. */
const unprintable = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}]/u

/** `CN=Domain Admins,OU=Groups,DC=corp` (RFC 4514): each part between commas names an attribute. */
const distinguishedName = /^[A-Za-z][\w.-]*=[^,=;|]+(?:,\s*[A-Za-z][\w.-]*=[^,=;|]+)*$/

/** Absent or null is no group. Throws `ERR_LOGIN_CLAIMS_INVALID`, which names the claim and its shape, never a value. */
export function parseGroups(value: unknown, shape: GroupsShape = {}): readonly string[] {
  const { claim = 'groups', prefix = '' } = shape
  const refuse = (received: string, advice = ''): never => {
    throw new OperationalError(
      'ERR_LOGIN_CLAIMS_INVALID',
      `the claim ${claim}: expected a list of names, received ${received}${advice}`,
    )
  }
  const names = listNames(value, shape, refuse).map(name => parseName(name, refuse))
  const groups = [...new Set(names.filter(name => name !== ''))]
  const bytes = groups.reduce((sum, name) => sum + Buffer.byteLength(name), 0)
  if (bytes > maxGroupsBytes) {
    const advice = '; have the provider send only the groups that matter here'
    refuse(`${groups.length} names of ${bytes} bytes, more than ${maxGroupsBytes}`, advice)
  }
  return groups.map(name => `${prefix}${name}`)
}

type Refuse = (received: string, advice?: string) => never

function listNames(value: unknown, { separator }: GroupsShape, refuse: Refuse): readonly unknown[] {
  if (value === undefined || value === null) return []
  if (Array.isArray(value)) return value
  if (typeof value !== 'string') return refuse(typeof value === 'object' ? 'an object' : `a ${typeof value}`)
  if (value === '') return []
  if (/^\s*[[{]/.test(value)) return listInText(value, refuse)
  if (separator === 'none') return [value]
  if (separator !== undefined) return value.split(separator).map(name => name.trim())
  if (/[\s,;|]/.test(value) && !distinguishedName.test(value)) {
    const advice = '; claims.groupsSeparator says at what to cut it, or that it is one name (none)'
    refuse('a text that may be one name or several', advice)
  }
  return [value]
}

/** `"[\"ops\"]"`: some providers put the JSON of a list into a text. */
function listInText(text: string, refuse: Refuse): readonly unknown[] {
  const shape = 'a text that begins like JSON and is no list'
  try {
    const list: unknown = JSON.parse(text)
    return Array.isArray(list) ? list : refuse(shape)
  } catch (error) {
    return error instanceof SyntaxError ? refuse(shape) : raise(error)
  }
}

function raise(error: unknown): never {
  throw error
}

function parseName(name: unknown, refuse: Refuse): string {
  if (typeof name !== 'string') {
    const shape = name === null ? 'null' : Array.isArray(name) ? 'a list' : typeof name
    return refuse(`a list with ${shape === 'object' ? 'an object' : shape} in it`)
  }
  if (name.length > maxGroupLength) refuse(`a name of more than ${maxGroupLength} characters`)
  if (unprintable.test(name)) refuse('a name with a control character')
  return name
}
