/** Asks the admin listener about sessions, or for an end to them, and says what it answered. */
import { type AdminAnswer, callAdmin, strangeAnswer } from './admin-call.ts'
import { reportError } from './report-error.ts'
import { isListed, isPage, type ListedSession, listText, sessionText } from './sessions-text.ts'
import { exitCodes, type Terminal } from './terminal.ts'

/** Each of a person's sessions is ended on the disk. `fetch` itself waits for 300 s. */
const endMs = 290_000
/** What one call may ask for. */
const longestPage = 200

export interface SessionsChoice {
  /** Address of the admin listener. */
  readonly admin: string
  readonly json?: boolean
}

interface SelectorValues {
  readonly subject?: string
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
    const { admin, json = false, limit } = values
    const selector = selectorOf({ ...selectorsOf(values), host: values.host })
    const { sid, ...rest } = selector
    const query = new URLSearchParams({ ...rest, ...(sid === undefined ? {} : { sid }) })
    const page = await collect(admin, query, limit, values.after)
    terminal.write(json ? `${JSON.stringify(page)}\n` : listText(page, terminal.colors))
    return exitCodes.ok
  })

export const showSession = (handle: string, { admin, json = false }: SessionsChoice, terminal: Terminal) =>
  reporting(terminal, async () => {
    const { body } = await ask(admin, `/sessions/${encodeURIComponent(handle)}`)
    if (!isListed(body)) throw new Error('the answer is no session')
    terminal.write(json ? `${JSON.stringify(body)}\n` : sessionText(body))
    return exitCodes.ok
  })

export const endSessions = (handle: string | undefined, values: EndValues, terminal: Terminal): Promise<number> =>
  reporting(terminal, async () => {
    const { admin, json = false, provider, yes = false } = values
    const { sid, all, ...rest } = selectorOf({ ...selectorsOf(values), session: handle, provider })
    if ((provider !== undefined || all !== undefined) && !yes) {
      const whose = provider === undefined ? 'everybody' : `everybody who logged in with ${provider}`
      throw new UsageError(`this logs ${whose} out; say --yes if that is meant`)
    }
    const selector = { ...rest, ...(sid !== undefined && { providerSession: sid }), ...(all && { all: true }) }
    const body = { ...selector, by: values.by ?? userOf(terminal) }
    const answer = await ask(admin, '/sessions/end', { method: 'POST', body, timeoutMs: endMs })
    terminal.write(json ? `${JSON.stringify(answer.body)}\n` : endText(answer, terminal))
    return exitCodes.ok
  })

type Given = Readonly<Record<string, string | undefined>>

/** A pair counts as one. */
const selectorsOf = ({ subject, issuer, sid, all }: SelectorValues): Given => ({
  subject,
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

/** A page may have fewer sessions than it was asked for and not be the last. */
async function collect(admin: string, query: URLSearchParams, limit: number, first: string | undefined): Promise<Page> {
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

function endText({ body }: AdminAnswer, { colors }: Terminal): string {
  const {
    ended,
    cut,
    provider,
    passwords = 0,
  } = body as {
    readonly ended?: number
    readonly cut?: string
    readonly provider?: string
    readonly passwords?: number
  }
  if (cut !== undefined) {
    const whose = provider === undefined ? 'every session' : `every session of ${provider}`
    return `${colors.green('ended')}: ${whose} that there was\n`
  }
  const further = passwords === 0 ? '' : `, and ${passwords} application ${passwords === 1 ? 'password' : 'passwords'}`
  return `${colors.green('ended')}: ${ended} ${ended === 1 ? 'session' : 'sessions'}${further}\n`
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
