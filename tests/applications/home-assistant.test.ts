/** Home Assistant with the lines of docs/applications/home-assistant.md, behind each real proxy with the files that are printed. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { chromium } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import type { Child } from '../../cli/demo/child.ts'
import { programOf } from '../../cli/demo/proxies/proxies.ts'
import { chromiumOptions } from '../chromium.ts'
import { printedBlocks } from '../kubernetes/printed-commands.ts'
import { browserPatienceMs, freePort, requirePeer } from '../peers.ts'
import { requireBuilt } from '../products/product.ts'
import { applicationVersions } from '../products/versions.ts'
import { folder, printedFormats, startPrintedFor } from '../proxy-config/printed.ts'
import { startService, type TestService } from '../service.ts'
import { type Answer, ask, type Question } from './ask.ts'
import { account, logInThere, setUp, startHomeAssistant, waysIn } from './home-assistant.ts'

const page = 'applications/home-assistant'
const host = 'home.localhost'
const phones = 'phones.localhost'
const [rows = '', phoneRow = ''] = printedBlocks(page, 'text').map(block =>
  block.replaceAll('home.example.com', host).replaceAll('phones.example.com', phones).replaceAll('family', 'ops'),
)
const [conditions = '', configuration = ''] = printedBlocks(page, 'yaml')
const program = requireBuilt('homeassistant', applicationVersions.homeassistant, 'bin/hass')
const executablePath = requirePeer('chromium')

/** Every name under which an application is told who is asking. */
const forged = Object.fromEntries(
  ['Remote-User', 'X-Forwarded-User', 'X-Forwarded-Preferred-Username', 'X-Auth-Request-User', 'X-WEBAUTH-USER'].map(
    name => [name, account.username],
  ),
)

