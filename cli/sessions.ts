/** Asks the admin listener about sessions, or for an end to them, and says what it answered. */
import { printable } from '../spelling/printable.ts'
import { type AdminAnswer, callAdmin, strangeAnswer } from './admin/call.ts'
import type { AdminValues } from './admin/option.ts'
import { type AdminPlace, adminPlace } from './admin/place.ts'
import { reportError } from './report-error.ts'
import { isListed, isPage, type ListedSession, listText, sessionText } from './sessions-text.ts'
import { exitCodes, type Terminal } from './terminal.ts'

/** Each of a person's sessions is ended on the disk. `fetch` itself waits for 300 s. */
const endMs = 290_000
/** What one call may ask for. */
const longestPage = 200

export interface SessionsChoice extends AdminValues {
  readonly json?: boolean
}

interface SelectorValues {
  readonly subject?: string
  readonly email?: string
  readonly issuer?: string
  readonly sid?: string
  readonly all?: boolean
}

export interface ListValues extends SessionsChoice, SelectorValues {
  readonly host?: string
  readonly limit: number
  readonly after?: string
}

export interface EndValues extends SessionsChoice, SelectorValues {
  readonly provider?: string
  readonly yes?: boolean
  readonly by?: string
}

/** The command line says not exactly what is wanted. */
export class UsageError extends Error {}

export const listSessions = (values: ListValues, terminal: Terminal): Promise<number> =>
  reporting(terminal, async () => {
    const { json = false, limit } = values
    const admin = adminPlace(values, terminal)
    const { sid, email, ...rest } = selectorOf({ ...selectorsOf(values), host: values.host })
    const query = new URLSearchParams({ ...rest, ...(sid === undefined ? {} : { sid }) })
    const { after } = values
    if (email !== undefined && after !== undefined) throw new UsageError('--email looks at all of them: no --after')
    const page = await (email === undefined
      ? collect(admin, query, { limit, ...(after === undefined ? {} : { after }) })
      : ofAddress(admin, email, { limit, progress: terminal.progress }))
    terminal.write(json ? `${JSON.stringify(page)}\n` : listText(page, terminal.colors))
    return exitCodes.ok
  })

export const showSession = (handle: string, values: SessionsChoice, terminal: Terminal) =>
  reporting(terminal, async () => {
    const { json = false } = values
    const admin = adminPlace(values, terminal)
    const { body } = await ask(admin, `/sessions/${encodeURIComponent(handle)}`)
    if (!isListed(body)) throw new Error('the answer is no session')
    terminal.write(json ? `${JSON.stringify(body)}\n` : sessionText(body))
    return exitCodes.ok
  })

export const endSessions = (handle: string | undefined, values: EndValues, terminal: Terminal): Promise<number> =>
  reporting(terminal, async () => {
    const { json = false, provider, yes = false } = values
    const admin = adminPlace(values, terminal)
    const { sid, all, email, ...rest } = selectorOf({ ...selectorsOf(values), session: handle, provider })
    if ((provider !== undefined || all !== undefined) && !yes) {
      const whose = provider === undefined ? 'everybody' : `everybody who logged in with ${provider}`
      throw new UsageError(`this logs ${whose} out; say --yes if that is meant`)
    }
    const by = values.by ?? userOf(terminal)
    const end = async (selector: object): Promise<Ended> =>
      (await ask(admin, '/sessions/end', { method: 'POST', body: { ...selector, by }, timeoutMs: endMs })).body as Ended
    const selector = { ...rest, ...(sid !== undefined && { providerSession: sid }), ...(all && { all: true }) }
    const ended = await (email === undefined
      ? end(selector)
      : endOfAddress(await ofAddress(admin, email, { progress: terminal.progress }), subject => end({ subject })))
    if (isNothing(ended)) throw new Error(nothingText({ ...rest, email }))
    terminal.write(json ? `${JSON.stringify(ended)}\n` : endText(ended, terminal))
    return exitCodes.ok
  })

/** What the service says to an end. */
interface Ended {
  readonly ended?: number
  readonly cut?: string
  readonly provider?: string
  readonly passwords?: number
  /** Whose, where somebody was named by an address. */
  readonly subjects?: readonly string[]
}

const isNothing = ({ cut, ended = 0, passwords = 0 }: Ended): boolean => cut === undefined && ended + passwords === 0

/**
 * Whoever ends the sessions of somebody who has none, under that name, believes that somebody is out.
 */
function nothingText({ subject, email }: Given): string {
  const hint =
    'nothing has been ended. A person is <issuer>#<sub>: `sallyport sessions list --all` shows who is logged in'
  if (email !== undefined) return `nobody who is logged in has the address ${email}: ${hint}`
  return subject === undefined ? hint : `no session is of ${subject}: ${hint}`
}

