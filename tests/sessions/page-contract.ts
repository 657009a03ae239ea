/** What the check endpoint and the pages of the auth host see of sessions; abuse cases by their ids. */
import { randomBytes } from 'node:crypto'
import express from 'express'
import session from 'express-session'
import request from 'supertest'
import { describe, expect, test } from 'vitest'
import { createSessionCookieAuthenticator } from '../../app/identity/session-cookie.ts'
import { createHostCookies } from '../../app/sessions/cookies/host-cookie.ts'
import { createExpressSessionStore } from '../../app/sessions/express-store.ts'
import type { LoginSession } from '../../app/sessions/login-session.ts'
import type { RecordStore } from '../../app/sessions/record-store.ts'
import { digestOf } from '../../app/sessions/records/seal.ts'
import { createSessionStore } from '../../app/sessions/session-store.ts'
import type { Backend } from './contract.ts'
import { loginOf, payloadOf, secrets } from './fixtures.ts'
import { openTwice } from './open-twice.ts'

const hour = 3600
const limits = { lifetimeSeconds: 12 * hour, idleSeconds: hour }
const newId = () => randomBytes(32).toString('base64url')

export function describePages(name: string, start: () => Promise<Backend>): void {
  describe(`sessions in ${name}`, () => {
    let backend: Backend
    let records: RecordStore
    let elsewhere: RecordStore
    openTwice(start, opened => {
      ;({ backend, here: records, there: elsewhere } = opened)
    })

    const sessionsOver = (store: RecordStore, further = {}) =>
      createSessionStore({ records: store, secrets, clock: backend.clock, ...limits, ...further })

    /** Logs somebody in, the way the auth host does. */
    async function logIn(login: LoginSession, id = newId()): Promise<string> {
      const express = createExpressSessionStore({ records, secrets, clock: backend.clock, ...limits })
      await express.set(id, payloadOf(login) as never)
      return id
    }

    describe('behind the cookie of a host', () => {
      const cookies = createHostCookies({ secrets, isSecure: true })
      const authenticator = () => createSessionCookieAuthenticator({ cookies, sessions: sessionsOver(records) })
      const cookieOf = (id: string, domain = 'wiki.example.com') => cookies.issueSession(id, domain).split(';')[0] ?? ''

      test('a live session is the person, with a digest for the audit log that is not the id', async () => {
        const login = loginOf('alice', backend.clock)
        const id = await logIn(login)
        const result = await authenticator().authenticate(`theme=dark; ${cookieOf(id)}`, 'wiki.example.com')
        expect(result).toEqual({
          identity: login.identity,
          sessionId: id,
          sessionDigest: digestOf('session', id).slice(0, 16),
          login,
          bindingHash: cookies.bindingOf(id, 'wiki.example.com', cookieOf(id)),
          clearCookie: false,
        })
      })

      test('F02 a cookie with a good signature and an unknown session id is anonymous and cleared', async () => {
        const result = await authenticator().authenticate(cookieOf(newId()), 'wiki.example.com')
        expect(result).toEqual({ identity: { kind: 'anonymous' }, clearCookie: true })
      })

      test('F02 the cookie of an ended session is anonymous and cleared', async () => {
        const id = await logIn(loginOf('alice', backend.clock))
        await sessionsOver(records).end(id)
        const result = await authenticator().authenticate(cookieOf(id), 'wiki.example.com')
        expect(result).toEqual({ identity: { kind: 'anonymous' }, clearCookie: true })
      })

      test('F05 the cookie of one host is worth nothing on another', async () => {
        const id = await logIn(loginOf('alice', backend.clock))
        const result = await authenticator().authenticate(cookieOf(id, 'wiki.example.com'), 'payroll.example.org')
        expect(result).toEqual({ identity: { kind: 'anonymous' }, clearCookie: true })
      })

      test('F04 of several cookies with our name the one that is a session counts, in any order', async () => {
        const [live, ended] = [await logIn(loginOf('alice', backend.clock)), await logIn(loginOf('bob', backend.clock))]
        await sessionsOver(records).end(ended)
        const planted = [cookieOf(newId()), '__Host-sallyport=garbage', cookieOf(ended), cookieOf(live)]
        for (const order of [planted, [...planted].reverse()]) {
          const result = await authenticator().authenticate(order.join('; '), 'wiki.example.com')
          expect(result).toMatchObject({ identity: { subject: 'https://idp.example#alice' }, clearCookie: false })
        }
      })

      test('a browser that waits for its ticket keeps its pending cookie beside an ended session', async () => {
        const pending = cookies.issuePending()
        const header = `${cookieOf(newId())}; ${pending.setCookie.split(';')[0]}`
        const result = await authenticator().authenticate(header, 'wiki.example.com')
        expect(result).toEqual({
          identity: { kind: 'anonymous' },
          bindingHash: pending.nonceHash,
          clearCookie: false,
        })
      })
    })

    describe('on the pages of the auth host', () => {
      test('F03 the session id from before the login is dead after it, here and as a login', async () => {
        const { agent, sessionIdOf } = startPages(backend, records)
        const planted = sessionIdOf(await agent.get('/visit'))
        const id = sessionIdOf(await agent.get('/login'))
        expect(id).not.toBe(planted)
        expect(await sessionsOver(records).find(id)).toMatchObject({ identity: { email: 'alice@example.com' } })
        expect(await sessionsOver(records).find(planted)).toBeUndefined()
        await logIn(loginOf('mallory', backend.clock), planted)
        expect(await sessionsOver(records).find(planted)).toBeUndefined()
      })

      test('F07 a slow response that saves the session after log-out does not bring it back', async () => {
        const pages = startPages(backend, records)
        const id = pages.sessionIdOf(await pages.agent.get('/login'))
        const slow = pages.agent.get('/slow').then(response => response)
        await pages.untilSlowHasRead()
        expect((await pages.agent.get('/logout')).status).toBe(204)
        expect(await sessionsOver(elsewhere).find(id)).toBeUndefined()
        pages.releaseSlow()
        expect((await slow).status).toBe(200)
        expect(await sessionsOver(records).find(id)).toBeUndefined()
        expect(await sessionsOver(elsewhere).find(id)).toBeUndefined()
        expect((await pages.agent.get('/who')).body).toEqual({ who: null })
      })

      test('the login is still there at the next request, and ends with its idle time', async () => {
        const { agent } = startPages(backend, records)
        await agent.get('/login')
        expect((await agent.get('/who')).body).toEqual({ who: 'https://idp.example#alice' })
        backend.clock.advance(hour)
        expect((await agent.get('/who')).body).toEqual({ who: null })
      })

      test('F11 a store that fails is an error of the page, never a page without a session', async () => {
        const store = await backend.openElsewhere()
        const { agent } = startPages(backend, store)
        await agent.get('/login')
        await store.close()
        const response = await agent.get('/who')
        expect(response.status).toBe(503)
        expect(response.body).toEqual({ code: 'ERR_STORE_UNAVAILABLE' })
      })

      test('listing and clearing fail with a clear error', async () => {
        const store = createExpressSessionStore({ records, secrets, clock: backend.clock, ...limits })
        for (const call of [store.all, store.ids, store.length, store.clear]) {
          const error = await new Promise(resolve => call.call(store, resolve))
          expect(error).toMatchObject({ message: 'sessions cannot be listed: the store knows them by digest only' })
        }
      })
    })
  })
}

