/** `sallyport workers status` and `restart` against a running service. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { runCli } from '../../cli/program.ts'
import { createTestTerminal } from '../config/test-terminal.ts'
import type { RunningService } from '../lifecycle/process.ts'
import { startWorkers, workersOf } from './service.ts'

let service: RunningService | undefined
afterEach(() => service?.stop())

async function run(name: 'status' | 'restart', ...args: string[]) {
  const terminal = createTestTerminal()
  const admin = `http://127.0.0.1:${service?.adminPort}`
  const code = await runCli(['workers', name, '--admin', admin, ...args], { version: '0', terminal })
  return { code, output: terminal.output(), errors: terminal.errors() }
}

describe('sallyport workers', () => {
  it('lists them, and replaces them', async () => {
    service = await startWorkers()
    const [first, second] = workersOf(service)
    const before = await run('status')
    const line = (of: typeof first): string =>
      `worker ${of?.worker}  pid ${of?.pid}  serving since 20\\d\\d-\\d\\d-\\d\\dT\\S+Z\n`
    expect([before.code, before.errors]).toEqual([0, ''])
    expect(before.output).toMatch(new RegExp(`^${line(first)}${line(second)}2 of 2 serve\n$`))
    expect(await run('restart')).toEqual({
      code: 0,
      output: 'restarted: every worker is a new process\n',
      errors: '',
    })
    const { workers } = JSON.parse((await run('status', '--json')).output)
    const serving = workers.filter(({ state }: { state: string }) => state === 'serving')
    expect(serving.map(({ pid }: { pid: number }) => pid)).toEqual(
      workersOf(service)
        .slice(2)
        .map(({ pid }) => pid),
    )
  })

  it('fails with the reason when a new one cannot start, and when one is missing', async () => {
    service = await startWorkers({ settings: { policy: { watch: false } } })
    writeFileSync(join(service.directory, 'policy.csv'), 'p, anyone\n')
    const refused = await run('restart')
    expect([refused.code, refused.output]).toEqual([1, ''])
    expect(refused.errors).toMatch(/^failed: workers that are not replaced yet go on\n(?:.|\n)*policy\.csv:1:1/)
    const { code, output } = await run('restart', '--json')
    expect([code, JSON.parse(output)]).toMatchObject([1, { outcome: 'failed' }])
    process.kill(workersOf(service)[0]?.pid ?? 0, 'SIGKILL')
    await expect.poll(async () => (await run('status')).output).toContain('1 of 2 serve')
    expect((await run('status')).code).toBe(1)
  })

  it('says that a single process has none, and that nobody answers', async () => {
    service = await startWorkers({ settings: { server: { workers: 1 } } })
    for (const name of ['status', 'restart'] as const) {
      const { code, errors } = await run(name)
      expect([code, errors]).toEqual([1, expect.stringContaining('a single process has no workers')])
    }
    await service.stop()
    const { code, errors } = await run('status')
    expect([code, errors]).toEqual([1, expect.stringContaining('is the service running')])
  })
})
