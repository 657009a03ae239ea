/**
 * What a host may have of its own, through what is printed for it: encoded slashes, preflight requests, public paths, and what
 * becomes of an `Authorization` header.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { request as httpRequest } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { createDemoApp } from '../../cli/demo/app.ts'
import type { Child } from '../../cli/demo/child.ts'
import type { Echo } from '../../cli/demo/echo.ts'
import { programOf } from '../../cli/demo/proxies/proxies.ts'
import { type MachinesWorld, startMachines } from '../machines/world.ts'
import { freePort, requirePeer } from '../peers.ts'
import { close, listen } from '../provider.ts'
import { folder, printedFormats, printInto, startPrinted } from './printed.ts'

const policy = `
p, anyone,                           git.localhost,  /files/**,  read, -,         allow
p, anyone,                           git.localhost,  /secret/**, *,    -,         deny
p, anyone,                           git.localhost,  /public/**, read, -,         allow
p, anyone,                           git.localhost,  /public/*/raw, *, -,         deny
p, anyone,                           wiki.localhost, /public/**, *,    -,         allow
p, anyone,                           told.localhost, /public/**, *,    -,         allow
p, service-account:prod/ci/deployer, told.localhost, /**,        *,    -,         allow
p, anyone,                           api.localhost,  /v1/**,     OPTIONS, preflight, allow
p, anyone,                           api.localhost,  /v1/closed/**, *, -,         deny
p, service-account:prod/ci/deployer, api.localhost,  /v1/**,     *,    -,         allow
p, service-account:prod/ci/deployer, own.localhost,  /**,        *,    -,         allow
`
const preflight = 'preflight: { preflight: [PUT] }\n'
const hosts = ['git.localhost', 'wiki.localhost', 'api.localhost', 'own.localhost', 'told.localhost']
const patience = { timeout: 120_000, interval: 25 }

type Headers = Readonly<Record<string, string | readonly string[]>>

interface Answer {
  readonly status: number
  readonly body: string
}

describe('hosts with options of their own', () => {
  const directory = mkdtempSync(join(tmpdir(), 'sallyport-host-options-'))
  const application = createDemoApp({ name: 'wiki' })
  let world: MachinesWorld
  let upstream: string

  beforeAll(async () => {
    world = await startMachines({
      policy,
      conditions: preflight,
      hosts: [
        { host: 'api.localhost', bearerFrom: ['prod'] },
        { host: 'own.localhost', bearerFrom: ['prod'], bearerHeader: 'X-Ci-Token' },
        { host: 'told.localhost', bearerFrom: ['prod'], authorization: 'assertion', passwords: true },
      ],
      settings: {
        server: { url: 'http://auth.localhost' },
        canonical: { allowEncodedSlash: ['git.localhost'] },
        envoy: { listen: '127.0.0.1:0' },
      },
    })
    upstream = `127.0.0.1:${await listen(application)}`
  })
  afterAll(async () => {
    await world?.close()
    await close(application)
    rmSync(directory, { recursive: true, force: true })
  })

  describe.each(printedFormats)('behind %s', format => {
    describe.skipIf(requirePeer(programOf(format)) === undefined)('as it is printed', () => {
      let proxy: Child
      let port: number

      const ask = (host: string, path: string, headers: Headers = {}, method = 'GET'): Promise<Answer> =>
        new Promise((resolve, reject) => {
          const options = {
            host: '127.0.0.1',
            port,
            path,
            method,
            headers: { host, accept: 'application/json', ...headers },
          }
          httpRequest(options, answer => {
            text(answer).then(body => resolve({ status: answer.statusCode ?? 0, body }), reject)
          })
            .on('error', reject)
            .end()
        })
      const received = ({ body }: Answer, name: string) =>
        (JSON.parse(body) as Echo).headers
          .filter(([header, value]) => header.toLowerCase() === name && value !== '')
          .map(([, value]) => value)

      beforeAll(async () => {
        port = await freePort()
        const files = folder(directory, format)
        const args = [
          ...[format, '--config', join(world.directory, 'sallyport.yaml'), '--listen', `127.0.0.1:${port}`],
          ...hosts.flatMap(host => ['--host', `${host}=${upstream}`]),
          ...['--sallyport', `127.0.0.1:${world.port}`, '--grpc', `127.0.0.1:${world.service.ports().envoy}`],
        ]
        await printInto(files, args, directory)
        proxy = startPrinted(format, files)
        await vi.waitUntil(async () => {
          if (!proxy.isRunning()) throw new Error(proxy.lastLines())
          return (await ask('wiki.localhost', '/public/').catch(() => undefined))?.status === 200
        }, patience)
      })
      afterAll(() => proxy?.stop())

      it('passes an encoded slash to the host that needs it, as it came, and to no other', async () => {
        const needed = await ask('git.localhost', '/files/group%2Fproject')
        expect([needed.status, (JSON.parse(needed.body) as Echo).url]).toEqual([200, '/files/group%2Fproject'])
        expect((await ask('wiki.localhost', '/public/group%2Fproject')).status).toBe(400)
      })

      it('B03 lets nobody by a denied path with one', async () => {
        for (const path of [
          '/files/..%2Fsecret/a',
          '/files%2F..%2Fsecret/a',
          '/secret%2Fa',
          '/files/%2e%2e%2Fsecret/a',
        ])
          expect([400, 401, 403]).toContain((await ask('git.localhost', path)).status)
      })

      it('D04 answers a preflight request without a login, and nothing else that is OPTIONS', async () => {
        const question = { origin: 'http://app.localhost', 'access-control-request-method': 'PUT' }
        expect((await ask('api.localhost', '/v1/items', question, 'OPTIONS')).status).toBe(200)
        expect((await ask('api.localhost', '/v1/items', {}, 'OPTIONS')).status).toBe(401)
        expect((await ask('api.localhost', '/v1/items', question, 'PUT')).status).toBe(401)
      })

      it('H50 denies a preflight request where a row denies everything, and one that names two methods', async () => {
        const question = { origin: 'http://app.localhost', 'access-control-request-method': 'PUT' }
        const asked = (path: string, headers: Headers) => ask('api.localhost', path, headers, 'OPTIONS')
        expect((await asked('/v1/closed/items', question)).status).toBe(403)
        for (const methods of [['PUT', 'DELETE'], ['DELETE', 'PUT'], 'PUT, DELETE', 'DELETE'])
          expect((await asked('/v1/items', { ...question, 'access-control-request-method': methods })).status).toBe(401)
      })

      it('H50 judges a public path by both readings of an encoded slash', async () => {
        expect((await ask('git.localhost', '/public/a%2Fb')).status).toBe(200)
        for (const path of ['/public/a%2Fraw', '/public%2Fa%2Fraw', '/public/..%2Fpublic/a/raw', '/public/a/raw'])
          expect([path, [400, 403].includes((await ask('git.localhost', path)).status)]).toEqual([path, true])
      })

      it('H50 gives an assertion or nothing as Authorization, whatever a client put there', async () => {
        const token = world.token()
        const known = await ask('told.localhost', '/notes', { authorization: `Bearer ${token}` })
        const [given = '', ...more] = received(known, 'authorization')
        expect([known.status, given, more]).toEqual([200, `Bearer ${received(known, 'x-sallyport-assertion')[0]}`, []])
        expect(known.body).not.toContain(token)
        const open = await ask('told.localhost', '/public/a')
        expect([open.status, received(open, 'authorization')]).toEqual([200, []])
        for (const authorization of [
          'Basic Ym9iOng=',
          'Bearer e30.e30.e30',
          'bearer',
          ['Negotiate a', 'Negotiate b'],
          'Digest a="b"',
        ]) {
          const answer = await ask('told.localhost', '/public/a', { authorization })
          // What looks like a credential of ours and is none lets nobody in, not even where anybody may.
          if (answer.status === 200)
            expect([authorization, received(answer, 'authorization')]).toEqual([authorization, []])
          else expect([authorization, [400, 401].includes(answer.status)]).toEqual([authorization, true])
        }
      })

      it('leaves an Authorization header to the application of a host that takes no credential', async () => {
        const answer = await ask('wiki.localhost', '/public/a', { authorization: 'Basic Ym9iOng=' })
        expect([answer.status, received(answer, 'authorization')]).toEqual([200, ['Basic Ym9iOng=']])
      })

      it('J147 keeps a token from the application, in whichever header it came', async () => {
        const token = world.token()
        const usual = await ask('api.localhost', '/v1/items', { authorization: `Bearer ${token}` })
        expect([usual.status, received(usual, 'authorization')]).toEqual([200, []])
        const own = await ask('own.localhost', '/items', { 'x-ci-token': token, authorization: 'Basic Ym9iOng=' })
        expect([own.status, received(own, 'x-ci-token'), received(own, 'authorization')]).toEqual([
          200,
          [],
          ['Basic Ym9iOng='],
        ])
        expect(own.body).not.toContain(token)
      })
    })
  })
})
