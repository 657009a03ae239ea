/**
 * Real kubectls of three ages through the gateway to a real API server: what they do every day, and what they print, and
 * exit with, when they are cut.
 */
import { createHash, randomBytes } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { type AddressInfo, connect as connectTcp, createServer, type Server } from 'node:net'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { Refusal, Subject } from '../../app/kubernetes/gateway/gateway-call.ts'
import { refusal } from '../../app/kubernetes/gateway/status.ts'
import { type Authority, createAuthority } from '../certificates.ts'
import { freePort } from '../peers.ts'
import { type RunningCluster, startCluster } from './cluster.ts'
import { type Admitted, createJudge, startWorld, type World } from './gateway-world.ts'
import type { RunningKubectl } from './kubectl.ts'
import { plantPods } from './planted-pods.ts'
import { requireClusterPrograms } from './programs.ts'
import type { KubectlVersion } from './versions.ts'

const programs = requireClusterPrograms()
const versions: readonly KubectlVersion[] = ['1.37', '1.36', '1.20']
const alice: Subject = {
  user: 'alice@example.com',
  groups: ['sallyport:ops', 'sallyport:on-call'],
  uid: 'u-alice',
  extra: { 'sallyport.dev/session': ['s_123'] },
}
const revoked = refusal(403, 'sallyport: session s_123 was revoked', 'log in again')
const said = /sallyport: session s_123 was revoked; log in again \(request [0-9a-f]+\)/

