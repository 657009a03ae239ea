/** Client certificates by way of a real NGINX that asks for them, with the lines of docs/lifetimes.md as they stand there. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { request } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createDemoApp } from '../../cli/demo/app.ts'
import type { Child } from '../../cli/demo/child.ts'
import { type Certificate, createAuthority } from '../certificates.ts'
import { createMachineAuthority } from '../machines/machine-authority.ts'
import { freePort, requirePeer } from '../peers.ts'
import { close, listen } from '../provider.ts'
import { startService, type TestService } from '../service.ts'
import { startTlsProxy } from './tls-proxy.ts'

const [nginx, openssl] = ['nginx', 'openssl'].map(requirePeer)

const policy = `
p, anyone, wiki.localhost, /laptop/**, *, laptop, allow
p, anyone, wiki.localhost, /known/**,  *, -,      allow
p, anyone, wiki.localhost, /known/**,  *, !known, deny
`
const conditions = `
laptop: { client-certificate: { san-dns: [laptop.example.com] } }
known: { client-certificate: { san-dns: [laptop.example.com, phone.example.com] } }
`

/** The lines of the page: those of a `server`, and the one that passes the certificate on. */
function documented(authorityFile: string) {
  const page = readFileSync(join(import.meta.dirname, '../../docs/lifetimes.md'), 'utf8')
  const [, lines = ''] = /```nginx\n(ssl_client_certificate [\s\S]*?)```/.exec(page) ?? []
  const text = lines.replace('/etc/nginx/people-ca.pem', authorityFile)
  const isPassing = (line: string): boolean => line.startsWith('proxy_set_header')
  const all = text.trim().split('\n')
  return { server: all.filter(line => !isPassing(line)).join(' '), ask: all.filter(isPassing).join('\n') }
}

async function askThrough(
  { directory, port }: { readonly directory: string; readonly port: number },
  path: string,
  certificate?: Certificate,
  headers: Readonly<Record<string, string>> = {},
): Promise<{ readonly status: number; readonly text: string }> {
  const client = certificate === undefined ? {} : { cert: certificate.certificate, key: certificate.key }
  const ca = readFileSync(join(directory, 'cert.pem'))
  const host = 'wiki.localhost'
  const options = { host: '127.0.0.1', servername: host, port, path, ca, ...client, agent: false }
  return new Promise((resolve, reject) => {
    request({ ...options, headers: { host: `${host}:${port}`, ...headers } }, response => {
      let text = ''
      response.setEncoding('utf8')
      response.on('data', (part: string) => {
        text += part
      })
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text }))
    })
      .on('error', reject)
      .end()
  })
}

describe.skipIf(nginx === undefined || openssl === undefined)('a client certificate through NGINX', () => {
  const directory = mkdtempSync(join(tmpdir(), 'sallyport-mtls-'))
  const people = createAuthority('People CA')
  const strangers = createAuthority('Strangers CA')
  const laptop = people.issue('alice', ['laptop.example.com'])
  const phone = people.issue('alice', ['phone.example.com'])
  const unknown = people.issue('bob')
  const forged = strangers.issue('mallory', ['laptop.example.com'])
  const application = createDemoApp({ name: 'wiki' })
  let port: number
  let service: TestService
  let proxy: Child

  beforeAll(async () => {
    port = await freePort()
    const settings = {
      server: { clientCertificateHeader: 'X-Client-Certificate' },
      sessions: { bindTo: 'none' },
    }
    service = await startService({ policy, conditions, settings })
    const authorityFile = join(directory, 'people-ca.pem')
    writeFileSync(authorityFile, people.certificate)
    const ports = { proxy: port, auth: service.port, wiki: await listen(application) }
    proxy = await startTlsProxy(directory, ports, documented(authorityFile))
  })

  afterAll(async () => {
    await proxy?.stop()
    await service?.close()
    await close(application)
    people.close()
    strangers.close()
    rmSync(directory, { recursive: true, force: true })
  })

  const ask = async (path: string, certificate?: Certificate, headers: Record<string, string> = {}) =>
    (await askThrough({ directory, port }, path, certificate, headers)).status

  it('decides, and who has none or another one stays out', async () => {
    expect(await ask('/laptop/a', laptop)).toBe(200)
    expect(await ask('/laptop/a', phone)).toBe(401)
    expect(await ask('/laptop/a')).toBe(401)
    for (const one of [laptop, phone]) expect(await ask('/known/a', one)).toBe(200)
    for (const one of [unknown, undefined]) expect(await ask('/known/a', one)).toBe(403)
  })

  it('is the one of the connection, whatever header a client writes (A18)', async () => {
    const claimed = { 'X-Client-Certificate': encodeURIComponent(laptop.certificate) }
    expect(await ask('/laptop/a', undefined, claimed)).toBe(401)
    expect(await ask('/known/a', undefined, claimed)).toBe(403)
    expect(await ask('/laptop/a', phone, claimed)).toBe(401)
    expect(await ask('/laptop/a', laptop, { 'X-Client-Certificate': '' })).toBe(200)
  })

  it('of another authority is turned away by NGINX', async () => {
    expect(await ask('/laptop/a', forged)).toBe(400)
    expect(await ask('/known/a', forged)).toBe(400)
  })
})

