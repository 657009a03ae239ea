/** The laboratory itself: three kubectls straight at the API server. What fails here is no fault of a gateway. */
import { randomBytes, randomUUID } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createApiClient } from './api-client.ts'
import { type ClusterKubectlCall, type RunningCluster, startCluster } from './cluster.ts'
import { certificateUser, type Kubeconfig } from './kubectl.ts'
import type { StreamKind } from './open-streams.ts'
import { requireClusterPrograms } from './programs.ts'
import { type KubectlVersion, kubectlVersions } from './versions.ts'

const programs = requireClusterPrograms()
const versions = Object.keys(kubectlVersions) as KubectlVersion[]

describe.skipIf(programs === undefined)('a cluster', () => {
  let cluster: RunningCluster

  beforeAll(async () => {
    if (programs === undefined) return
    cluster = await startCluster(programs)
    process.stderr.write(`kubernetes: ready after ${(cluster.startMs / 1000).toFixed(1)} s\n`)
    await cluster.createNamespace('payments')
    await cluster.createPod({ namespace: 'payments', name: 'core' })
    await cluster.createPod({ namespace: 'payments', name: 'terminal', terminal: true })
  })
  afterAll(() => cluster?.stop())

  /** Its output; a failure says why. */
  async function kubectl(call: ClusterKubectlCall): Promise<string> {
    const { code, stdout, stderr } = await cluster.kubectl(call)
    expect({ code, stderr: code === 0 ? '' : stderr }).toEqual({ code: 0, stderr: '' })
    return stdout
  }

  const isOpen = (kind: StreamKind, pod: string) =>
    cluster.streams.until(
      open => open.some(stream => stream.kind === kind && stream.pod === pod),
      `${kind} into ${pod}`,
    )
  const nothingIsOpen = () => cluster.streams.until(open => open.length === 0, 'the end of all streams')

  describe.each(versions)('with kubectl %s', version => {
    const inPayments = (...args: string[]) => ({ version, args: ['--namespace=payments', ...args] })
    const configMap = (name: string, colour: string) =>
      JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data: { colour } })

    it('gets, creates, and applies on both sides', async () => {
      expect(await kubectl(inPayments('get', 'pods', 'core', 'terminal', '--output=name'))).toBe(
        'pod/core\npod/terminal\n',
      )
      const name = `made-${version}`
      const create = { ...inPayments('create', '--filename=-'), stdin: configMap(name, 'red') }
      expect(await kubectl(create)).toBe(`configmap/${name} created\n`)
      const again = await cluster.kubectl(create)
      expect(again.code).toBe(1)
      expect(again.stderr).toContain('AlreadyExists')
      for (const [flag, colour] of [
        ['--server-side', 'green'],
        ['--server-side=false', 'blue'],
      ] as const) {
        const name = `applied-${version}-${colour}`
        await kubectl({ ...inPayments('apply', flag, '--filename=-'), stdin: configMap(name, 'red') })
        await kubectl({ ...inPayments('apply', flag, '--filename=-'), stdin: configMap(name, colour) })
        expect(await kubectl(inPayments('get', 'configmap', name, '--output=jsonpath={.data.colour}'))).toBe(colour)
      }
    })

    it('watches', async () => {
      const watching = cluster.startKubectl(inPayments('get', 'configmaps', '--watch', '--output=name'))
      await watching.untilPrinted(/^configmap\/kube-root-ca.crt$/m)
      const name = `watched-${version}`
      await kubectl({ ...inPayments('create', '--filename=-'), stdin: configMap(name, 'red') })
      await watching.untilPrinted(new RegExp(`^configmap/${name}$`, 'm'))
      await watching.stop()
    })

    it('keeps the exit code of a command, and both of its outputs apart', async () => {
      const script = 'echo out; echo complaint >&2; exit 7'
      const result = await cluster.kubectl(inPayments('exec', 'core', '--', 'sh', '-c', script))
      expect(result.code).toBe(7)
      expect(result.stdout).toBe('out\n')
      expect(result.stderr).toMatch(/^complaint\ncommand terminated with exit code 7\n$/)
      expect((await cluster.kubectl(inPayments('exec', 'core', '--', 'no-such-program'))).code).not.toBe(0)
    })

    it('gives a command its input to the end, and a terminal', async () => {
      const stdin = randomBytes(300_000).toString('hex')
      expect(await kubectl({ ...inPayments('exec', '--stdin', 'core', '--', 'cat'), stdin })).toBe(stdin)
      // It ends when it is told to: Kubernetes loses what a command says that ends while kubectl sends the terminal's size.
      const script = 'test -t 0 && test -t 1 && echo "a terminal"; read line; exit 3'
      const inTerminal = inPayments('exec', '--stdin', '--tty', 'core', '--', 'sh', '-c', script)
      const running = cluster.startKubectl({ ...inTerminal, terminal: true, keepsStdin: true })
      await running.untilPrinted(/a terminal/)
      running.process.stdin?.write('\n')
      expect((await running.ended).code).toBe(3)
    })

    it('copies 20 MB both ways', async () => {
      const contents = randomBytes(20_000_000)
      const [there, back] = [`there-${version}`, `back-${version}`].map(name => join(cluster.directory, name))
      if (there === undefined || back === undefined) return
      writeFileSync(there, contents)
      const remote = join(cluster.directory, `copied-${version}`)
      await kubectl(inPayments('cp', there, `core:${remote}`))
      expect(readFileSync(remote).equals(contents)).toBe(true)
      await kubectl(inPayments('cp', `core:${remote}`, back))
      expect(readFileSync(back).equals(contents)).toBe(true)
    })

    it('forwards a port', async () => {
      const contents = randomBytes(8_000_000)
      const { server, port } = await serve(socket => socket.end(contents))
      const forwarding = cluster.startKubectl(inPayments('port-forward', 'pod/core', `:${port}`))
      const [, local = ''] = await forwarding.untilPrinted(/Forwarding from 127\.0\.0\.1:(\d+)/)
      expect((await readAll(Number(local))).equals(contents)).toBe(true)
      await forwarding.stop()
      server.close()
      await nothingIsOpen()
    })

    it('follows a log, and is attached to what writes it', async () => {
      const pod = `printer-${version.replace('.', '-')}`
      await cluster.createPod({ namespace: 'payments', name: pod })
      await cluster.streams.print(`payments/${pod}/main`, 'first\nsecond\n')
      const following = cluster.startKubectl(inPayments('logs', '--follow', '--tail=1', pod))
      await following.untilPrinted(/^second\n$/)
      const attached = cluster.startKubectl(inPayments('attach', pod))
      await isOpen('attach', pod)
      const giving = { ...inPayments('attach', '--stdin', pod), stdin: 'third\n' }
      expect((await cluster.kubectl(giving)).code).toBe(0)
      await following.untilPrinted(/^second\nthird\n$/)
      await attached.untilPrinted(/^third\n/)
      expect(await kubectl(inPayments('logs', pod))).toBe('first\nsecond\nthird\n')
      await following.stop()
      await attached.stop()
      await nothingIsOpen()
    })

    it('leaves no command behind when it is killed', async () => {
      const file = join(cluster.directory, `pid-${version}`)
      const running = cluster.startKubectl(
        inPayments('exec', 'core', '--', 'sh', '-c', `echo $$ > ${file}; echo begun; sleep 3600; :`),
      )
      await running.untilPrinted(/begun/)
      const pid = Number(readFileSync(file, 'utf8'))
      expect(existsSync(`/proc/${pid}`)).toBe(true)
      running.process.kill('SIGKILL')
      await nothingIsOpen()
      await expect.poll(() => existsSync(`/proc/${pid}`)).toBe(false)
    })

    it('may do what its certificate, or its token, may', async () => {
      const alice = cluster.kubeconfig({
        user: certificateUser(cluster.issueClient('alice', ['ops'])),
        namespace: 'payments',
      })
      const token = await cluster.serviceAccountToken('payments', 'default')
      const account = cluster.kubeconfig({ user: { token } })
      const get = (kubeconfig: Kubeconfig) => cluster.kubectl({ version, kubeconfig, args: ['get', 'pods'] })
      expect(await get(alice)).toMatchObject({ code: 1, stderr: expect.stringContaining('User "alice" cannot list') })
      expect((await get(account)).stderr).toContain('system:serviceaccount:payments:default')
    })
  })

  it.each(['1.37', '1.36'] as const)('tells who kubectl %s is', async version => {
    const kubeconfig = cluster.kubeconfig({ user: certificateUser(cluster.issueClient('alice', ['ops', 'on-call'])) })
    const who = await kubectl({ version, kubeconfig, args: ['auth', 'whoami', '--output=json'] })
    const groups = ['ops', 'on-call', 'system:authenticated']
    expect(JSON.parse(who).status.userInfo).toMatchObject({ username: 'alice', groups })
  })

  it('has an audit log that a request is found in by its Audit-ID, with the person who was impersonated', async () => {
    const id = randomUUID()
    const admin = createApiClient({ ...cluster, ...cluster.issueClient('gateway', ['system:masters']) })
    const headers = { 'audit-id': id, 'impersonate-user': 'alice', 'impersonate-group': ['ops', 'on-call'] }
    const answer = await admin.ask('GET', '/api/v1/namespaces/payments/pods/core', undefined, headers)
    admin.close()
    expect(answer.status).toBe(403)
    expect(answer.headers['audit-id']).toBe(id)
    const event = await cluster.audit.until(({ auditID }) => auditID === id, `the audit event ${id}`)
    expect(event).toMatchObject({
      stage: 'ResponseComplete',
      verb: 'get',
      user: { username: 'gateway' },
      impersonatedUser: { username: 'alice', groups: ['ops', 'on-call', 'system:authenticated'] },
      objectRef: { resource: 'pods', namespace: 'payments', name: 'core' },
      responseStatus: { code: 403 },
    })
    expect(cluster.audit.all.filter(({ user }) => user.username === 'cluster-maker')).toEqual([])
  })

  it('believes a front proxy, so that what a client says of itself matters', async () => {
    const proxy = createApiClient({ ...cluster, ...cluster.issueFrontProxy() })
    const review = { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' }
    const path = '/apis/authentication.k8s.io/v1/selfsubjectreviews'
    const answer = await proxy.ask('POST', path, review, { 'x-remote-user': 'mallory' })
    proxy.close()
    expect(JSON.parse(answer.text).status.userInfo.username).toBe('mallory')
  })

  it('comes back with all that it had', async () => {
    await cluster.stopApiServer()
    await expect(cluster.api.ask('GET', '/readyz')).rejects.toThrow('ECONNREFUSED')
    await cluster.startApiServer()
    expect(await kubectl({ version: '1.37', args: ['get', 'namespace', 'payments', '--output=name'] })).toBe(
      'namespace/payments\n',
    )
    expect(cluster.audit.all.length).toBeGreaterThan(0)
  })
})

