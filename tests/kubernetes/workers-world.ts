/** `sallyport serve` with two workers and a gateway, in processes of its own, in front of an API server of the test's. */
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freshSecret } from '../../cli/secret.ts'
import type { Authority } from '../certificates.ts'
import { logInBrowser, newGrant, type Reached } from '../grants/world.ts'
import { cli, untilListening } from '../lifecycle/process.ts'
import { endProcess, freePort } from '../peers.ts'
import { type Person, startProvider } from '../provider.ts'
import { workersOf } from '../workers/service.ts'
import type { FakeApiServer } from './gateway-world.ts'

export interface WorkersWorld extends Reached {
  /** Of the gateway. */
  readonly port: number
  readonly authority: Authority
  /** A token of kubectl for the cluster, after a login in a browser. */
  readonly tokenOf: (person: Person) => Promise<string>
  readonly endSessionsOf: (person: Person) => Promise<void>
  /** Resolves when every worker has another policy. */
  readonly writePolicy: (text: string) => Promise<void>
  readonly reload: () => Promise<{ readonly status: number; readonly body: unknown }>
  /** Process ids of the workers that there are, the last ones last. */
  readonly workers: () => readonly number[]
  readonly restartWorkers: () => Promise<unknown>
  /** Resolves when every worker has its store. */
  readonly untilReady: () => Promise<void>
  readonly signal: (name: NodeJS.Signals) => void
  readonly ended: Promise<number | null>
  readonly stop: () => Promise<void>
}

export interface WorkersWorldOptions {
  readonly authority: Authority
  readonly api: FakeApiServer
  readonly policy: string
  /** Laid over the section `sessions`. */
  readonly sessions: Readonly<Record<string, unknown>>
}

export async function startWorkersWorld(options: WorkersWorldOptions): Promise<WorkersWorld> {
  const directory = mkdtempSync(join(tmpdir(), 'sallyport-workers-'))
  const [port, adminPort, gatewayPort, providerPort] = [
    await freePort(),
    await freePort(),
    await freePort(),
    await freePort(),
  ]
  const publicUrl = `http://auth.localhost:${port}`
  const own = { clientId: 'sallyport', clientSecret: 'the client secret of a test' }
  const provider = await startProvider({
    port: providerPort,
    refreshTokens: 'rotated',
    clients: [{ ...own, redirectUris: [`${publicUrl}/callback/corp`] }],
  })
  const write = (name: string, text: string): string => {
    writeFileSync(join(directory, name), text, { mode: 0o600 })
    return join(directory, name)
  }
  const { authority, api } = options
  const listener = authority.issue('localhost', ['localhost', 'IP:127.0.0.1'])
  write('policy.csv', options.policy)
  const settings = {
    server: { url: publicUrl, listen: `127.0.0.1:${port}`, workers: 2, shutdownTimeout: '10s' },
    admin: { listen: `127.0.0.1:${adminPort}` },
    sessions: { path: './data', secret: freshSecret(), ...options.sessions },
    policy: { directory: '.', watch: false },
    audit: { destination: './audit.jsonl' },
    login: { rateLimit: 100_000 },
    providers: [{ name: 'corp', issuer: provider.issuer, ...own, scopes: ['profile', 'email', 'groups'] }],
    kubernetes: {
      url: `https://localhost:${gatewayPort}`,
      listen: `127.0.0.1:${gatewayPort}`,
      tls: { certificateFile: write('tls.pem', listener.certificate), keyFile: write('tls.key', listener.key) },
      clusters: [
        {
          name: 'prod',
          server: api.access.server,
          caFile: write('ca.pem', authority.certificate),
          credential: { tokenFile: write('token', 'gateway-token') },
        },
      ],
    },
  }
  const child = spawn(process.execPath, [cli, 'serve', '--config', write('sallyport.yaml', JSON.stringify(settings))])
  // Also when a hook has timed out.
  const killOnExit = (): void => void child.kill('SIGKILL')
  process.once('exit', killOnExit)
  child.once('exit', () => process.off('exit', killOnExit))
  const output = { stdout: '', stderr: '' }
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].on('data', chunk => {
      output[name] += chunk
    })
  }
  const service = {
    ...{ directory, port, adminPort, child, stderr: () => output.stderr, stdout: () => output.stdout },
    ended: new Promise<number | null>(resolve => child.once('close', resolve)),
    readiness: async () => {
      const response = await fetch(`http://127.0.0.1:${adminPort}/readyz`)
      // Redis is connected to in the background.
      if (!response.ok) throw new Error('it is not ready')
      return { status: response.status, body: await response.text() }
    },
    stop: () => endProcess(child),
  }
  const stop = async (): Promise<void> => {
    await service.stop()
    await provider.close()
    rmSync(directory, { recursive: true, force: true })
  }
  await untilListening(service).catch(async (error: unknown) => {
    await stop()
    throw error
  })
  const post = async (path: string, body: object = {}) => {
    const init = { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }
    const response = await fetch(`http://127.0.0.1:${adminPort}${path}`, init)
    return { status: response.status, body: (await response.json()) as unknown }
  }
  const reached: Reached = { publicUrl, provider }
  const subjects = new Map<Person, string>()
  return {
    ...reached,
    port: gatewayPort,
    authority,
    async tokenOf(person) {
      const { body } = await newGrant(reached, await logInBrowser(reached, person), 'prod')
      const token = String(body.access_token)
      subjects.set(person, JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()).sub as string)
      return token
    },
    async endSessionsOf(person) {
      const { status, body } = await post('/sessions/end', { subject: subjects.get(person) })
      if (status !== 200) throw new Error(`nobody's sessions were ended: ${JSON.stringify(body)}`)
    },
    reload: () => post('/policy/reload'),
    async writePolicy(text) {
      write('policy.csv', text)
      const { status, body } = await post('/policy/reload')
      if (status !== 200) throw new Error(`the policy was not loaded: ${JSON.stringify(body)}`)
    },
    workers: () => workersOf(service).map(({ pid }) => pid),
    restartWorkers: () => post('/workers/restart'),
    untilReady: () => untilListening(service),
    signal: name => void child.kill(name),
    ended: service.ended,
    stop,
  }
}
