/** What keeps several workers from starting looks as it does for a single process, and is said once. */
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { loadText, minimal } from '../config/load-text.ts'
import { type RunningService, runCommand, spawnService } from '../lifecycle/process.ts'
import { isAlive, openPolicy, startWorkers, workersOf } from './service.ts'

const running: RunningService[] = []
const broken = `${openPolicy}p, everybody, wiki.example.com, /, read, -, allow\n`

const spawnBroken = async (workers: number): Promise<RunningService> => {
  const service = await spawnService({ policy: broken, settings: { server: { workers } } })
  running.push(service)
  return service
}

/** Without the operational log, and without the directory's name. */
const saidOf = (service: RunningService): string =>
  service
    .stderr()
    .split('\n')
    .filter(line => !line.startsWith('{'))
    .join('\n')
    .replaceAll(service.directory, '')

afterEach(async () => {
  for (const service of running.splice(0)) await service.stop()
})

describe('starting several workers', () => {
  it('refuses a broken policy with the words and the exit code of a single process, once', async () => {
    const [one, three] = [await spawnBroken(1), await spawnBroken(3)]
    expect([await one.ended, await three.ended]).toEqual([2, 2])
    expect(saidOf(three)).toContain('policy.csv:2')
    expect(saidOf(three)).toBe(saidOf(one))
  })

  it.each(['main', 'admin'] as const)(
    'refuses a %s port that is taken, says which, and leaves nobody behind',
    async port => {
      const first = await startWorkers()
      running.push(first)
      const taken = port === 'main' ? first.port : first.adminPort
      const file = join(first.directory, 'sallyport.yaml')
      const free =
        port === 'main' ? { SALLYPORT_ADMIN_LISTEN: '127.0.0.1:0' } : { SALLYPORT_SERVER_LISTEN: '127.0.0.1:0' }
      const env = { ...process.env, ...free }
      const second = await runCommand(['serve', '--config', file], env)
      expect(second.status).toBe(1)
      expect(second.stderr).toContain(`error: cannot listen on 127.0.0.1:${taken}: something else listens there\n`)
      expect(second.stderr.match(/cannot listen/g)).toHaveLength(1)
      const pids = [...second.stderr.matchAll(/"pid":(\d+)/g)].map(([, pid]) => Number(pid))
      expect(pids.filter(isAlive)).toEqual([])
      expect(workersOf(first)).toHaveLength(2)
    },
  )
})

describe('server.workers', () => {
  const withWorkers = (value: string) => loadText(minimal.replace('server: {', `server: { workers: ${value},`))

  it('is one process unless it says otherwise', () => {
    expect(loadText(minimal).config.server.workers).toBe(1)
    expect(withWorkers('4').config.server.workers).toBe(4)
    expect(withWorkers('auto').config.server.workers).toBe('auto')
    expect(loadText(minimal, { env: { SALLYPORT_SERVER_WORKERS: '3' } }).config.server.workers).toBe(3)
  })

  it.each(['0', '65', '-1', '1.5', 'many'])('refuses %s', value => {
    expect(() => withWorkers(value)).toThrow(/server\.workers.*from 1 to 64, or auto/)
  })
})