describe.skipIf(programs === undefined)('a cluster with settings of its own', () => {
  const start = async (options: Parameters<typeof startCluster>[1]) => {
    if (programs === undefined) throw new Error('there are no programs')
    return startCluster(programs, options)
  }

  it('says why it does not start, and leaves nothing', async () => {
    const authentication = 'apiVersion: apiserver.config.k8s.io/v1\nkind: AuthenticationConfiguration\njwt: [{}]\n'
    await expect(start({ authentication })).rejects.toThrow('issuer.url: Required value')
  })

  it('has no constrained impersonation where it is switched off', async () => {
    const cluster = await start({ constrainedImpersonation: false, apiServerFlags: ['--anonymous-auth=false'] })
    try {
      const metrics = String((await cluster.api.ask('GET', '/metrics')).text)
      expect(metrics).toMatch(/kubernetes_feature_enabled\{name="ConstrainedImpersonation",stage="BETA"\} 0/)
      const nobody = createApiClient(cluster)
      expect((await nobody.ask('GET', '/readyz')).status).toBe(401)
      nobody.close()
    } finally {
      await cluster.stop()
    }
    expect(existsSync(cluster.directory)).toBe(false)
  })
})

async function serve(answer: (socket: Socket) => void): Promise<{ server: Server; port: number }> {
  const server = createServer(answer)
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the server has no port')
  return { server, port: address.port }
}

async function readAll(port: number): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of connect(port, '127.0.0.1')) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}
