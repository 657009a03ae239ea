/**
 * A dashboard behind single sign-on: a browser, the real NGINX with the files of deploy/, an application that passes what it
 * gets as Authorization on to the gateway as dashboards do, and a real API server with its audit log.
 */
import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { createServer, type RequestListener } from 'node:http'
import { request as requestTls } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { request } from '../../cli/demo/browser.ts'
import { type RunningProxy, startProxy } from '../../cli/demo/proxies/proxies.ts'
import { logInBrowser, press, untilEvent, visit } from '../grants/world.ts'
import { freePort, requirePeer } from '../peers.ts'
import { close, listen, type Person } from '../provider.ts'
import { startService, type TestService } from '../service.ts'
import { createApiClient } from './api-client.ts'
import { type RunningCluster, startCluster } from './cluster.ts'
import { settingsFor } from './cluster-settings.ts'
import { requireClusterPrograms } from './programs.ts'

const programs = requireClusterPrograms()
const hasNginx = requirePeer('nginx') !== undefined
const policy = `
p, authenticated, wiki.localhost, /**,                 *,        -, allow
p, group:ops,     kube:prod,      /payments/core/pods, list,     -, allow
`
const pods = '/api/v1/namespaces/payments/pods'

describe.skipIf(programs === undefined || !hasNginx)('a dashboard', () => {
  const directory = mkdtempSync(join(tmpdir(), 'sallyport-dashboard-'))
  let cluster: RunningCluster
  let service: TestService
  let proxy: RunningProxy
  let port: number
  let settings: Awaited<ReturnType<typeof settingsFor>>
  /** What it last got. */
  let got: string | undefined
  const dashboard = createServer((asked, answer) => {
    got = asked.headers.authorization
    passOn(asked, answer)
  })

  const passOn: RequestListener = ({ headers, url = '/' }, answer) => {
    const { authorization } = headers
    const options = { ca: settings.certificateAuthority, headers: { ...(authorization && { authorization }) } }
    requestTls(`${settings.addressOf('prod')}${url}`, options, response => {
      answer.writeHead(response.statusCode ?? 500)
      response.pipe(answer)
    }).end()
  }

  beforeAll(async () => {
    if (programs === undefined) return
    cluster = await startCluster(programs)
    await cluster.createNamespace('payments')
    await cluster.createPod({ namespace: 'payments', name: 'core' })
    const apiGroup = 'rbac.authorization.k8s.io'
    await cluster.api.call('POST', `/apis/${apiGroup}/v1/namespaces/payments/rolebindings`, {
      metadata: { name: 'ops' },
      roleRef: { apiGroup, kind: 'ClusterRole', name: 'view' },
      subjects: [{ apiGroup, kind: 'Group', name: 'sallyport:ops' }],
    })
    settings = await settingsFor(cluster, { directory, names: ['prod'], groups: ['system:masters'] })
    service = await startService({
      policy,
      hosts: [{ host: 'wiki.localhost', authorization: 'kube:prod' }],
      settings: { kubernetes: settings.kubernetes },
    })
    cpSync(join(import.meta.dirname, '../../deploy/nginx'), directory, { recursive: true })
    port = await freePort()
    const wikiAddress = `127.0.0.1:${await listen(dashboard)}`
    const targets = { bind: '127.0.0.1', port, authHost: 'auth.localhost', authAddress: `127.0.0.1:${service.port}` }
    const addresses = { wikiAddress, payrollAddress: wikiAddress, providerAddress: wikiAddress }
    proxy = await startProxy('nginx', { ...targets, ...addresses }, directory)
    const isThere = async () => expect((await open('/', {})).status).toBe(401)
    await vi.waitFor(isThere, { timeout: 60_000, interval: 25 })
  })
  afterAll(async () => {
    await proxy?.stop()
    await service?.close()
    await close(dashboard)
    await cluster?.stop()
    rmSync(directory, { recursive: true, force: true })
  })

  const address = (path: string): string => `http://wiki.localhost:${port}${path}`
  const open = (path: string, headers: Readonly<Record<string, string>>) =>
    request(address(path), { headers: { accept: 'application/json', ...headers } })
  async function logIn(person: Person) {
    const browser = await logInBrowser(service, person)
    return { browser, cookie: await service.logIn(person, address('/'), browser) }
  }

  it('shows a person what the policy and the cluster let them see, in their name', async () => {
    const { cookie } = await logIn('alice')
    const seen = await open(pods, { cookie })
    expect([seen.status, seen.body]).toEqual([200, expect.stringContaining('"name":"core"')])
    const allowed = await untilEvent(service, 'access.allowed', { resource: '/payments/core/pods', action: 'list' })
    expect(allowed).toMatchObject({ front: 'kubernetes', email: 'alice@example.com' })
    const event = await cluster.audit.until(({ auditID }) => auditID === allowed.requestId, 'the call of Alice')
    expect(event).toMatchObject({ impersonatedUser: { username: 'alice@example.com' } })
    expect(JSON.stringify([service.auditEvents(), service.logText()])).not.toContain(got?.slice(-40))
  })

  it('says what the gateway says where somebody may not', async () => {
    const { cookie } = await logIn('bob')
    const seen = await open(pods, { cookie })
    expect([seen.status, seen.body]).toEqual([403, expect.stringContaining('bob@example.com may not list pods')])
    const { cookie: ofAlice } = await logIn('alice')
    expect((await open('/api/v1/namespaces/payments/secrets', { cookie: ofAlice })).status).toBe(403)
  })

  it('L28 gets nothing that a client wrote there itself', async () => {
    const { cookie } = await logIn('alice')
    await open(pods, { cookie })
    const authorization = got ?? ''
    got = undefined
    expect((await open(pods, { authorization })).status).toBe(401)
    expect(got).toBeUndefined()
    const { cookie: ofBob } = await logIn('bob')
    expect((await open(pods, { cookie: ofBob, authorization })).status).toBe(403)
  })

  it('L29 holds a token that is worth nothing once the session has ended', async () => {
    const { browser, cookie } = await logIn('alice')
    expect((await open(pods, { cookie })).status).toBe(200)
    const kept = got ?? ''
    const client = createApiClient({ url: settings.addressOf('prod'), authority: settings.certificateAuthority })
    try {
      const statusOfKept = async () => (await client.ask('GET', pods, undefined, { Authorization: kept })).status
      expect(await statusOfKept()).toBe(200)
      const page = await visit(browser, `${service.publicUrl}/logout`)
      await press(browser, service, page.text, { decision: '' })
      expect(await statusOfKept()).toBe(401)
      expect((await open(pods, { cookie })).status).toBe(401)
    } finally {
      client.close()
    }
  })
})
