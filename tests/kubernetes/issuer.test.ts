/** A real API server that trusts our tokens: no gateway, kubectl's plugin, and what the server itself refuses. */
import { generateKeyPairSync } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createLocalJWKSet, decodeJwt, exportJWK, type JSONWebKeySet, jwtVerify, SignJWT } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parse, stringify } from 'yaml'
import { createOutbound } from '../../app/login/provider/outbound.ts'
import { authenticationConfiguration } from '../../cli/kube/authentication-configuration.ts'
import { type ServiceOverTls, startBehindTls, startTlsFront, type TlsFront } from '../grants/tls-front.ts'
import { authorize, logInBrowser, newProof, redeem, refresh, untilEvent } from '../grants/world.ts'
import { answerInBrowser, createMachine } from '../kube-cli/machine.ts'
import { freePort } from '../peers.ts'
import type { Person } from '../provider.ts'
import { TestBrowser } from '../service.ts'
import { type RunningCluster, startCluster } from './cluster.ts'
import { createShell, printedCommands } from './printed-commands.ts'
import { requireClusterPrograms } from './programs.ts'
import { writeSallyportCommand } from './sallyport-command.ts'

const programs = requireClusterPrograms()
const token = '/-/sallyport.dev/tokens'
/** An hour or two, of which the current one has just begun: nothing here may see the key change by itself. */
const rotateEverySeconds = Array.from({ length: 3600 }, (_, index) => 3600 + index).reduce((best, each) =>
  (Date.now() / 1000) % each < (Date.now() / 1000) % best ? each : best,
)
const policy = (more = ''): string =>
  [
    `p, group:ops, kube:lab, ${token}, create, -, allow`,
    `p, group:ops, kube:edge, ${token}, create, -, allow`,
    'p, group:ops, kube:prod, /payments/**, get|list, -, allow',
    more,
    '',
  ].join('\n')

/** As ours, with a key that a test can sign with. */
interface Forger {
  readonly issuer: string
  readonly sign: (claims: object, header?: object, key?: Parameters<SignJWT['sign']>[0]) => Promise<string>
  readonly claims: () => Record<string, unknown>
  readonly publicKeyPem: string
  readonly close: () => void
}

