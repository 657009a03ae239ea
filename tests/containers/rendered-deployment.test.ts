/**
 * The Deployment that `sallyport kube render` prints, in a real container of the image of our Dockerfile: its user, its
 * rights, its mounts and its probes, in front of a real API server, until it is told to go.
 */
import { randomBytes } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { freshSecret } from '../../cli/secret.ts'
import { createAuthority } from '../certificates.ts'
import { logInBrowser, newGrant, type Reached } from '../grants/world.ts'
import { createMachine } from '../kube-cli/machine.ts'
import { type RunningCluster, startCluster } from '../kubernetes/cluster.ts'
import type { Kubeconfig } from '../kubernetes/kubectl.ts'
import { requireClusterPrograms } from '../kubernetes/programs.ts'
import { freePort } from '../peers.ts'
import { startProvider } from '../provider.ts'
import { type Contents, makeVolumes, type PodSpec, podmanArgs, writeFiles } from './pod.ts'
import { hasImage, podman } from './podman.ts'

const programs = (await hasImage()) ? requireClusterPrograms() : undefined
const rows = [
  'p, group:ops, kube:prod, /nonResourceURLs/**, get, -, allow',
  'p, group:ops, kube:prod, /payments/**, get|list|create, -, allow',
  '',
]
const account = 'sallyport-gateway'
const secrets = '/run/secrets/sallyport'

