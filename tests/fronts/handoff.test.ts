import { beforeEach, describe, expect, it } from 'vitest'
import { OperationalError } from '../../app/errors.ts'
import type { ParsedSubrequest, Reply } from '../../app/fronts/front.ts'
import { createHandoff, type Handoff, isReserved } from '../../app/fronts/handoff.ts'
import { readHeaders } from '../../app/fronts/raw-headers.ts'
import type { HandoffTicket } from '../../app/sessions/handoff-ticket.ts'
import type { LoginSession } from '../../app/sessions/login-session.ts'
import { anonymous, type Identity, type User } from '../../rbac/identity.ts'

const alice: User = {
  kind: 'user',
  subject: 'https://idp.example#alice',
  provider: 'corp',
  groups: ['ops'],
  claims: {},
}
const session: LoginSession = { identity: alice, startedAt: 0 }
const ticketId = 't'.repeat(43)
const ticket: HandoffTicket = {
  sessionId: 'alices-session',
  domain: 'wiki.example.com',
  returnTo: 'https://wiki.example.com/a?b=1',
  nonceHash: 'held-by-alices-browser',
}

let tickets: Map<string, HandoffTicket>
let sessions: Map<string, LoginSession>
let browser: { identity: Identity; bindingHash?: string; clearCookie: boolean }
let handoff: Handoff

const visited: string[] = []

beforeEach(() => {
  visited.length = 0
  tickets = new Map([[ticketId, ticket]])
  sessions = new Map([[ticket.sessionId, session]])
  browser = { identity: anonymous, bindingHash: ticket.nonceHash, clearCookie: false }
  handoff = createHandoff({
    publicUrl: 'https://auth.example.com',
    tickets: {
      put: async () => {},
      take: async id => {
        const found = tickets.get(id)
        tickets.delete(id)
        return found
      },
    },
    sessions: { find: async id => sessions.get(id) },
    visited: async (_id, host) => void visited.push(host),
    authenticate: async () => browser,
    identify: async () => browser,
    rememberedSeconds: () => undefined,
    issuePending: () => ({ setCookie: 'sallyport=n.fresh', nonceHash: 'digest-of-fresh' }),
    issueSession: (id, domain) => `sallyport=s.${id}.${domain}`,
    deniedPages: (_identity, { request }) => ({
      html: `denied ${request.url}`,
      contentSecurityPolicy: "default-src 'none'",
    }),
    audit: { write: () => {}, flush: async () => {} },
  })
})

function visit(url: string): ParsedSubrequest {
  const { hostname, pathname } = new URL(url)
  return {
    request: { domain: hostname, resource: pathname, action: 'GET', url },
    clientAddress: undefined,
    cookie: '',
    isInteractive: true,
    isForm: false,
    isUpgrade: false,
    headers: readHeaders([]),
  }
}

const redeem = (host = 'wiki.example.com', query = `?ticket=${ticketId}`): Promise<Reply> =>
  handoff.answer(visit(`https://${host}/.sallyport/handoff${query}`), 'r1')

function headerOf(reply: Reply, name: string): string | undefined {
  const fields = reply.headers.flat()
  const index = fields.findIndex((value, at) => at % 2 === 0 && value === name)
  return index < 0 ? undefined : fields[index + 1]
}

async function codeOf(reply: Promise<Reply>): Promise<string> {
  const error = await reply.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  if (error instanceof OperationalError) return error.code
  throw new Error('was answered', { cause: error })
}

