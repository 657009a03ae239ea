/** A port that was given to one process is given to no other: two of them run tests at once, and a demo beside them. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { describe, expect, it } from 'vitest'
import { freePort } from '../cli/demo/ports.ts'

const names = process.platform === 'linux'
if (!names) process.stderr.write('skipped: this system has no names that end with a process\n')

/** Whether another process finds the name of the port taken. */
async function isClaimed(port: number): Promise<boolean> {
  const script = `require('net').createServer().once('error', () => process.exit(1)).listen('\\0sallyport-port-${port}', () => process.exit(0))`
  const [code] = await once(spawn(process.execPath, ['-e', script]), 'exit')
  return code === 1
}

describe.skipIf(!names)('a free port', () => {
  it('is claimed until its process ends, and can be listened on meanwhile', async () => {
    const ports = await Promise.all(Array.from({ length: 50 }, () => freePort()))
    expect(new Set(ports).size).toBe(50)
    const [port = 0] = ports
    expect(await isClaimed(port)).toBe(true)
    const server = createServer()
    server.listen(port, '127.0.0.1')
    await once(server, 'listening')
    server.close()
    const script = `import { freePort } from '${new URL('../dist/cli/demo/ports.js', import.meta.url).href}'; console.log(await freePort())`
    const other = spawn(process.execPath, ['--input-type=module', '-e', script])
    const [said] = await once(other.stdout, 'data')
    await once(other, 'exit')
    expect(Number(said)).toBeGreaterThan(19_999)
    expect(await isClaimed(Number(said))).toBe(false)
  })
})
