/** A check without any HTTP: every dialect, from a subrequest to a reply, and a reply for whatever goes wrong. */
import { describe, expect, it } from 'vitest'
import { OperationalError } from '../../app/errors.ts'
import {
  createDeniedExecutor,
  createExecutor,
  createReservedExecutor,
  type ExecutorDependencies,
  type Refusal,
} from '../../app/fronts/executor.ts'
import type { Front, FrontSettings, Reply, Subrequest } from '../../app/fronts/front.ts'
import { fronts } from '../../app/fronts/fronts.ts'
import { createTrustedProxies } from '../../app/fronts/trusted-proxies.ts'
import type { VerifyQuestion, VerifyResult } from '../../app/verify.ts'
import { anonymous } from '../../rbac/identity.ts'
import { asksOf, type Headers, lineOf } from '../dialects.ts'

const settings: FrontSettings = {
  trustedProxies: createTrustedProxies(['127.0.0.0/8']),
  identityHeaderNames: new Set(['remote-user']),
  webSocketOrigins: new Set(),
  canonical: {},
  deniedPages: () => ({ html: 'denied', contentSecurityPolicy: "default-src 'none'" }),
  formPages: () => ({ html: 'form', contentSecurityPolicy: "default-src 'none'" }),
}
const url = 'https://wiki.example.com/a'
const navigation: Headers = [['Accept', 'text/html']]

let refusals: Refusal[] = []
let asked: VerifyQuestion[] = []

const allowed = ({ requestId, request }: VerifyQuestion): VerifyResult => ({
  requestId,
  request,
  identity: anonymous,
  decision: { effect: 'allow', rule: 'policy.csv:1', revision: 'abc' },
  identityHeaders: ['Remote-User', 'alice'],
  upstreamCookie: 'theme=dark',
  loginUrl: undefined,
  credential: undefined,
  bearerChallenge: undefined,
  setCookie: undefined,
})

function dependencies(more: Partial<ExecutorDependencies> = {}): ExecutorDependencies {
  refusals = []
  asked = []
  const page: Reply = { status: 403, headers: [], body: 'page' }
  return {
    verify: question => {
      asked.push(question)
      return allowed(question)
    },
    handoff: { answer: async () => page, denied: async (_parsed, requestId) => ({ ...page, body: requestId }) },
    pages: () => ({ error: () => ({ html: 'error page', contentSecurityPolicy: "default-src 'none'" }) }),
    newRequestId: () => 'r1',
    onRefused: refusal => refusals.push(refusal),
    onAliases: () => {},
    ...more,
  }
}

const fieldOf = ({ headers }: Reply, name: string): string | undefined => {
  const list = headers.find(fields => fields.includes(name)) ?? []
  return list[list.indexOf(name) + 1]
}

describe.each(fronts.map(kind => [kind.name, kind] as const))('%s', (name, { create }) => {
  const front: Front = create(settings)
  const subrequest = (headers: Headers = [], more: Partial<Subrequest> = {}): Subrequest => ({
    ...lineOf(name, { method: 'GET', url }),
    rawHeaders: [...asksOf(name, { method: 'GET', url }), ...headers].flat(),
    peerAddress: '127.0.0.1',
    ...more,
  })

  it('is answered at once when everything is at hand', () => {
    const reply = createExecutor(front, dependencies())(subrequest([['Cookie', 'sallyport=x']]))
    expect(reply).not.toBeInstanceOf(Promise)
    expect(reply).toMatchObject({ status: 200 })
    expect(asked).toMatchObject([{ front: name, requestId: 'r1', cookie: 'sallyport=x', request: { url } }])
  })

  it('is answered later when something has to be waited for', async () => {
    const reply = createExecutor(front, dependencies({ verify: async question => allowed(question) }))(subrequest())
    expect(reply).toBeInstanceOf(Promise)
    expect((await reply).status).toBe(200)
  })

  const down = new OperationalError('ERR_STORE_UNAVAILABLE', 'redis at 10.0.0.5 said LOADING')
  it.each([
    ['a stranger', {}, { peerAddress: '203.0.113.9' }, 403, 'ERR_PROXY_UNTRUSTED'],
    ['a question that cannot be read', {}, { rawHeaders: [] }, 400, 'ERR_REQUEST_MALFORMED'],
    ['a store that throws', { verify: () => fails(down) }, {}, 503, 'ERR_STORE_UNAVAILABLE'],
    ['a store that rejects', { verify: async () => fails(down) }, {}, 503, 'ERR_STORE_UNAVAILABLE'],
    ['a bug', { verify: () => fails(new TypeError('10.0.0.5')) }, {}, 500, 'ERR_INTERNAL'],
    ['a bug later', { verify: async () => fails(new TypeError('10.0.0.5')) }, {}, 500, 'ERR_INTERNAL'],
  ])('refuses %s with a reply, and tells why', async (_what, broken, more, status, code) => {
    const reply = await createExecutor(front, dependencies(broken))(subrequest([], more))
    expect(reply.status).toBe(status)
    expect(JSON.parse(reply.body)).toMatchObject({ error: code, requestId: 'r1' })
    expect(JSON.stringify(reply)).not.toContain('10.0.0.5')
    expect(fieldOf(reply, 'Remote-User')).toBeUndefined()
    expect(fieldOf(reply, 'X-Sallyport-Request-Id')).toBe('r1')
    expect(refusals).toMatchObject([{ front: name, code, requestId: 'r1' }])
  })

  it('refuses what cannot be rendered, at once and later', async () => {
    const broken: Front = { ...front, render: () => fails(new RangeError('a bug')) }
    for (const verify of [allowed, async (question: VerifyQuestion) => allowed(question)]) {
      const reply = await createExecutor(broken, dependencies({ verify }))(subrequest(navigation))
      expect(reply).toMatchObject({ status: 500, body: 'error page' })
      expect(refusals).toMatchObject([{ code: 'ERR_INTERNAL' }])
    }
  })

  it('asks nobody about a reserved path', async () => {
    const reserved = { method: 'GET', url: 'https://wiki.example.com/.sallyport/handoff' }
    const rawHeaders = asksOf(name, reserved).flat()
    const reply = await createExecutor(front, dependencies())(subrequest([], { ...lineOf(name, reserved), rawHeaders }))
    expect(reply).toMatchObject({ status: 403, body: 'page' })
    expect(asked).toEqual([])
  })

  it('treats the pages that a proxy routes here alike: a reply, whatever happens', async () => {
    const handoff = { answer: async () => fails(down), denied: async () => fails(down) }
    for (const create of [createReservedExecutor, createDeniedExecutor]) {
      expect((await create(front, dependencies())(subrequest())).status).toBe(403)
      expect((await create(front, dependencies({ handoff }))(subrequest())).status).toBe(503)
      expect((await create(front, dependencies())(subrequest([], { peerAddress: '' }))).status).toBe(403)
    }
  })

  it('takes the request id of the check for its page, if it is one', async () => {
    const execute = createDeniedExecutor(front, dependencies())
    const bodyWith = async (id: string) => (await execute(subrequest([['X-Sallyport-Request-Id', id]]))).body
    expect(await bodyWith('a1-b2')).toBe('a1-b2')
    expect(await bodyWith('<script>')).toBe('r1')
  })
})

function fails(error: unknown): never {
  throw error
}
