/** An Argo CD on loopback: its server in a real cluster with what its page prints, a Redis, and its command. */
import { spawn } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { parseAllDocuments } from 'yaml'
import { type RunningCluster, startCluster } from '../kubernetes/cluster.ts'
import { certificateUser } from '../kubernetes/kubectl.ts'
import type { ClusterPrograms } from '../kubernetes/programs.ts'
import { freePort, startRedis } from '../peers.ts'
import { carry } from '../products/hydra-pages.ts'
import { run, startProgram, temporaryFolder } from '../products/product.ts'
import { close, listen } from '../provider.ts'

export interface ArgoCdOptions {
  /** Of its program and its definitions. */
  readonly folder: string
  readonly programs: ClusterPrograms
  /** The objects of the page. */
  readonly printed: string
  readonly clientSecret: string
}

export type RunningArgoCd = Awaited<ReturnType<typeof startArgoCd>>

export async function startArgoCd({ folder, programs, printed, clientSecret }: ArgoCdOptions) {
  const program = join(folder, 'argocd')
  const temporary = temporaryFolder('argo-cd')
  // Its server asks the system for names below localhost, which not every system knows.
  const names = createServer((incoming, response) => carry(incoming, response, new URL(incoming.url ?? '')))
  const proxy = `http://127.0.0.1:${await listen(names)}`
  const redis = await startRedis()
  const cluster = await startCluster(programs)
  await cluster.createNamespace('argocd')
  for (const file of readdirSync(join(folder, 'crds')).filter(name => name.endsWith('-crd.yaml')))
    await apply(cluster, ['--server-side', '--filename', join(folder, 'crds', file)])
  await apply(cluster, ['--filename=-'], printed)
  await apply(cluster, ['--filename=-'], secretOf(clientSecret))
  const user = certificateUser(cluster.certificates.issueClient('argocd', ['system:masters']))
  const [port, metrics] = [await freePort(), await freePort()]
  const place = ['--kubeconfig', cluster.kubeconfig({ user }).path, '--namespace', 'argocd']
  const listening = ['--address', '127.0.0.1', '--port', `${port}`, '--metrics-port', `${metrics}`]
  const env = {
    ...process.env,
    HOME: temporary.path,
    HTTP_PROXY: proxy,
    ARGOCD_BINARY_NAME: 'argocd-server',
    // Its deployment makes this of the object.
    ARGOCD_SERVER_INSECURE: parametersOf(printed)['server.insecure'],
    REDIS_PASSWORD: '',
  }
  const args = [...place, ...listening, '--redis', `127.0.0.1:${redis.port}`]
  const ready = `http://127.0.0.1:${port}/api/version`
  const stop = async (): Promise<void> => {
    await cluster.stop()
    await redis.stop()
    await close(names)
    temporary.remove()
  }
  const running = await startProgram(program, args, ready, { env, cwd: temporary.path }).catch(async error => {
    await stop()
    throw error
  })
  return {
    port,
    /** Its command, with what it needs to find `server`. */
    command: (server: string, ...words: readonly string[]): Promise<string> => {
      const all = [...words, '--server', server, '--plaintext', '--grpc-web']
      return run(program, all, { env: { ...env, ARGOCD_BINARY_NAME: 'argocd' }, cwd: temporary.path })
    },
    /** `argocd login --sso`, with somebody who goes where it says. */
    async logIn(server: string, words: readonly string[], visit: (address: string) => Promise<void>): Promise<string> {
      // Its test would ask the system for the name.
      const quiet = ['--sso-launch-browser=false', '--skip-test-tls', '--plaintext']
      const all = ['login', server, '--sso', '--grpc-web', ...quiet, ...words]
      const child = spawn(program, all, { env: { ...env, ARGOCD_BINARY_NAME: 'argocd' }, cwd: temporary.path })
      let said = ''
      let visited: Promise<void> | undefined
      const hear = (chunk: Buffer): void => {
        said += chunk
        const [, address] = /(http:\/\/idp\.localhost\S+)\s/.exec(said) ?? []
        if (address !== undefined)
          visited ??= visit(address).catch(error => {
            said += error
            child.kill()
          })
      }
      child.stdout.on('data', hear)
      child.stderr.on('data', hear)
      const code = await new Promise(resolve => child.once('close', resolve))
      await visited
      if (code !== 0) throw new Error(`the login ended with ${code}: ${said}`)
      return said
    },
    async stop() {
      await running.stop()
      await stop()
    },
  }
}

async function apply(cluster: RunningCluster, args: readonly string[], stdin = ''): Promise<void> {
  const { code, stderr } = await cluster.kubectl({ version: '1.37', args: ['apply', ...args], stdin })
  if (code !== 0) throw new Error(`kubectl apply ${args.join(' ')}: ${stderr}`)
}

/** What its installation makes, with what the page's `$oidc.corp.clientSecret` stands for. */
const secretOf = (clientSecret: string): string =>
  JSON.stringify({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'argocd-secret', namespace: 'argocd', labels: { 'app.kubernetes.io/part-of': 'argocd' } },
    stringData: {
      'oidc.corp.clientSecret': clientSecret,
      'server.secretkey': 'the key of a test, which is long enough for it',
    },
  })

function parametersOf(printed: string): Readonly<Record<string, string>> {
  const objects = parseAllDocuments(printed).map(
    document => document.toJS() as { metadata: { name: string }; data: Readonly<Record<string, string>> },
  )
  return objects.find(({ metadata }) => metadata.name === 'argocd-cmd-params-cm')?.data ?? {}
}