describe.skipIf(program === undefined)('Home Assistant as its page says', () => {
  const directory = mkdtempSync(join(tmpdir(), 'sallyport-home-assistant-'))
  let world: TestService
  let home: Awaited<ReturnType<typeof startHomeAssistant>>
  const cookies = new Map<string, string>()

  beforeAll(async () => {
    home = await startHomeAssistant(program ?? '', configuration)
    await setUp(home.port)
    world = await startService({
      policy: rows + phoneRow,
      // The network at home is where this test is.
      conditions: conditions.replace('192.168.0.0/16', '127.0.0.0/8'),
      provider: { refreshTokens: 'rotated' },
      settings: { envoy: { listen: '127.0.0.1:0' } },
    })
    for (const person of ['alice', 'bob'] as const) cookies.set(person, await world.logIn(person, `http://${host}/`))
  })
  afterAll(async () => {
    await world?.close()
    await home?.stop()
    rmSync(directory, { recursive: true, force: true })
  })

  it('is reached over loopback alone', async () => {
    const there = { port: home.port, host }
    expect((await ask('/', there)).status).toBe(200)
    await expect(ask('/', { ...there, address: '127.0.0.2' })).rejects.toThrow('ECONNREFUSED')
  })

  it('reads no name from a header, wherever it comes from', async () => {
    expect((await ask('/api/', { port: home.port, host, headers: forged })).status).toBe(401)
  })

  it('takes whoever reaches it past the proxy to come from where they say', async () => {
    const headers = { 'X-Forwarded-For': '203.0.113.9' }
    expect(await waysIn({ port: home.port, host, headers })).toEqual(['homeassistant', 'trusted_networks'])
    expect(await waysIn({ port: home.port, host })).toEqual(['homeassistant'])
  })

  it('answers 400 to every request of a proxy that it was not told of', async () => {
    const untold = configuration.replace(/^ {2}use_x_forwarded_for.*$|^ {2}trusted_proxies:\n.*$/gm, '')
    expect(untold).not.toContain('proxies:')
    const other = await startHomeAssistant(program ?? '', untold)
    try {
      const there = { port: other.port, host }
      expect((await ask('/auth/providers', { ...there, headers: { 'X-Forwarded-For': '192.0.2.1' } })).status).toBe(400)
      expect((await ask('/manifest.json', there)).status).toBe(200)
    } finally {
      await other.stop()
    }
  })

  describe.each(printedFormats)('behind %s', format => {
    describe.skipIf(requirePeer(programOf(format)) === undefined)('as it is printed', () => {
      let proxy: Child
      let port: number
      beforeAll(async () => {
        port = await freePort()
        const hosts = [host, phones].map(name => `${name}=127.0.0.1:${home.port}`)
        proxy = await startPrintedFor(format, { directory: folder(directory, format), world, port, hosts })
        await vi.waitUntil(
          async () => {
            if (!proxy.isRunning()) throw new Error(proxy.lastLines())
            return (await at('/manifest.json', as('alice')).catch(() => undefined))?.status === 200
          },
          { timeout: 120_000, interval: 25 },
        )
      })
      afterAll(() => proxy?.stop())
      const at = (path: string, question: Partial<Question> = {}): Promise<Answer> =>
        ask(path, { port, host, ...question })
      const as = (person: string, headers: Question['headers'] = {}) => ({
        headers: { cookie: cookies.get(person) ?? '', ...headers },
      })

      it('lets in whom a row names, and shows the others a page of ours', async () => {
        expect((await at('/', as('alice'))).body).toContain('<title>Home Assistant</title>')
        expect(await at('/')).toMatchObject({ status: 302, location: expect.stringContaining('auth.localhost') })
        const denied = await at('/', as('bob'))
        expect([denied.status, denied.body]).toEqual([403, expect.stringContaining('bob@example.com')])
        expect(denied.body).not.toContain('Home Assistant')
      })

      it('lets its own log-in and its own token pass', async () => {
        const token = await logInThere({ port, host, ...as('alice') })
        const authorization = `Bearer ${token}`
        expect((await at('/api/', as('alice', { authorization }))).body).toContain('API running.')
        expect((await at('/api/', as('alice'))).status).toBe(401)
        // It opens nothing by itself, nor for somebody else.
        expect((await at('/api/', { headers: { authorization } })).body).not.toContain('API running.')
        expect((await at('/api/', as('bob', { authorization }))).status).toBe(403)
      })

      it('L24 has nobody come from a network that is trusted because they say so', async () => {
        for (const name of ['X-Forwarded-For', 'x-forwarded-for', 'X_Forwarded_For']) {
          const headers = { [name]: '203.0.113.9' }
          expect([name, await waysIn({ port, host, ...as('alice', headers) })]).toEqual([name, ['homeassistant']])
        }
        for (const headers of [{ Forwarded: 'for=203.0.113.9' }, { 'X-Real-IP': '203.0.113.9' }])
          expect(await waysIn({ port, host, ...as('alice', headers) })).toEqual(['homeassistant'])
      })

      it('lets webhooks in without anybody, and nothing else', async () => {
        const headers = { 'content-type': 'application/json', accept: '*/*' }
        expect((await at('/api/webhook/the-secret', { method: 'POST', body: {}, headers })).status).toBe(200)
        for (const path of ['/api/', '/api/webhook', '/auth/providers'])
          expect([path, (await at(path, { headers })).status]).toEqual([path, 401])
      })

      it('lets phones in from the network at home, by a host of their own', async () => {
        expect((await at('/manifest.json', { host: phones })).status).toBe(200)
        expect((await at('/manifest.json')).status).toBe(302)
      })
    })
  })

  const proxied = requirePeer('nginx') !== undefined && executablePath !== undefined
  it.skipIf(!proxied)('is used in a browser, until the log-out here', { timeout: 2 * browserPatienceMs }, async () => {
    const port = await freePort()
    const place = { directory: folder(directory, 'browser'), world, port, hosts: [`${host}=127.0.0.1:${home.port}`] }
    const proxy = await startPrintedFor('nginx', place)
    // So that addresses are those of the configuration, which have no port.
    const names = `--host-resolver-rules=MAP ${host}:80 127.0.0.1:${port}`
    const browser = await chromium.launch(chromiumOptions(executablePath, names))
    try {
      const page = await browser.newPage()
      page.setDefaultTimeout(browserPatienceMs)
      const frames: string[] = []
      page.on('websocket', socket => socket.on('framereceived', ({ payload }) => void frames.push(String(payload))))
      await page.goto(`http://${host}/`)
      await page.locator('#alice').click()
      // Then once more, at Home Assistant.
      await page.locator('input[name=username]').fill(account.username)
      await page.locator('input[name=password]').fill(account.password)
      await page.keyboard.press('Enter')
      await page.waitForURL(`http://${host}/lovelace/**`)
      await vi.waitUntil(() => frames.some(frame => frame.includes('auth_ok')), { timeout: browserPatienceMs })
      await page.goto(`http://${host}/.sallyport/sign-out`)
      await page.getByRole('button', { name: 'Log out' }).click()
      // There the provider has been logged out of, too.
      await page.waitForURL(({ hostname }) => hostname === 'idp.localhost')
      await page.context().clearCookies({ domain: 'idp.localhost' })
      // Home Assistant still has its session, and nobody gets as far as there.
      await page.goto(`http://${host}/`)
      await page.locator('#alice').waitFor()
    } finally {
      await browser.close()
      await proxy.stop()
    }
  })
})
