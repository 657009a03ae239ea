/** A machine with kubectl's plugin on it: the built command line in processes of its own, with a home and a browser. */
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { createOutbound } from '../../app/login/provider/outbound.ts'
import { builtCommandLine } from '../built-command-line.ts'
import { press, visit } from '../grants/world.ts'
import { leadsTo } from '../provider.ts'
import type { TestBrowser, TestService } from '../service.ts'

const cli = builtCommandLine()
const outbound = createOutbound()

export interface Finished {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

export interface Running {
  readonly finished: Promise<Finished>
  readonly stdout: () => string
  readonly stderr: () => string
  readonly kill: (signal: NodeJS.Signals) => void
}

type Environment = Readonly<Record<string, string>>

export interface Machine {
  readonly home: string
  readonly cacheDirectory: string
  /** Addresses that its browser was told to open. */
  readonly opened: () => readonly string[]
  /** Any command. */
  readonly begin: (args: readonly string[], env?: Environment) => Running
  /** Of `sallyport kube`. */
  readonly start: (args: readonly string[], env?: Environment) => Running
  readonly run: (args: readonly string[], env?: Environment) => Promise<Finished>
  /** The n-th address that the browser was told to open, as soon as it was. */
  readonly untilOpened: (count?: number) => Promise<string>
  readonly close: () => void
}

export function createMachine(): Machine {
  const home = mkdtempSync(join(tmpdir(), 'sallyport-machine-'))
  const browser = join(home, 'browser')
  const openedFile = join(home, 'opened')
  writeFileSync(openedFile, '')
  writeFileSync(browser, `#!/bin/sh\necho "$1" >> "${openedFile}"\n`, { mode: 0o700 })
  const opened = () =>
    readFileSync(openedFile, 'utf8')
      .split('\n')
      .filter(line => line !== '')
  const begin: Machine['begin'] = (args, env = {}) => {
    const child = spawn(process.execPath, [cli, ...args], {
      cwd: home,
      env: { PATH: process.env.PATH, HOME: home, BROWSER: browser, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let [stdout, stderr] = ['', '']
    child.stdout.on('data', (part: Buffer) => {
      stdout += part.toString()
    })
    child.stderr.on('data', (part: Buffer) => {
      stderr += part.toString()
    })
    const finished = new Promise<Finished>((resolve, reject) => {
      child.once('error', reject)
      child.once('close', code => resolve({ code, stdout, stderr }))
    })
    return { finished, stdout: () => stdout, stderr: () => stderr, kill: signal => child.kill(signal) }
  }
  const start: Machine['start'] = (args, env) => begin(['kube', ...args], env)
  return {
    home,
    cacheDirectory: join(home, '.kube/cache/sallyport'),
    opened,
    begin,
    start,
    run: (args, env) => start(args, env).finished,
    untilOpened: async (count = 1) => {
      for (let attempt = 0; attempt < 6_000; attempt += 1) {
        const url = opened()[count - 1]
        if (url !== undefined) return url
        await setTimeout(10)
      }
      throw new Error(`the browser was opened ${opened().length} times`)
    },
    close: () => rmSync(home, { recursive: true, force: true }),
  }
}

/** What the person does in the browser: presses a button, and is led back to the program. */
export async function answerInBrowser(
  service: TestService,
  { browser, url, decision = 'allow' }: { browser: TestBrowser; url: string; decision?: string },
): Promise<string> {
  const page = await visit(browser, url)
  const { text } = await press(browser, service, page.text, { decision })
  const back = await outbound.fetch(leadsTo(text), {})
  return back.text()
}

export async function logIn(machine: Machine, service: TestService, browser: TestBrowser): Promise<Finished> {
  const before = machine.opened().length
  const running = machine.start(['login', '--server', service.publicUrl])
  await answerInBrowser(service, { browser, url: await machine.untilOpened(before + 1) })
  return running.finished
}

/** Ctrl-C. What does not end by it within half a minute is killed, and ends with no code. */
export async function interrupt({ kill, finished }: Running): Promise<Finished> {
  const killing = globalThis.setTimeout(() => kill('SIGKILL'), 30_000)
  kill('SIGINT')
  return finished.finally(() => clearTimeout(killing))
}

export const execInfo = (interactive: boolean, more: object = {}) => ({
  KUBERNETES_EXEC_INFO: JSON.stringify({
    apiVersion: 'client.authentication.k8s.io/v1',
    kind: 'ExecCredential',
    spec: { interactive, ...more },
  }),
})

export interface Credential {
  readonly apiVersion: string
  readonly kind: string
  readonly status: { readonly token: string; readonly expirationTimestamp: string }
}

export const credentialIn = ({ code, stdout, stderr }: Finished): Credential => {
  if (code !== 0) throw new Error(`the plugin ended with ${code}: ${stderr}`)
  return JSON.parse(stdout) as Credential
}
