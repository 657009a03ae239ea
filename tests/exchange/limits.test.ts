/** How often one address may ask the endpoints for programs: each has a count of its own, and every answer is JSON. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { request } from '../../cli/demo/browser.ts'
import { type GrantWorld, startGrantWorld } from '../grants/world.ts'
import { type ExchangeWorld, startExchange } from './world.ts'

const rateLimit = 3
const form = { 'content-type': 'application/x-www-form-urlencoded' }

interface Answer {
  readonly status: number
  readonly type: string
  readonly retryAfter: string | undefined
  readonly text: string
}

/** `from`: the address of the client, which a proxy says. */
async function ask(url: string, { method = 'POST', from = '203.0.113.9', body = 'token=none' } = {}): Promise<Answer> {
  const headers = { ...form, 'x-forwarded-for': from }
  const answer = await request(url, { method, headers, ...(method === 'POST' && { body }) })
  const found = answer.headers as Readonly<Record<string, string | undefined>>
  return {
    status: answer.status,
    type: found['content-type'] ?? '',
    retryAfter: found['retry-after'],
    text: answer.body,
  }
}

async function exhaust(url: string, method = 'POST'): Promise<Answer> {
  for (let count = 0; count < rateLimit; count += 1) expect((await ask(url, { method })).status).not.toBe(429)
  return ask(url, { method })
}

function expectTooMany({ status, type, retryAfter, text }: Answer): void {
  expect([status, type, retryAfter]).toEqual([429, 'application/json; charset=utf-8', '60'])
  expect(JSON.parse(text)).toEqual({
    error: 'temporarily_unavailable',
    error_description: 'Too many attempts. Please wait a moment.',
  })
}

describe('the token endpoints', () => {
  let world: ExchangeWorld
  beforeAll(async () => {
    world = await startExchange({ settings: { login: { rateLimit } } })
  })
  afterAll(() => world?.close())

  it('J91 answer 429 as JSON, and a flood of the pages and of each other keeps nobody from revoking', async () => {
    const made = await world.exchanged()
    const at = (path: string) => `${world.publicUrl}${path}`
    const page = await exhaust(at('/login'), 'GET')
    expect([page.status, page.type]).toEqual([429, 'text/html; charset=utf-8'])
    expectTooMany(await exhaust(at('/token')))
    expectTooMany(await exhaust(at('/token/introspect')))
    expect((await ask(at('/token/revoke'), { body: `token=${made}` })).status).toBe(200)
    expect((await world.at('wiki.example.com', '/deploy/now', made)).status).toBe(401)
    for (let count = 1; count < rateLimit; count += 1) await ask(at('/token/revoke'))
    expectTooMany(await ask(at('/token/revoke')))
    expect((await ask(at('/token/revoke'), { from: '203.0.113.77' })).status).not.toBe(429)
  })

  it('J91 a flood of them keeps nobody from the pages', async () => {
    const from = '203.0.113.50'
    for (let count = 0; count <= rateLimit; count += 1) await ask(`${world.publicUrl}/token`, { from })
    expect((await ask(`${world.publicUrl}/login`, { method: 'GET', from })).status).not.toBe(429)
  })
})

describe('the endpoints of kubectl', () => {
  let world: GrantWorld
  beforeAll(async () => {
    world = await startGrantWorld({ settings: { login: { rateLimit } } })
  })
  afterAll(() => world?.close())

  it('J91 answer 429 as JSON, each by a count of its own', async () => {
    const at = (path: string) => `${world.service.publicUrl}${path}`
    expect((await exhaust(at('/kube/authorize'), 'GET')).type).toBe('text/html; charset=utf-8')
    expectTooMany(await exhaust(at('/kube/token')))
    expectTooMany(await exhaust(at('/kube/device')))
    expectTooMany(await exhaust(at('/kube/session'), 'GET'))
    expectTooMany(await ask(at('/kube/userinfo'), { method: 'GET' }))
    expectTooMany(await exhaust(at('/kube/revoke')))
    expect((await ask(at('/kube/.well-known/openid-configuration'), { method: 'GET' })).status).toBe(200)
  })

  it('answer as JSON what cannot be read', async () => {
    const at = `${world.service.publicUrl}/kube/token`
    const answer = await ask(at, { from: '203.0.113.60', body: `token=${'a'.repeat(30_000)}` })
    expect([answer.status, answer.type]).toEqual([413, 'application/json; charset=utf-8'])
    expect(JSON.parse(answer.text)).toMatchObject({ error: 'invalid_request' })
  })
})
