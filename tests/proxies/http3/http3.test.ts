/** HTTP/3, behind each proxy that is told to speak it, with the files that are printed. */
import { afterAll, beforeAll, describe, it } from 'vitest'
import { programOf } from '../../../cli/demo/proxies/proxies.ts'
import { requirePeer } from '../../peers.ts'
import { hasHttp3Client } from './client.ts'
import { http3Kinds } from './kinds.ts'
import { http3Scenarios } from './scenarios.ts'
import { type Http3World, startHttp3World } from './world.ts'

describe.skipIf(requirePeer('openssl') === undefined || !hasHttp3Client())('HTTP/3', () => {
  for (const kind of http3Kinds) {
    describe.skipIf(requirePeer(programOf(kind)) === undefined)(`${kind} in front`, () => {
      let world: Http3World | undefined

      beforeAll(async () => {
        world = await startHttp3World(kind)
      })
      afterAll(() => world?.stop())

      for (const { name, run } of http3Scenarios)
        it(name, async () => {
          if (world === undefined) throw new Error('the proxy did not start')
          await run(world)
        })
    })
  }
})
