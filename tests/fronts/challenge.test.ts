import { describe, expect, it } from 'vitest'
import { createChallenge } from '../../app/fronts/challenge.ts'
import type { VerifyQuestion } from '../../app/verify.ts'
import { anonymous } from '../../rbac/identity.ts'

const challenge = createChallenge({
  publicUrl: 'https://auth.example.com',
  keepAddress: (url, client) => (client === '192.0.2.9' ? undefined : `name-of-${url.length}`),
  issuePending: () => ({ setCookie: 'sallyport=n.fresh', nonceHash: 'hash-of-fresh' }),
})

const question: VerifyQuestion = {
  front: 'forward-auth',
  requestId: 'r1',
  request: { domain: 'wiki.example.com', resource: '/a', action: 'GET', url: 'https://wiki.example.com/a?x=1&y=2#' },
  cookie: '',
  clientAddress: undefined,
  headers: { only: () => undefined, any: () => undefined },
  isInteractive: true,
  isUpgrade: false,
}
const unauthenticated = { effect: 'challenge', reason: 'user-unauthenticated', login: {}, revision: 'r' } as const
const nobody = { identity: anonymous, clearCookie: false }

describe('a challenge', () => {
  it('E07 carries the whole address, query included, as one encoded parameter', () => {
    const { loginUrl } = challenge(question, unauthenticated, nobody)
    const url = new URL(loginUrl)
    expect(url.origin + url.pathname).toBe('https://auth.example.com/login')
    expect(url.searchParams.get('rd')).toBe(question.request.url)
  })

  it('binds the handoff to a fresh cookie when the browser holds none', () => {
    const answer = challenge(question, unauthenticated, nobody)
    expect(answer.setCookie).toBe('sallyport=n.fresh')
    expect(new URL(answer.loginUrl).searchParams.get('handoff')).toBe('hash-of-fresh')
  })

  it('binds the handoff to the cookie that the browser already holds, so that tabs do not disturb each other', () => {
    const answer = challenge(question, unauthenticated, { ...nobody, bindingHash: 'hash-of-held' })
    expect(answer.setCookie).toBeUndefined()
    expect(new URL(answer.loginUrl).searchParams.get('handoff')).toBe('hash-of-held')
  })

  it('leaves no cookie with a script', () => {
    const answer = challenge({ ...question, isInteractive: false }, unauthenticated, nobody)
    expect(answer.setCookie).toBeUndefined()
    expect(new URL(answer.loginUrl).searchParams.has('handoff')).toBe(false)
  })

  it('says what the next login has to ask for', () => {
    const stale = {
      ...unauthenticated,
      reason: 'authentication-too-old',
      login: { maxAgeSeconds: 900, acrValues: ['urn:mfa', 'urn:pwd'], methods: [['mfa', 'hwk'], ['a|b']] },
    } as const
    const url = new URL(challenge(question, stale, nobody).loginUrl)
    expect(url.searchParams.get('max_age')).toBe('900')
    expect(url.searchParams.get('acr_values')).toBe('urn:mfa urn:pwd')
    expect(url.searchParams.get('amr')).toBe('mfa|hwk a%7Cb')
  })

  it('a long address of a script is not kept, nor is one of a client that has kept too many', () => {
    const request = { ...question.request, url: `https://wiki.example.com/${'a'.repeat(7000)}` }
    const asScript = challenge({ ...question, request, isInteractive: false }, unauthenticated, nobody)
    const tooMany = challenge({ ...question, request, clientAddress: '192.0.2.9' }, unauthenticated, nobody)
    for (const { loginUrl } of [asScript, tooMany]) {
      expect(new URL(loginUrl).searchParams.has('page')).toBe(false)
      expect(new URL(loginUrl).searchParams.get('rd')).toBe('https://wiki.example.com/')
    }
  })

  it.each(['&', '%E6', '/a', 'a'])('I08 stays small, however an address has to be written in it: %s', unit => {
    for (const length of [2040, 2020, 1000, 600]) {
      const url = `https://wiki.example.com/${unit.repeat(length / unit.length)}`
      const { loginUrl } = challenge({ ...question, request: { ...question.request, url } }, unauthenticated, nobody)
      expect(loginUrl.length).toBeLessThan(2400)
      const { searchParams } = new URL(loginUrl)
      const isWhole = encodeURIComponent(url).length <= 2048
      expect(searchParams.get('rd')).toBe(isWhole ? url : 'https://wiki.example.com/')
      expect(searchParams.has('page')).toBe(!isWhole)
    }
  })

  it('I08 stays small: a long address is replaced by its origin, and a name for it', () => {
    const long = {
      ...question,
      request: { ...question.request, url: `https://wiki.example.com:8443/${'a'.repeat(7000)}` },
    }
    const { loginUrl } = challenge(long, unauthenticated, nobody)
    expect(loginUrl.length).toBeLessThan(4096)
    expect(new URL(loginUrl).searchParams.get('rd')).toBe('https://wiki.example.com:8443/')
    expect(new URL(loginUrl).searchParams.get('page')).toBe('name-of-7030')
  })
})
