/** Certificates of clients, asked for by each real proxy with the files that are printed (`--client-ca`). */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { createDemoApp } from '../../cli/demo/app.ts'
import type { Child } from '../../cli/demo/child.ts'
import { programOf } from '../../cli/demo/proxies/proxies.ts'
import { type Certificate, createAuthority } from '../certificates.ts'
import { freePort, requirePeer } from '../peers.ts'
import { close, listen } from '../provider.ts'
import { ask } from '../proxies/balancer.ts'
import { startService, type TestService } from '../service.ts'
import { type PrintedFormat, printedFormats, printInto, startPrinted } from './printed.ts'

/** Traefik can pass a certificate on in one alone. */
const headerOf = (format: PrintedFormat): string =>
  format === 'traefik' ? 'x-forwarded-tls-client-cert' : 'x-client-certificate'
/** A client's own, in every spelling. */
function spelt(header: string): readonly string[] {
  const capital = header.replaceAll(/\b[a-z]/g, letter => letter.toUpperCase())
  return [header, capital, header.replaceAll('-', '_'), capital.replaceAll('-', '.')]
}
const policy = `
p, anyone, wiki.localhost, /laptop/**, *, laptop, allow
p, anyone, wiki.localhost, /public/**, *, -,      allow
p, anyone, wiki.localhost, /office/**, *, office, allow
p, anyone, open.localhost, /**,        *, -,      allow
`
const conditions = `
laptop: { client-certificate: { san-dns: [laptop.example.com] } }
office: { source-network: [192.0.2.0/24] }
`
/** What a client says of where it comes from, and of what it asks for. */
const lies: readonly Readonly<Record<string, string>>[] = [
  { 'x-forwarded-for': '192.0.2.7', 'x-real-ip': '192.0.2.7', forwarded: 'for=192.0.2.7' },
  { 'x-forwarded-for': '192.0.2.7, 127.0.0.1', 'x-forwarded-proto': 'https' },
  { 'x-forwarded-host': 'open.localhost', 'x-forwarded-uri': '/public/a', 'x-forwarded-method': 'OPTIONS' },
  { 'x-original-url': 'https://open.localhost/', 'x-rewrite-url': '/public/a', 'x-forwarded-prefix': '/public' },
]
const patience = { timeout: 120_000, interval: 25 }

