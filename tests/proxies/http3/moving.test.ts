/** A client over HTTP/3 that goes on with its connection from another network: which address it is judged by then. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { programOf } from '../../../cli/demo/proxies/proxies.ts'
import { requirePeer } from '../../peers.ts'
import type { PrintedFormat } from '../../proxy-config/printed.ts'
import { hasHttp3Client } from './client.ts'
import { http3Kinds } from './kinds.ts'
import { type Http3World, startHttp3World } from './world.ts'

const moves = ['127.0.0.9', '127.0.0.3'] as const
const json = [['accept', 'application/json']] as const

/** The bound of Envoy, which is five minutes, and what it leaves for what is under way. */
function shorten(directory: string): void {
  const file = join(directory, 'envoy.yaml')
  const text = readFileSync(file, 'utf8')
  const short = text
    .replace('max_connection_duration: 300s', 'max_connection_duration: 0.5s')
    .replace(/^( +)codec_type: HTTP3$/m, '$&\n$1drain_timeout: 0.1s\n$1delayed_close_timeout: 0.1s')
  if (!short.includes('duration: 0.5s')) throw new Error('nothing bounds the connection')
  writeFileSync(file, short)
}

const isEnvoy = (format: PrintedFormat): boolean => programOf(format) === 'envoy'

describe.skipIf(requirePeer('openssl') === undefined || !hasHttp3Client())('over HTTP/3 whoever moves', () => {
  it.skipIf(requirePeer('envoy') === undefined)('has to begin anew behind Envoy, before long', async () => {
    await within('envoy', shorten, async world => {
      const { error, status } = await world.ask('/public/page', json, { moves })
      expect([error, status]).toEqual([expect.stringMatching(/connection ended|ConnectionError/), undefined])
    })
  })

  it.each(http3Kinds.filter(kind => !isEnvoy(kind)))('is judged from where it is: %s', async kind => {
    if (requirePeer(programOf(kind)) === undefined) return
    await within(kind, undefined, async world => {
      const { body = '', error } = await world.ask('/public/page', json, { moves })
      expect([error, body]).toEqual([undefined, expect.stringContaining(`"${moves[1]}`)])
      expect(body).not.toContain(moves[0])
    })
  })
})

async function within(
  format: PrintedFormat,
  edit: ((directory: string) => void) | undefined,
  work: (world: Http3World) => Promise<void>,
): Promise<void> {
  const world = await startHttp3World(format, edit)
  try {
    await work(world)
  } finally {
    await world.stop()
  }
}
