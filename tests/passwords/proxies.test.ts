/** Application passwords through the real proxies, with what `sallyport proxy-config` prints for hosts that take them. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { createDemoApp } from '../../cli/demo/app.ts'
import { request } from '../../cli/demo/browser.ts'
import type { Child } from '../../cli/demo/child.ts'
import type { Echo } from '../../cli/demo/echo.ts'
import { programOf } from '../../cli/demo/proxies/proxies.ts'
import { freePort, requirePeer } from '../peers.ts'
import { close, listen } from '../provider.ts'
import { printedFormats, startPrintedFor } from '../proxy-config/printed.ts'
import { basicOf, type MadePassword, type PasswordsWorld, startPasswords } from './world.ts'

const policy = `
p, anyone,        wiki.localhost,    /public/**, read, -, allow
p, authenticated, wiki.localhost,    /pages/**,  *,    -, allow
p, group:ops,     wiki.localhost,    /admin/**,  *,    -, allow
p, authenticated, payroll.localhost, /**,        *,    -, allow
`

describe.each(printedFormats)('through the real %s', kind => {
  describe.skipIf(requirePeer(programOf(kind)) === undefined)('an application password', () => {
    const directory = mkdtempSync(join(tmpdir(), 'sallyport-passwords-proxy-'))
    const application = createDemoApp({ name: 'wiki' })
    let world: PasswordsWorld
    let proxy: Child
    let port: number
    let alice: MadePassword
    let bob: MadePassword

    beforeAll(async () => {
      const hosts = [{ host: 'wiki.localhost', passwords: true }, { host: 'payroll.localhost' }]
      world = await startPasswords({
        policy,
        conditions: '{}\n',
        hosts,
        settings: { envoy: { listen: '127.0.0.1:0' } },
      })
      alice = await world.make('alice', { hosts: ['wiki.localhost'] })
      bob = await world.make('bob', { hosts: ['wiki.localhost'] })
      port = await freePort()
      const wikiAddress = `127.0.0.1:${await listen(application)}`
      const sites = ['wiki', 'payroll'].map(name => `${name}.localhost=${wikiAddress}`)
      proxy = await startPrintedFor(kind, { directory, world, port, hosts: sites })
      const isUp = async () => expect(await statusOf('/public/')).toBe(200)
      await vi.waitFor(isUp, { timeout: 60_000, interval: 25 })
    })
    afterAll(async () => {
      await proxy?.stop()
      await world?.close()
      await close(application)
      rmSync(directory, { recursive: true, force: true })
    })

    const ask = (path: string, authorization?: string, host = 'wiki.localhost') =>
      request(`http://${host}:${port}${path}`, {
        headers: { accept: '*/*', ...(authorization !== undefined && { authorization }) },
      })
    const statusOf = (path: string, authorization?: string): Promise<number> =>
      ask(path, authorization).then(
        ({ status }) => status,
        () => 0,
      )

    it('J41 is asked for, lets its owner in, and does not come to the application', async () => {
      const asked = await ask('/pages/a')
      expect([asked.status, asked.headers['www-authenticate']]).toEqual([401, expect.stringMatching(/Basic realm=/)])
      const answer = await ask('/pages/a', basicOf(alice))
      expect(answer.status).toBe(200)
      const { headers } = JSON.parse(answer.body) as Echo
      const received = (name: string) =>
        headers.filter(([header]) => header.toLowerCase() === name).map(([, value]) => value)
      expect([received('remote-user'), received('authorization')]).toEqual([['alice'], []])
      expect(await statusOf('/admin/a', basicOf(alice))).toBe(200)
      expect(await statusOf('/admin/a', basicOf(bob))).toBe(403)
    })

    it('J41 is worth nothing when it is wrong, of somebody else, or at another host', async () => {
      const wrong = { user: alice.user, text: `${alice.text.slice(0, -4)}aaaa` }
      for (const given of [wrong, { user: alice.user, text: bob.text }, { user: bob.user, text: alice.text }]) {
        expect(await statusOf('/pages/a', basicOf(given))).toBe(401)
      }
      const elsewhere = await ask('/', basicOf(alice), 'payroll.localhost')
      expect([elsewhere.status, elsewhere.body.includes('remote-user')]).toEqual([expect.any(Number), false])
      expect([302, 401]).toContain(elsewhere.status)
    })
  })
})
