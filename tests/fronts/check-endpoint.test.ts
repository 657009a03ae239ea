/** Whatever goes wrong in an endpoint, the answer is none that a proxy takes for an allow, and the process lives on. */
import { createServer, type Server } from 'node:http'
import request from 'supertest'
import { afterEach, describe, expect, it } from 'vitest'
import { OperationalError } from '../../app/errors.ts'
import { createCheckEndpoint } from '../../app/fronts/check-endpoint.ts'
import { createExecutor, type ExecutorDependencies, type Refusal } from '../../app/fronts/executor.ts'
import type { Front, ParsedSubrequest, Reply } from '../../app/fronts/front.ts'
import { readHeaders } from '../../app/fronts/raw-headers.ts'
import { requestIdHeader } from '../../app/fronts/reply.ts'
import { createReplyWriter } from '../../app/fronts/write-reply.ts'
import type { VerifyResult } from '../../app/verify.ts'

const parsed: ParsedSubrequest = {
  request: { domain: 'wiki.example.com', resource: '/a', action: 'GET', url: 'https://wiki.example.com/a' },
  clientAddress: undefined,
  cookie: '',
  isInteractive: false,
  isForm: false,
  isUpgrade: false,
  headers: readHeaders([]),
}
const allowed: Reply = { status: 200, headers: [['Remote-User', 'alice']], body: '' }
const fails = (error: unknown) => (): never => {
  throw error
}

let server: Server | undefined
let refusals: Refusal[] = []

function serve(front: Partial<Front>, dependencies: Partial<ExecutorDependencies> = {}): Server {
  refusals = []
  const execute = createExecutor(
    { name: 'forward-auth', parse: () => parsed, render: () => allowed, ...front },
    {
      verify: async () => ({}) as VerifyResult,
      handoff: { answer: async () => allowed, denied: async () => allowed },
      pages: () => ({ error: () => ({ html: 'page', contentSecurityPolicy: "default-src 'none'" }) }),
      newRequestId: () => 'r1',
      onRefused: refusal => refusals.push(refusal),
      onAliases: () => {},
      ...dependencies,
    },
  )
  const endpoint = createCheckEndpoint(execute, {
    write: createReplyWriter(),
    onUnwritten: (requestId, error) => refusals.push({ front: 'forward-auth', requestId, code: 'ERR_INTERNAL', error }),
  })
  server = createServer((incoming, response) => endpoint(incoming, response)).listen(0, '127.0.0.1')
  return server
}

afterEach(() => server?.close())

describe('an endpoint', () => {
  it('passes on what the front renders', async () => {
    const answer = await request(serve({})).get('/')
    expect(answer.status).toBe(200)
    expect(answer.headers['remote-user']).toBe('alice')
  })

  it.each([
    ['the front', { parse: fails(new Error('a bug')) }, {}],
    ['the use case', {}, { verify: async () => fails(new TypeError('a bug'))() }],
    ['the rendering', { render: fails(new RangeError('a bug')) }, {}],
  ])('is 500 without identity when %s fails unexpectedly', async (_part, front, dependencies) => {
    const answer = await request(serve(front, dependencies)).get('/')
    expect(answer.status).toBe(500)
    expect(answer.headers['remote-user']).toBeUndefined()
    expect(answer.text).not.toContain('a bug')
    expect(refusals).toMatchObject([{ code: 'ERR_INTERNAL', requestId: 'r1' }])
  })

  it('is 500, and lives on, when a header cannot be written', async () => {
    const splitting: Reply = {
      status: 200,
      headers: [['Remote-User', 'alice\r\nX-Injected: 1'], requestIdHeader('r1')],
      body: '',
    }
    const running = serve({ render: () => splitting })
    for (let attempt = 0; attempt < 2; attempt += 1) {
      const answer = await request(running).get('/')
      expect(answer.status).toBe(500)
      expect(answer.headers['x-injected']).toBeUndefined()
    }
    expect(refusals).toHaveLength(2)
    expect(refusals).toMatchObject([{ requestId: 'r1' }, { requestId: 'r1' }])
  })

  it('answers an expected failure with its status and its sentence, never with its detail', async () => {
    const failure = new OperationalError('ERR_STORE_UNAVAILABLE', 'redis at 10.0.0.5 said LOADING')
    const answer = await request(serve({}, { verify: async () => fails(failure)() })).get('/')
    expect(answer.status).toBe(503)
    expect(answer.body).toMatchObject({ error: 'ERR_STORE_UNAVAILABLE', requestId: 'r1' })
    expect(answer.text).not.toContain('10.0.0.5')
  })

  it('shows people a page instead', async () => {
    const failure = new OperationalError('ERR_STORE_UNAVAILABLE', 'down')
    const interactive = { parse: () => ({ ...parsed, isInteractive: true }) }
    const answer = await request(serve(interactive, { verify: async () => fails(failure)() })).get('/')
    expect(answer.status).toBe(503)
    expect(answer.text).toBe('page')
    expect(answer.headers['content-security-policy']).toBe("default-src 'none'")
  })
})
