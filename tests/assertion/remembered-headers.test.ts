/** Identity headers are given out again for a part of their life, and never to anybody or anywhere else. */
import { describe, expect, it } from 'vitest'
import { createRememberedHeaders } from '../../app/assertion/remembered-headers.ts'
import { anonymous, type Identity } from '../../rbac/identity.ts'
import { alice, carol, wiki } from './fixtures.ts'

function start() {
  const state = { now: 1_000_000, key: { kid: 'first' }, made: 0 }
  const headers = createRememberedHeaders({
    make: (identity, request, session) => {
      state.made += 1
      const who = identity.kind === 'anonymous' ? 'nobody' : identity.subject
      return ['Remote-User', `${who} ${new URL(request.url).origin} ${session} ${state.key.kid}`]
    },
    currentKey: () => state.key,
    keepMs: 15_000,
    clock: { now: () => state.now },
  })
  return { state, headers }
}

describe('identity headers', () => {
  it('are made once while they are fresh', () => {
    const { state, headers } = start()
    const first = headers(alice, wiki, 's1')
    state.now += 14_999
    expect(headers(alice, { ...wiki, url: 'https://wiki.example.com/other' }, 's1')).toBe(first)
    expect(state.made).toBe(1)
    state.now += 1
    expect(headers(alice, wiki, 's1')).not.toBe(first)
    expect(state.made).toBe(2)
  })

  it('are those of this person, this session and this origin', () => {
    const { headers } = start()
    const payroll = { ...wiki, domain: 'payroll.example.com', url: 'https://payroll.example.com/a' }
    const otherPort = { ...wiki, url: 'https://wiki.example.com:8443/a' }
    const asked = [
      [alice, wiki, 's1'],
      [carol, wiki, 's1'],
      [alice, payroll, 's1'],
      [alice, otherPort, 's1'],
      [alice, wiki, 's2'],
    ] as const
    for (let time = 1; time <= 2; time += 1) {
      const answers = asked.map(([identity, request, session]) => headers(identity, request, session)[1])
      expect(new Set(answers).size).toBe(asked.length)
      for (const [at, [identity, request, session]] of asked.entries()) {
        expect(answers[at]).toContain(`${identity.subject} ${new URL(request.url).origin} ${session}`)
      }
    }
  })

  it('are made anew for an identity that was read anew, though it has the same name', () => {
    const { state, headers } = start()
    headers(alice, wiki, 's1')
    headers({ ...alice, groups: [] }, wiki, 's1')
    expect(state.made).toBe(2)
  })

  it('are made anew when the key changes, and none are given when there is none', () => {
    const { state, headers } = start()
    headers(alice, wiki, 's1')
    state.key = { kid: 'second' }
    expect(headers(alice, wiki, 's1')[1]).toContain('second')
    const broken = createRememberedHeaders({
      make: () => [],
      currentKey: () => {
        throw new Error('no key')
      },
      keepMs: 15_000,
      clock: { now: () => 0 },
    })
    expect(() => broken(alice, wiki, 's1')).toThrow('no key')
  })

  it('are made anew after the clock was set back', () => {
    const { state, headers } = start()
    headers(alice, wiki, 's1')
    state.now -= 3_600_000
    headers(alice, wiki, 's1')
    expect(state.made).toBe(2)
  })

  it('of a longer name or another port are no part of those that begin alike', () => {
    const { headers } = start()
    const origins = ['https://wiki.example.com', 'https://wiki.example.com:8443', 'https://wiki.example.community']
    for (const origin of [...origins, ...origins.reverse()]) {
      expect(headers(alice, { ...wiki, url: `${origin}/a` }, 's1')[1]).toContain(` ${origin} `)
    }
  })

  it('are kept for hosts that are used in turn, and for a bounded number of them', () => {
    const { state, headers } = start()
    const ask = (host: number) => headers(alice, { ...wiki, url: `https://h${host}.example.com/a` }, 's1')
    for (let time = 0; time < 3; time += 1) for (let host = 0; host < 8; host += 1) ask(host)
    expect(state.made).toBe(8)
    for (let host = 0; host < 1_000; host += 1) ask(host)
    state.made = 0
    for (let host = 999; host >= 0; host -= 1) ask(host)
    expect(state.made).toBeGreaterThan(980)
  })

  it('are the same list each time, which nobody can change', () => {
    const { headers } = start()
    expect(headers(alice, wiki, 's1')).toBe(headers(alice, wiki, 's1'))
    expect(Object.isFrozen(headers(alice, wiki, 's1'))).toBe(true)
  })

  it('of nobody are no business of this', () => {
    const { state, headers } = start()
    headers(anonymous as Identity, wiki)
    headers(anonymous as Identity, wiki)
    expect(state.made).toBe(2)
  })
})
