/** Sessions as a person reads them. Everything in them is somebody else's text. */

import { printable } from '../spelling/printable.ts'
import { formatTable } from './policy/answer.ts'
import type { Terminal } from './terminal.ts'

/** As the admin listener gives it; moments are ISO 8601. */
export interface ListedSession {
  readonly handle: string
  readonly subject: string
  readonly provider: string
  readonly providerSession?: string
  readonly email?: string
  readonly name?: string
  readonly startedAt: string
  readonly idleUntil: string
  readonly endsAt: string
  readonly clientAddress?: string
  readonly userAgent?: string
  readonly hosts: readonly { readonly host: string; readonly since: string }[]
}

interface Page {
  readonly sessions: readonly ListedSession[]
  readonly next?: string
}

export const isListed = (value: unknown): value is ListedSession =>
  typeof value === 'object' && value !== null && 'handle' in value && 'hosts' in value && Array.isArray(value.hosts)

export const isPage = (value: unknown): value is Page =>
  typeof value === 'object' &&
  value !== null &&
  'sessions' in value &&
  Array.isArray(value.sessions) &&
  value.sessions.every(isListed)

/** Of more hosts only their number fits on a line. */
const hostsInList = 2

export function listText({ sessions, next }: Page, colors: Terminal['colors']): string {
  if (sessions.length === 0 && next === undefined) return 'no session\n'
  const rows = sessions.map(({ handle, email, name, subject, startedAt, idleUntil, clientAddress = '-', hosts }) =>
    [handle, email ?? name ?? subject, minuteOf(startedAt), minuteOf(idleUntil), clientAddress, hostsText(hosts)].map(
      printable,
    ),
  )
  const head = ['handle', 'who', 'since', 'idle until', 'from', 'hosts']
  const table = formatTable([head, ...rows], (cell, _column, row) => (row === 0 ? colors.dim(cell) : cell))
  return next === undefined ? table : `${table}more: --after ${printable(next)}\n`
}

export function sessionText(session: ListedSession): string {
  const { hosts, ...rest } = session
  const lines: readonly (readonly [string, string | undefined])[] = [
    ['handle', rest.handle],
    ['subject', rest.subject],
    ['email', rest.email],
    ['name', rest.name],
    ['provider', rest.provider],
    ['provider session', rest.providerSession],
    ['since', rest.startedAt],
    ['idle until', rest.idleUntil],
    ['ends at', rest.endsAt],
    ['from', rest.clientAddress],
    ['browser', rest.userAgent],
    ...hosts.map(({ host, since }) => ['host', `${host} since ${since}`] as const),
  ]
  return formatTable(lines.flatMap(([name, value]) => (value === undefined ? [] : [[name, printable(value)]])))
}

function hostsText(hosts: ListedSession['hosts']): string {
  const names = hosts.slice(-hostsInList).map(({ host }) => host)
  const further = hosts.length - names.length
  return [...names, ...(further > 0 ? [`+${further}`] : [])].join(' ') || '-'
}

const minuteOf = (moment: string): string => `${moment.slice(0, 16).replace('T', ' ')}Z`