describe.skipIf(programs === undefined)('a cluster without the gateway', () => {
  const directory = mkdtempSync(join(tmpdir(), 'sallyport-issuer-'))
  const ends: (() => unknown)[] = [() => rmSync(directory, { recursive: true, force: true })]
  let cluster: RunningCluster
  let front: TlsFront
  let service: ServiceOverTls
  let forger: Forger
  let printed: string

  const write = (name: string, text: string): string => {
    writeFileSync(join(directory, name), text, { mode: 0o600 })
    return join(directory, name)
  }

  beforeAll(async () => {
    if (programs === undefined) return
    front = await startTlsFront()
    ends.push(front.close)
    write('auth-ca.pem', front.authority)
    forger = await startForger(front)
    ends.push(forger.close)
    const gatewayPort = await freePort()
    const credential = { tokenFile: write('token', 'the-token-of-the-gateway\n') }
    const apiServer = await freePort()
    const server = `https://127.0.0.1:${apiServer}`
    const settings = {
      assertion: { rotateEvery: `${rotateEverySeconds}s` },
      kubernetes: {
        url: `https://localhost:${gatewayPort}`,
        listen: `127.0.0.1:${gatewayPort}`,
        tls: { certificateFile: write('tls.pem', front.certificate), keyFile: write('tls.key', front.key) },
        clusters: [
          { name: 'lab', access: 'direct', server, caFile: write('lab-ca.pem', '') },
          { name: 'edge', access: 'direct', server, groupPrefix: 'edge:' },
          { name: 'prod', server, credential },
        ],
      },
    }
    service = await startBehindTls(front, { policy: policy(), settings })
    ends.push(() => service.close())
    printed = await copied()
    const own = {
      cluster: 'lab',
      groupPrefix: 'sallyport:',
      tokenLifetimeSeconds: 300,
      certificateAuthority: front.authority,
    }
    const forged = parse(authenticationConfiguration({ publicUrl: forger.issuer.slice(0, -'/kube'.length), ...own }))
    const both = parse(printed)
    both.jwt.push(...forged.jwt)
    cluster = await startCluster(programs, { authentication: stringify(both), apiServerPort: apiServer })
    ends.push(() => cluster.stop())
    write('lab-ca.pem', cluster.authority)
    await cluster.createNamespace('payments')
    await cluster.createPod({ namespace: 'payments', name: 'core' })
    const rbac = '/apis/rbac.authorization.k8s.io/v1/namespaces/payments'
    await cluster.api.call('POST', `${rbac}/roles`, {
      metadata: { name: 'shell' },
      rules: [{ apiGroups: [''], resources: ['pods/exec'], verbs: ['create', 'get'] }],
    })
    for (const [kind, name] of [
      ['ClusterRole', 'view'],
      ['Role', 'shell'],
    ])
      await cluster.api.call('POST', `${rbac}/rolebindings`, {
        metadata: { name: `ops-${name}` },
        roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind, name },
        subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'Group', name: 'sallyport:ops' }],
      })
  })
  afterAll(async () => {
    for (const end of ends.reverse()) await end()
  })

  /** What the built command prints. */
  async function print(args: readonly string[]): Promise<string> {
    const machine = createMachine()
    try {
      const config = join(service.directory, 'sallyport.yaml')
      const { code, stdout, stderr } = await machine.run(['render', 'authentication', '--config', config, ...args])
      if (code !== 0) throw new Error(stderr)
      return stdout
    } finally {
      machine.close()
    }
  }

  /** The file that somebody has who copies the command of the page. */
  async function copied(): Promise<string> {
    const machine = createMachine()
    try {
      const [command = '', ...others] = printedCommands('kubernetes', 'Without a gateway: clusters that trust us')
      const env = { SALLYPORT_CONFIG: join(service.directory, 'sallyport.yaml') }
      const kubectl = programs?.kubectl['1.37'] ?? ''
      const { code, stderr } = await createShell({ home: machine.home, cwd: directory, kubectl, env }).run(command)
      expect([others, code, stderr]).toEqual([[], 0, ''])
      return readFileSync(join(directory, 'authentication.yaml'), 'utf8')
    } finally {
      machine.close()
    }
  }

  const logIn = (person: Person) => logInBrowser(service, person, new TestBrowser(front.outbound))
  async function grantOf(person: Person, audience?: string) {
    const proof = newProof()
    const code = (await authorize(service, await logIn(person), proof)).get('code') ?? ''
    return redeem(service, code, proof, audience === undefined ? {} : { audience })
  }
  async function tokenOf(person: Person, audience?: string): Promise<string> {
    const { status, body } = await grantOf(person, audience)
    // Threat: a test that shows the word "undefined" to be refused.
    if (status !== 200) throw new Error(`no token for ${audience}: ${status} ${JSON.stringify(body)}`)
    return String(body.access_token)
  }

  const ask = (user: Readonly<Record<string, unknown>>, args: readonly string[]) =>
    cluster.kubectl({ version: '1.37', args, kubeconfig: cluster.kubeconfig({ user, namespace: 'payments' }) })
  const whoami = async (bearer: string) => ask({ token: bearer }, ['auth', 'whoami', '--output=json'])

  /** Two tokens of one key, and two of the next. */
  const signed: [string, string][] = []
  const published = async () => {
    const answer = await front.outbound.fetch(`${service.publicUrl}/.well-known/jwks.json`, {})
    return (await answer.json()) as { readonly keys: readonly { readonly kid: string }[] }
  }
  const publishedKids = async () => (await published()).keys.map(({ kid }) => kid)

  it('takes tokens of the new key, and of the one before', async () => {
    for (const seconds of [0, rotateEverySeconds]) {
      service.moveClock(seconds)
      signed.push([await tokenOf('alice', 'lab'), await tokenOf('alice', 'lab')])
    }
    expect(new Set(signed.map(([bearer]) => headerOf(bearer).kid)).size).toBe(2)
    for (const [bearer] of signed) expect(await whoami(bearer)).toMatchObject({ code: 0 })
  })

  it('is talked to by kubectl itself, which knows the person, and its roles decide', async () => {
    const machine = createMachine()
    try {
      const browser = await logIn('alice')
      const login = machine.start(['login', '--server', service.publicUrl, '--ca-file', join(directory, 'auth-ca.pem')])
      await answerInBrowser(service, { browser, url: await machine.untilOpened(1) })
      expect(await login.finished).toMatchObject({ code: 0 })
      const command = writeSallyportCommand(machine.home)
      expect(await machine.run(['kubeconfig', '--merge', '--command', command])).toMatchObject({ code: 0 })
      const kubeconfig = { path: join(machine.home, '.kube', 'config'), home: machine.home }
      const run = (...args: string[]) =>
        cluster.kubectl({ version: '1.37', args: ['--context=sallyport-lab', ...args], kubeconfig })
      const { stdout, stderr } = await run('auth', 'whoami', '--output=json')
      expect(stderr).toBe('')
      const issued = await untilEvent(service, 'token.issued', { audience: 'lab' })
      const { userInfo } = JSON.parse(stdout).status
      expect(userInfo).toMatchObject({
        username: 'alice@example.com',
        groups: ['sallyport:ops', 'system:authenticated'],
        uid: issued.subject,
        extra: { 'sallyport.dev/session': [issued.session] },
      })
      expect(await run('get', 'pods', '--namespace=payments')).toMatchObject({ code: 0 })
      const refused = await run('create', 'configmap', 'one', '--namespace=payments')
      expect(refused.code).toBe(1)
      expect(refused.stderr).toContain('User "alice@example.com" cannot create resource "configmaps"')
      await cluster.audit.until(
        ({ user, verb }) => user?.username === 'alice@example.com' && verb === 'create',
        'the call of Alice',
      )
    } finally {
      machine.close()
    }
  })

  it('is a shell with its exit code and a log, with nothing of ours in between', async () => {
    const user = { token: await tokenOf('alice', 'lab') }
    const shell = await ask(user, ['exec', 'core', '--', 'sh', '-c', 'echo out; exit 5'])
    expect(shell).toMatchObject({ code: 5, stdout: 'out\n' })
    const kubeconfig = cluster.kubeconfig({ user, namespace: 'payments' })
    const logs = cluster.startKubectl({ version: '1.37', args: ['logs', '--follow', 'core'], kubeconfig })
    await cluster.streams.until(open => open.some(({ kind }) => kind === 'logs'), 'the log')
    await cluster.streams.print('payments/core/main', 'straight from the cluster\n')
    await logs.untilPrinted(/straight from the cluster/)
    await logs.stop()
    const seen = await cluster.audit.until(({ objectRef }) => objectRef?.subresource === 'exec', 'the shell')
    expect(seen).toMatchObject({ user: { username: 'alice@example.com' } })
    expect(seen.impersonatedUser).toBeUndefined()
  })

  it('gets no token for somebody whom the policy gives none, and the grant stays what it is', async () => {
    const refused = await grantOf('bob', 'lab')
    expect([refused.status, refused.body.error]).toEqual([400, 'access_denied'])
    expect(refused.body.error_description).toContain('bob@example.com may not create tokens.sallyport.dev')
    await untilEvent(service, 'access.denied', { domain: 'kube:lab', resource: token, email: 'bob@example.com' })
    await untilEvent(service, 'grant.refused', { reason: 'policy' })
    const account = await grantOf('bob')
    const again = await refresh(service, account.body.refresh_token, { audience: 'lab' })
    expect(again.body.error).toBe('access_denied')
    expect((await refresh(service, account.body.refresh_token)).status).toBe(200)
  })

  it('asks the policy at each renewal: a deny, or the end of the session, a deny, a session that has ended', async () => {
    const grant = await grantOf('alice', 'lab')
    let next = await refresh(service, grant.body.refresh_token, { audience: 'lab' })
    expect(next.status).toBe(200)
    writeFileSync(join(service.directory, 'policy.csv'), policy(`p, group:ops, kube:lab, /**, *, -, deny`))
    await expect
      .poll(async () => (await refresh(service, next.body.refresh_token, { audience: 'lab' })).body.error)
      .toBe('access_denied')
    writeFileSync(join(service.directory, 'policy.csv'), policy())
    await expect
      .poll(async () => {
        const answer = await refresh(service, next.body.refresh_token, { audience: 'lab' })
        if (answer.status === 200) next = answer
        return answer.status
      })
      .toBe(200)
    const body = JSON.stringify({ subject: `${service.provider.issuer}#alice` })
    const call = { method: 'POST', headers: { 'content-type': 'application/json' }, body }
    expect((await fetch(`http://127.0.0.1:${service.adminPort}/sessions/end`, call)).status).toBe(200)
    expect((await refresh(service, next.body.refresh_token, { audience: 'lab' })).body.error).toBe('invalid_grant')
    // The price: what was given out is good for the rest of its minutes.
    expect((await whoami(String(next.body.access_token))).code).toBe(0)
  })

  it('keeps the last policy where a new one has a row that would never apply', async () => {
    writeFileSync(
      join(service.directory, 'policy.csv'),
      policy('p, group:contractors, kube:lab, /payments/core/secrets/**, *, -, deny'),
    )
    const rejected = await untilEvent(service, 'policy.rejected', {})
    expect(rejected.detail).toContain('policy.csv:4:')
    expect(rejected.detail).toContain('never applies: this cluster judges calls by itself')
    writeFileSync(join(service.directory, 'policy.csv'), policy())
  })

  it('L01 is not reached with a token of another cluster, of the gateway, or of the login itself', async () => {
    for (const audience of ['edge', 'prod', undefined]) {
      const answer = await whoami(await tokenOf('alice', audience))
      expect(answer.code).toBe(1)
      expect(answer.stdout).toBe('')
    }
  })

  it('L01 its tokens are nothing to the gateway', async () => {
    const bearer = await tokenOf('alice', 'lab')
    for (const name of ['lab', 'prod']) {
      const url = `https://127.0.0.1:${service.service.ports().gateway}/clusters/${name}/api`
      const answer = await front.outbound.fetch(url, { headers: { authorization: `Bearer ${bearer}` } })
      expect(answer.status).toBe(401)
    }
  })

  it('publishes what an API server asks for, to anybody and again and again', async () => {
    const url = `${service.publicUrl}/kube/.well-known/openid-configuration`
    const answers: Response[] = []
    for (let count = 0; count < 200; count += 1) answers.push(await front.outbound.fetch(url, {}))
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]))
    const [answer] = answers
    expect(answer?.headers.get('cache-control')).toBe('public, max-age=300')
    expect(answer?.headers.get('set-cookie')).toBeNull()
    const document = (await answer?.json()) as Readonly<Record<string, unknown>>
    expect(document).toMatchObject({
      issuer: `${service.publicUrl}/kube`,
      jwks_uri: `${service.publicUrl}/.well-known/jwks.json`,
      id_token_signing_alg_values_supported: ['ES256'],
    })
    const keys = await front.outbound.fetch(String(document.jwks_uri), {})
    expect(keys.status).toBe(200)
    expect(keys.headers.get('cache-control')).toContain('max-age')
  })

  describe('L01 the server itself refuses', () => {
    it('nobody whose token is as ours are: the forger is believed', async () => {
      const answer = await whoami(await forger.sign(forger.claims()))
      expect(answer).toMatchObject({ code: 0 })
      expect(JSON.parse(answer.stdout).status.userInfo.groups).toContain('sallyport:ops')
    })

    const now = () => Math.floor(Date.now() / 1000)
    it.each<[string, () => Record<string, unknown>]>([
      ['expired', () => ({ iat: now() - 400, exp: now() - 100 })],
      ['longer than ours', () => ({ exp: now() + 3600 })],
      ['for another cluster', () => ({ aud: `${forger.issuer}/clusters/edge` })],
      ['of the kind of ID tokens', () => ({ client_id: undefined, sallyport_session: undefined })],
      ['with system:masters', () => ({ groups: ['sallyport:ops', 'system:masters'] })],
      ['with a group without the prefix', () => ({ groups: ['ops'] })],
      ['with a part of the groups', () => ({ groups_omitted: 1 })],
      ['without groups', () => ({ groups: undefined })],
      ['for system:admin', () => ({ username: 'system:admin' })],
      ['for System:admin', () => ({ username: 'System:admin' })],
      ['without a name', () => ({ username: undefined })],
      ['of another issuer', () => ({ iss: 'https://evil.example/kube' })],
    ])('a token %s', async (_name, claims) => {
      const answer = await whoami(await forger.sign({ ...forger.claims(), ...claims() }))
      expect(answer.code).toBe(1)
      expect(answer.stdout).toBe('')
    })

    it('alg none, and HS256 with the public key as a secret', async () => {
      const encode = (part: object) => Buffer.from(JSON.stringify(part)).toString('base64url')
      const unsigned = `${encode({ alg: 'none', typ: 'at+jwt' })}.${encode(forger.claims())}.`
      const secret = Buffer.from(forger.publicKeyPem)
      const shared = await forger.sign(forger.claims(), { alg: 'HS256' }, secret)
      const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
      const stranger = await forger.sign(forger.claims(), {}, privateKey)
      for (const bearer of [unsigned, shared, stranger]) {
        const answer = await whoami(bearer)
        expect([answer.code, answer.stdout]).toEqual([1, ''])
      }
    })

    it('somebody without a token, except for its health', async () => {
      const call = (path: string) =>
        createOutbound({ certificateAuthority: cluster.authority }).fetch(`${cluster.url}${path}`, {})
      expect((await call('/livez')).status).toBe(200)
      expect((await call('/version')).status).toBe(401)
    })
  })

  it('L01 no token says a name that the cluster takes for its own', async () => {
    service.provider.people.setGroups('alice', ['ops', 'system:masters'])
    try {
      const { status, body } = await grantOf('alice', 'lab')
      expect([status, body.error]).toEqual([400, 'access_denied'])
      expect(body.error_description).toContain('system:masters')
      await untilEvent(service, 'grant.refused', { reason: 'name' })
    } finally {
      service.provider.people.setGroups('alice', ['ops'])
    }
  })

  it('has a prefix of its own in its tokens', async () => {
    expect(decodeJwt(await tokenOf('alice', 'edge'))).toMatchObject({ groups: ['edge:ops'] })
  })

  it('is printed for clusters of its kind alone', async () => {
    await expect(print(['--cluster', 'prod'])).rejects.toThrow('is behind the gateway')
    await expect(print(['--cluster', 'nowhere'])).rejects.toThrow('there are: lab, edge')
    await expect(print([])).rejects.toThrow('which cluster?')
    expect(parse(printed).jwt[0].issuer.audiences).toEqual([`${service.publicUrl}/kube/clusters/lab`])
  })

  it('no key is published any more with which nothing can be verified: of the one before the last', async () => {
    const [[, ofFirst = ''] = [], [, ofSecond = ''] = []] = signed
    // The key after the next one is made within a minute.
    await expect.poll(publishedKids, { timeout: 120_000 }).toHaveLength(3)
    service.moveClock(rotateEverySeconds)
    const ofThird = await tokenOf('alice', 'lab')
    const [first, second, third] = [ofFirst, ofSecond, ofThird].map(bearer => headerOf(bearer).kid)
    expect((await publishedKids()).slice(0, 2)).toEqual([second, third])
    // An API server asks again when what it has is five minutes old; this is what it is given then.
    const keys = createLocalJWKSet((await published()) as JSONWebKeySet)
    const verify = (bearer: string) =>
      jwtVerify(bearer, keys, { currentDate: new Date(Number(decodeJwt(bearer).iat) * 1000) })
    for (const bearer of [ofSecond, ofThird])
      expect((await verify(bearer)).payload).toMatchObject({ username: 'alice@example.com' })
    expect(first).toEqual(expect.any(String))
    await expect(verify(ofFirst)).rejects.toThrow('no applicable key found')
  })
})