describe('a handoff', () => {
  it('gives this host its own cookie and returns to the original address', async () => {
    const reply = await redeem()
    expect(reply.status).toBe(302)
    expect(headerOf(reply, 'Location')).toBe(ticket.returnTo)
    expect(headerOf(reply, 'Set-Cookie')).toBe('sallyport=s.alices-session.wiki.example.com')
    expect(visited).toEqual(['wiki.example.com'])
  })

  it('works once', async () => {
    await redeem()
    expect(await codeOf(redeem())).toBe('ERR_HANDOFF_TICKET_UNKNOWN')
  })

  it('F05 is refused on another host, and the ticket is spent', async () => {
    expect(await codeOf(redeem('other.example.com'))).toBe('ERR_HANDOFF_TICKET_UNKNOWN')
    expect(await codeOf(redeem())).toBe('ERR_HANDOFF_TICKET_UNKNOWN')
  })

  it("refuses a stranger's ticket: no cookie, no session, only the way back to the check", async () => {
    browser = { identity: anonymous, bindingHash: 'held-by-mallorys-victim', clearCookie: false }
    const reply = await redeem()
    expect(headerOf(reply, 'Location')).toBe(ticket.returnTo)
    expect(headerOf(reply, 'Set-Cookie')).toBeUndefined()
  })

  it('says so when the browser keeps no cookies, instead of sending it round in circles', async () => {
    browser = { identity: anonymous, clearCookie: false }
    tickets.set(ticketId, { ...ticket, isAgain: true })
    expect(await codeOf(redeem())).toBe('ERR_HANDOFF_COOKIES_BLOCKED')
  })

  it('F21 begins again once in a browser that has the cookie elsewhere, with its own login and not that of the ticket', async () => {
    browser = { identity: anonymous, clearCookie: false }
    const reply = await redeem()
    const location = new URL(headerOf(reply, 'Location') ?? '')
    expect(`${location.origin}${location.pathname}`).toBe('https://auth.example.com/login')
    expect(Object.fromEntries(location.searchParams)).toEqual({
      again: '1',
      handoff: 'digest-of-fresh',
      rd: ticket.returnTo,
    })
    expect(headerOf(reply, 'Set-Cookie')).toBe('sallyport=n.fresh')
    expect(tickets.size).toBe(0)
    expect(visited).toEqual([])
  })

  it('that comes after the session of another tab was replaced goes back to the check, which begins anew', async () => {
    browser = { identity: anonymous, clearCookie: true }
    const reply = await redeem()
    expect(headerOf(reply, 'Location')).toBe(ticket.returnTo)
    expect(headerOf(reply, 'Set-Cookie')).toBeUndefined()
  })

  it('gives no cookie for a session that ended meanwhile', async () => {
    sessions.clear()
    const reply = await redeem()
    expect(headerOf(reply, 'Set-Cookie')).toBeUndefined()
    expect(headerOf(reply, 'Location')).toBe(ticket.returnTo)
  })

  it.each([
    '',
    '?ticket=',
    `?ticket=${ticketId}&ticket=${ticketId}`,
    '?ticket=../../etc',
    `?ticket=${'t'.repeat(500)}`,
  ])('refuses the query %j', async query => {
    expect(await codeOf(redeem('wiki.example.com', query))).toBe('ERR_HANDOFF_TICKET_UNKNOWN')
  })

  it('lets someone who is logged in go on after a reload', async () => {
    tickets.clear()
    browser = { identity: alice, bindingHash: 'x', clearCookie: false }
    expect(headerOf(await redeem(), 'Location')).toBe('https://wiki.example.com/')
  })
})

describe('the reserved paths', () => {
  it('never answer with a status that a proxy takes for an allow', async () => {
    const replies = [await redeem(), await handoff.answer(visit('https://wiki.example.com/.sallyport/sign-out'), 'r1')]
    for (const reply of replies) expect(reply.status).toBe(302)
    expect(await codeOf(handoff.answer(visit('https://wiki.example.com/.sallyport/'), 'r1'))).toBe(
      'ERR_ENDPOINT_UNKNOWN',
    )
  })

  it('are these and no others', () => {
    expect(['/.sallyport', '/.sallyport/', '/.sallyport/x'].every(isReserved)).toBe(true)
    expect(['/.sallyport%2Fhandoff', '/;/.sallyport/x', '/.sallyport;x/handoff'].every(isReserved)).toBe(true)
    expect(['/.sallyportx', '/a%2F.sallyport/x', '/a/.sallyport/', '/'].some(isReserved)).toBe(false)
  })

  it('show a denial with 403 to whoever asks', async () => {
    const reply = await handoff.denied(visit('https://wiki.example.com/secret'), 'r1')
    expect(reply.status).toBe(403)
    expect(reply.body).toContain('denied https://wiki.example.com/secret')
  })
})
