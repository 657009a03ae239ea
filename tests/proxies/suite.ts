/** Runs the table behind one proxy, on both stores. */
import { join } from 'node:path'
import { afterAll, beforeAll, describe, it } from 'vitest'
import { freePort } from '../../cli/demo/ports.ts'
import { type ProxyKind, programOf } from '../../cli/demo/proxies/proxies.ts'
import { type Stack, type StackOptions, startStack } from '../../cli/demo/stack.ts'
import { type RunningRedis, requirePeer, startRedis } from '../peers.ts'
import { scenarios } from './scenarios.ts'
import { createWorld, type World } from './world.ts'

export const policyDirectory = join(import.meta.dirname, 'policy')

export function describeProxy(kind: ProxyKind): void {
  const isAbsent = kind !== 'built-in' && requirePeer(programOf(kind)) === undefined
  for (const store of ['lmdb', 'redis'] as const) {
    const isStoreAbsent = store === 'redis' && requirePeer('redis-server') === undefined
    describe.skipIf(isAbsent || isStoreAbsent)(`${kind} in front, sessions in ${store}`, () =>
      describeStack(kind, store),
    )
  }
}

function describeStack(kind: ProxyKind, store: 'lmdb' | 'redis'): void {
  let redis: RunningRedis | undefined
  // Hooks that end run from the last to the first: Redis goes after those who use it.
  afterAll(() => redis?.stop())
  describeTable(async () => {
    redis = store === 'redis' ? await startRedis() : undefined
    return { proxy: kind, policyDirectory, ...(redis === undefined ? {} : { redisUrl: redis.url }) }
  })
}

/** Told who is asking by the name of another product, and by a claim: of this the files of a proxy need not know yet. */
const hosts = [
  { host: 'payroll.localhost', identityHeaders: ['webauth'], claimHeaders: ['Remote-Department=department'] },
]

/** The whole table, in front of a stack that is made beforehand. */
export function describeTable(prepare: () => Promise<Omit<StackOptions, 'port'>>): void {
  let stack: Stack | undefined
  let world: World | undefined

  beforeAll(async () => {
    stack = await startStack({ hosts, ...(await prepare()), port: await freePort() })
    world = await createWorld(stack)
  })

  afterAll(() => stack?.stop())

  for (const { name, run } of scenarios) {
    it(name, async () => {
      if (world === undefined) throw new Error('the stack did not start')
      await run(world)
    })
  }
}
