/** Argo CD with the lines of docs/applications/argo-cd.md, behind each real proxy with the files that are printed. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { parse } from 'yaml'
import type { Child } from '../../cli/demo/child.ts'
import { programOf } from '../../cli/demo/proxies/proxies.ts'
import { printedBlocks } from '../kubernetes/printed-commands.ts'
import { requireClusterPrograms } from '../kubernetes/programs.ts'
import { type MachinesWorld, startMachines } from '../machines/world.ts'
import { freePort, requirePeer } from '../peers.ts'
import { requireBuilt } from '../products/product.ts'
import { applicationVersions } from '../products/versions.ts'
import { folder, printedFormats, startPrintedFor } from '../proxy-config/printed.ts'
import { TestBrowser } from '../service.ts'
import { type RunningArgoCd, startArgoCd } from './argo-cd.ts'
import { type Answer, ask } from './ask.ts'

const page = 'applications/argo-cd'
const host = 'argocd.localhost'
const [settings = '', objects = ''] = printedBlocks(page, 'yaml').map(block =>
  block.replaceAll('https://argocd.example.com', `http://${host}`).replaceAll('argocd.example.com', host),
)
const policy = `
p, group:ops,                        ${host}, /**, *, -, allow
p, service-account:prod/ci/deployer, ${host}, /**, *, -, allow
p, anyone,                           ${host}, /api/webhook, POST, -, allow
`
const clientSecret = 'the-secret-of-argo-cd'
const built = requireBuilt('argocd', applicationVersions.argocd, 'argocd')
const programs = requireClusterPrograms()
const redis = requirePeer('redis-server')
const userinfo = '/api/v1/session/userinfo'

describe.skipIf(built === undefined || programs === undefined || redis === undefined)(
  'Argo CD as its page says',
  () => {
    const directory = mkdtempSync(join(tmpdir(), 'sallyport-argo-cd-'))
    const browser = new TestBrowser()
    let world: MachinesWorld
    /** Where the command waits for the provider's answer. */
    let commandPort: number
    let argoCd: RunningArgoCd
    const cookies = new Map<string, string>()

    beforeAll(async () => {
      commandPort = await freePort()
      const { hosts, canonical } = parse(settings) as {
        hosts: Readonly<Record<string, unknown>>[]
        canonical: Readonly<Record<string, unknown>>
      }
      world = await startMachines({
        policy,
        hosts,
        settings: { canonical, envoy: { listen: '127.0.0.1:0' } },
        // Argo CD reads groups from the ID token.
        provider: { configuration: { conformIdTokenClaims: false } },
        furtherClients: [
          { clientId: 'argocd', clientSecret, redirectUris: [`http://${host}/auth/callback`] },
          {
            clientId: 'argocd-cli',
            clientSecret: 'none, as it is public',
            redirectUris: [`http://localhost:${commandPort}/auth/callback`],
            metadata: { token_endpoint_auth_method: 'none' },
          },
        ],
      })
      const printed = objects.replace('https://idp.example.com', world.provider.issuer)
      argoCd = await startArgoCd({ folder: built ?? '', programs: programs ?? never(), printed, clientSecret })
      cookies.set('alice', await world.logIn('alice', `http://${host}/`, browser))
      cookies.set('bob', await world.logIn('bob', `http://${host}/`))
    })
    afterAll(async () => {
      await argoCd?.stop()
      await world?.close()
      rmSync(directory, { recursive: true, force: true })
    })

    it('reads no name from a header', async () => {
      const headers = { 'X-Forwarded-User': 'alice', 'X-WEBAUTH-USER': 'admin', 'Remote-User': 'admin' }
      const { body } = await ask(userinfo, { port: argoCd.port, host, headers })
      expect(JSON.parse(body)).not.toHaveProperty('loggedIn', true)
    })

    describe.each(printedFormats)('behind %s', format => {
      describe.skipIf(requirePeer(programOf(format)) === undefined)('as it is printed', () => {
        let proxy: Child
        let port: number
        /** Of Argo CD, for Alice. */
        let token: string
        beforeAll(async () => {
          port = await freePort()
          const hosts = [`${host}=127.0.0.1:${argoCd.port}`]
          proxy = await startPrintedFor(format, { directory: folder(directory, format), world, port, hosts })
          await vi.waitUntil(
            async () => {
              if (!proxy.isRunning()) throw new Error(proxy.lastLines())
              return (await at('/api/version', 'alice').catch(() => undefined))?.status === 200
            },
            { timeout: 120_000, interval: 25 },
          )
        })
        afterAll(() => proxy?.stop())
        const at = (path: string, person: string, more: Readonly<Record<string, string>> = {}): Promise<Answer> => {
          const cookie = [cookies.get(person) ?? '', more.cookie ?? ''].filter(Boolean).join('; ')
          return ask(path, { port, host, headers: { ...more, cookie } })
        }

        it('logs in at the provider, which knows them already', async () => {
          const start = await at('/auth/login', 'alice')
          expect([start.status, start.location]).toEqual([303, expect.stringContaining(world.provider.issuer)])
          // It would log in whoever this names, if it asked.
          const callback = new URL(await browser.visitor.logIn(start.location ?? '', 'bob'))
          const state = start.cookies.join('; ')
          const back = await at(callback.pathname + callback.search, 'alice', { cookie: state })
          token = back.cookies.find(cookie => cookie.startsWith('argocd.token=')) ?? ''
          const { body } = await at(userinfo, 'alice', { cookie: token })
          expect(JSON.parse(body)).toMatchObject({ loggedIn: true, iss: world.provider.issuer, groups: ['ops'] })
          expect(await at('/api/v1/account/can-i/clusters/create/*', 'alice', { cookie: token })).toMatchObject({
            body: expect.stringContaining('yes'),
          })
        })

        it('lets nobody else as far as there, with its token or without', async () => {
          expect(JSON.parse((await at(userinfo, 'alice')).body)).not.toHaveProperty('loggedIn', true)
          expect((await at(userinfo, 'nobody', { cookie: token })).status).toBe(302)
          const denied = await at(userinfo, 'bob', { cookie: token })
          expect([denied.status, denied.body]).toEqual([403, expect.stringContaining('bob@example.com')])
        })

        it('answers about a cluster, whose address stands in one segment', async () => {
          const path = `/api/v1/clusters/${encodeURIComponent('https://kubernetes.default.svc')}`
          const { status, body } = await at(path, 'alice', { cookie: token })
          expect([status, body]).toEqual([200, expect.stringContaining('in-cluster')])
        })

        it('is used with its command, which has a token for the service in a header of its own', async () => {
          const session = token.replace('argocd.token=', '')
          const words = ['account', 'get-user-info', '--auth-token', session, '--header']
          const said = await argoCd.command(`${host}:${port}`, ...words, `X-Machine-Token: ${world.token()}`)
          expect(said).toContain('Logged In: true')
          await expect(argoCd.command(`${host}:${port}`, ...words, 'X-Machine-Token: none')).rejects.toThrow()
        })

        it('leads from its log-out to the one here', async () => {
          const { status, location, cookies: ended } = await at('/auth/logout', 'alice', { cookie: token })
          expect([status, location]).toEqual([303, `http://${host}/.sallyport/sign-out`])
          expect(ended).toContain('argocd.token=')
          const onward = await at('/.sallyport/sign-out', 'alice')
          expect([onward.status, onward.location]).toEqual([302, `${world.publicUrl}/logout`])
        })

        it('is logged in to with its command, over the same provider', async () => {
          const words = ['--sso-port', `${commandPort}`, '--header', `X-Machine-Token: ${world.token()}`]
          const said = await argoCd.logIn(`${host}:${port}`, words, async address => {
            const callback = await browser.visitor.logIn(address, 'alice')
            // It says where to go before it listens.
            await vi.waitUntil(
              () =>
                fetch(callback).then(
                  ({ ok }) => ok,
                  () => false,
                ),
              { timeout: 60_000, interval: 50 },
            )
          })
          expect(said).toContain("'alice@example.com' logged in successfully")
        })

        it('lets webhooks in without anybody', async () => {
          const hook = { port, host, method: 'POST', headers: { accept: '*/*', 'X-GitHub-Event': 'ping' }, body: {} }
          expect((await ask('/api/webhook', hook)).status).not.toBe(401)
          expect((await ask('/api/v1/clusters', hook)).status).toBe(401)
        })
      })
    })
  },
)

function never(): never {
  throw new Error('there is no cluster')
}
