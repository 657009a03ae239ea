/** Services as processes of their own, over a store and a provider that stay: what an operator stops, starts and restores. */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { vi } from 'vitest'
import { freshSecret } from '../../cli/secret.ts'
import { cli } from '../lifecycle/process.ts'
import { endProcess, freePort } from '../peers.ts'
import { startProvider, type TestProvider } from '../provider.ts'
import { type Answer, ask, logInThrough } from '../proxies/balancer.ts'

export const page = 'http://wiki.localhost/notes/today'
const policy =
  'p, anyone, wiki.localhost, /public/**, read, -, allow\np, authenticated, wiki.localhost, /notes/**, read, -, allow\n'

export interface Replica {
  readonly port: number
  readonly adminPort: number
  /** Its configuration. */
  readonly file: string
  readonly child: ChildProcess
}

export interface OperatedWorld {
  readonly directory: string
  readonly provider: TestProvider
  readonly publicUrl: string
  /** Writes a configuration over these sessions; a replica of the same service, with the secret that all have. */
  readonly configure: (
    name: string,
    sessions: object,
    ports?: { readonly port: number; readonly adminPort: number },
  ) => Promise<Omit<Replica, 'child'>>
  /** Resolves when it is ready. */
  readonly start: (configured: Omit<Replica, 'child'>) => Promise<Replica>
  readonly stop: (replica: Replica, signal: 'SIGTERM' | 'SIGKILL') => Promise<void>
  readonly close: () => Promise<void>
}

/** @param proxyPort where browsers come; without a proxy the first replica is asked itself */
export async function createOperatedWorld(proxyPort: number): Promise<OperatedWorld> {
  const directory = mkdtempSync(join(tmpdir(), 'sallyport-operations-'))
  const publicUrl = `http://auth.localhost:${proxyPort}`
  const clientSecret = 'the client secret of a test'
  const provider = await startProvider({
    clients: [{ clientId: 'sallyport', clientSecret, redirectUris: [`${publicUrl}/callback/corp`] }],
  })
  writeFileSync(join(directory, 'policy.csv'), policy)
  const secret = freshSecret()
  const children = new Set<ChildProcess>()
  return {
    directory,
    provider,
    publicUrl,
    async configure(name, sessions, ports) {
      const { port, adminPort } = ports ?? { port: await freePort(), adminPort: await freePort() }
      const file = join(directory, `${name}.yaml`)
      const settings = {
        server: { url: publicUrl, listen: `127.0.0.1:${port}` },
        admin: { listen: `127.0.0.1:${adminPort}` },
        providers: [{ name: 'corp', issuer: provider.issuer, clientId: 'sallyport', clientSecret }],
        sessions: { secret, ...sessions },
        policy: { directory: '.' },
        audit: { destination: `./${name}.jsonl` },
      }
      writeFileSync(file, JSON.stringify(settings))
      return { port, adminPort, file }
    },
    async start(configured) {
      const child = spawn(process.execPath, [cli, 'serve', '--config', configured.file], {
        stdio: ['ignore', 'ignore', 'pipe'],
      })
      children.add(child)
      let errors = ''
      child.stderr.on('data', chunk => {
        errors += chunk
      })
      await vi.waitUntil(
        async () => {
          if (child.exitCode !== null) throw new Error(errors)
          const answer = await fetch(`http://127.0.0.1:${configured.adminPort}/readyz`).catch(() => undefined)
          return answer?.ok === true
        },
        { timeout: 60_000, interval: 25 },
      )
      return { ...configured, child }
    },
    async stop({ child }, signal) {
      const ended = new Promise(resolve => child.once('close', resolve))
      child.kill(signal)
      await ended
      children.delete(child)
    },
    async close() {
      for (const child of children) await endProcess(child)
      await provider.close()
      rmSync(directory, { recursive: true, force: true })
    },
  }
}

/** Asks a replica as Traefik or Caddy would; what is for the auth host is asked there. */
export const throughReplica =
  ({ port }: { readonly port: number }) =>
  (address: string, headers: Readonly<Record<string, string>>): Promise<Answer> => {
    const { hostname, pathname, search, host } = new URL(address)
    if (hostname === 'auth.localhost') return ask(address, { headers, port, from: '127.0.0.1' })
    const original = {
      'x-forwarded-method': 'GET',
      'x-forwarded-proto': 'http',
      'x-forwarded-host': host,
      'x-forwarded-uri': pathname + search,
      'x-forwarded-for': '203.0.113.9',
    }
    return ask(`http://auth.localhost:${port}/verify/forward-auth`, {
      headers: { ...headers, ...original },
      port,
      from: '127.0.0.1',
    })
  }

export async function logInAt(replica: { readonly port: number }): Promise<string> {
  return (await logInThrough(throughReplica(replica), page)).cookie
}

export const statusAt = async (replica: { readonly port: number }, cookie: string): Promise<number> =>
  (await throughReplica(replica)(page, { cookie, accept: 'application/json' })).status
