/** Machines with client certificates at every front, as a proxy passes these: who gets in, and what beside another credential. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { decodeJwt } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { expectDenied } from '../attacks/world.ts'
import { frontNames } from '../dialects.ts'
import { requirePeer } from '../peers.ts'
import { header, identityHeaders, navigation } from '../service.ts'
import { createMachineAuthority, type MachineAuthority } from './machine-authority.ts'
import { type MachinesWorld, startMachines } from './world.ts'

const name = 'X-Client-Certificate'
const robot = 'spiffe://prod.example.com/ns/ci/sa/robot'
const wiki = 'https://wiki.example.com'

const policy = `
p, anyone,                          wiki.example.com, /public/**, read, -,    allow
p, certificate:mesh/${robot},       wiki.example.com, /deploy/**, *,    -,    allow
p, certificate:mesh/${robot},       wiki.example.com, /people/**, *,    -,    deny
p, authenticated,                   wiki.example.com, /people/**, *,    -,    allow
p, certificate:hosts/Build.example.com, wiki.example.com, /build/**, *, -,    allow
p, authenticated,                   wiki.example.com, /lost/**,   *,    -,    allow
p, authenticated,                   wiki.example.com, /lost/**,   *,    lost, deny
p, authenticated,                   shop.example.com, /**,        read, -,    allow
p, service-account:prod/ci/deployer, wiki.example.com, /deploy/**, *,   -,    allow
`
const conditions = `lost: { client-certificate: { san-uri: ["${robot}-lost"] } }\n`

describe.skipIf(requirePeer('openssl') === undefined)('a machine with a client certificate', () => {
  const directory = mkdtempSync(join(tmpdir(), 'sallyport-certified-'))
  let mesh: MachineAuthority
  let people: MachineAuthority
  let world: MachinesWorld
  let caFile: string
  const settings = () => ({
    server: { clientCertificateHeader: name },
    sessions: { bindTo: 'none' },
    machines: {
      certificates: [
        { name: 'mesh', caFile, names: ['uri'] },
        { name: 'hosts', caFile: join(directory, 'hosts.pem'), names: ['dns'] },
      ],
    },
  })
  const hosts = [{ host: 'wiki.example.com', bearerFrom: ['prod'], certificateFrom: ['mesh', 'hosts'] }]
  let buildHosts: MachineAuthority
  beforeAll(async () => {
    mesh = createMachineAuthority('Mesh CA')
    people = createMachineAuthority('People CA')
    buildHosts = createMachineAuthority('Hosts CA')
    caFile = join(directory, 'mesh.pem')
    writeFileSync(caFile, mesh.certificate)
    writeFileSync(join(directory, 'hosts.pem'), buildHosts.certificate)
    world = await startMachines({ policy, conditions, settings: settings(), hosts })
  })
  afterAll(async () => {
    await world?.close()
    for (const authority of [mesh, people, buildHosts]) authority?.close()
    rmSync(directory, { recursive: true, force: true })
  })

  const certify = (san = `URI:${robot}`, authority = mesh) =>
    encodeURIComponent(authority.issue({ names: [san] }).certificate)

  describe.each(frontNames)('on %s', front => {
    const ask = (
      path: string,
      values: readonly string[],
      more: { cookie?: string; headers?: [string, string][] } = {},
    ) =>
      world.ask(front, {
        url: path.startsWith('https:') ? path : `${wiki}${path}`,
        headers: [...values.map((value): [string, string] => [name, value]), ...(more.headers ?? [])],
        ...(more.cookie !== undefined && { cookie: more.cookie }),
      })

    it('is let in where a row names it, and the application is told who it is', async () => {
      const answer = await ask('/deploy/now', [certify()])
      expect(answer.status).toBe(200)
      expect(header(answer, 'remote-user')).toBe(`certificate:mesh/${robot}`)
      expect(decodeJwt(header(answer, 'x-sallyport-assertion') ?? '')).toMatchObject({
        aud: wiki,
        sub: `certificate:mesh#${robot}`,
        certificate: `mesh/${robot}`,
        groups: [],
      })
      // An Authorization header is none of ours then, and stays the application's.
      expect(answer.headers.has('x-sallyport-bearer')).toBe(false)
      expect(await world.eventOf(answer)).toMatchObject({
        event: 'access.allowed',
        machine: `certificate:mesh/${robot}`,
        credential: 'client-certificate',
        credentialIssuer: 'mesh',
        credentialId: expect.stringMatching(/^[0-9a-f]{64}$/),
      })
      expect((await ask('/build/1', [certify('DNS:BUILD.example.com', buildHosts)])).status).toBe(200)
    })

    it('is denied where a row denies it, with the reason and never a page', async () => {
      for (const headers of [[], navigation.map(([key, value]): [string, string] => [key, value])]) {
        const answer = await ask('/people/a', [certify()], { headers })
        expect(answer.status).toBe(403)
        expect(header(answer, 'content-type')).toBe('application/problem+json')
        expect(JSON.parse(answer.body)).toMatchObject({ reason: 'rule-denied' })
      }
    })

    it('J48 does not get around a deny by a cookie or a token that it brings as well', async () => {
      const cookie = await world.logIn('alice', `${wiki}/people/a`)
      expect((await ask('/people/a', [], { cookie })).status).toBe(200)
      const token: [string, string] = ['Authorization', `Bearer ${world.token()}`]
      for (const more of [{ cookie }, { cookie: `${cookie.split('=')[0]}=garbage` }, { headers: [token] }]) {
        for (const path of ['/people/a', '/deploy/now', '/public/a']) {
          const answer = await ask(path, [certify()], more)
          expect(answer.status).toBe(400)
          expect(JSON.parse(answer.body)).toMatchObject({ error: 'ERR_CREDENTIALS_AMBIGUOUS' })
        }
      }
    })

    it("is part of the connection where it is a person's own: cookie and token say who asks", async () => {
      const own = certify('DNS:laptop.example.com', people)
      const cookie = await world.logIn('alice', `${wiki}/people/a`)
      expect(header(await ask('/people/a', [own], { cookie }), 'remote-user')).toBe('alice')
      const token: [string, string] = ['Authorization', `Bearer ${world.token()}`]
      expect((await ask('/deploy/now', [own], { headers: [token] })).status).toBe(200)
      expect((await ask('/deploy/now', [own])).status).toBe(401)
      expect(header(await ask('/public/a', [own]), 'remote-user')).toBe('')
    })

    it.each([
      ['two headers', () => [certify(), certify()]],
      ['the same header twice', () => Array(2).fill(certify()) as string[]],
      ['one of somebody else behind it', () => [certify(), certify('DNS:a.example.com', people)]],
      ['what cannot be read', () => [certify().slice(0, -40)]],
      ['a common name', () => ['CN=robot']],
      [
        'a certificate of a server',
        () => [encodeURIComponent(mesh.issue({ names: [`URI:${robot}`], purpose: 'serverAuth' }).certificate)],
      ],
      ['no name', () => [encodeURIComponent(mesh.issue({ commonName: 'robot' }).certificate)]],
      ['two names', () => [encodeURIComponent(mesh.issue({ names: [`URI:${robot}`, 'URI:urn:admin'] }).certificate)]],
      ['that of the authority', () => [encodeURIComponent(mesh.certificate)]],
      ['40 KB', () => ['A'.repeat(40 * 1024)]],
    ])('J47 is nobody with %s, not even where anybody may read', async (_what, values) => {
      for (const path of ['/deploy/now', '/public/a']) {
        const answer = await ask(path, values())
        expectDenied(answer, path)
        for (const each of identityHeaders) expect(answer.headers.has(each)).toBe(false)
      }
    })

    it('means nothing on a host that takes none', async () => {
      expect((await ask('https://shop.example.com/', [certify()])).status).toBe(401)
      const cookie = await world.logIn('bob', 'https://shop.example.com/')
      expect(header(await ask('https://shop.example.com/', [certify()], { cookie }), 'remote-user')).toBe('bob')
    })

    it('conditions see the certificate as well, so that a row can end a single one', async () => {
      expect((await ask('/lost/a', [certify()])).status).toBe(200)
      expect((await ask('/lost/a', [certify(`URI:${robot}-lost`)])).status).toBe(403)
    })
  })

  it('J49 is not believed from a peer that is no trusted proxy', async () => {
    const server = { clientCertificateHeader: name, trustedProxies: ['192.0.2.1'] }
    const direct = await startMachines({ policy, conditions, settings: { ...settings(), server }, hosts })
    try {
      for (const front of frontNames) {
        const answer = await direct.ask(front, { url: `${wiki}/deploy/now`, headers: [[name, certify()]] })
        expectDenied(answer)
        expect(answer.status).toBe(403)
      }
    } finally {
      await direct.close()
    }
  })

  it('J46 gets in no more once its authority is taken out of the file, without a restart', async () => {
    const own = join(directory, 'own.pem')
    writeFileSync(own, mesh.certificate)
    const certificates = [{ name: 'mesh', caFile: own, names: ['uri'] }]
    const changing = await startMachines({
      policy: `p, certificate:mesh/${robot}, wiki.example.com, /**, *, -, allow\n`,
      settings: { ...settings(), machines: { certificates } },
      hosts: [{ host: 'wiki.example.com', certificateFrom: ['mesh'] }],
    })
    try {
      const text = certify()
      const statusOf = async () =>
        (await changing.ask('forward-auth', { url: `${wiki}/deploy/now`, headers: [[name, text]] })).status
      expect(await statusOf()).toBe(200)
      writeFileSync(own, people.certificate)
      await expect.poll(statusOf, { timeout: 60_000, interval: 100 }).toBe(401)
      // What cannot be used changes nothing.
      writeFileSync(own, '')
      await expect.poll(() => changing.logText().includes('the last ones count'), { timeout: 60_000 }).toBe(true)
      const short = createMachineAuthority('Mesh CA', { kind: ['-newkey', 'rsa:1024'] })
      short.close()
      writeFileSync(own, `${mesh.certificate}${short.certificate}`)
      await expect.poll(() => changing.logText().includes('has a key that is too weak'), { timeout: 60_000 }).toBe(true)
      expect(await statusOf()).toBe(401)
    } finally {
      await changing.close()
    }
  })

  it('does not start with a file that holds no authority', async () => {
    const empty = join(directory, 'client.pem')
    writeFileSync(empty, mesh.issue({ names: [`URI:${robot}`] }).certificate)
    const certificates = [{ name: 'mesh', caFile: empty, names: ['uri'] }]
    const started = startMachines({
      policy: `p, anyone, wiki.example.com, /**, *, -, allow\n`,
      settings: { ...settings(), machines: { certificates } },
      hosts: [{ host: 'wiki.example.com', certificateFrom: ['mesh'] }],
    })
    await expect(started).rejects.toThrow(/client\.pem: .*not the certificate of an authority/)
  })
})
