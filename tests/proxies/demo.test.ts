/** `sallyport demo` as a person types it. */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import type { Readable } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { request } from '../../cli/demo/browser.ts'
import { commandFile } from '../../cli/demo/paths.ts'
import { freePort, listen } from '../../cli/demo/ports.ts'
import { programOf, proxyKinds } from '../../cli/demo/proxies/proxies.ts'
import { findPeer } from '../peers.ts'

interface Ended {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

function run(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Ended> {
  return new Promise(resolve => {
    const options = { env: { ...process.env, ...env }, timeout: 170_000 }
    execFile(process.execPath, [commandFile, 'demo', ...args], options, (error, stdout, stderr) => {
      resolve({ code: typeof error?.code === 'number' ? error.code : error === null ? 0 : -1, stdout, stderr })
    })
  })
}

const available = proxyKinds.filter(kind => kind === 'built-in' || findPeer(programOf(kind)) !== undefined)

describe('sallyport demo', () => {
  it.each(available)('checks itself behind %s and ends with its count', async kind => {
    const { code, stdout } = await run(['--check', '--proxy', kind])
    expect(stdout.trimEnd().split('\n').at(-1)).toMatch(/^[2-9]\d passed, 0 failed$/)
    expect(code).toBe(0)
  })

  it('answers programs with one JSON object and nothing else', async () => {
    const { code, stdout } = await run(['--check', '--proxy', 'built-in', '--json'])
    const result = JSON.parse(stdout) as {
      readonly passed: number
      readonly failed: number
      readonly results: readonly unknown[]
    }
    expect(result.failed).toBe(0)
    expect(result.results).toHaveLength(result.passed)
    expect(code).toBe(0)
  })

  it('needs nothing but Node: with an empty PATH it brings its own proxy', async () => {
    const { code, stdout } = await run(['--check', '--json'], { PATH: '/nonexistent' })
    expect(JSON.parse(stdout)).toMatchObject({ proxy: 'built-in', failed: 0 })
    expect(code).toBe(0)
  })

  it('says so when the proxy that was asked for is not installed', async () => {
    const { code, stderr } = await run(['--proxy', 'nginx'], { PATH: '/nonexistent' })
    expect(stderr).toContain('nginx is not installed')
    expect(code).toBe(2)
  })

  it('takes another port when the wanted one is busy, prints the addresses, and ends all of it on Ctrl-C', async () => {
    const blocker = createServer()
    const taken = await listen(blocker)
    const child = spawn(process.execPath, [commandFile, 'demo', '--port', String(taken), '--proxy', 'built-in'])
    const exited = once(child, 'exit')
    const output = await outputUntil(child.stdout, 'Press Ctrl-C')
    expect(output).toContain(`Port ${taken} is taken`)
    const wiki = /http:\/\/wiki\.localhost:\d+\//.exec(output)?.[0] ?? ''
    expect((await request(`${wiki}public/welcome`)).status).toBe(200)
    child.kill('SIGINT')
    expect(await exited).toEqual([0, null])
    await expect(request(wiki)).rejects.toThrow()
    blocker.close()
  })

  it.skipIf(process.platform !== 'linux')(
    'leaves nothing behind when Ctrl-C is pressed twice, not even a service that hangs',
    async () => {
      const child = spawn(process.execPath, [
        commandFile,
        'demo',
        '--port',
        String(await freePort()),
        '--proxy',
        'built-in',
      ])
      const exited = once(child, 'exit')
      await outputUntil(child.stdout, 'Press Ctrl-C')
      const service = childOf(child)
      process.kill(service, 'SIGSTOP')
      child.kill('SIGINT')
      // Two that arrive together are one.
      await outputUntil(child.stdout, 'ending')
      child.kill('SIGINT')
      await exited
      await expect.poll(() => isAlive(service)).toBe(false)
    },
  )

  it('shows the log of a part that ends by itself', async () => {
    const child = spawn(process.execPath, [
      commandFile,
      'demo',
      '--port',
      String(await freePort()),
      '--proxy',
      'built-in',
    ])
    const exited = once(child, 'exit')
    let errors = ''
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
      errors += chunk
    })
    await outputUntil(child.stdout, 'Press Ctrl-C')
    process.kill(childOf(child), 'SIGKILL')
    expect(await exited).toEqual([1, null])
    expect(errors).toContain('sallyport ended (SIGKILL)')
  })
})

/** The service: the demo's only child with the built-in proxy. */
function childOf(demo: ChildProcess): number {
  const children = readFileSync(`/proc/${demo.pid}/task/${demo.pid}/children`, 'utf8').trim().split(' ')
  expect(children).toHaveLength(1)
  return Number(children[0])
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

async function outputUntil(stream: Readable, text: string): Promise<string> {
  let output = ''
  stream.setEncoding('utf8')
  for await (const chunk of stream.iterator({ destroyOnReturn: false })) {
    output += String(chunk)
    if (output.includes(text)) return output
  }
  throw new Error(`the demo ended before it said "${text}": ${output}`)
}
