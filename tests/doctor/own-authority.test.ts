/** `providers[].caFile`: an authority vouches for the provider that names it, and for no other. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createProviderWays } from '../../app/login/provider/outbound.ts'
import { createProviders } from '../../app/login/provider/providers.ts'
import { type Authority, createAuthority } from '../certificates.ts'
import { requirePeer } from '../peers.ts'
import { startService } from '../service.ts'
import { examine, findingOf, writeConfiguration } from './command.ts'

describe.skipIf(requirePeer('openssl') === undefined)(
  'a provider whose certificate is of an authority of its own',
  () => {
    let authority: Authority
    let server: Server
    let issuer: string
    let directory: string
    beforeAll(async () => {
      directory = mkdtempSync(join(tmpdir(), 'sallyport-authority-'))
      authority = createAuthority('An authority of our own')
      const { certificate: cert, key } = authority.issue('localhost', ['localhost'])
      server = createServer({ cert, key }, (asked, response) => {
        const endpoints = {
          authorization_endpoint: `${issuer}/a`,
          token_endpoint: `${issuer}/t`,
          jwks_uri: `${issuer}/jwks`,
        }
        const keys = [{ kty: 'EC', crv: 'P-256', x: 'x', y: 'y', use: 'sig', alg: 'ES256', kid: '1' }]
        const body = asked.url === '/jwks' ? { keys } : { issuer, ...endpoints, response_types_supported: ['code'] }
        response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body))
      })
      await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
      issuer = `https://localhost:${(server.address() as AddressInfo).port}`
    })
    afterAll(() => {
      authority?.close()
      server?.closeAllConnections()
      server?.close()
      rmSync(directory, { recursive: true, force: true })
    })

    it('is found by it, and one that does not name it is not', async () => {
      const ways = createProviderWays()
      const common = { issuer, clientId: 'sallyport', scopes: ['openid'] }
      const other = createAuthority('Another authority')
      const providers = createProviders({
        settings: [
          { ...common, name: 'own', ca: authority.certificate },
          { ...common, name: 'plain' },
          { ...common, name: 'wrong', ca: other.certificate },
        ],
        publicUrl: 'https://auth.example.com',
        ...ways.to(undefined),
        wayWith: ways.to,
        clock: { now: () => Date.now() },
        logger: { info() {}, warn() {}, error() {} },
      })
      try {
        await providers.start()
        expect(providers.status().map(({ name, ready }) => [name, ready])).toEqual([
          ['own', true],
          ['plain', false],
          ['wrong', false],
        ])
        for (const { lastError } of providers.status().slice(1)) expect(lastError).toContain('failed at TLS')
      } finally {
        providers.stop()
        await ways.close()
        other.close()
      }
    })

    it('is so by the configuration', async () => {
      mkdirSync(join(directory, 'policy'))
      writeFileSync(join(directory, 'policy', 'policy.csv'), 'p, anyone, wiki.example.com, /**, *, -, allow\n')
      const caFile = join(directory, 'ca.pem')
      writeFileSync(caFile, authority.certificate)
      const look = async (provider: Readonly<Record<string, unknown>>) => {
        const path = writeConfiguration(directory, { publicUrl: 'https://auth.example.com', issuer, provider })
        return findingOf((await examine('--config', path)).found, 'provider-discovery')
      }
      expect(await look({ caFile })).toMatchObject({ status: 'pass' })
      expect(await look({})).toMatchObject({ status: 'fail', fix: expect.stringContaining('providers[].caFile') })
    })

    it('is reached by the service as it is by the doctor', async () => {
      const caFile = join(directory, 'service-ca.pem')
      writeFileSync(caFile, authority.certificate)
      const own = { issuer, clientId: 'sallyport', clientSecret: 'the client secret of a test' }
      const world = await startService({
        policy: 'p, anyone, wiki.example.com, /**, *, -, allow\n',
        providers: corp => [corp, { ...own, name: 'own', caFile }, { ...own, name: 'plain' }],
      })
      try {
        const response = await fetch(`http://127.0.0.1:${world.adminPort}/readyz`)
        const { checks } = (await response.json()) as {
          readonly checks: readonly { readonly name: string; readonly ok: boolean }[]
        }
        const ready = checks.filter(({ name }) => name.startsWith('provider-')).map(({ name, ok }) => [name, ok])
        expect(ready).toEqual([
          ['provider-corp', true],
          ['provider-own', true],
          ['provider-plain', false],
        ])
      } finally {
        await world.close()
      }
    })
  },
)
