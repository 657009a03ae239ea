/** `sallyport demo --kubernetes` as a person types it. */
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import colors from 'picocolors'
import { afterAll, describe, expect, it } from 'vitest'
import { callText, joinLogs } from '../../cli/demo/kubernetes/joined-logs.ts'
import { commandFile } from '../../cli/demo/paths.ts'
import { requireClusterPrograms } from './programs.ts'

const programs = requireClusterPrograms()
const directory = mkdtempSync(join(tmpdir(), 'sallyport-demo-test-'))
afterAll(() => rmSync(directory, { recursive: true, force: true }))

interface Ended {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

function run(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Ended> {
  return new Promise(resolve => {
    const options = { env: { ...process.env, TMPDIR: directory, ...env }, timeout: 290_000 }
    execFile(process.execPath, [commandFile, 'demo', '--kubernetes', ...args], options, (error, stdout, stderr) => {
      resolve({ code: typeof error?.code === 'number' ? error.code : error === null ? 0 : -1, stdout, stderr })
    })
  })
}

describe.skipIf(programs === undefined)('sallyport demo --kubernetes', () => {
  it('checks itself, ends with its count, and leaves nothing behind', { timeout: 300_000 }, async () => {
    const { code, stdout, stderr } = await run(['--check'])
    expect(stderr).toBe('')
    expect(stdout.trimEnd().split('\n').at(-1), stdout).toMatch(/^2\d passed, 0 failed$/)
    expect(code).toBe(0)
    expect(readdirSync(directory)).toEqual([])
  })

  it.each([
    { times: 'once', code: 0 },
    { times: 'twice', code: 130 },
  ])(
    'prints what to try, with files that are there, and ends all of it on Ctrl-C, pressed $times',
    async ({ code }) => {
      const args = [commandFile, 'demo', '--kubernetes', '--port', '0']
      const demo = spawn(process.execPath, args, { env: { ...process.env, TMPDIR: directory } })
      const exited = once(demo, 'exit')
      let output = ''
      for await (const chunk of demo.stdout.setEncoding('utf8').iterator({ destroyOnReturn: false })) {
        output += String(chunk)
        if (output.includes('Press Ctrl-C')) break
      }
      const [, environment = ''] = /source (\S+)/.exec(output) ?? []
      const shell = spawn('sh', ['-c', `. ${environment} && both-logs && exec sallyport sessions list --all --help`])
      let said = ''
      shell.stdout.setEncoding('utf8').on('data', chunk => {
        said += chunk
      })
      expect(await once(shell, 'close'), said).toEqual([0, null])
      expect(said).toMatch(/^Nobody has called the cluster yet\.\nUsage: sallyport sessions list/)
      const children = readFileSync(`/proc/${demo.pid}/task/${demo.pid}/children`, 'utf8').trim().split(' ').map(Number)
      expect(children.length).toBeGreaterThanOrEqual(5)
      demo.kill('SIGINT')
      if (code !== 0) {
        // Two that arrive together are one.
        await once(demo.stdout, 'data')
        demo.kill('SIGINT')
      }
      demo.stdout.resume()
      expect(await exited).toEqual([code, null])
      await expect.poll(() => children.filter(isAlive)).toEqual([])
      expect(readdirSync(directory)).toEqual([])
    },
  )
})

describe('sallyport demo --kubernetes, which cannot start', () => {
  it('names each program that is absent, and the one command that gets them', async () => {
    const { code, stdout, stderr } = await run(['--check'], { HOME: '/nonexistent' })
    expect(code).toBe(1)
    expect(stdout).toBe('')
    for (const name of ['kube-apiserver', 'kube-controller-manager', 'etcd', 'kubelet', 'kubectl']) {
      expect(stderr).toMatch(new RegExp(`^  /nonexistent/.cache/sallyport/.*/${name}$`, 'm'))
    }
    expect(stderr).toMatch(/^ {2}tests\/kubernetes\/install --demo$/m)
    expect(stderr).not.toMatch(/^ +at /m)
  })

  it('takes no proxy', async () => {
    const { code, stderr } = await run(['--proxy', 'nginx'])
    expect(stderr).toContain('leave --proxy out')
    expect(code).toBe(2)
  })
})

describe('both audit logs', () => {
  const decision = {
    event: 'access.allowed',
    time: '2026-01-02T03:04:05.678Z',
    requestId: 'one',
    front: 'kubernetes',
    email: 'alice@example.com',
    action: 'create',
    resource: '/payments/core/pods/web/exec',
    rule: 'policy.csv:7',
  }
  const end = { event: 'call.finished', requestId: 'one', ending: 'cut', durationMilliseconds: 1234 }
  const answer = {
    auditID: 'one',
    requestURI: '/api/v1/namespaces/payments/pods/web/exec?command=sh',
    verb: 'get',
    user: { username: 'sallyport-gateway' },
    impersonatedUser: { username: 'alice@example.com', groups: ['sallyport:ops'] },
  }
  const plain = colors.createColors(false)
  const lines = (...events: readonly object[]): string => events.map(event => `${JSON.stringify(event)}\n`).join('')

  it('are joined by the id of a call, with the last that the cluster says of it', () => {
    const begin = { ...answer, stage: 'ResponseStarted' }
    const complete = { ...answer, stage: 'ResponseComplete', responseStatus: { code: 101 } }
    const [call, ...more] = joinLogs(lines(decision, end), lines(begin, complete))
    expect(more).toEqual([])
    expect(call).toEqual({ requestId: 'one', decision, end, cluster: complete })
    expect(
      call && callText(call),
    ).toBe(`03:04:05  sallyport  alice@example.com allowed create /payments/core/pods/web/exec (row policy.csv:7), cut after 1.2 s
          cluster    sallyport-gateway as alice@example.com (sallyport:ops) get /api/v1/namespaces/payments/pods/web/exec 101
          one`)
  })

  it('say of a call that was refused that the cluster never saw it', () => {
    const refused = { ...decision, event: 'access.refused', email: undefined, rule: undefined, code: 'ERR_SOMETHING' }
    const [call] = joinLogs(lines({ event: 'service.started' }, refused), lines({ ...answer, auditID: 'another' }))
    expect(call).not.toHaveProperty('cluster')
    expect(call && callText(call, plain)).toContain(
      'nobody refused create /payments/core/pods/web/exec (ERR_SOMETHING)\n          cluster    never saw it',
    )
  })

  it('are read while they are written: half a line is none', () => {
    expect(joinLogs(`${lines(decision)}{"event":"acc`, '')).toHaveLength(1)
  })
})

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}