describe.skipIf(requirePeer('openssl') === undefined)('printed with authorities of clients', () => {
  const directory = mkdtempSync(join(tmpdir(), 'sallyport-client-ca-'))
  const people = createAuthority('People CA')
  const strangers = createAuthority('Strangers CA')
  const laptop = people.issue('alice', ['laptop.example.com'])
  const phone = people.issue('alice', ['phone.example.com'])
  const stranger = strangers.issue('mallory', ['laptop.example.com'])
  const body = laptop.certificate.replaceAll(/-----[^-]+-----|\s/g, '')
  const values = [encodeURIComponent(laptop.certificate), encodeURIComponent(body), body, `:${body}:`]
  const application = createDemoApp({ name: 'wiki' })
  const files = { ca: join(directory, 'people.pem'), certificate: join(directory, 'site.pem') }
  const worlds: TestService[] = []
  const argsOf = new Map<string, readonly string[]>()

  beforeAll(async () => {
    const { certificate, key } = people.issue('localhost', ['wiki.localhost', 'auth.localhost'])
    writeFileSync(files.ca, people.certificate)
    writeFileSync(files.certificate, certificate)
    writeFileSync(`${files.certificate}.key`, key)
    const wiki = await listen(application)
    for (const header of new Set(printedFormats.map(headerOf))) {
      const world = await startService({
        policy,
        conditions,
        settings: {
          server: { url: 'https://auth.localhost', clientCertificateHeader: header },
          sessions: { bindTo: 'none' },
          envoy: { listen: '127.0.0.1:0' },
        },
        client: () => ({ redirectUris: ['https://auth.localhost/callback/corp'] }),
      })
      worlds.push(world)
      argsOf.set(header, [
        ...['--config', join(world.directory, 'sallyport.yaml'), '--client-ca', files.ca],
        ...['--tls-certificate', files.certificate, '--tls-key', `${files.certificate}.key`],
        ...['--host', `wiki.localhost=127.0.0.1:${wiki}`, '--grpc', `127.0.0.1:${world.service.ports().envoy}`],
        ...['--sallyport', `127.0.0.1:${world.port}`],
      ])
    }
  })

  afterAll(async () => {
    for (const world of worlds) await world.close()
    await close(application)
    people.close()
    strangers.close()
    rmSync(directory, { recursive: true, force: true })
  })

  /** 0: the connection was closed. NGINX says 400 in its place. */
  const statusOf = (port: number, path: string, certificate?: Certificate, host = 'wiki.localhost') =>
    ask(`https://${host}${path}`, { port, ...(certificate === undefined ? {} : { certificate }) }).then(
      ({ status }) => status,
      () => 0,
    )

  const started = async (format: PrintedFormat, name: string, more: readonly string[]) => {
    const port = await freePort()
    const place = join(directory, `${format}-${name}`)
    const args = argsOf.get(headerOf(format)) ?? []
    const checks = ['--checks', `127.0.0.1:${await freePort()}`]
    await printInto(place, [format, ...args, ...more, ...checks, '--listen', `127.0.0.1:${port}`], directory)
    const proxy = startPrinted(format, place)
    await vi.waitUntil(async () => {
      if (!proxy.isRunning()) throw new Error(proxy.lastLines())
      return (await statusOf(port, '/public/a', laptop)) === 200
    }, patience)
    return { proxy, port }
  }

  describe.each(printedFormats)('for %s', format => {
    describe.skipIf(requirePeer(programOf(format)) === undefined)('the real one', () => {
      let proxies: readonly Child[] = []
      let required: number
      let optional: number

      beforeAll(async () => {
        // Over two replicas Traefik passes checks on by itself.
        const replica = argsOf.get(headerOf(format))?.slice(-2) ?? []
        const twice = ['--client-ca-optional', ...replica]
        const [one, two] = [await started(format, 'required', []), await started(format, 'optional', twice)]
        proxies = [one.proxy, two.proxy]
        required = one.port
        optional = two.port
      })
      afterAll(async () => {
        for (const proxy of proxies) await proxy.stop(1_000)
      })

      it('A44 lets nobody in without one of the authority, on no host', async () => {
        for (const host of ['wiki.localhost', 'auth.localhost', 'other.localhost'])
          for (const certificate of [undefined, stranger])
            expect([host, await statusOf(required, '/public/a', certificate, host)]).toEqual([
              host,
              expect.toSatisfy((status: number) => status === 0 || status === 400),
            ])
        expect(await statusOf(required, '/public/a', phone)).toBe(200)
        expect(await statusOf(required, '/laptop/a', laptop)).toBe(200)
        expect(await statusOf(required, '/.well-known/jwks.json', phone, 'auth.localhost')).toBe(200)
      })

      it('A44 lets anybody in where the policy may say who, but nobody with one of another authority', async () => {
        expect(await statusOf(optional, '/public/a')).toBe(200)
        expect(await statusOf(optional, '/laptop/a', laptop)).toBe(200)
        expect(await statusOf(optional, '/laptop/a', phone)).toBe(401)
        expect(await statusOf(optional, '/laptop/a')).toBe(401)
        expect(await statusOf(optional, '/public/a', stranger)).toSatisfy(status => status === 0 || status === 400)
      })

      it('tells of the certificate of the connection, whatever header a client writes (A18)', async () => {
        for (const [name, value] of spelt(headerOf(format)).flatMap(name =>
          values.map(value => [name, value] as const),
        ))
          for (const more of [{}, { certificate: phone }]) {
            const question = { port: optional, headers: { [name]: value }, ...more }
            const { status } = await ask('https://wiki.localhost/laptop/a', question)
            expect([name, value.slice(0, 8), status]).toEqual([name, value.slice(0, 8), 401])
          }
      })

      it('judges what is asked from where the connection comes, whatever a client says of either (A12)', async () => {
        for (const headers of lies)
          for (const more of [{}, { certificate: laptop }]) {
            const question = { port: optional, headers: { ...headers, accept: 'application/json' }, ...more }
            const { status } = await ask('https://wiki.localhost/office/a', question)
            expect([headers, status]).toEqual([headers, 401])
          }
      })

      it('gives the application neither the certificate nor what a client wrote', async () => {
        for (const certificate of [undefined, laptop]) {
          const headers = { accept: 'application/json', [headerOf(format)]: 'forged' }
          const client = certificate === undefined ? {} : { certificate }
          const answer = await ask('https://wiki.localhost/public/a', { port: optional, headers, ...client })
          expect([answer.status, answer.body]).toEqual([200, expect.stringContaining('"app":"wiki"')])
          expect(answer.body.toLowerCase()).not.toMatch(/client-cert|forged/)
        }
      })
    })
  })
})