/** An address is no identity: each subject that has it is ended by its own name. */
async function endOfAddress({ sessions }: Page, end: (subject: string) => Promise<Ended>): Promise<Ended> {
  const subjects = [...new Set(sessions.map(({ subject }) => subject))]
  const sum = { ended: 0, passwords: 0, subjects }
  for (const subject of subjects) {
    const { ended = 0, passwords = 0 } = await end(subject)
    sum.ended += ended
    sum.passwords += passwords
  }
  return sum
}

type Given = Readonly<Record<string, string | undefined>>

/** A pair counts as one. */
const selectorsOf = ({ subject, email, issuer, sid, all }: SelectorValues): Given => ({
  subject,
  email,
  issuer,
  sid,
  all: all === true ? 'true' : undefined,
})

function selectorOf(given: Given): Readonly<Record<string, string>> {
  const named = Object.entries(given).flatMap(([name, value]) => (value === undefined ? [] : [[name, value] as const]))
  const names = named.map(([name]) => name)
  const isPair = names.length === 2 && names.includes('issuer') && names.includes('sid')
  const isHalf = names.length === 1 && (names.includes('issuer') || names.includes('sid'))
  if ((names.length === 1 && !isHalf) || isPair) return Object.fromEntries(named)
  const offered = Object.keys(given).map(name => (name === 'session' ? '<handle>' : `--${name}`))
  throw new UsageError(`say which sessions, with exactly one of ${offered.join(', ')} (--issuer and --sid together)`)
}

interface Page {
  readonly sessions: readonly ListedSession[]
  readonly next?: string
}

interface Extent {
  readonly limit: number
  readonly after?: string
}

/** There is no index of addresses, so all sessions are looked at. Capitals do not count in an address. */
async function ofAddress(
  admin: AdminPlace,
  email: string,
  { limit = Number.POSITIVE_INFINITY, progress }: { readonly limit?: number; readonly progress: Terminal['progress'] },
): Promise<Page> {
  const found: ListedSession[] = []
  let looked = 0
  let after: string | undefined
  do {
    const query = new URLSearchParams({ all: 'true' })
    const page = await collect(admin, query, { limit: longestPage, ...(after === undefined ? {} : { after }) })
    looked += page.sessions.length
    progress(() => `looked at ${looked} sessions`)
    found.push(...page.sessions.filter(one => one.email?.toLowerCase() === email.toLowerCase()))
    after = page.next
  } while (after !== undefined && found.length < limit)
  return { sessions: found.slice(0, limit) }
}

/** A page may have fewer sessions than it was asked for and not be the last. */
async function collect(admin: AdminPlace, query: URLSearchParams, { limit, after: first }: Extent): Promise<Page> {
  const sessions: ListedSession[] = []
  let after = first
  do {
    query.set('limit', String(Math.min(longestPage, limit - sessions.length)))
    if (after !== undefined) query.set('after', after)
    const { body } = await ask(admin, `/sessions?${query}`)
    if (!isPage(body)) throw new Error('the answer is no list of sessions')
    sessions.push(...body.sessions)
    after = body.next
  } while (after !== undefined && sessions.length < limit)
  return { sessions, ...(after === undefined ? {} : { next: after }) }
}

export async function ask(...call: Parameters<typeof callAdmin>): Promise<AdminAnswer> {
  const answer = await callAdmin(...call)
  if (answer.status === 200) return answer
  if (answer.status === 400) throw new UsageError(reasonOf(answer))
  if (answer.status === 404 && reasonOf(answer) !== '') throw new Error(reasonOf(answer))
  throw strangeAnswer(answer)
}

const reasonOf = ({ body }: AdminAnswer): string =>
  typeof body === 'object' && body !== null && 'error' in body ? String(body.error) : ''

function endText({ ended, cut, provider, passwords = 0, subjects }: Ended, { colors }: Terminal): string {
  if (cut !== undefined) {
    const whose = provider === undefined ? 'every session' : `every session of ${provider}`
    return `${colors.green('ended')}: ${whose} that there was\n`
  }
  const further = passwords === 0 ? '' : `, and ${passwords} application ${passwords === 1 ? 'password' : 'passwords'}`
  const whose = subjects === undefined ? '' : ` of ${subjects.map(printable).join(', ')}`
  return `${colors.green('ended')}: ${ended} ${ended === 1 ? 'session' : 'sessions'}${further}${whose}\n`
}

/** Who is at the keyboard, as far as the shell says; only a note for the audit log. */
export const userOf = ({ env }: Terminal): string => env.SUDO_USER || env.USER || env.LOGNAME || 'admin'

export async function reporting(terminal: Terminal, run: () => Promise<number>): Promise<number> {
  try {
    return await run()
  } catch (error) {
    if (!(error instanceof UsageError)) return reportError(error, terminal)
    terminal.writeError(`${terminal.colors.red('error')}: ${error.message}\n`)
    return exitCodes.usage
  }
}
