/** Service accounts of a real API server: tokens by TokenRequest, keys as they are published, and what becomes of both. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { decodeJwt, decodeProtectedHeader } from 'jose'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { parse } from 'yaml'
import { createAuthority } from '../certificates.ts'
import { type RunningCluster, startCluster } from '../kubernetes/cluster.ts'
import { requireClusterPrograms } from '../kubernetes/programs.ts'
import { type Answer, header, startService, type TestService } from '../service.ts'
import { type Edge, hasEdge, printedBlock, startEdge } from './edge.ts'
import { projectedToken } from './projected-token.ts'

const programs = requireClusterPrograms()
const policy = `
p, service-account:prod/ci/deployer, wiki.example.com, /deploy/**, *, -,       allow
p, service-account:prod/ci/deployer, wiki.example.com, /pod/**,    *, its-pod, allow
p, service-account:prod/ci/deployer, wiki.example.com, /same/**,   *, same,    allow
`
const accounts = '/api/v1/namespaces/ci/serviceaccounts'
const heading = 'A workload in Kubernetes'

interface PrintedPod {
  readonly metadata: { readonly name: string; readonly namespace: string }
  readonly spec: {
    readonly containers: readonly { readonly volumeMounts: readonly { readonly mountPath: string }[] }[]
  }
}

describe.skipIf(programs === undefined || !hasEdge())('tokens of a real API server', () => {
  const directory = mkdtempSync(join(tmpdir(), 'sallyport-machines-cluster-'))
  const tokenFile = join(directory, 'own-token')
  let cluster: RunningCluster
  /** Reads the keys from the API server. */
  let world: TestService
  let edge: Edge
  let printedPod: string
  let pod: PrintedPod

  const write = (name: string, text: string): string => {
    writeFileSync(join(directory, name), text, { mode: 0o600 })
    return join(directory, name)
  }
  const account = (name: string) => ({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name } })
  const uidOf = async (): Promise<string> =>
    ((await cluster.api.call('GET', `${accounts}/deployer`)) as { metadata: { uid: string } }).metadata.uid
  const renewOwnToken = async () => write('own-token', await cluster.serviceAccountToken('ci', 'default'))

  async function start(keys: object): Promise<TestService> {
    return startService({
      policy,
      conditions: `
its-pod: { claim: { name: kubernetes.io/pod/name, in: [${pod.metadata.name}] } }
same: { claim: { name: kubernetes.io/serviceaccount/uid, in: [${await uidOf()}] } }
`,
      tokenIssuers: () => [
        { name: 'prod', kind: 'kubernetes', issuer: 'https://kubernetes.default.svc', audience: 'sallyport', ...keys },
      ],
      hosts: [{ host: 'wiki.example.com', bearerFrom: ['prod'] }],
    })
  }

  beforeAll(async () => {
    if (programs === undefined) return
    cluster = await startCluster(programs)
    printedPod = printedBlock(heading, 'yaml')
    pod = parse(printedPod) as PrintedPod
    await cluster.createNamespace('ci')
    await cluster.api.call('POST', accounts, account('deployer'))
    await renewOwnToken()
    const jwksUri = `${cluster.url}/openid/v1/jwks`
    world = await start({ jwksUri, caFile: write('ca.pem', cluster.authority), tokenFile })
    edge = await startEdge({ service: world.port })
  })
  afterAll(async () => {
    await edge?.close()
    await world?.close()
    await cluster?.stop()
    rmSync(directory, { recursive: true, force: true })
  })

  const ask = (token: string, path = '/deploy/now', service = world) =>
    service.ask('auth-request', {
      url: `https://wiki.example.com${path}`,
      headers: [['Authorization', `Bearer ${token}`]],
    })
  const tokenForUs = () => cluster.serviceAccountToken('ci', 'deployer', ['sallyport'])
  const refusalOf = (answer: Answer) => [answer.status, header(answer, 'www-authenticate')]

  it('the issuer is the one that the API server publishes', async () => {
    const document = (await cluster.api.call('GET', '/.well-known/openid-configuration')) as { readonly issuer: string }
    expect(document.issuer).toBe('https://kubernetes.default.svc')
  })

  it('the pod of the page gets a token that lets the command of the page in', async () => {
    const applied = await cluster.kubectl({ version: '1.37', args: ['apply', '--filename=-'], stdin: printedPod })
    expect(applied).toMatchObject({ code: 0, stdout: `pod/${pod.metadata.name} created\n` })
    const { token, path } = await projectedToken(cluster, pod.metadata)
    const [mount] = pod.spec.containers[0]?.volumeMounts ?? []
    const command = printedBlock(heading, '')
    expect(command).toContain(`${mount?.mountPath}/${path})`)
    const volume = join(edge.home, 'volume')
    mkdirSync(volume)
    writeFileSync(join(volume, path), token)
    const seen = await edge.see(command.replace(mount?.mountPath ?? '', volume))
    expect(seen).toEqual({ user: 'service-account:prod/ci/deployer', hasAssertion: true })
    expect(decodeJwt(token).aud).toEqual(['sallyport'])
  })

  it('a token that is bound to a pod says so, and rows may ask for it', async () => {
    const { token } = await projectedToken(cluster, pod.metadata)
    expect(decodeJwt(token)).toMatchObject({ 'kubernetes.io': { pod: { name: 'deploy' }, node: { name: 'node-1' } } })
    expect((await ask(token, '/pod/a')).status).toBe(200)
    expect((await ask(await tokenForUs(), '/pod/a')).status).toBe(403)
  })

  it('so does the token that the page makes by hand', async () => {
    const text = readFileSync(join(import.meta.dirname, '../../docs/machines.md'), 'utf8')
    const [, args = ''] = /`kubectl (create token [^`]+)`/.exec(text) ?? []
    const made = await cluster.kubectl({ version: '1.37', args: args.split(' ') })
    expect(made).toMatchObject({ code: 0, stderr: '' })
    const answer = await ask(made.stdout.trim())
    expect([answer.status, header(answer, 'remote-user')]).toEqual([200, 'service-account:prod/ci/deployer'])
  })

  it('the same keys in a file count as well, and no others', async () => {
    const args = ['get', '--raw', '/openid/v1/jwks']
    const { stdout } = await cluster.kubectl({ version: '1.37', args })
    const byFile = await start({ jwksFile: write('jwks.json', stdout) })
    try {
      expect((await ask(await tokenForUs(), '/deploy/now', byFile)).status).toBe(200)
    } finally {
      await byFile.close()
    }
  })

  it('J03 a token for the API server is refused, with how to get another one', async () => {
    const token = await cluster.serviceAccountToken('ci', 'deployer')
    const advice =
      'project a token with audience sallyport into the pod (volumes, projected, serviceAccountToken), or use kubectl create token --audience=sallyport'
    expect(refusalOf(await ask(token))).toEqual([
      401,
      `Bearer error="invalid_token", error_description="the token is for another audience: ${advice}"`,
    ])
    // Nor one for both.
    const { aud } = decodeJwt(token)
    const both = await cluster.serviceAccountToken('ci', 'deployer', ['sallyport', ...[aud ?? []].flat()])
    expect(refusalOf(await ask(both))).toEqual([401, expect.stringContaining('for another audience as well')])
  })

  it('J06 a legacy token out of a secret is refused', async () => {
    await cluster.api.call('POST', '/api/v1/namespaces/ci/secrets', {
      apiVersion: 'v1',
      kind: 'Secret',
      type: 'kubernetes.io/service-account-token',
      metadata: { name: 'legacy', annotations: { 'kubernetes.io/service-account.name': 'deployer' } },
    })
    const { data } = await cluster.api.until('/api/v1/namespaces/ci/secrets', secret => {
      const isOurs = secret.metadata.name === 'legacy'
      return isOurs && (secret.data as { readonly token?: string } | undefined)?.token !== undefined
    })
    const token = Buffer.from((data as { readonly token: string }).token, 'base64').toString()
    expect(decodeJwt(token)).toMatchObject({ iss: 'kubernetes/serviceaccount' })
    expect(refusalOf(await ask(token))).toEqual([401, expect.stringContaining('the token is a legacy one')])
  })

  it('J51 an account that was deleted is not noticed before its token expires, and one made anew is told by its uid', async () => {
    const token = await tokenForUs()
    expect((await ask(token, '/same/a')).status).toBe(200)
    await cluster.api.call('DELETE', `${accounts}/deployer`)
    await cluster.api.call('POST', accounts, account('deployer'))
    // The documented price of keys alone: nobody is asked whether the account is still there.
    expect((await ask(token)).status).toBe(200)
    expect((await ask(await tokenForUs())).status).toBe(200)
    expect((await ask(await tokenForUs(), '/same/a')).status).toBe(403)
  })

  describe('whose API server is asked as well', () => {
    let asking: TestService
    beforeAll(async () => {
      const rbac = '/apis/rbac.authorization.k8s.io/v1'
      const rules = [{ apiGroups: ['authentication.k8s.io'], resources: ['tokenreviews'], verbs: ['create'] }]
      await cluster.api.call('POST', `${rbac}/clusterroles`, { metadata: { name: 'reviews' }, rules })
      await cluster.api.call('POST', `${rbac}/clusterrolebindings`, {
        metadata: { name: 'reviews' },
        roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'reviews' },
        subjects: [{ kind: 'ServiceAccount', namespace: 'ci', name: 'default' }],
      })
      const reach = { caFile: join(directory, 'ca.pem'), tokenFile }
      asking = await start({
        jwksUri: `${cluster.url}/openid/v1/jwks`,
        ...reach,
        review: { server: cluster.url, ...reach },
      })
      // That it may ask is known to the API server a moment later.
      const token = await tokenForUs()
      await vi.waitFor(async () => expect((await ask(token, '/deploy/now', asking)).status).toBe(200), 60_000)
    })
    afterAll(() => asking?.close())

    it('J56 a token for us counts, and one for the API server does not', async () => {
      const answer = await ask(await tokenForUs(), '/deploy/now', asking)
      expect([answer.status, header(answer, 'remote-user')]).toEqual([200, 'service-account:prod/ci/deployer'])
      const forItself = await cluster.serviceAccountToken('ci', 'deployer')
      expect((await ask(forItself, '/deploy/now', asking)).status).toBe(401)
    })

    /** How long after `remove` the token is refused, in milliseconds; with nobody's clock moved. */
    async function measure(what: string, token: string, remove: () => Promise<unknown>): Promise<number> {
      expect((await ask(token, '/deploy/now', asking)).status).toBe(200)
      await remove()
      const began = performance.now()
      const refused = async () => refusalOf(await ask(token, '/deploy/now', asking))
      await expect
        .poll(refused, { interval: 100 })
        .toEqual([401, expect.stringContaining('its issuer says that the token does not count')])
      const tookMs = performance.now() - began
      process.stderr.write(`kubernetes: ${what} that was deleted is noticed after ${(tookMs / 1000).toFixed(1)} s\n`)
      return tookMs
    }
    /** Ten seconds of ours, ten of the API server, and what a busy machine needs. */
    const mostMs = 30_000

    it('J51 a pod that was deleted is noticed within twenty seconds', async () => {
      const { token } = await projectedToken(cluster, pod.metadata)
      const path = `/api/v1/namespaces/ci/pods/${pod.metadata.name}?gracePeriodSeconds=0`
      expect(await measure('a pod', token, () => cluster.api.call('DELETE', path))).toBeLessThan(mostMs)
    })

    it('J51 an account that was deleted is noticed within twenty seconds, and so is one that was made anew', async () => {
      const token = await tokenForUs()
      const remove = async () => {
        await cluster.api.call('DELETE', `${accounts}/deployer`)
        await cluster.api.call('POST', accounts, account('deployer'))
      }
      expect(await measure('an account', token, remove)).toBeLessThan(mostMs)
      expect((await ask(await tokenForUs(), '/deploy/now', asking)).status).toBe(200)
    })

    it('J52 nobody gets in or stays in while the API server is down', async () => {
      const [known, other] = [await tokenForUs(), await tokenForUs()]
      expect((await ask(known, '/deploy/now', asking)).status).toBe(200)
      await cluster.stopApiServer()
      try {
        expect((await ask(other, '/deploy/now', asking)).status).toBe(503)
        asking.moveClock(10)
        expect((await ask(known, '/deploy/now', asking)).status).toBe(503)
      } finally {
        await cluster.startApiServer()
      }
      await expect.poll(async () => (await ask(known, '/deploy/now', asking)).status).toBe(200)
    })
  })

  describe('after its key was exchanged', () => {
    const next = createAuthority('the next key of service accounts', directory)
    const path = (file: string) => join(cluster.directory, file)

    async function restartWith(keys: readonly string[]): Promise<void> {
      await cluster.stopApiServer()
      writeFileSync(path('service-accounts.pem'), keys.join(''))
      writeFileSync(path('service-accounts.key'), next.key)
      await cluster.startApiServer()
    }

    it('J19 tokens of the new key count at once, and those of an old one only for as long as it is published', async () => {
      const old = await tokenForUs()
      expect((await ask(old)).status).toBe(200)
      await restartWith([next.certificate, readFileSync(path('service-accounts.pem'), 'utf8')])
      const fresh = await tokenForUs()
      expect(decodeProtectedHeader(fresh).kid).not.toBe(decodeProtectedHeader(old).kid)
      expect([(await ask(fresh)).status, (await ask(old)).status]).toEqual([200, 200])

      // By then our own token has to be a new one as well: the API server tells its keys to nobody who comes with an old one.
      await restartWith([next.certificate])
      await renewOwnToken()
      const restarted = await start({
        jwksUri: `${cluster.url}/openid/v1/jwks`,
        caFile: join(directory, 'ca.pem'),
        tokenFile,
      })
      try {
        expect((await ask(await tokenForUs(), '/deploy/now', restarted)).status).toBe(200)
        const refused = await ask(old, '/deploy/now', restarted)
        expect(refusalOf(refused)).toEqual([401, expect.stringContaining('the issuer has no such key')])
      } finally {
        await restarted.close()
      }
    })

    it('J15 without its keys nobody new gets in', async () => {
      const token = await tokenForUs()
      const restarted = await start({
        jwksUri: `${cluster.url}/openid/v1/jwks`,
        caFile: join(directory, 'ca.pem'),
        tokenFile,
      })
      await cluster.stopApiServer()
      try {
        expect((await ask(token, '/deploy/now', restarted)).status).toBe(503)
      } finally {
        await restarted.close()
        await cluster.startApiServer()
      }
    })
  })
})