const headerOf = (bearer: string): { readonly kid: string } =>
  JSON.parse(Buffer.from(bearer.split('.')[0] ?? '', 'base64url').toString())

async function startForger(tls: { readonly certificate: string; readonly key: string }): Promise<Forger> {
  const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const jwk = { ...(await exportJWK(pair.publicKey)), kid: 'forged', alg: 'ES256', use: 'sig' }
  const port = await freePort()
  const base = `https://127.0.0.1:${port}`
  const issuer = `${base}/kube`
  const server: Server = createServer({ cert: tls.certificate, key: tls.key }, (request, response) => {
    const isKeys = request.url === '/keys'
    const document = { issuer, jwks_uri: `${base}/keys`, id_token_signing_alg_values_supported: ['ES256'] }
    response.setHeader('content-type', 'application/json').end(JSON.stringify(isKeys ? { keys: [jwk] } : document))
  })
  await new Promise<void>(resolve => server.listen(port, '127.0.0.1', resolve))
  return {
    issuer,
    publicKeyPem: pair.publicKey.export({ type: 'spki', format: 'pem' }).toString(),
    claims: () => ({
      iss: issuer,
      aud: `${issuer}/clusters/lab`,
      sub: 'https://idp.example.com#mallory',
      username: 'mallory@example.com',
      groups: ['sallyport:ops'],
      client_id: 'sallyport-kubectl',
      sallyport_session: 'sealed',
      sid: 'digest',
      jti: 'one',
      iat: Math.floor(Date.now() / 1000),
      exp: Math.floor(Date.now() / 1000) + 300,
    }),
    sign: (claims, header = {}, key = pair.privateKey) =>
      new SignJWT({ ...claims })
        .setProtectedHeader({ alg: 'ES256', typ: 'at+jwt', kid: 'forged', ...header })
        .sign(key),
    close: () => {
      server.closeAllConnections()
      server.close()
    },
  }
}