describe.skipIf(programs === undefined)('kubectl through the gateway', () => {
  let authority: Authority
  let cluster: RunningCluster
  let world: World
  let open: Admitted[] = []

  beforeAll(async () => {
    if (programs === undefined) return
    authority = createAuthority('authority of the gateway')
    cluster = await startCluster(programs)
    await cluster.createNamespace('payments')
    await cluster.createPod({ namespace: 'payments', name: 'core' })
    await allowTheGateway(cluster)
    const own = cluster.issueClient('sallyport-gateway')
    world = await startWorld({
      authority,
      access: {
        server: cluster.url,
        authority: { text: cluster.authority },
        credential: { kind: 'certificate', certificate: { text: own.certificate }, key: { text: own.key } },
      },
    })
    letAliceIn()
  })
  afterEach(() => {
    open = []
    letAliceIn()
  })
  afterAll(async () => {
    await world?.close()
    await cluster?.stop()
    authority?.close()
  })

  function letAliceIn(): void {
    const judge = createJudge(world.admitted, one => open.push(one), alice)
    world.judge(judge)
  }
  const kubeconfig = () =>
    cluster.kubeconfig({
      server: `https://localhost:${world.port}/clusters/prod`,
      authority: authority.certificate,
      user: { token: 'of-alice' },
      namespace: 'payments',
    })
  type Options = Parameters<RunningCluster['kubectl']>[0]
  const start = (version: KubectlVersion, args: string[], more: Partial<Options> = {}): RunningKubectl =>
    cluster.startKubectl({ version, args, kubeconfig: kubeconfig(), ...more })
  const run = async (version: KubectlVersion, args: string[], more: Partial<Options> = {}) =>
    await start(version, args, more).ended
  /** Of a stream that is open: the call behind it. */
  const callOf = (part: string): Admitted => {
    const found = open.findLast(({ call }) => call.target.includes(part))
    if (found === undefined) throw new Error(`no call with ${part}: ${open.map(({ call }) => call.target).join(' ')}`)
    return found
  }
  const cut = async (part: string, why: Refusal = revoked): Promise<Admitted> => {
    const one = callOf(part)
    await one.cut(why)
    return one
  }
  const spdyAlone = { KUBECTL_REMOTE_COMMAND_WEBSOCKETS: 'false', KUBECTL_PORT_FORWARD_WEBSOCKETS: 'false' }
  const ways: [KubectlVersion, 'websocket' | 'spdy'][] = [
    ['1.37', 'websocket'],
    ['1.37', 'spdy'],
    ['1.36', 'websocket'],
    ['1.36', 'spdy'],
    ['1.20', 'spdy'],
  ]
  const envOf = (way: string) => ({ env: way === 'spdy' ? spdyAlone : {} })

  describe.each(versions)('%s', version => {
    test('create, get, apply, apply by the server, delete; the audit log names Alice, and has our id', async () => {
      const name = `settings-${version.replace('.', '-')}`
      const created = await run(version, ['create', 'configmap', name, '--from-literal=a=1'])
      expect(created).toMatchObject({ code: 0, stdout: `configmap/${name} created\n` })
      const { requestId } = callOf('/configmaps').call
      const event = await cluster.audit.until(one => one.auditID === requestId, 'the call')
      expect(event).toMatchObject({
        user: { username: 'sallyport-gateway' },
        impersonatedUser: {
          username: alice.user,
          uid: alice.uid,
          groups: expect.arrayContaining([...alice.groups]),
          extra: alice.extra,
        },
      })
      expect((await run(version, ['get', 'configmap', name, '-o', 'jsonpath={.data.a}'])).stdout).toBe('1')
      const text = JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data: { a: '2' } })
      expect(await run(version, ['apply', '-f', '-'], { stdin: text })).toMatchObject({ code: 0 })
      const force = ['apply', '--server-side', '--force-conflicts', '-f', '-']
      expect((await run(version, force, { stdin: text })).stdout).toBe(`configmap/${name} serverside-applied\n`)
      expect(await run(version, ['delete', 'configmap', name])).toMatchObject({ code: 0 })
    })

    test('a watch shows what changes, and ends when it is cut', async () => {
      const name = `seen-${version.replace('.', '-')}`
      const watch = start(version, ['get', 'configmaps', '-w', '-o', 'name'])
      await expect.poll(() => open.some(({ call }) => call.target.includes('watch='))).toBe(true)
      await run(version, ['create', 'configmap', name])
      await watch.untilPrinted(new RegExp(`configmap/${name}`))
      const one = await cut('watch=')
      await watch.ended
      expect(await one.outcome).toMatchObject({ ending: 'cut', status: 200 })
    })

    test('logs -f shows what is printed at once, and fails when it is cut', async () => {
      const logs = start(version, ['logs', '-f', 'core'])
      await expect.poll(() => open.some(({ call }) => call.target.includes('follow='))).toBe(true)
      await cluster.streams.until(all => all.some(({ kind }) => kind === 'logs'), 'the log')
      await cluster.streams.print('payments/core/main', `line for ${version}\n`)
      await logs.untilPrinted(new RegExp(`line for ${version}`))
      await cut('follow=')
      const { code, stderr } = await logs.ended
      expect([code, stderr]).toEqual([1, expect.stringMatching(/error: /)])
      await cluster.streams.until(all => !all.some(({ kind }) => kind === 'logs'), 'the end of the log')
    })

    test('a refusal is printed with its reason: of a resource, of discovery, of exec', async () => {
      const why = refusal(403, 'alice may not do this: row kube.csv:12', 'log in afresh')
      world.judge(async call => {
        world.admitted.length = 0
        return /\/(secrets|exec)/.test(call.target) ? why : createJudge([], () => undefined, alice)(call)
      })
      const secrets = await run(version, ['get', 'secrets'])
      expect(secrets).toMatchObject({ code: 1 })
      expect(secrets.stderr).toMatch(
        /Forbidden\): alice may not do this: row kube.csv:12; log in afresh \(request [0-9a-f]+\)/,
      )
      const exec = await run(version, ['exec', 'core', '--', 'true'])
      expect(exec).toMatchObject({ code: 1 })
      expect(exec.stderr).toContain('alice may not do this: row kube.csv:12; log in afresh')
      world.judge(async () => why)
      const cold = await run(version, ['get', 'pods'])
      expect(cold).toMatchObject({ code: 1 })
      // The one of 2021 keeps to itself why there is nothing to be discovered.
      if (version === '1.20') expect(cold.stderr).toContain("the server doesn't have a resource type")
      else expect(cold.stderr).toContain('alice may not do this: row kube.csv:12; log in afresh')
    })
  })

  describe.each(ways)('%s over %s', (version, way) => {
    test('exec: output, exit code, input, terminal', async () => {
      const env = envOf(way)
      expect(await run(version, ['exec', 'core', '--', 'echo', 'hello'], env)).toMatchObject({
        code: 0,
        stdout: 'hello\n',
      })
      expect(callOf('/exec').call.upgrade).toBe(way)
      expect(await run(version, ['exec', 'core', '--', 'sh', '-c', 'exit 7'], env)).toMatchObject({ code: 7 })
      const input = await run(version, ['exec', '-i', 'core', '--', 'cat'], { ...env, stdin: 'from here' })
      expect(input).toMatchObject({ code: 0, stdout: 'from here' })
      // It ends when it is told to: of a command that ends while kubectl sends the size of its terminal, the output may be
      // lost, and is as often without a gateway.
      const script = 'echo on a terminal; read line'
      const tty = start(version, ['exec', '-it', 'core', '--', 'sh', '-c', script], {
        ...env,
        terminal: true,
        keepsStdin: true,
      })
      await tty.untilPrinted(/on a terminal/)
      tty.process.stdin?.write('\n')
      await tty.ended
    })

    test('cp of 20 MB both ways', async () => {
      const env = envOf(way)
      const data = randomBytes(20_000_000)
      const [there, back] = [
        join(cluster.directory, `there-${version}-${way}`),
        join(cluster.directory, `back-${version}-${way}`),
      ]
      writeFileSync(there, data)
      const name = `copy-${version}-${way}`
      expect(await run(version, ['cp', there, `payments/core:${name}`], env)).toMatchObject({ code: 0 })
      expect(await run(version, ['cp', `payments/core:${name}`, back], env)).toMatchObject({ code: 0 })
      const digest = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex')
      expect(digest(readFileSync(back))).toBe(digest(data))
    })

    test('attach shows what is printed', async () => {
      const attach = start(version, ['attach', 'core'], envOf(way))
      await cluster.streams.until(all => all.some(({ kind }) => kind === 'attach'), 'the attach')
      // The node tells of the stream a little before it listens to the container.
      const print = () => cluster.streams.print('payments/core/main', `to ${version} over ${way}\n`)
      const again = setInterval(print, 200)
      await attach.untilPrinted(new RegExp(`to ${version} over ${way}`))
      clearInterval(again)
      await cut('/attach')
      const { code, stderr } = await attach.ended
      expect([code, stderr]).toEqual([1, expect.stringMatching(said)])
    })

    test.each([
      ['that waits', ['exec', 'core', '--', 'sh', '-c', 'echo ready; sleep 1000'], {}],
      ['that reads', ['exec', '-i', 'core', '--', 'sh', '-c', 'echo ready; cat'], { keepsStdin: true }],
      ['that prints without end', ['exec', 'core', '--', 'sh', '-c', 'echo ready; exec yes'], {}],
      [
        'on a terminal',
        ['exec', '-it', 'core', '--', 'sh', '-c', 'echo ready; sleep 1000'],
        { terminal: true, keepsStdin: true },
      ],
    ])('exec of a command %s fails with our words when it is cut, and the command ends', async (_what, args, more) => {
      const exec = start(version, args, { ...envOf(way), ...more })
      await exec.untilPrinted(/ready/)
      const cutAt = performance.now()
      const one = await cut('/exec')
      expect(await one.outcome).toMatchObject({ ending: 'cut', status: 101, why: 'Forbidden' })
      expect(performance.now() - cutAt).toBeLessThan(5000)
      const { code, stdout, stderr } = await exec.ended
      expect([code, stdout.slice(-300) + stderr.slice(-300)]).toEqual([1, expect.stringMatching(said)])
      await cluster.streams.until(all => all.length === 0, 'the end of the command')
    })

    const megabytes = version === '1.36' || (version === '1.37' && way === 'spdy') ? 5 : 64
    test(`port-forward carries ${megabytes} MB both ways, and says that it was cut`, async () => {
      const echo = await startEcho()
      const { port } = echo.address() as AddressInfo
      const local = await freePort()
      const forward = start(version, ['port-forward', 'core', `${local}:${port}`], envOf(way))
      await forward.untilPrinted(/Forwarding from 127.0.0.1/)
      const data = randomBytes(megabytes * 1_000_000)
      expect((await echoed(local, data)).equals(data)).toBe(true)
      const idle = connectTcp(local, '127.0.0.1').on('error', () => undefined)
      await cluster.streams.until(all => all.some(({ kind }) => kind === 'portforward'), 'the stream')
      await cut('/portforward')
      const { code, stderr } = await forward.ended
      // The one of 2021 says so as well, and takes it for no failure.
      expect([code, stderr]).toEqual([version === '1.20' ? 0 : 1, expect.stringContaining('lost connection to pod')])
      idle.destroy()
      echo.close()
    })
  })

  test('a list of 5,000 pods arrives whole, in parts and in one', async () => {
    await cluster.createNamespace('load')
    const names = Array.from({ length: 5000 }, (_, number) => `pod-${String(number).padStart(4, '0')}`)
    await plantPods(cluster, 'load', names)
    const expected = names.map(name => `pod/${name}\n`).join('')
    for (const more of [[], ['--chunk-size=0']]) {
      const got = await run('1.37', ['get', 'pods', '--namespace=load', '--output=name', ...more])
      expect([got.code, got.stdout === expected]).toEqual([0, true])
    }
    expect(open.map(({ call }) => call.target).filter(target => target.includes('limit=500')).length).toBe(10)
  })

  test('an API server that dies ends no command as if it had ended well', async () => {
    const running = ways.map(([version, way]) =>
      start(version, ['exec', 'core', '--', 'sh', '-c', 'echo ready; sleep 1000'], envOf(way)),
    )
    for (const exec of running) await exec.untilPrinted(/ready/)
    await cluster.stopApiServer()
    for (const exec of running) expect(await exec.ended).toMatchObject({ code: 1 })
    const gone = await run('1.37', ['get', '--raw', '/api/v1/pods'])
    expect(gone.stderr).toContain('the API server of prod cannot be reached')
    await cluster.startApiServer()
  })
})

