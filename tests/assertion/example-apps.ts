/** The verifying examples of docs/examples/verify as running applications, one process each. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { endProcess, requirePeer } from '../peers.ts'

export interface ExampleSettings {
  readonly issuer: string
  readonly audience: string
  /** Address of the keys; made from the issuer if absent. */
  readonly keys?: string
}

export interface ExampleApp {
  /** Shows assertions to the application, one header each. */
  readonly show: (...assertions: readonly string[]) => Promise<{ readonly status: number; readonly body: unknown }>
  readonly stop: () => Promise<void>
}

export interface Example {
  readonly language: string
  /** The command that runs the application, made ready on first use. */
  readonly command: () => readonly [string, ...string[]]
}

const folder = fileURLToPath(new URL('../../docs/examples/verify', import.meta.url))
const built = mkdtempSync(join(tmpdir(), 'sallyport-examples-'))

export const removeBuilt = (): void => rmSync(built, { recursive: true, force: true })

/** Those that this machine has the tools for; the reason is printed for every other one. */
export function availableExamples(): Example[] {
  return [node(), go(), python()].filter(example => example !== undefined)
}

const node = (): Example => ({
  language: 'node',
  command: () => [process.execPath, join(folder, 'node/app.mjs')],
})

function go(): Example | undefined {
  const binary = requirePeer('go')
  if (binary === undefined) return undefined
  const program = join(built, 'app')
  let isBuilt = false
  const command = (): readonly [string] => {
    // Nothing is fetched: the example needs the standard library alone.
    const env = { ...process.env, GOPROXY: 'off', GOTOOLCHAIN: 'local', GOFLAGS: '-mod=mod' }
    if (!isBuilt)
      execFileSync(binary, ['build', '-o', program, '.'], { cwd: join(folder, 'go'), env, timeout: 180_000 })
    isBuilt = true
    return [program]
  }
  return { language: 'go', command }
}

function python(): Example | undefined {
  const binary = requirePeer('python3')
  if (binary === undefined) return undefined
  try {
    // PyJWKClient waits between look-ups of unknown keys from this version on.
    const check = 'import cryptography, jwt; assert tuple(map(int, jwt.__version__.split(".")[:2])) >= (2, 15)'
    execFileSync(binary, ['-c', check], { stdio: 'ignore' })
  } catch {
    const reason = 'python3 lacks pyjwt[crypto] 2.15 or newer'
    if (process.env.REQUIRE_PEERS === '1') throw new Error(`${reason}, and REQUIRE_PEERS=1 demands it`)
    process.stderr.write(`skipped: ${reason}\n`)
    return undefined
  }
  return { language: 'python', command: () => [binary, join(folder, 'python/app.py')] }
}

export async function startExample(example: Example, settings: ExampleSettings): Promise<ExampleApp> {
  const [program, ...args] = example.command()
  const child = spawn(program, args, {
    env: {
      ...process.env,
      SALLYPORT_ISSUER: settings.issuer,
      APP_ORIGIN: settings.audience,
      PORT: '0',
      PYTHONDONTWRITEBYTECODE: '1',
      ...(settings.keys !== undefined && { SALLYPORT_KEYS: settings.keys }),
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const killOnExit = () => child.kill('SIGKILL')
  process.once('exit', killOnExit)
  const stop = async () => {
    process.off('exit', killOnExit)
    await endProcess(child)
  }
  try {
    const url = await untilListening(child)
    return { show: (...assertions) => show(url, assertions), stop }
  } catch (error) {
    await stop()
    throw error
  }
}

async function show(url: string, assertions: readonly string[]) {
  const headers = new Headers()
  for (const assertion of assertions) headers.append('X-Sallyport-Assertion', assertion)
  const response = await fetch(url, { headers, signal: AbortSignal.timeout(60_000) })
  return { status: response.status, body: await response.json() }
}

function untilListening(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let output = ''
    const fail = (why: string) => reject(new Error(`the example ${why}: ${output}`))
    const timer = setTimeout(() => fail('does not listen after two minutes'), 120_000)
    child.once('error', reject)
    child.once('exit', code => fail(`ended with ${code}`))
    const read = (chunk: Buffer) => {
      output = (output + chunk).slice(-4000)
      const [, url] = /listening on (http:\/\/\S+)\n/.exec(output) ?? []
      if (url === undefined) return
      clearTimeout(timer)
      resolve(url)
    }
    child.stdout?.on('data', read)
    child.stderr?.on('data', read)
  })
}
