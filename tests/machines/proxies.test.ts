/** Bearer tokens through the real proxies, with what `sallyport proxy-config` prints for hosts that take them. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createDemoApp } from '../../cli/demo/app.ts'
import { type HttpResponse, request } from '../../cli/demo/browser.ts'
import type { Child } from '../../cli/demo/child.ts'
import type { Echo } from '../../cli/demo/echo.ts'
import { programOf } from '../../cli/demo/proxies/proxies.ts'
import { freePort, requirePeer } from '../peers.ts'
import { close, listen } from '../provider.ts'
import { printedFormats, startPrintedFor } from '../proxy-config/printed.ts'
import { type MachinesWorld, startMachines } from './world.ts'

const policy = `
p, service-account:prod/ci/deployer, wiki.localhost, /deploy/**, *, -, allow
p, anyone,                           wiki.localhost, /public/**, *, -, allow
p, service-account:prod/ci/deployer, payroll.localhost, /**,     *, -, allow
`

describe.each(printedFormats)('a bearer token through %s', kind => {
  describe.skipIf(requirePeer(programOf(kind)) === undefined)(`the real ${kind}`, () => {
    const directory = mkdtempSync(join(tmpdir(), 'sallyport-machines-'))
    const application = createDemoApp({ name: 'wiki' })
    let world: MachinesWorld
    let proxy: Child
    let origin: string

    beforeAll(async () => {
      const settings = { envoy: { listen: '127.0.0.1:0' } }
      const hosts = [
        { host: 'wiki.localhost', bearerFrom: ['prod'] },
        { host: 'payroll.localhost', bearerFrom: ['prod'], bearerHeader: 'X-Machine-Token' },
      ]
      world = await startMachines({ policy, settings, hosts })
      const port = await freePort()
      origin = `http://wiki.localhost:${port}`
      const wikiAddress = `127.0.0.1:${await listen(application)}`
      const sites = ['wiki', 'payroll'].map(name => `${name}.localhost=${wikiAddress}`)
      proxy = await startPrintedFor(kind, { directory, world, port, hosts: sites })
      await untilAnswered(`${origin}/public/`)
    })
    afterAll(async () => {
      await proxy?.stop()
      await world?.close()
      await close(application)
      rmSync(directory, { recursive: true, force: true })
    })

    const ask = (path: string, headers: Record<string, string> = {}): Promise<HttpResponse> =>
      request(`${origin}${path}`, { headers: { accept: 'application/json', ...headers } })
    const withToken = (token: string, more: Record<string, string> = {}) => ({
      authorization: `Bearer ${token}`,
      ...more,
    })
    const received = ({ body }: HttpResponse, name: string) =>
      (JSON.parse(body) as Echo).headers.filter(([header]) => header.toLowerCase() === name).map(([, value]) => value)

    it('J147 lets a workload in, and the application gets who it is and not the token', async () => {
      const answer = await ask('/deploy/now', withToken(world.token()))
      expect(answer.status).toBe(200)
      expect(received(answer, 'remote-user')).toEqual(['service-account:prod/ci/deployer'])
      expect(received(answer, 'x-sallyport-assertion')).toHaveLength(1)
      expect(received(answer, 'authorization')).toEqual([])
    })

    it('J147 keeps a header of its own from the application, and leaves it Authorization', async () => {
      const headers = { 'x-machine-token': world.token(), authorization: 'Basic Ym9iOng=', accept: 'application/json' }
      const answer = await request(`${origin.replace('wiki', 'payroll')}/pay`, { headers })
      expect(answer.status).toBe(200)
      const filled = ['remote-user', 'x-machine-token', 'authorization'].map(name =>
        received(answer, name).filter(value => value !== ''),
      )
      expect(filled).toEqual([['service-account:prod/ci/deployer'], [], ['Basic Ym9iOng=']])
    })

    it.runIf(kind === 'nginx' || programOf(kind) === 'envoy')(
      'J147 leaves an Authorization header to the application that was no token of ours',
      async () => {
        const answer = await ask('/public/a', { authorization: 'Basic Ym9iOng=' })
        expect(received(answer, 'authorization')).toEqual(['Basic Ym9iOng='])
      },
    )

    it('J17 is told why it is refused, and sent nowhere', async () => {
      for (const accept of ['application/json', 'text/html']) {
        const answer = await ask(
          '/deploy/now',
          withToken(world.token({ aud: 'other' }), { accept, 'sec-fetch-mode': 'navigate' }),
        )
        expect(answer.status).toBe(401)
        expect(answer.headers['www-authenticate']).toMatch(
          /^Bearer error="invalid_token", error_description="the token is for another audience: [^"]+"$/,
        )
        expect(answer.headers.location).toBeUndefined()
      }
    })

    it('J17 is denied with problem details, the reason and the request id of the check', async () => {
      const answer = await ask('/secret/', withToken(world.token(), { accept: 'text/html' }))
      expect(answer.status).toBe(403)
      const problem = JSON.parse(answer.body) as Record<string, unknown>
      expect(problem).toMatchObject({ status: 403, reason: 'no-rule-matched' })
      const headers = new Map([['x-sallyport-request-id', [String(problem.requestId)]]])
      expect(await world.eventOf({ status: 403, headers, body: '' })).toMatchObject({ event: 'access.denied' })
    })

    it('J16 is refused beside another one', async () => {
      const cookie = 'sallyport=garbage'
      expect((await ask('/deploy/now', withToken(world.token(), { cookie }))).status).toBe(400)
    })
  })
})

async function untilAnswered(url: string): Promise<void> {
  for (let attempt = 0; attempt < 2_000; attempt += 1) {
    const answer = await request(url, {}).catch(() => undefined)
    if (answer?.status === 200) return
    await new Promise(resolve => setTimeout(resolve, 25))
  }
  throw new Error(`${url} does not answer`)
}
