/**
 * Whom a caller wants to be, as `kubectl --as` says it. Pure.
 *
 * Threat: a caller who asks to be somebody with fewer rights and runs with their own, because a header was not
 * understood. What cannot be read is refused, never dropped.
 */
import type { Refusal, Subject } from '../gateway-call.ts'
import { nameAs } from '../passing/header-names.ts'
import { refusal } from '../status.ts'

const prefix = 'impersonate-'
const extraPrefix = 'impersonate-extra-'

interface Asked {
  readonly users: string[]
  readonly groups: string[]
  readonly uids: string[]
  readonly extra: Map<string, string[]>
}

/** `undefined`: nobody else than themselves. */
export function readImpersonation(rawHeaders: readonly string[]): Subject | Refusal | undefined {
  const asked: Asked = { users: [], groups: [], uids: [], extra: new Map() }
  let isAsked = false
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index] as string
    if (!nameAs(name).startsWith(prefix)) continue
    isAsked = true
    if (!enter(asked, name.toLowerCase(), rawHeaders[index + 1] as string))
      return refusal(400, 'a header that begins with Impersonate- is none that is known')
  }
  return isAsked ? subjectOf(asked) : undefined
}

/** Whether the header is known. */
function enter(asked: Asked, name: string, value: string): boolean {
  if (name === 'impersonate-user') asked.users.push(value)
  else if (name === 'impersonate-group') asked.groups.push(value)
  else if (name === 'impersonate-uid') asked.uids.push(value)
  else if (name.startsWith(extraPrefix)) return enterExtra(asked, name.slice(extraPrefix.length), value)
  else return false
  return true
}

function enterExtra({ extra }: Asked, encoded: string, value: string): boolean {
  const key = decoded(encoded)
  if (key === undefined || key === '') return false
  extra.set(key, [...(extra.get(key) ?? []), value])
  return true
}

function decoded(key: string): string | undefined {
  try {
    return decodeURIComponent(key).toLowerCase()
  } catch {
    return undefined
  }
}

function subjectOf({ users, groups, uids, extra }: Asked): Subject | Refusal {
  const [user] = users
  const [uid] = uids
  if (users.length > 1 || uids.length > 1)
    return refusal(400, 'Impersonate-User and Impersonate-Uid can come once each')
  if (user === undefined || user === '') return refusal(400, 'who is to be impersonated is missing: Impersonate-User')
  return { user, groups, extra: Object.fromEntries(extra), ...(uid !== undefined && { uid }) }
}