describe.skipIf(programs === undefined)('the rendered deployment in a container', () => {
  const directory = mkdtempSync(join(tmpdir(), 'sallyport-container-'))
  const name = `sallyport-test-${randomBytes(6).toString('hex')}`
  const ends: (() => unknown)[] = []
  let cluster: RunningCluster
  let printed: string
  let spec: PodSpec
  let reached: Reached
  let pathOf: (volume: string) => string
  let kubeconfigOf: (token: string) => Kubeconfig
  let running: Promise<Awaited<ReturnType<typeof podman>>>

  beforeAll(async () => {
    if (programs === undefined) return
    ends.push(() => rmSync(directory, { recursive: true, force: true }))
    cluster = await startCluster(programs)
    ends.push(() => cluster.stop())
    await cluster.createNamespace('payments')
    await cluster.createPod({ namespace: 'payments', name: 'core' })
    const [port, gatewayPort, adminPort, providerPort] = await Promise.all([1, 2, 3, 4].map(() => freePort()))
    const publicUrl = `http://auth.localhost:${port}`
    const own = { clientId: 'sallyport', clientSecret: 'the client secret of a test' }
    const provider = await startProvider({
      port: providerPort as number,
      clients: [{ ...own, redirectUris: [`${publicUrl}/callback/corp`] }],
    })
    ends.push(() => provider.close())
    reached = { publicUrl, provider }
    const authority = createAuthority('an authority of tests')
    const listener = authority.issue('127.0.0.1', ['IP:127.0.0.1'])
    authority.close()
    const gateway = cluster.issueClient(account)
    const url = `https://127.0.0.1:${gatewayPort}`
    kubeconfigOf = token =>
      cluster.kubeconfig({
        user: { token },
        server: `${url}/clusters/prod`,
        authority: authority.certificate,
        namespace: 'payments',
      })
    const settings = {
      server: { url: publicUrl, listen: `127.0.0.1:${port}` },
      admin: { listen: `127.0.0.1:${adminPort}` },
      sessions: { path: '/var/lib/sallyport', secretFile: `${secrets}/session` },
      policy: { directory: '/etc/sallyport/policy' },
      providers: [
        {
          ...{ name: 'corp', issuer: provider.issuer, clientId: own.clientId },
          ...{ clientSecretFile: `${secrets}/client`, scopes: ['profile', 'email', 'groups'] },
        },
      ],
      kubernetes: {
        url,
        listen: `127.0.0.1:${gatewayPort}`,
        tls: { certificateFile: `${secrets}/tls.pem`, keyFile: `${secrets}/tls.key` },
        clusters: [
          {
            name: 'prod',
            server: cluster.url,
            caFile: `${secrets}/cluster-ca.pem`,
            credential: { certificateFile: `${secrets}/gateway.pem`, keyFile: `${secrets}/gateway.key` },
          },
        ],
      },
    }
    const contents = {
      'sallyport-config': { 'sallyport.yaml': JSON.stringify(settings) },
      'sallyport-policy': { 'policy.csv': rows.join('\n') },
      'sallyport-secrets': {
        session: freshSecret(),
        client: own.clientSecret,
        'tls.pem': listener.certificate,
        'tls.key': listener.key,
        'cluster-ca.pem': cluster.authority,
        'gateway.pem': gateway.certificate,
        'gateway.key': gateway.key,
      },
    } satisfies Contents
    printed = await render(settings, contents)
    spec = podOf(printed)
    const volumes = join(directory, 'volumes')
    mkdirSync(volumes)
    pathOf = makeVolumes(spec, volumes, contents)
    await cluster.kubectl({ version: '1.37', args: ['apply', '--server-side', '--filename=-'], stdin: yamlOf(printed) })
    await allowThePeople(cluster)
    ends.push(() => podman(['rm', '--force', name]))
    running = podman([
      // A kubelet knows no health check of an image.
      ...['run', `--name=${name}`, '--network=host', '--stop-timeout=60', '--no-healthcheck'],
      ...['--ulimit=nofile=4096:4096', '--ulimit=nproc=1000:1000'],
      ...podmanArgs(spec, pathOf),
    ])
    let ended: string | undefined
    void running.then(({ code, stdout, stderr }) => {
      ended = `the container ended with ${code}: ${stdout}${stderr}`
    })
    const isReady = async () =>
      ended !== undefined || (await fetch(`http://127.0.0.1:${adminPort}/readyz`).catch(() => undefined))?.ok === true
    await vi.waitFor(async () => expect(await isReady()).toBe(true), { timeout: 170_000, interval: 200 })
    if (ended !== undefined) throw new Error(ended)
  })
  afterAll(async () => {
    for (const end of ends.reverse()) await end()
  })

  /** What the command prints of the same configuration, whose files are elsewhere outside of the container. */
  async function render(settings: object, contents: Contents): Promise<string> {
    const outside = join(directory, 'outside')
    mkdirSync(outside)
    const write = (file: string, text: string): void => writeFileSync(join(outside, file), text, { mode: 0o600 })
    for (const [file, text] of Object.entries(contents['sallyport-secrets'] ?? {})) write(file, text)
    write('policy.csv', rows.join('\n'))
    const moved = JSON.stringify(settings)
      .replaceAll(secrets, outside)
      .replace('/etc/sallyport/policy', outside)
      .replace('/var/lib/sallyport', join(outside, 'data'))
    write('sallyport.yaml', moved)
    write('sessions.json', JSON.stringify({ sessions: [sessionOfAlice()] }))
    const machine = createMachine()
    ends.push(() => machine.close())
    const args = ['--config', join(outside, 'sallyport.yaml'), '--sessions', join(outside, 'sessions.json')]
    const { code, stdout, stderr } = await machine.run(['render', '--json', '--user', account, ...args])
    if (code !== 0) throw new Error(stderr)
    return stdout
  }
  const sessionOfAlice = () => ({
    subject: `${reached.provider.issuer}#alice`,
    provider: 'corp',
    email: 'alice@example.com',
    inClusters: { groups: ['ops'], names: { email: 'alice@example.com' } },
  })

  const probe = async (which: 'livenessProbe' | 'readinessProbe'): Promise<number | null> => {
    const [container] = spec.containers
    return (await podman(['exec', name, ...(container?.[which].exec.command ?? [])])).code
  }
  const within = (...command: string[]) => podman(['exec', name, ...command])
  const kubeconfig = async (): Promise<Kubeconfig> => {
    const { body } = await newGrant(reached, await logInBrowser(reached, 'alice'), 'prod')
    return kubeconfigOf(String(body.access_token))
  }

  it('is alive and ready by its own probes', async () => {
    expect([await probe('livenessProbe'), await probe('readinessProbe')]).toEqual([0, 0])
  })

  it('runs as nobody in particular, with no rights, and writes to its two folders alone', async () => {
    const status = (await within('cat', '/proc/1/status')).stdout
    expect(status).toMatch(/^Uid:\s1000\s1000\s1000\s1000$/m)
    expect(status).toMatch(/^Gid:\s1000\s1000\s1000\s1000$/m)
    for (const set of ['CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb'])
      expect(status).toMatch(new RegExp(`^${set}:\\s0+$`, 'm'))
    expect(status).toMatch(/^NoNewPrivs:\s1$/m)
    expect(status).toMatch(/^Seccomp:\s2$/m)
    // Nobody but root could write there anyway; what is read only nobody can.
    expect((await within('cat', '/proc/mounts')).stdout).toMatch(/^\S+ \/ \S+ ro[, ]/m)
    const writable: string[] = []
    for (const folder of [
      '/',
      '/opt/sallyport',
      '/etc/sallyport',
      '/etc/sallyport/policy',
      secrets,
      '/var/lib/sallyport',
      '/tmp',
    ])
      if ((await within('touch', `${folder}/written`)).code === 0) writable.push(folder)
    expect(writable).toEqual(['/var/lib/sallyport', '/tmp'])
  })

  it('carries kubectl as the person', async () => {
    const got = await cluster.kubectl({
      version: '1.37',
      args: ['get', 'pods', '--output=name'],
      kubeconfig: await kubeconfig(),
    })
    expect(got).toMatchObject({ code: 0, stdout: 'pod/core\n' })
    const event = await cluster.audit.until(
      ({ impersonatedUser, objectRef }) =>
        impersonatedUser?.username === 'alice@example.com' && objectRef?.resource === 'pods',
      'the call of Alice',
    )
    expect(event).toMatchObject({ user: { username: account } })
  })

  it('takes another policy when the ConfigMap changes', async () => {
    const own = await kubeconfig()
    const list = async () => (await cluster.kubectl({ version: '1.37', args: ['get', 'pods'], kubeconfig: own })).code
    expect(await list()).toBe(0)
    const { fsGroup } = spec.securityContext
    const write = (more: readonly string[]): void =>
      writeFiles(pathOf('policy'), { 'policy.csv': [...rows, ...more].join('\n') }, { fsGroup, mode: 0o644 })
    write(['p, group:ops, kube:prod, /payments/core/pods, list, -, deny', ''])
    await expect.poll(list, { timeout: 60_000 }).toBe(1)
    write([])
    await expect.poll(list, { timeout: 60_000 }).toBe(0)
  })

  it('goes when it is told to, with a word for whoever has a shell', async () => {
    const args = ['exec', 'core', '--', 'sh', '-c', 'echo here; sleep 1000']
    const shell = cluster.startKubectl({ version: '1.37', args, kubeconfig: await kubeconfig() })
    await shell.untilPrinted(/^here$/m)
    expect((await podman(['kill', '--signal=TERM', name])).code).toBe(0)
    expect(await shell.ended).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^error: .*: the gateway stops; run the command again \(request [0-9a-f]{32}\)$/m),
    })
    expect((await running).code).toBe(0)
  })
})

interface Printed {
  readonly objects: readonly {
    readonly kind: string
    readonly spec: { readonly template: { readonly spec: PodSpec } }
  }[]
}

const podOf = (printed: string): PodSpec => {
  const found = (JSON.parse(printed) as Printed).objects.find(({ kind }) => kind === 'Deployment')
  if (found === undefined) throw new Error('no deployment was printed')
  return found.spec.template.spec
}
const yamlOf = (printed: string): string =>
  (JSON.parse(printed) as Printed).objects.map(object => JSON.stringify(object)).join('\n---\n')

async function allowThePeople({ api }: RunningCluster): Promise<void> {
  const apiGroup = 'rbac.authorization.k8s.io'
  await api.call('POST', `/apis/${apiGroup}/v1/namespaces/payments/rolebindings`, {
    metadata: { name: 'ops' },
    roleRef: { apiGroup, kind: 'ClusterRole', name: 'admin' },
    subjects: [{ apiGroup, kind: 'Group', name: 'sallyport:ops' }],
  })
}
