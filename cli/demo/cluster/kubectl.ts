/** Real kubectls of three ages, each call with a home of its own: whoever runs this has one too, with clusters in it. */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Certificate } from '../certificates.ts'
import { endProcess } from '../child.ts'
import { plainEnvironment } from './program.ts'

export interface KubeconfigOptions {
  readonly server: string
  /** PEM. */
  readonly authority: string
  /** As a kubeconfig has it: `{ token }`, `{ exec }`, or what `certificateUser` makes. */
  readonly user: Readonly<Record<string, unknown>>
  readonly namespace?: string
}

export interface Kubeconfig {
  readonly path: string
  /** Whose `.kube/cache` keeps what kubectl has discovered: another kubeconfig begins with nothing. */
  readonly home: string
}

/** @param directory made for it alone */
export function writeKubeconfig(directory: string, options: KubeconfigOptions): Kubeconfig {
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  const path = join(directory, 'kubeconfig')
  const cluster = { server: options.server, 'certificate-authority-data': base64(options.authority) }
  const context = { cluster: 'test', user: 'test', ...(options.namespace && { namespace: options.namespace }) }
  const named = (name: string, value: unknown) => [{ name: 'test', [name]: value }]
  const contents = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: named('cluster', cluster),
    users: named('user', options.user),
    contexts: named('context', context),
    'current-context': 'test',
  }
  writeFileSync(path, JSON.stringify(contents), { mode: 0o600 })
  return { path, home: directory }
}

export function certificateUser({ certificate, key }: Certificate): Readonly<Record<string, unknown>> {
  return { 'client-certificate-data': base64(certificate), 'client-key-data': base64(key) }
}

const base64 = (text: string): string => Buffer.from(text).toString('base64')

export interface KubectlCall {
  readonly args: readonly string[]
  readonly kubeconfig: Kubeconfig
  /** The whole input, which ends after it; without it there is none. */
  readonly stdin?: string | Buffer
  /** Keeps the input open: the caller writes to `process.stdin`. */
  readonly keepsStdin?: boolean
  /** Runs it in a terminal of its own, which joins both outputs. */
  readonly terminal?: boolean
  readonly env?: Readonly<Record<string, string>>
  /** After which it is killed; two minutes. */
  readonly patienceMs?: number
}

export interface KubectlResult {
  /** Null after a signal. */
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

export interface RunningKubectl {
  readonly process: ChildProcess
  readonly stdout: () => string
  readonly stderr: () => string
  /** Resolves when either output has a match; rejects when it ends before. */
  readonly untilPrinted: (pattern: RegExp) => Promise<RegExpExecArray>
  /** Its exit code and all that it printed, however it ends. */
  readonly ended: Promise<KubectlResult>
  readonly stop: () => Promise<void>
}

/** @param program path of kubectl */
export function startKubectl(program: string, call: KubectlCall): RunningKubectl {
  const { home } = call.kubeconfig
  const env = {
    ...plainEnvironment(home),
    KUBECONFIG: call.kubeconfig.path,
    KUBECACHEDIR: join(home, '.kube', 'cache'),
    ...call.env,
  }
  const [command, args] = call.terminal ? inTerminal(program, call.args) : [program, call.args]
  const child = spawn(command, args, { cwd: home, env, stdio: ['pipe', 'pipe', 'pipe'] })
  const printed = { stdout: '', stderr: '' }
  const looks = new Set<() => void>()
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', chunk => {
      printed[name] += chunk
      for (const look of looks) look()
    })
  }
  // It may end before it has read everything.
  child.stdin.on('error', () => undefined)
  if (!call.keepsStdin) child.stdin.end(call.stdin ?? '')
  const killOnExit = (): void => void child.kill('SIGKILL')
  process.once('exit', killOnExit)
  const ended = new Promise<KubectlResult>((resolve, reject) => {
    const patienceMs = call.patienceMs ?? 120_000
    const timer = setTimeout(() => {
      child.kill('SIGKILL')
      reject(new Error(`kubectl ${call.args.join(' ')} went on for ${patienceMs / 1000} s: ${JSON.stringify(printed)}`))
    }, patienceMs)
    child.once('error', reject)
    child.once('close', code => {
      clearTimeout(timer)
      process.off('exit', killOnExit)
      resolve({ code, ...printed })
    })
  })
  ended.catch(() => undefined)
  return {
    process: child,
    stdout: () => printed.stdout,
    stderr: () => printed.stderr,
    ended,
    untilPrinted: pattern => {
      let look = () => {}
      const match = new Promise<RegExpExecArray>(resolve => {
        look = () => {
          const found = pattern.exec(printed.stdout) ?? pattern.exec(printed.stderr)
          if (found !== null) resolve(found)
        }
        looks.add(look)
        look()
      })
      const inVain = ended.then(result => {
        throw new Error(`kubectl ended before it printed ${pattern}: ${JSON.stringify(result)}`)
      })
      return Promise.race([match, inVain]).finally(() => looks.delete(look))
    },
    stop: () => endProcess(child),
  }
}

/** `script` gives it a terminal and hands on its exit code. */
function inTerminal(program: string, args: readonly string[]): [string, readonly string[]] {
  const quoted = [program, ...args].map(part => `'${part.replaceAll("'", `'\\''`)}'`)
  return ['script', ['--quiet', '--return', '--command', quoted.join(' '), '/dev/null']]
}
