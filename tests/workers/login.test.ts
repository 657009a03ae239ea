/** A login whose every step reaches another worker, and its end, which holds in all of them at once. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createBrowser, request } from '../../cli/demo/browser.ts'
import { freePort } from '../../cli/demo/ports.ts'
import { logIn, logOut } from '../../cli/demo/session.ts'
import { type Stack, startStack } from '../../cli/demo/stack.ts'
import { type RunningRedis, requirePeer, startRedis } from '../peers.ts'

const hasRedis = requirePeer('redis-server') !== undefined

describe.each(['lmdb', 'redis'] as const)('three workers, sessions in %s', store => {
  let redis: RunningRedis | undefined
  let stack: Stack | undefined
  beforeAll(async () => {
    if (store === 'redis' && !hasRedis) return
    redis = store === 'redis' ? await startRedis() : undefined
    const where = redis === undefined ? {} : { redisUrl: redis.url }
    stack = await startStack({ proxy: 'built-in', port: await freePort(), workers: 3, ...where })
  })
  afterAll(async () => {
    await stack?.stop()
    await redis?.stop()
  })

  it.skipIf(store === 'redis' && !hasRedis)('log Alice in on every host, and out everywhere', async () => {
    if (stack === undefined) throw new Error('the stack did not start')
    const { authAddress } = stack
    const [wiki, payroll] = [`${stack.origin('wiki')}/`, `${stack.origin('payroll')}/`]
    /** Asked as a proxy asks, on a new connection each time: connections are dealt out in turn. */
    const statuses = async (cookie: string): Promise<number[]> => {
      const headers = { 'x-original-method': 'GET', 'x-original-url': wiki, cookie, connection: 'close' }
      const found: number[] = []
      for (let index = 0; index < 9; index += 1) {
        found.push((await request(`http://${authAddress}/verify/auth-request`, { headers })).status)
      }
      return found
    }
    const alice = createBrowser()
    expect((await logIn(alice, wiki, 'alice')).status).toBe(200)
    expect((await alice.visit(payroll)).status).toBe(200)
    const cookie = alice.cookieFor(wiki)
    expect(await statuses(cookie)).toEqual(Array(9).fill(200))
    expect((await logOut(alice, wiki)).status).toBe(200)
    expect(await statuses(cookie)).toEqual(Array(9).fill(401))
  })
})