describe.skipIf(nginx === undefined || openssl === undefined)('a machine with a certificate through NGINX', () => {
  const directory = mkdtempSync(join(tmpdir(), 'sallyport-machine-mtls-'))
  const mesh = createMachineAuthority('Mesh CA')
  const people = createMachineAuthority('People CA')
  const strangers = createMachineAuthority('Mesh CA')
  const name = 'spiffe://prod.example.com/ns/ci/sa/robot'
  const named = { names: [`URI:${name}`] }
  const robot = mesh.issue(named)
  const application = createDemoApp({ name: 'wiki' })
  let port: number
  let service: TestService
  let proxy: Child
  const ask = (path: string, certificate?: Certificate, headers: Readonly<Record<string, string>> = {}) =>
    askThrough({ directory, port }, path, certificate, headers)

  beforeAll(async () => {
    port = await freePort()
    const file = (name: string, text: string): string => {
      writeFileSync(join(directory, name), text)
      return join(directory, name)
    }
    const caFile = file('mesh.pem', mesh.certificate)
    service = await startService({
      policy: `p, certificate:mesh/${name}, wiki.localhost, /deploy/**, *, -, allow\n`,
      settings: {
        server: { clientCertificateHeader: 'X-Client-Certificate' },
        sessions: { bindTo: 'none' },
        machines: { certificates: [{ name: 'mesh', caFile, names: ['uri'] }] },
      },
      hosts: [{ host: 'wiki.localhost', certificateFrom: ['mesh'] }],
    })
    // NGINX asks for certificates of people as well.
    const asked = file('asked.pem', `${mesh.certificate}${people.certificate}`)
    const ports = { proxy: port, auth: service.port, wiki: await listen(application) }
    proxy = await startTlsProxy(directory, ports, documented(asked))
  })
  afterAll(async () => {
    await proxy?.stop()
    await service?.close()
    await close(application)
    for (const authority of [mesh, people, strangers]) authority.close()
    rmSync(directory, { recursive: true, force: true })
  })

  it('is who its certificate says, and the application is told so', async () => {
    const { status, text } = await ask('/deploy/now', robot)
    expect(status).toBe(200)
    expect(text).toContain(`certificate:mesh/${name}`)
    expect((await ask('/other', robot)).status).toBe(403)
  })

  it.each<[string, () => Certificate | undefined, number]>([
    ['with none', () => undefined, 401],
    ['with one of another authority that NGINX believes', () => people.issue(named), 401],
    ['with one of an authority that only has the same name', () => strangers.issue(named), 400],
    ['with one for servers', () => mesh.issue({ ...named, purpose: 'serverAuth' }), 400],
    ['with two names', () => mesh.issue({ names: [`URI:${name}`, 'URI:spiffe://prod.example.com/two'] }), 403],
    ['with a common name and no other', () => mesh.issue({ commonName: 'robot' }), 403],
  ])('J49 stays out %s, whatever header it writes', async (_what, make, status) => {
    const certificate = make()
    expect((await ask('/deploy/now', certificate)).status).toBe(status)
    const claimed = { 'X-Client-Certificate': encodeURIComponent(robot.certificate) }
    expect((await ask('/deploy/now', certificate, claimed)).status).toBe(status)
  })
})
