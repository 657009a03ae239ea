/** Who asks: a machine by its certificate, as a proxy passes it on, and never a person. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createSigningIssuer } from '../identity/token-issuer.ts'
import { createMachineAuthority, type MachineAuthority } from '../machines/machine-authority.ts'
import { timesNow } from '../machines/world.ts'
import { requirePeer } from '../peers.ts'
import { type QuestionAnswer, type QuestionWorld, questionAudience, startQuestions } from './world.ts'

const robot = 'spiffe://prod.example.com/ns/ci/sa/robot'
const header = 'x-client-certificate'
const idp = createSigningIssuer('https://127.0.0.1:1', { sub: 'alice', client_id: 'wiki-cli', groups: ['ops'] })
const policy = `
p, certificate:mesh/${robot},         authzen,          /wiki.example.com, evaluate, -, allow
p, authenticated,                     authzen,          /shop.example.com, evaluate, -, allow
p, service-account:prod/ci/deployer,  wiki.example.com, /deploy/**,        *,        -, allow
p, anyone,                            shop.example.com, /**,               read,     -, allow
`
const about = (host: string, path: string) => ({
  subject: { type: 'service-account', id: 'prod/ci/deployer' },
  action: { name: 'POST' },
  resource: { type: 'url', id: `https://${host}${path}` },
})

describe.skipIf(requirePeer('openssl') === undefined)('who asks', () => {
  const directory = mkdtempSync(join(tmpdir(), 'sallyport-askers-'))
  let mesh: MachineAuthority
  let world: QuestionWorld

  beforeAll(async () => {
    mesh = createMachineAuthority('Mesh CA')
    const [caFile, jwksFile] = [join(directory, 'mesh.pem'), join(directory, 'idp.json')]
    writeFileSync(caFile, mesh.certificate)
    writeFileSync(jwksFile, JSON.stringify(idp.jwks()))
    const person = { name: 'people', kind: 'openid', issuer: idp.issuer, audience: 'urn:hosts', provider: 'people' }
    world = await startQuestions(policy, {
      providers: corp => [
        corp,
        { name: 'people', issuer: idp.issuer, clientId: 'sallyport', clientSecret: 'of a test' },
      ],
      moreIssuers: [{ ...person, jwksFile }],
      authzen: { bearerFrom: ['apps', 'people'], certificateFrom: ['mesh'] },
      settings: {
        server: { clientCertificateHeader: header },
        sessions: { bindTo: 'none' },
        machines: { certificates: [{ name: 'mesh', caFile, names: ['uri'] }] },
      },
    })
  })
  afterAll(async () => {
    await world?.close()
    mesh?.close()
    rmSync(directory, { recursive: true, force: true })
  })

  const ask = (certificate: string, host = 'wiki.example.com', path = '/deploy/now'): Promise<QuestionAnswer> =>
    world.question('evaluation', about(host, path), { token: undefined, headers: { [header]: certificate } })
  const certify = (san = `URI:${robot}`, authority = mesh) =>
    encodeURIComponent(authority.issue({ names: [san] }).certificate)

  it('is a machine with a certificate, about what a row lets it ask about', async () => {
    expect(await ask(certify())).toMatchObject({ status: 200, body: { decision: true } })
    expect(await ask(certify(), 'wiki.example.com', '/other')).toMatchObject({ status: 200, body: { decision: false } })
    expect((await ask(certify(), 'payroll.example.com', '/')).status).toBe(403)
  })

  it('J148 is nobody with a certificate of another authority, a cut one, or none', async () => {
    const other = createMachineAuthority('Other CA')
    try {
      for (const none of [certify(`URI:${robot}`, other), ''])
        expect(await ask(none)).toMatchObject({ status: 401, body: expect.any(String) })
      expect(await ask(certify().slice(0, -40))).toMatchObject({ status: 403, body: expect.any(String) })
    } finally {
      other.close()
    }
  })

  it('J148 is no person, also where a row says "authenticated"', async () => {
    const asked = about('shop.example.com', '/')
    const token = idp.token({ ...timesNow(), aud: questionAudience }, { header: { typ: 'at+jwt' } })
    const answer = await world.question('evaluation', asked, { token })
    expect(answer.status).toBe(401)
    expect(JSON.stringify(answer.body)).not.toContain('decision')
    // A machine with the same right is answered.
    expect((await world.question('evaluation', asked, { as: 'any-client' })).status).toBe(200)
  })
})
