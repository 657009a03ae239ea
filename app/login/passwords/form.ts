/** Reads the form in which a person says what a new application password is for. */
import { OperationalError } from '../../errors.ts'

export interface PasswordWish {
  readonly name: string
  /** Canonical names, each once; at least one. */
  readonly hosts: readonly string[]
  readonly days: number
}

const longestName = 64
const mostHosts = 50
const hostName = /^(?=.{1,253}$)(?!.*\.\.)[a-z0-9_](?:[a-z0-9._-]*[a-z0-9])?$/

/** Throws `ERR_PASSWORD_UNMADE` for what no form of ours sends. */
export function readForm(body: unknown, mostDays: number): PasswordWish {
  const { name, host, days } = (body ?? {}) as Readonly<Record<string, unknown>>
  return { name: nameIn(name), hosts: hostsIn(host), days: daysIn(days, mostDays) }
}

/** Threat: a name that reads as another one, or as none, in the list in which somebody looks for what is not theirs. */
const unreadable = /[\p{C}\p{Zl}\p{Zp}\p{Bidi_Control}]/u
/** What may stand within a name, and alone is nothing to see. */
const unseen = /[\p{Z}\p{M}\p{Default_Ignorable_Code_Point}\u2800]/gu

function nameIn(value: unknown): string {
  const name = typeof value === 'string' ? value.trim() : ''
  if (name.replace(unseen, '') === '' || name.length > longestName || unreadable.test(name)) {
    throw unmade(`a name has 1 to ${longestName} characters that can be seen`)
  }
  return name
}

/** One field or several; the one that is typed may be empty. */
function hostsIn(value: unknown): readonly string[] {
  const given = (Array.isArray(value) ? value : [value]).filter(one => one !== undefined && one !== '')
  const hosts = new Set(given.map(one => (typeof one === 'string' ? one.trim().toLowerCase() : '')))
  if (hosts.size === 0 || hosts.size > mostHosts) throw unmade(`a password is for 1 to ${mostHosts} hosts`)
  if (![...hosts].every(host => hostName.test(host))) throw unmade('a host is no host name')
  return [...hosts]
}

function daysIn(value: unknown, most: number): number {
  const days = typeof value === 'string' && /^\d{1,4}$/.test(value) ? Number(value) : 0
  if (days < 1 || days > most) throw unmade(`a password lasts 1 to ${most} days`)
  return days
}

const unmade = (detail: string): OperationalError => new OperationalError('ERR_PASSWORD_UNMADE', detail)
