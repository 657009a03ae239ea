/** A Redis of the bench's own, on a port of its own, that keeps nothing. */
import { spawnSync } from 'node:child_process'
import { type AddressInfo, connect, createServer } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { startPinned, stop } from './roles.ts'

export interface BenchRedis {
  readonly url: string
  readonly stop: () => Promise<void>
}

export const hasRedis = (): boolean => spawnSync('redis-server', ['--version']).status === 0

/** Shares the core of the load generator, as the server under test has one to itself. */
export async function startRedis(): Promise<BenchRedis> {
  const port = await freePort()
  const settings = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no']
  const child = startPinned('load', ['redis-server', ...settings])
  for (let attempt = 0; attempt < 100 && !(await accepts(port)); attempt += 1) await delay(50)
  return { url: `redis://127.0.0.1:${port}`, stop: () => stop(child) }
}

function freePort(): Promise<number> {
  return new Promise(resolve => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo
      server.close(() => resolve(port))
    })
  })
}

function accepts(port: number): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false))
    socket.once('connect', () => socket.destroy())
  })
}
