/** A Redis of the bench's own, on a port of its own, that keeps nothing. */
import { spawnSync } from 'node:child_process'
import { connect } from 'node:net'
import { freePort, untilAccepted } from './ports.ts'
import type { Resources } from './resources.ts'
import { startPinned, stop } from './roles.ts'

export const hasRedis = (): boolean => spawnSync('redis-server', ['--version']).status === 0

/** Gives its address. Shares the core of the load generator, as the server under test has one to itself. */
export async function startRedis(resources: Resources): Promise<string> {
  const port = await freePort()
  const settings = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no']
  const child = startPinned('load', ['redis-server', ...settings])
  resources.add(() => stop(child))
  await untilAccepted(port)
  return `redis://127.0.0.1:${port}`
}

/** Bytes that a Redis holds, as it says itself. */
export function usedMemory(url: string): Promise<number> {
  const { hostname, port } = new URL(url)
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname, () => socket.write('INFO memory\r\n'))
    let text = ''
    socket.setEncoding('latin1').on('data', chunk => {
      text += chunk
      const [, bytes] = /used_memory:(\d+)/.exec(text) ?? []
      if (bytes === undefined) return
      socket.destroy()
      resolve(Number(bytes))
    })
    socket.once('error', reject)
  })
}
