/** One more replica of a service under test, as a process with an event loop of its own. Needs `npm run build`. */
import { spawn } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { cli } from '../lifecycle/process.ts'
import { endProcess, freePort } from '../peers.ts'
import { dialectHeaders, exchange } from '../raw-exchange.ts'
import type { TestService } from '../service.ts'

export interface ReplicaProcess {
  /** The status of a check. */
  readonly check: (url: string, cookie: string) => Promise<number>
  readonly stop: () => Promise<void>
}

/** Resolves when it answers. */
export async function spawnReplica({ directory }: Pick<TestService, 'directory'>): Promise<ReplicaProcess> {
  const port = await freePort()
  const adminPort = await freePort()
  const config = JSON.parse(readFileSync(join(directory, 'sallyport.yaml'), 'utf8'))
  config.server.listen = `127.0.0.1:${port}`
  config.admin.listen = `127.0.0.1:${adminPort}`
  config.audit.destination = './audit-process.jsonl'
  const file = join(directory, 'process.yaml')
  writeFileSync(file, JSON.stringify(config))
  const child = spawn(process.execPath, [cli, 'serve', '--config', file], { stdio: ['ignore', 'ignore', 'pipe'] })
  let log = ''
  child.stderr.on('data', chunk => {
    log += chunk
  })
  for (let attempt = 0; ; attempt += 1) {
    const isUp = await fetch(`http://127.0.0.1:${adminPort}/readyz`).then(
      ({ ok }) => ok,
      () => false,
    )
    if (isUp) break
    if (attempt > 200 || child.exitCode !== null) throw new Error(`the replica does not answer: ${log}`)
    await setTimeout(50)
  }
  return {
    check: async (url, cookie) => {
      const headers = dialectHeaders('auth-request', { url, cookie })
      return (await exchange(port, 'GET /verify/auth-request HTTP/1.1', headers)).status
    },
    stop: () => endProcess(child),
  }
}