async function startEcho(): Promise<Server> {
  const server = createServer(socket => {
    socket.on('error', () => socket.destroy())
    socket.pipe(socket)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return server
}

function echoed(port: number, data: Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let length = 0
    const socket = connectTcp(port, '127.0.0.1', () => socket.write(data))
    socket.on('error', reject)
    socket.on('data', chunk => {
      chunks.push(chunk)
      length += chunk.length
      if (length < data.length) return
      socket.destroy()
      resolve(Buffer.concat(chunks))
    })
  })
}

/** The exact impersonator role, and Alice’s own rights. */
async function allowTheGateway({ api }: RunningCluster): Promise<void> {
  const role = (name: string, rules: object[]) =>
    api.call('POST', '/apis/rbac.authorization.k8s.io/v1/clusterroles', {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRole',
      metadata: { name },
      rules,
    })
  const bind = (name: string, roleName: string, user: string) =>
    api.call('POST', '/apis/rbac.authorization.k8s.io/v1/clusterrolebindings', {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRoleBinding',
      metadata: { name },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: roleName },
      subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: user }],
    })
  const verbs = ['impersonate']
  await role('sallyport-impersonator', [
    { apiGroups: [''], resources: ['users'], verbs, resourceNames: [alice.user] },
    { apiGroups: [''], resources: ['groups'], verbs, resourceNames: alice.groups },
    { apiGroups: ['authentication.k8s.io'], resources: ['uids'], verbs, resourceNames: [alice.uid] },
    { apiGroups: ['authentication.k8s.io'], resources: ['userextras/sallyport.dev/session'], verbs },
  ])
  await bind('sallyport-impersonator', 'sallyport-impersonator', 'sallyport-gateway')
  await bind('alice', 'cluster-admin', alice.user)
}
