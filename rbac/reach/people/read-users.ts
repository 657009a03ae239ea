/** A list of who there is and who is in which group: neither stands in a cluster. */
import { parseDocument } from 'yaml'
import { entryOf, isEntry } from '../reading/fields.ts'
import { idOf, type SubjectId, userSubject } from '../subject.ts'

/** Who is said to be in which group. */
export type Memberships = ReadonlyMap<SubjectId, readonly string[]>

export interface KnownPeople {
  readonly memberships: Memberships
  /** Everybody who exists, by name; absent where the list does not say that it is all of them. */
  readonly knownUsers?: ReadonlySet<string>
}

/**
 * A list of `user` and `groups` in YAML or JSON, which is everybody; or `users` with such a list and `complete: false`.
 * Throws a sentence for whatever is not as it should be: a group that is not read would hide what its members reach.
 */
export function readUsers(text: string, path: string): KnownPeople {
  const document = parseDocument(text, { prettyErrors: true })
  const [mistake] = document.errors
  if (mistake !== undefined) throw new Error(`${path}: ${mistake.message}`)
  const value: unknown = document.toJS()
  const { users = value, complete = true, ...more } = Array.isArray(value) ? {} : entryOf(value)
  const [strange] = Array.isArray(value) ? [] : Object.keys(more)
  if (strange !== undefined) throw new Error(`${path}: there is no ${strange}; expected users and complete`)
  if (!Array.isArray(users)) throw new Error(`${path}: expected a list of users, each with user and groups`)
  if (typeof complete !== 'boolean') throw new Error(`${path}: complete is true or false`)
  const memberships = new Map<SubjectId, readonly string[]>()
  for (const [at, one] of users.entries()) {
    const [id, groups] = userIn(one, `${path}: entry ${at + 1}`)
    if (memberships.has(id)) throw new Error(`${path}: ${id} stands twice`)
    memberships.set(id, groups)
  }
  const names = [...memberships.keys()].map(id => id.slice('user:'.length))
  return { memberships, ...(complete && { knownUsers: new Set(names) }) }
}

function userIn(value: unknown, where: string): readonly [SubjectId, readonly string[]] {
  if (!isEntry(value)) throw new Error(`${where}: expected user and groups`)
  const { user, groups = [], ...more } = value
  const [strange] = Object.keys(more)
  if (strange !== undefined) throw new Error(`${where}: there is no ${strange}; expected user and groups`)
  if (typeof user !== 'string' || user === '')
    throw new Error(`${where}: user is no name: text as the API server has it`)
  if (!Array.isArray(groups) || !groups.every(name => typeof name === 'string' && name !== ''))
    throw new Error(`${where}: groups is no list of names`)
  const id = idOf(userSubject(user))
  if (!id.startsWith('user:')) throw new Error(`${where}: a service account is in its own groups, and in no other`)
  return [id, groups]
}

/** Whoever is named by several is in all of these groups. */
export function joined(all: readonly Memberships[]): Memberships {
  const whole = new Map<SubjectId, readonly string[]>()
  for (const [id, groups] of all.flatMap(one => [...one]))
    whole.set(id, [...new Set([...(whole.get(id) ?? []), ...groups])])
  return whole
}

/** Members of a group by name, sorted. */
export const membersOfGroup = (memberships: Memberships, group: string): readonly SubjectId[] =>
  [...memberships].flatMap(([id, groups]) => (groups.includes(group) ? [id] : [])).sort()
