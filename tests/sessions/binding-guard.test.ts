import { describe, expect, it } from 'vitest'
import { readHeaders } from '../../app/fronts/raw-headers.ts'
import { createBindingGuard, createIsBound } from '../../app/sessions/guards/binding-guard.ts'
import type { LoginSession } from '../../app/sessions/login-session.ts'

const free: LoginSession = {
  identity: { kind: 'user', subject: 'https://idp#alice', provider: 'corp', groups: [], claims: {} },
  startedAt: 1,
}
const bound: LoginSession = { ...free, boundTo: { kind: 'client-certificate', thumbprint: 'abc' } }
const session = { sessionId: 'id', sessionDigest: 'digest' }
const guard = createBindingGuard(createIsBound(headers => headers.only('x-certificate')))
const unbound = { reason: 'session-unbound', login: { prompt: 'login' } }
const ask = (login: LoginSession, ...rawHeaders: string[]) =>
  guard(login, session, 'wiki.example.com', { headers: readHeaders(rawHeaders), isInteractive: true })

describe('a bound session', () => {
  it('is let through with its certificate, however the name of the header is written', () => {
    expect(ask(bound, 'X-Certificate', 'abc')).toBe(bound)
    expect(ask(bound, 'Accept', 'abc', 'x-CERTIFICATE', 'abc')).toBe(bound)
  })

  it.each([
    ['another one', ['X-Certificate', 'abd']],
    ['the start of it', ['X-Certificate', 'ab']],
    ['another spelling', ['X-Certificate', 'ABC']],
    ['nothing in it', ['X-Certificate', '']],
    ['no header', []],
    ['a header with an underscore', ['X_Certificate', 'abc']],
    ['the right one first and another one', ['X-Certificate', 'abc', 'X-Certificate', 'abd']],
    ['another one first and the right one', ['X-Certificate', 'abd', 'x-certificate', 'abc']],
    ['the right one twice', ['X-Certificate', 'abc', 'X-Certificate', 'abc']],
  ])('is not with %s', (_, rawHeaders) => {
    expect(ask(bound, ...rawHeaders)).toEqual(unbound)
  })

  it('is not where nobody knows what came along', () => {
    expect(guard(bound, session, 'wiki.example.com', undefined)).toEqual(unbound)
  })
})

it('a session that is bound to nothing does not do, with a certificate or without', () => {
  expect(ask(free, 'X-Certificate', 'abc')).toEqual(unbound)
  expect(ask(free)).toEqual(unbound)
})