/** A small auth host: visitors get a session, a login regenerates it as passport does. */
function startPages(backend: Backend, records: RecordStore) {
  const app = express()
  const store = createExpressSessionStore({ records, secrets, clock: backend.clock, ...limits })
  app.use(session({ store, secret: secrets, resave: false, saveUninitialized: false, name: 'auth', genid: newId }))
  const gate = createGate()
  app.get('/visit', (req, res) => {
    Object.assign(req.session, { visited: true })
    res.json({ id: req.sessionID })
  })
  app.get('/login', (req, res, next) => {
    req.session.regenerate(error => {
      if (error) return next(error)
      Object.assign(req.session, { passport: { user: loginOf('alice', backend.clock) } })
      res.json({ id: req.sessionID })
    })
  })
  app.get('/slow', async (req, res) => {
    Object.assign(req.session, { changed: true })
    gate.arrive()
    await gate.released
    res.json({})
  })
  app.get('/logout', (req, res, next) => req.session.destroy(error => (error ? next(error) : res.sendStatus(204))))
  app.get('/who', (req, res) => {
    const { passport } = req.session as { passport?: { user: LoginSession } }
    res.json({ who: passport?.user.identity.subject ?? null })
  })
  app.use((error: { status?: number; code?: string }, _req: unknown, res: express.Response, _next: unknown) => {
    res.status(error.status ?? 500).json({ code: error.code })
  })
  return {
    agent: request.agent(app),
    sessionIdOf: (response: request.Response) => String(response.body.id),
    untilSlowHasRead: () => gate.arrived,
    releaseSlow: gate.release,
  }
}

function createGate() {
  let arrive = () => {}
  let release = () => {}
  const arrived = new Promise<void>(resolve => {
    arrive = resolve
  })
  const released = new Promise<void>(resolve => {
    release = resolve
  })
  return { arrive, release, arrived, released }
}
