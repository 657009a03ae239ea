/** Asks the admin listener about application passwords, or for an end to them, and says what it answered. */

import { printable } from '../../spelling/printable.ts'
import { type AdminPlace, adminPlace } from '../admin/place.ts'
import { formatTable } from '../policy/answer.ts'
import { ask, reporting, type SessionsChoice, UsageError, userOf } from '../sessions.ts'
import { exitCodes, type Terminal } from '../terminal.ts'

export interface ListValues extends SessionsChoice {
  readonly subject?: string
  readonly all?: boolean
  readonly limit: number
  readonly after?: string
}

export interface RevokeValues extends SessionsChoice {
  readonly subject?: string
  readonly by?: string
}

/** As the admin listener gives it; moments are ISO 8601. */
interface ListedPassword {
  readonly handle: string
  readonly subject: string
  readonly name: string
  readonly hosts: readonly string[]
  readonly expiresAt: string
  readonly lastUsedAt?: string
  readonly lastUsedFrom?: string
}

interface Page {
  readonly passwords: readonly ListedPassword[]
  readonly next?: string
  /** Of a person: there may be others, which only an end of all reaches. */
  readonly hasMore?: boolean
  /** Why none of them lets anybody in. */
  readonly note?: string
}

/** What one call may ask for. */
const longestPage = 200

export const listPasswords = (values: ListValues, terminal: Terminal): Promise<number> =>
  reporting(terminal, async () => {
    const { json = false, subject, all = false } = values
    const admin = adminPlace(values, terminal)
    if ((subject === undefined) !== all) throw new UsageError('say whose, with exactly one of --subject, --all')
    const page =
      subject === undefined ? await collect(admin, values) : await readPage(admin, new URLSearchParams({ subject }))
    terminal.write(json ? `${JSON.stringify(page)}\n` : listText(page, terminal.colors))
    if (!json) tellNote(page, terminal)
    return exitCodes.ok
  })

export const revokePasswords = (handle: string | undefined, values: RevokeValues, terminal: Terminal) =>
  reporting(terminal, async () => {
    const { json = false, subject } = values
    const admin = adminPlace(values, terminal)
    if ((subject === undefined) === (handle === undefined)) {
      throw new UsageError('say which passwords, with exactly one of <handle>, --subject')
    }
    const selector = handle === undefined ? { subject } : { password: handle }
    const body = { ...selector, by: values.by ?? userOf(terminal) }
    const answer = await ask(admin, '/passwords/revoke', { method: 'POST', body })
    const { revoked, ...rest } = answer.body as { readonly revoked?: unknown; readonly note?: string }
    const text = `${terminal.colors.green('revoked')}: ${revoked} ${revoked === 1 ? 'password' : 'passwords'}\n`
    terminal.write(json ? `${JSON.stringify(answer.body)}\n` : text)
    if (!json) tellNote(rest, terminal)
    return exitCodes.ok
  })

const tellNote = ({ note }: Pick<Page, 'note'>, { colors, writeError }: Terminal): void => {
  if (typeof note === 'string') writeError(`${colors.yellow('note')}: ${printable(note)}\n`)
}

/** A page may have fewer passwords than it was asked for and not be the last. */
async function collect(admin: AdminPlace, { limit, after: first }: ListValues): Promise<Page> {
  const passwords: ListedPassword[] = []
  let after = first
  let note: string | undefined
  do {
    const size = String(Math.min(longestPage, limit - passwords.length))
    const query = new URLSearchParams({ all: 'true', limit: size, ...(after !== undefined && { after }) })
    const page = await readPage(admin, query)
    passwords.push(...page.passwords)
    after = page.next
    note = page.note
  } while (after !== undefined && passwords.length < limit)
  return { passwords, ...(after !== undefined && { next: after }), ...(note !== undefined && { note }) }
}

async function readPage(admin: AdminPlace, query: URLSearchParams): Promise<Page> {
  const { body } = await ask(admin, `/passwords?${query}`)
  if (typeof body === 'object' && body !== null && 'passwords' in body && Array.isArray(body.passwords)) {
    return body as Page
  }
  throw new Error('the answer is no list of passwords')
}

/** Everything in them is somebody else's text. */
function listText(page: Page, colors: Terminal['colors']): string {
  const more = page.hasMore === true ? 'there may be more than this list shows: revoke all with --subject\n' : ''
  return tableText(page, colors) + more
}

function tableText({ passwords, next, hasMore = false }: Page, colors: Terminal['colors']): string {
  if (passwords.length === 0 && next === undefined) return hasMore ? '' : 'no password\n'
  const rows = passwords.map(({ handle, subject, name, hosts, expiresAt, lastUsedAt, lastUsedFrom = '-' }) =>
    [handle, subject, name, hosts.join(' '), minuteOf(expiresAt), minuteOf(lastUsedAt), lastUsedFrom].map(printable),
  )
  const head = ['handle', 'who', 'name', 'hosts', 'ends', 'last used', 'from']
  const table = formatTable([head, ...rows], (cell, _column, row) => (row === 0 ? colors.dim(cell) : cell))
  return next === undefined ? table : `${table}more: --after ${printable(next)}\n`
}

const minuteOf = (moment: string | undefined): string =>
  moment === undefined ? 'never' : `${moment.slice(0, 16).replace('T', ' ')}Z`
