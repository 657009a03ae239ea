/** HTTP/2 to the client, behind each proxy, with the files that are printed for TLS. */
import { join } from 'node:path'
import { afterAll, beforeAll, describe, it } from 'vitest'
import { programOf } from '../../../cli/demo/proxies/proxies.ts'
import { requirePeer } from '../../peers.ts'
import { printedFormats } from '../../proxy-config/printed.ts'
import { hasModule, startHttp3Client } from '../http3/client.ts'
import { type Http3World, startSecureWorld } from '../http3/world.ts'
import { http2Scenarios } from './scenarios.ts'

const client = () => startHttp3Client(join(import.meta.dirname, 'client.py'))

describe.skipIf(requirePeer('openssl') === undefined || !hasModule('h2'))('HTTP/2', () => {
  for (const kind of printedFormats) {
    describe.skipIf(requirePeer(programOf(kind)) === undefined)(`${kind} in front`, () => {
      let world: Http3World | undefined

      beforeAll(async () => {
        world = await startSecureWorld(kind, { args: [], client })
      })
      afterAll(() => world?.stop())

      for (const { name, run } of http2Scenarios)
        it(name, async () => {
          if (world === undefined) throw new Error('the proxy did not start')
          await run(world)
        })
    })
  }
})
