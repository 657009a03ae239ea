/** `GET /policy`, `POST /policy/reload` and the command that calls it, on a real listener. */
import { createServer, request as httpRequest, type IncomingHttpHeaders, type Server } from 'node:http'
import express from 'express'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { adminPolicyOf, createPolicyRoutes } from '../../app/admin/policy-routes.ts'
import { portOf } from '../../app/listener/listen.ts'
import { runCli } from '../../cli/program.ts'
import { createTestTerminal } from '../config/test-terminal.ts'

let server: Server
let outcome: 'loaded' | 'unchanged' | 'rejected'
let reloads: number
beforeEach(async () => {
  outcome = 'loaded'
  reloads = 0
  const policy = {
    current: () => ({ revision: 'abc', rowCount: 7 }),
    status: () => ({
      revision: 'abc',
      loadedAt: Date.UTC(2026, 0, 1),
      ...(outcome === 'rejected' ? { lastError: 'wiki.csv:3:1: no' } : {}),
    }),
    reload: async () => {
      reloads += 1
      return outcome
    },
  }
  const app = express()
  app.use(
    createPolicyRoutes({
      policy: adminPolicyOf(policy),
      sources: ['/etc/sallyport/policy'],
      names: ['admin.internal'],
    }),
  )
  server = createServer(app as never)
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
})
afterEach(() => new Promise(resolve => server.close(resolve)))

interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

/** Not `fetch`, which sets Host itself. */
function ask(method: string, path: string, headers: Readonly<Record<string, string>> = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const options = { host: '127.0.0.1', port: portOf(server), method, path, headers, agent: false }
    const sent = httpRequest(options, response => {
      let body = ''
      response.on('data', chunk => {
        body += chunk
      })
      response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body }))
    })
    sent.once('error', reject)
    sent.end()
  })
}

const json = { 'content-type': 'application/json' }
const state = { revision: 'abc', rows: 7, loadedAt: '2026-01-01T00:00:00.000Z', sources: ['/etc/sallyport/policy'] }

describe('the admin listener', () => {
  it('says what is in force', async () => {
    const { status, headers, body } = await ask('GET', '/policy')
    expect([status, headers['cache-control']]).toEqual([200, 'no-store'])
    expect(JSON.parse(body)).toEqual(state)
  })

  it('reloads and says what came of it; a refused policy is 422 with the reason', async () => {
    const loaded = await ask('POST', '/policy/reload', json)
    expect([loaded.status, JSON.parse(loaded.body)]).toEqual([200, { outcome: 'loaded', ...state }])
    outcome = 'rejected'
    const rejected = await ask('POST', '/policy/reload', json)
    expect(rejected.status).toBe(422)
    expect(JSON.parse(rejected.body)).toEqual({ outcome: 'rejected', ...state, lastError: 'wiki.csv:3:1: no' })
  })

  it.each([
    ['a form, which any page can send', 415, { 'content-type': 'application/x-www-form-urlencoded' }],
    ['text, which any page can send', 415, { 'content-type': 'text/plain' }],
    ['a type that only starts the same', 415, { 'content-type': 'application/json-seq' }],
    ['no type', 415, {}],
    ['a page of another site', 403, { ...json, origin: 'https://evil.example' }],
    ['a page in a sandbox', 403, { ...json, origin: 'null' }],
    ['a browser that leaves Origin out', 403, { ...json, 'sec-fetch-site': 'same-origin' }],
    ['a name that was pointed here', 421, { ...json, host: 'rebound.evil.example:9181' }],
    ['a name that looks like localhost', 421, { ...json, host: 'localhost.evil.example' }],
    ['a name that looks like an address', 421, { ...json, host: '127.0.0.1.evil.example' }],
  ])('refuses to reload for %s', async (_, status, headers) => {
    expect((await ask('POST', '/policy/reload', headers)).status).toBe(status)
    expect(reloads).toBe(0)
  })

  it.each(['localhost:9181', 'LOCALHOST', 'sallyport.localhost', '[::1]:9181', '10.1.2.3:1', 'admin.internal:9181'])(
    'answers as %s',
    async host => {
      expect((await ask('POST', '/policy/reload', { ...json, host })).status).toBe(200)
    },
  )

  it('tells nothing to a name that was pointed here', async () => {
    const { status, body } = await ask('GET', '/policy', { host: 'rebound.evil.example' })
    expect(status).toBe(421)
    expect(body).not.toContain('abc')
  })
})

describe('sallyport policy reload', () => {
  const run = async (...args: string[]) => {
    const terminal = createTestTerminal()
    const code = await runCli(['policy', 'reload', ...args], { version: '0', terminal })
    return { code, output: terminal.output(), errors: terminal.errors() }
  }
  const admin = () => `http://127.0.0.1:${portOf(server)}`

  it('says what is in force now', async () => {
    expect(await run('--admin', admin())).toEqual({ code: 0, output: 'loaded: revision abc, 7 rows\n', errors: '' })
    outcome = 'unchanged'
    expect(JSON.parse((await run('--admin', admin(), '--json')).output)).toEqual({ outcome: 'unchanged', ...state })
  })

  it('fails with the reason when the policy was refused', async () => {
    outcome = 'rejected'
    const { code, errors } = await run('--admin', admin())
    expect(code).toBe(1)
    expect(errors).toContain('rejected: revision abc stays in force')
    expect(errors).toContain('wiki.csv:3:1: no')
  })

  it('says so when nobody answers, when the address is none, and when something else answers', async () => {
    expect(await run('--admin', 'http://127.0.0.1:1')).toMatchObject({ code: 1, output: '' })
    expect((await run('--admin', 'http://127.0.0.1:1')).errors).toContain('no answer from http://127.0.0.1:1')
    expect((await run('--admin', '127.0.0.1:9181')).errors).toContain('expected an address')
    const other = createServer((_request, response) => response.writeHead(404).end('{}'))
    await new Promise<void>(resolve => other.listen(0, '127.0.0.1', resolve))
    expect((await run('--admin', `http://127.0.0.1:${portOf(other)}`)).errors).toContain('answered 404')
    await new Promise(resolve => other.close(resolve))
  })
})
