/** `sallyport serve` as a process of its own, the way an operator runs it. Needs `npm run build`. */

import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { freshSecret } from '../../cli/secret.ts'
import { builtCommandLine } from '../built-command-line.ts'
import { endProcess, freePort } from '../peers.ts'

export const cli = builtCommandLine()

export interface RunningService {
  readonly directory: string
  readonly port: number
  readonly adminPort: number
  readonly child: ChildProcess
  readonly stderr: () => string
  readonly stdout: () => string
  /** Resolves with the exit code. */
  readonly ended: Promise<number | null>
  readonly readiness: () => Promise<{ readonly status: number; readonly body: string }>
  readonly stop: () => Promise<void>
}

export interface ServeOptions {
  readonly policy: string
  readonly issuer?: string
  /** Further settings of a section. */
  readonly settings?: Readonly<Record<string, object>>
  /** Beside that of this process. */
  readonly env?: NodeJS.ProcessEnv
}

/** The folder of a service that nobody has started. */
export async function prepareService({
  policy,
  issuer = 'http://127.0.0.1:9',
  settings: more = {},
}: Omit<ServeOptions, 'env'>) {
  const directory = mkdtempSync(join(tmpdir(), 'sallyport-process-'))
  const port = await freePort()
  const adminPort = await freePort()
  writeFileSync(join(directory, 'policy.csv'), policy)
  const settings = {
    server: { url: `http://localhost:${port}`, listen: `127.0.0.1:${port}`, ...more.server },
    admin: { listen: `127.0.0.1:${adminPort}` },
    sessions: { path: './data', secret: freshSecret() },
    policy: { directory: '.', ...more.policy },
    ...(more.login === undefined ? {} : { login: more.login }),
    ...(more.audit === undefined ? {} : { audit: more.audit }),
    providers: [{ name: 'corp', issuer, clientId: 'sallyport', clientSecret: randomBytes(12).toString('hex') }],
  }
  const file = join(directory, 'sallyport.yaml')
  writeFileSync(file, JSON.stringify(settings))
  return { directory, port, adminPort, file }
}

export async function spawnService({ env = {}, ...options }: ServeOptions): Promise<RunningService> {
  const { directory, port, adminPort, file } = await prepareService(options)
  const child = spawn(process.execPath, [cli, 'serve', '--config', file], { env: { ...process.env, ...env } })
  const output = { stdout: '', stderr: '' }
  child.stdout.on('data', chunk => {
    output.stdout += chunk
  })
  child.stderr.on('data', chunk => {
    output.stderr += chunk
  })
  return {
    directory,
    port,
    adminPort,
    child,
    stdout: () => output.stdout,
    stderr: () => output.stderr,
    ended: new Promise(resolve => child.once('close', resolve)),
    readiness: async () => {
      const response = await fetch(`http://127.0.0.1:${adminPort}/readyz`)
      return { status: response.status, body: await response.text() }
    },
    stop: async () => {
      await endProcess(child)
      rmSync(directory, { recursive: true, force: true })
    },
  }
}

/**
 * The command, to its end. Not the kind of Node's that waits in place: what never ends would hold up the whole run, and no
 * limit of a test could end it.
 */
export function runCommand(
  args: readonly string[],
  env: NodeJS.ProcessEnv = process.env,
): Promise<{ readonly status: number | null; readonly stdout: string; readonly stderr: string }> {
  return new Promise(resolve => {
    const options = { env, timeout: 120_000, killSignal: 'SIGKILL' } as const
    const child = execFile(process.execPath, [cli, ...args], options, (_error, stdout, stderr) =>
      resolve({ status: child.exitCode, stdout, stderr }),
    )
    child.stdin?.end()
  })
}

/** Resolves when the service answers on both listeners. */
export async function untilListening(service: RunningService): Promise<void> {
  for (let attempt = 0; attempt < 2_000; attempt += 1) {
    if (service.child.exitCode !== null) throw new Error(`the service has ended: ${service.stderr()}`)
    const isUp = await service.readiness().then(
      () => true,
      () => false,
    )
    if (isUp) return
    await setTimeout(50)
  }
  throw new Error(`the service does not listen: ${service.stderr()}`)
}
