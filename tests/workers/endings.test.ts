/** What one worker ends is told to the others by the primary, whatever the store tells. */
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'
import { requirePeer, startRedis } from '../peers.ts'

const loader = fileURLToPath(new URL('../typescript-loader.mjs', import.meta.url))
const primary = fileURLToPath(new URL('./ending-pool-process.ts', import.meta.url))

describe.runIf(requirePeer('redis-server') !== undefined)('a session that one worker ends', () => {
  test('is told to whoever watches it in another', async () => {
    const redis = await startRedis()
    try {
      const run = promisify(execFile)(process.execPath, ['--import', loader, primary, redis.url], { timeout: 120_000 })
      expect((await run).stdout).toContain('told: ended')
    } finally {
      await redis.stop()
    }
  })
})
