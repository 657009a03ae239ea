/** Every combination that is printed, read by the proxy itself on the real binary. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { programOf } from '../../cli/demo/proxies/proxies.ts'
import { createAuthority } from '../certificates.ts'
import { goodSecret } from '../config/load-text.ts'
import { freePort, requirePeer } from '../peers.ts'
import { ask } from '../proxies/balancer.ts'
import { http3Kinds } from '../proxies/http3/kinds.ts'
import { folder, type PrintedFormat, printedFormats, printInto, startPrinted, validate } from './printed.ts'

const hasOpenssl = requirePeer('openssl') !== undefined

/** Hosts of every kind, headers of other names, and certificates of clients. */
const configuration = (url: string): string =>
  JSON.stringify({
    server: { url, clientCertificateHeader: 'X-Client-Certificate' },
    providers: [{ name: 'corp', issuer: 'https://idp.example.com', clientId: 'sallyport', clientSecret: goodSecret }],
    sessions: { secret: goodSecret, bindTo: 'none' },
    headers: { user: 'X-Who' },
    envoy: { listen: '127.0.0.1:9183' },
    canonical: { allowEncodedSlash: ['files.example.com'] },
    hosts: [
      { host: 'passwords.example.com', passwords: true },
      { host: 'tokens.example.com', bearerFrom: ['prod'], bearerHeader: 'X-Machine-Token' },
      { host: 'given.example.com', authorization: 'assertion' },
      { host: 'files.example.com' },
    ],
    machines: {
      issuers: [{ name: 'prod', kind: 'openid', issuer: 'https://prod.example.com', audience: 'sallyport' }],
    },
  })

const balancer = ['--balancer', '10.0.0.10', '--balancer', '10.1.0.0/16', '--balancer', 'fd00::/8']
// Ports of this machine on which nobody listens.
const nobody = ['--sallyport', '127.0.0.1:1']
const replicas = ['--sallyport', '[::1]:1']

describe.skipIf(!hasOpenssl)('what is printed', () => {
  const directory = mkdtempSync(join(tmpdir(), 'sallyport-validated-'))
  const certificate = join(directory, 'site.crt')
  const tls = ['--tls-certificate', certificate, '--tls-key', join(directory, 'site.key')]
  const combinations = {
    plain: [],
    tls,
    balancer,
    replicas,
    all: [...tls, ...balancer, ...replicas],
    http3: [...tls, ...replicas, '--http3'],
    certificates: [...tls, ...replicas, '--client-ca', certificate],
    relayed: [...tls, ...balancer, ...replicas, '--proxy-protocol'],
  } as const

  beforeAll(() => {
    const authority = createAuthority('Validated')
    const issued = authority.issue('example.com', ['*.example.com'])
    authority.close()
    writeFileSync(certificate, issued.certificate)
    writeFileSync(join(directory, 'site.key'), issued.key, { mode: 0o600 })
    for (const scheme of ['http', 'https']) {
      const place = folder(directory, scheme)
      const url = scheme === 'https' ? 'https://auth.example.com' : 'http://auth.localhost'
      writeFileSync(join(place, 'sallyport.yaml'), configuration(url), { mode: 0o600 })
    }
  })
  afterAll(() => rmSync(directory, { recursive: true, force: true }))

  async function print(format: PrintedFormat, combination: keyof typeof combinations, port: number): Promise<string> {
    const place = folder(directory, `${format}-${combination}`)
    const isHttps = combination !== 'plain' && combination !== 'replicas'
    const listening = ['--listen', `127.0.0.1:${port}`, '--checks', `127.0.0.1:${await freePort()}`]
    const hosts = JSON.parse(configuration('')).hosts.flatMap(({ host }: { host: string }) => ['--host', host])
    const more = ['--upstream', '127.0.0.1:8080', '--host', 'more.example.com=[::1]:8081']
    const args = [format, ...nobody, ...combinations[combination], ...hosts, ...more, ...listening]
    await printInto(place, args, join(directory, isHttps ? 'https' : 'http'))
    return place
  }

  const names = Object.keys(combinations) as (keyof typeof combinations)[]
  const namesOf = (format: PrintedFormat) =>
    names.filter(name => {
      if (name === 'relayed') return format !== 'caddy'
      return name !== 'http3' || http3Kinds.some(kind => kind === format)
    })

  describe.each(printedFormats.filter(format => format !== 'traefik'))('for %s', format => {
    it.skipIf(requirePeer(programOf(format)) === undefined).each(namesOf(format))(
      'is taken by it: %s',
      async combination => {
        const place = await print(format, combination, await freePort())
        // Caddy speaks of certificates of a day, and of the operator's own files, which are not there yet.
        const lines = validate(format, place).split('\n')
        const said = lines.filter(line => !/expires within|No files matching import glob/.test(line))
        expect(said.filter(line => /\[(?:warn|emerg|alert|warning)\]|"level":"(?:warn|error)"/i.test(line))).toEqual([])
      },
    )
  })

  it.skipIf(requirePeer('caddy') === undefined)('is taken by Caddy where it fetches certificates itself', async () => {
    const place = folder(directory, 'caddy-automatic')
    const args = ['caddy', '--host', 'more.example.com=10.0.0.5:8081', '--host', 'files.example.com=10.0.0.5:8082']
    await printInto(place, args, join(directory, 'https'))
    expect(validate('caddy', place)).toMatch(
      /enabling automatic HTTP->HTTPS redirects|automatic TLS certificate management/,
    )
    expect(readFileSync(join(place, 'sallyport-sites.caddy'), 'utf8')).not.toMatch(/^http:/m)
  })

  describe.skipIf(requirePeer('traefik') === undefined)('for traefik', () => {
    it.concurrent.each(names.filter(name => name !== 'certificates' && name !== 'relayed'))(
      'is taken by it: %s',
      async combination => {
        const port = await freePort()
        const place = await print('traefik', combination, port)
        const proxy = startPrinted('traefik', place)
        const scheme = readFileSync(join(place, 'traefik.env'), 'utf8').includes('HTTP_TLS=true') ? 'https' : 'http'
        const statusOf = (host: string): Promise<number> =>
          ask(`${scheme}://${host}/`, { port, from: '127.0.0.1' }).then(
            ({ status }) => status,
            () => 0,
          )
        try {
          // Nobody answers in the place of Sallyport: a host that has a router with the check is refused, one without is unknown.
          const isRead = async () => {
            if (!proxy.isRunning()) throw new Error(proxy.lastLines())
            return ![0, 404].includes(await statusOf('more.example.com'))
          }
          await vi.waitUntil(isRead, { timeout: 120_000, interval: 25 })
          for (const host of ['passwords', 'tokens', 'given', 'files', 'more']) {
            expect([500, 503]).toContain(await statusOf(`${host}.example.com`))
          }
          expect(await statusOf('unknown.example.com')).toBe(404)
          expect(proxy.lastLines()).not.toMatch(/\b(?:ERR|WRN)\b.*(?:middleware|router|entry ?point|certificate|yaml)/i)
        } finally {
          await proxy.stop(1_000)
        }
      },
    )
  })
})
