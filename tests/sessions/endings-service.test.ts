/** What every check asks of a session, whatever the host, is asked as well for what stays open without a check. */
import { afterEach, describe, expect, test } from 'vitest'
import type { EndReason } from '../../app/sessions/endings/watched.ts'
import { startWorld, wiki } from '../attacks/world.ts'
import type { TestService } from '../service.ts'
import { watch } from './endings-fixture.ts'

const hour = 3600

describe('a stream whose session nobody checks', () => {
  let world: TestService
  afterEach(() => world.close())

  async function startWatching(sessions: Readonly<Record<string, unknown>>, refreshTokens?: 'rotated') {
    const provider = refreshTokens === undefined ? {} : { provider: { refreshTokens } }
    world = await startWorld({ settings: { sessions: { lifetime: '12h', idle: '12h', ...sessions } }, ...provider })
    return {
      tokenCalls: () => world.provider.endpoints.count('token'),
      /** Somebody logs in, and is watched. */
      async somebody() {
        const cookie = await world.logIn('alice', `${wiki}/`)
        const [, session = ''] = cookie.split('.')
        return watch(world.service.endings, { session })
      },
    }
  }
  const fault = (status: number, error: string) =>
    world.provider.endpoints.setFault('token', { status, body: { error } })

  test('F19 is cut when the clock is set back to before the login', async () => {
    const { somebody } = await startWatching({})
    const standing = await somebody()
    world.moveClock(600)
    const { ended } = await somebody()
    world.moveClock(-600)
    expect(await ended).toBe<EndReason>('ended')
    expect(standing.told).toEqual([])
  })

  test('F10 has its provider asked, goes on while that stands by the login, and is cut when it does not', async () => {
    const { somebody, tokenCalls } = await startWatching({ verifyEvery: '5m' }, 'rotated')
    const { told, ended } = await somebody()
    const before = tokenCalls()
    world.moveClock(301)
    // Once that is written: it counts from the moment in which it was asked.
    await expect.poll(() => world.auditEvents().some(({ event }) => event === 'session.verified')).toBe(true)
    expect(tokenCalls() - before).toBe(1)
    expect(told).toEqual([])
    fault(400, 'invalid_grant')
    world.moveClock(301)
    expect(await ended).toBe<EndReason>('ended')
  })

  test('F10 is cut when its provider has said nothing for the grace', async () => {
    const { somebody, tokenCalls } = await startWatching({ verifyEvery: '5m', staleGrace: '1h' }, 'rotated')
    const { told, ended } = await somebody()
    const before = tokenCalls()
    fault(503, 'temporarily_unavailable')
    world.moveClock(301)
    await expect.poll(() => tokenCalls() - before).toBe(1)
    expect(told).toEqual([])
    world.moveClock(hour)
    expect(await ended).toBe<EndReason>('ended')
  })

  test('F10 is cut after the same time where only a browser could ask', async () => {
    const { somebody } = await startWatching({ verifyEvery: '5m', staleGrace: '1h' })
    const { ended } = await somebody()
    world.moveClock(hour + 301)
    expect(await ended).toBe<EndReason>('ended')
  })
})
