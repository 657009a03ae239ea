/**
 * On the admin listener `GET /sessions`, `GET /sessions/<handle>` and `POST /sessions/end`: who is logged in, and an end
 * to it; `GET /passwords` and `POST /passwords/revoke`: the same for application passwords.
 *
 * Threat: a call that was meant for one person and ends everybody, or lists them. So each says exactly one thing that it
 * wants; a name that is not known, is there twice or has no value is 400, and never means all.
 */
import { json, type RequestHandler, type Response, Router } from 'express'
import type { SessionFilter } from '../sessions/session-index.ts'
import type { PasswordFilter } from './password-answers.ts'
import type { AnswerSessions, SessionSelector, SessionsAnswer } from './session-answers.ts'
import { forThisMachineOnly } from './this-machine.ts'

export interface SessionRoutesOptions {
  readonly sessions: AnswerSessions
  /** What keeps web pages away. */
  readonly guard: RequestHandler
  readonly onError: (error: unknown) => void
}

const usualLimit = 50
const mostOnOnePage = 200
const longestText = 2048
const longestBy = 100

export function createSessionRoutes({ sessions, guard, onError }: SessionRoutesOptions): Router {
  const router = Router()
  const local = forThisMachineOnly('sessions are shown to this machine only')
  const answering = (response: Response, answer: () => Promise<SessionsAnswer>): Promise<void> =>
    answer()
      .catch((error: unknown): SessionsAnswer => {
        if (error instanceof UnreadableCall) return { status: 400, body: { error: error.message } }
        onError(error)
        return { status: 500, body: { error: 'it failed; the log says why' } }
      })
      .then(({ status, body }) => {
        response.status(status).set('Cache-Control', 'no-store').json(body)
      })
  router.get('/sessions', guard, local, (request, response) =>
    answering(response, async () => sessions({ kind: 'list', ...readList(request.query) })),
  )
  router.get('/sessions/:handle', guard, local, (request, response) =>
    answering(response, async () => sessions({ kind: 'show', handle: readHandle(request.params.handle) })),
  )
  router.post('/sessions/end', guard, local, json({ limit: '8kb' }), (request, response) =>
    answering(response, async () => sessions({ kind: 'end', ...readEnd(request.body) })),
  )
  router.get('/passwords', guard, local, (request, response) =>
    answering(response, async () => sessions({ kind: 'list-passwords', of: readPasswords(request.query) })),
  )
  router.post('/passwords/revoke', guard, local, json({ limit: '8kb' }), (request, response) =>
    answering(response, async () => sessions({ kind: 'revoke-passwords', ...readRevoke(request.body) })),
  )
  return router
}

/** The caller's mistake, in words for the caller. */
class UnreadableCall extends Error {}

type Fields = Readonly<Record<string, unknown>>

/** The names of each thing that can be wanted, one of which has to be there, with nothing else but `further` ones. */
function chosenOf(fields: Fields, choices: readonly (readonly string[])[], further: readonly string[]): string {
  const given = Object.keys(fields).filter(name => !further.includes(name))
  const wanted = choices.find(names => names.length === given.length && names.every(name => given.includes(name)))
  if (wanted !== undefined) return wanted.join('+')
  const offered = choices.map(names => names.join(' and '))
  throw new UnreadableCall(`expected exactly one of: ${offered.join('; ')}`)
}

function readList(query: Fields) {
  const chosen = chosenOf(query, [['subject'], ['host'], ['issuer', 'sid'], ['all']], ['after', 'limit'])
  const after = query.after === undefined ? {} : { after: textOf(query, 'after') }
  return { filter: filterOf(chosen, query), ...after, limit: limitOf(query) }
}

function filterOf(chosen: string, query: Fields): SessionFilter {
  if (chosen === 'subject') return { subject: textOf(query, 'subject') }
  if (chosen === 'host') return { host: textOf(query, 'host').toLowerCase() }
  if (chosen === 'issuer+sid') return { issuer: textOf(query, 'issuer'), providerSession: textOf(query, 'sid') }
  if (query.all !== 'true') throw new UnreadableCall('expected all=true')
  return { all: true }
}

function fieldsOf(body: unknown): Fields {
  if (typeof body === 'object' && body !== null && !Array.isArray(body)) return body as Fields
  throw new UnreadableCall('expected a JSON object')
}

function readPasswords(query: Fields): PasswordFilter {
  const chosen = chosenOf(query, [['subject'], ['all']], ['after', 'limit'])
  if (chosen === 'subject') return { subject: textOf(query, 'subject') }
  if (query.all !== 'true') throw new UnreadableCall('expected all=true')
  const after = query.after === undefined ? {} : { after: textOf(query, 'after') }
  return { all: true, ...after, limit: limitOf(query) }
}

function readRevoke(body: unknown) {
  const fields = fieldsOf(body)
  const chosen = chosenOf(fields, [['password'], ['subject']], ['by'])
  const { password } = fields
  if (chosen === 'password' && !(typeof password === 'string' && /^[a-z2-7]{16}$/.test(password))) {
    throw new UnreadableCall('a password is named by its handle, the 16 characters that lists and audit events show')
  }
  const selector = chosen === 'subject' ? { subject: textOf(fields, 'subject') } : { password: String(password) }
  return { selector, by: byOf(fields) }
}

function readEnd(body: unknown) {
  const fields = fieldsOf(body)
  const choices = [['session'], ['subject'], ['issuer', 'providerSession'], ['provider'], ['all']]
  const selector = selectorOf(chosenOf(fields, choices, ['by']), fields)
  return { selector, by: byOf(fields) }
}

const byOf = (fields: Fields): string => (fields.by === undefined ? 'admin' : textOf(fields, 'by', longestBy))

function selectorOf(chosen: string, fields: Fields): SessionSelector {
  if (chosen === 'session') return { session: readHandle(fields.session) }
  if (chosen === 'subject') return { subject: textOf(fields, 'subject') }
  if (chosen === 'provider') return { provider: textOf(fields, 'provider') }
  if (chosen === 'issuer+providerSession') {
    return { issuer: textOf(fields, 'issuer'), providerSession: textOf(fields, 'providerSession') }
  }
  if (fields.all !== true) throw new UnreadableCall('expected "all": true')
  return { all: true }
}

function readHandle(handle: unknown): string {
  if (typeof handle === 'string' && /^[\w-]{16}$/.test(handle)) return handle
  throw new UnreadableCall('a session is named by the 16 characters that lists and audit events show')
}

function limitOf({ limit }: Fields): number {
  if (limit === undefined) return usualLimit
  const number = typeof limit === 'string' && /^\d{1,3}$/.test(limit) ? Number(limit) : 0
  if (number >= 1 && number <= mostOnOnePage) return number
  throw new UnreadableCall(`limit is a number from 1 to ${mostOnOnePage}`)
}

/** Control characters are in no subject, host or name. */
function textOf(fields: Fields, name: string, longest = longestText): string {
  const text = fields[name]
  if (typeof text === 'string' && text !== '' && text.length <= longest && !/\p{Cc}/u.test(text)) return text
  throw new UnreadableCall(`${name} is a text of 1 to ${longest} characters, once`)
}
