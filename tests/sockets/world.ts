/** `sallyport serve` on Unix sockets, as a process of its own. */
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { vi } from 'vitest'
import { freshSecret } from '../../cli/secret.ts'
import { cli } from '../lifecycle/process.ts'
import { endProcess } from '../peers.ts'

export interface SocketService {
  readonly child: ChildProcess
  readonly ended: Promise<number | null>
  readonly stderr: () => string
}

export interface SocketWorld {
  readonly directory: string
  readonly check: string
  readonly admin: string
  readonly start: (args?: readonly string[]) => SocketService
  /** Resolves when the admin socket answers that all is ready. */
  readonly untilReady: (service: SocketService) => Promise<unknown>
  readonly close: () => Promise<void>
}

export function createSocketWorld(settings: Readonly<Record<string, object>> = {}): SocketWorld {
  const directory = mkdtempSync(join(tmpdir(), 'sallyport-sockets-'))
  const [check, admin] = [join(directory, 'check.sock'), join(directory, 'admin.sock')]
  const file = join(directory, 'sallyport.yaml')
  const sections = {
    server: { url: 'http://auth.localhost', listen: `unix:${check}`, ...settings.server },
    admin: { listen: `unix:${admin}`, ...settings.admin },
    sessions: { path: './data', secret: freshSecret() },
    ...(settings.login !== undefined && { login: settings.login }),
    policy: { directory: '.' },
    providers: [{ name: 'corp', issuer: 'http://127.0.0.1:9', clientId: 'sallyport', clientSecret: 'of a test alone' }],
  }
  writeFileSync(file, JSON.stringify(sections))
  const policy =
    'p, anyone, wiki.localhost, /public/**, read, -, allow\np, anyone, wiki.localhost, /office/**, read, office, allow\n'
  writeFileSync(join(directory, 'policy.csv'), policy)
  writeFileSync(join(directory, 'conditions.yaml'), 'office: { source-network: [192.0.2.0/24] }\n')
  const children: ChildProcess[] = []
  return {
    directory,
    check,
    admin,
    start: (args = []) => {
      const child = spawn(process.execPath, [cli, 'serve', '--config', file, ...args])
      children.push(child)
      let errors = ''
      child.stdout.resume()
      child.stderr.on('data', chunk => {
        errors += chunk
      })
      return { child, ended: new Promise(resolve => child.once('close', resolve)), stderr: () => errors }
    },
    untilReady: ({ child, stderr }) =>
      vi.waitUntil(
        async () => {
          if (child.exitCode !== null) throw new Error(stderr())
          return existsSync(admin) && (await over(admin, '/readyz').catch(() => undefined))?.status === 200
        },
        { timeout: 60_000, interval: 25 },
      ),
    close: async () => {
      for (const child of children) await endProcess(child)
      rmSync(directory, { recursive: true, force: true })
    },
  }
}

export interface SocketAnswer {
  readonly status: number
  readonly body: string
}

/** One request on a connection of its own. */
export function over(
  socketPath: string,
  path: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<SocketAnswer> {
  return new Promise((resolve, reject) => {
    const sent = request({ socketPath, path, host: 'localhost', agent: false, headers }, response => {
      let body = ''
      response.setEncoding('utf8').on('data', chunk => {
        body += chunk
      })
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body }))
    })
    sent.on('error', reject).end()
  })
}

export const checkOf = (socket: string, path: string, forwardedFor = '203.0.113.9'): Promise<SocketAnswer> =>
  over(socket, '/verify/auth-request', {
    'x-original-method': 'GET',
    'x-original-url': `http://wiki.localhost${path}`,
    'x-forwarded-for': forwardedFor,
  })
