/**
 * Group names out of a claim (docs/providers/generic.md, "Shapes of groups").
 *
 * Threat: text that is cut where it should not be, or not cut where it should, makes names that no row speaks of, and a
 * deny for the group that was meant does not apply. So what is not clearly a list of names is refused, and text is cut
 * only where the operator has said at what.
 */
import { OperationalError } from '../../errors.ts'
import { shapeOf } from './shape.ts'

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

/** What people and programs put between names, in the scripts that have marks of their own for it too. */
const separators = /[\s,;|、，；｜؛،]/u
/** JSON, or what a program prints of a list, a map or a tuple. */
const printed = /^\s*[[{("'<]/

/** Absent or null is no group. Throws `ERR_LOGIN_CLAIMS_INVALID`, which names the claim and its shape, never a value. */
export function parseGroups(value: unknown, shape: GroupsShape = {}): readonly string[] {
  const { claim = 'groups', prefix = '' } = shape
  const refuse = (received: string, advice = ''): never => {
    throw new OperationalError(
      'ERR_LOGIN_CLAIMS_INVALID',
      `the claim ${claim}: expected a list of names, received ${received}${advice}`,
    )
  }
  const names = listNames(value, shape, refuse).map((name, index) => parseName(name, index, refuse))
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
  if (typeof value !== 'string') return refuse(shapeOf(value))
  if (value === '') return []
  if (printed.test(value))
    return readJsonList(value) ?? refuse('a text that begins like a list or an object and is none')
  if (separator === 'none') return [value]
  if (separator !== undefined) return value.split(separator).map(name => name.trim())
  if (separators.test(value) && !isDistinguishedName(value)) {
    const advice = '; claims.groupsSeparator says at what to cut it, or that it is one name (none)'
    refuse('a text that may be one name or several', advice)
  }
  return [value]
}

/** `"[\"ops\"]"`: some providers put the JSON of a list into a text. */
function readJsonList(text: string): readonly unknown[] | undefined {
  try {
    const list: unknown = JSON.parse(text)
    return Array.isArray(list) ? list : undefined
  } catch {
    return undefined
  }
}

function parseName(name: unknown, index: number, refuse: Refuse): string {
  const item = `as item ${index + 1} of the list`
  if (typeof name !== 'string') return refuse(`${item} ${shapeOf(name)}`)
  // Threat: a list in a list, in disguise.
  if (/^\s*\[/.test(name) && readJsonList(name) !== undefined) return refuse(`${item} a text with a list in it`)
  if (name.length > maxGroupLength) return refuse(`${item} a name of more than ${maxGroupLength} characters`)
  if (unprintable.test(name)) return refuse(`${item} a name with a control character`)
  return name
}

/** What stands at the end of a distinguished name, and nowhere else in it. */
const rootAttributes = new Set(['dc', 'o', 'l', 'st', 'c'])
/** An attribute and its value (RFC 4514 section 3); what separates names stands escaped or not at all. */
const attribute = /^\s*([A-Za-z][A-Za-z0-9-]*|\d+(?:\.\d+)+)\s*=((?:\\.|[^\\=;|"<>])+)$/u

/**
 * `CN=Ops,OU=Groups,DC=corp`: one name in a directory (RFC 4514). Two of them in one text are not one: after its root
 * nothing else begins.
 */
function isDistinguishedName(text: string): boolean {
  const parts = text.match(/(?:\\.|[^\\,])+/gu) ?? []
  if (parts.join(',') !== text) return false
  const names = parts.map(part => attribute.exec(part)?.[1]?.toLowerCase())
  const root = names.findIndex(name => name !== undefined && rootAttributes.has(name))
  if (root < 1) return false
  return names.every((name, index) => name !== undefined && rootAttributes.has(name) === index >= root)
}
