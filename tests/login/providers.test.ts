import type { LookupAddress } from 'node:dns'
import { createServer } from 'node:http'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { discoverProvider } from '../../app/login/provider/discovery.ts'
import { createOutbound, lookupLoopbackNames, type OutboundFetch } from '../../app/login/provider/outbound.ts'
import { freePort } from '../peers.ts'
import { close, listen, startProvider } from '../provider.ts'
import { client, corp, locationOf, publicUrl, type RelyingParty, startRelyingParty, wiki } from './relying-party.ts'

const closing: (() => Promise<unknown>)[] = []
const closeLater = <T extends { close(): Promise<unknown> }>(resource: T): T => {
  closing.push(() => resource.close())
  return resource
}

afterEach(async () => {
  vi.useRealTimers()
  for (const end of closing.splice(0).reverse()) await end()
})

const start = `/login?rd=${encodeURIComponent(wiki)}`
const fast = { firstRetryMs: 50, maxRetryMs: 100 }

async function until(condition: () => boolean): Promise<void> {
  const deadline = Date.now() + 60_000
  while (!condition()) {
    if (Date.now() > deadline) throw new Error('it did not happen within a minute')
    await new Promise(resolve => setTimeout(resolve, 20))
  }
}

describe('a provider that is down at the start', () => {
  const begin = async (discovery: object): Promise<{ port: number; party: RelyingParty }> => {
    const port = await freePort()
    const party = closeLater(await startRelyingParty({ providers: [corp(`http://idp.localhost:${port}`)], discovery }))
    await party.providers.start()
    return { port, party }
  }

  test('lets the service start, is named in the status, and is found again in the background', async () => {
    const { port, party } = await begin(fast)
    const issuer = `http://idp.localhost:${port}`
    expect(party.providers.status()).toEqual([
      { name: 'corp', issuer, ready: false, lastError: expect.stringContaining('ECONNREFUSED') },
    ])
    const response = await party.browser().get(start)
    expect(response.status).toBe(503)
    expect(response.text).toContain('The identity provider cannot be reached')
    expect(response.text).toContain(`href="/login?rd=${encodeURIComponent(wiki)}"`)
    closeLater(await startProvider({ clients: [client], port }))
    await until(() => party.providers.status()[0]?.ready === true)
    expect(party.providers.status()).toEqual([{ name: 'corp', issuer, ready: true }])
    expect(locationOf(await party.browser().logIn('alice', start))).toBe(wiki)
    expect(party.log.map(({ message }) => message)).toContain('provider is reachable again')
  })

  test('is tried again by a login, without waiting for the background', async () => {
    const { port, party } = await begin({ firstRetryMs: 3_600_000 })
    closeLater(await startProvider({ clients: [client], port }))
    party.moveClock(2)
    expect(locationOf(await party.browser().logIn('alice', start))).toBe(wiki)
  })

  test('is not hammered: logins within one second cause one try at most', async () => {
    let requests = 0
    let now = 0
    const server = createServer((_request, response) => {
      requests += 1
      response.writeHead(500).end()
    })
    const port = await listen(server)
    closing.push(() => close(server))
    const party = closeLater(
      await startRelyingParty({
        providers: [corp(`http://idp.localhost:${port}`)],
        discovery: { firstRetryMs: 3_600_000, clock: { now: () => now } },
      }),
    )
    await party.providers.start()
    now += 2000
    await Promise.all(Array.from({ length: 20 }, () => party.browser().get(start)))
    for (let count = 0; count < 5; count += 1) expect((await party.browser().get(start)).status).toBe(503)
    expect(requests).toBe(2)
  })

  test('and comes back later keeps the last good metadata while it is down again', async () => {
    const provider = await startProvider({ clients: [client] })
    const party = closeLater(
      await startRelyingParty({ providers: [corp(provider.issuer)], discovery: { ...fast, refreshMs: 50 } }),
    )
    await party.providers.start()
    await provider.close()
    await until(() => party.providers.status()[0]?.lastError !== undefined)
    expect(party.providers.status()[0]?.ready).toBe(true)
  })
})

describe('a provider that goes down later', () => {
  /** Answers with this status in place of the provider, once it is set. */
  const begin = async () => {
    const provider = await startProvider({ clients: [client] })
    let asked = 0
    let answer: (() => Promise<Response>) | undefined
    const outbound = createOutbound()
    closing.push(() => outbound.close())
    const fetch: OutboundFetch = async (url, init) => {
      asked += 1
      return answer === undefined ? outbound.fetch(url, init) : answer()
    }
    const party = closeLater(
      await startRelyingParty({ providers: [corp(provider.issuer)], discovery: { fetch, firstRetryMs: 3_600_000 } }),
    )
    closing.push(() => provider.close())
    await party.providers.start()
    return {
      party,
      provider,
      countOf: () => asked,
      answerWith: (next: typeof answer) => {
        answer = next
      },
    }
  }

  const isPage = (response: { status: number; text: string }) => {
    expect(response.status).toBe(503)
    expect(response.text).toContain('The identity provider cannot be reached')
    expect(response.text).toContain(`href="/login?rd=${encodeURIComponent(wiki)}"`)
  }

  test('is not where a browser is sent, and is again when it is back', async () => {
    const { party, provider } = await begin()
    await provider.close()
    party.moveClock(11)
    isPage(await party.browser().get(start))
    expect(party.providers.status()[0]).toMatchObject({
      ready: true,
      lastError: expect.stringContaining('ECONNREFUSED'),
    })
    expect(party.log.map(({ message }) => message)).toContain('provider does not answer')
    closeLater(await startProvider({ clients: [client], port: Number(new URL(provider.issuer).port) }))
    party.moveClock(1)
    expect(locationOf(await party.browser().logIn('alice', start))).toBe(wiki)
    expect(party.providers.status()[0]).not.toHaveProperty('lastError')
  })

  test.each([
    ['500', async () => new Response(null, { status: 500 }), 'answered 500 without a content type'],
    ['503', async () => new Response('', { status: 503 }), 'answered 503 text/plain'],
    [
      'silence',
      async () => Promise.reject(new DOMException('The operation was aborted', 'TimeoutError')),
      'timed out (TimeoutError)',
    ],
  ])('is down when its discovery answers with %s', async (_what, answer, said) => {
    const { party, provider, answerWith } = await begin()
    answerWith(answer)
    party.moveClock(11)
    isPage(await party.browser().get(start))
    const reason = `discovery ${provider.issuer}/.well-known/openid-configuration ${said}`
    expect(party.providers.status()[0]?.lastError).toBe(reason)
    expect(party.log.map(({ fields }) => fields)).toEqual([
      expect.objectContaining({ provider: 'corp', reason }),
      expect.objectContaining({ code: 'ERR_PROVIDER_UNAVAILABLE', detail: reason }),
    ])
  })

  test.each([200, 302, 401, 404, 429])('is not down when its discovery answers %i', async status => {
    const { party, provider, answerWith } = await begin()
    answerWith(async () => new Response('', { status }))
    party.moveClock(11)
    expect(locationOf(await party.browser().get(start))).toContain(`${provider.issuer}/auth?`)
  })

  test('is asked once in ten seconds while it answers, and once in a second while it does not', async () => {
    const { party, answerWith, countOf } = await begin()
    const costOf = async (logins: number) => {
      const before = countOf()
      await Promise.all(Array.from({ length: logins }, () => party.browser().get(start)))
      return countOf() - before
    }
    expect(await costOf(3)).toBe(0)
    party.moveClock(11)
    expect(await costOf(20)).toBe(1)
    answerWith(async () => new Response('', { status: 503 }))
    party.moveClock(11)
    expect(await costOf(20)).toBe(1)
    party.moveClock(1)
    expect(await costOf(20)).toBe(1)
  })

  test('is asked anew when the clock was set back', async () => {
    const { party, provider, answerWith } = await begin()
    answerWith(async () => new Response('', { status: 503 }))
    party.moveClock(11)
    isPage(await party.browser().get(start))
    answerWith(undefined)
    party.moveClock(-3600)
    expect(locationOf(await party.browser().get(start))).toContain(`${provider.issuer}/auth?`)
  })
})

test('G20: a signing key that the provider rotates is fetched at once, and no other login fetches it again', async () => {
  const provider = closeLater(await startProvider({ clients: [client] }))
  const party = closeLater(await startRelyingParty({ providers: [corp(provider.issuer)] }))
  await party.providers.start()
  const fetches = () => provider.requests.filter(request => request === 'GET /jwks').length
  expect(locationOf(await party.browser().logIn('alice', start))).toBe(wiki)
  expect(fetches()).toBe(1)
  provider.rotateKeys()
  for (let count = 0; count < 5; count += 1) {
    expect(locationOf(await party.browser().logIn('alice', start))).toBe(wiki)
  }
  expect(fetches()).toBe(2)
})

describe('metadata that cannot be used', () => {
  const good = {
    issuer: 'https://idp.example',
    authorization_endpoint: 'https://idp.example/auth',
    token_endpoint: 'https://idp.example/token',
    jwks_uri: 'https://idp.example/jwks',
  }
  const discover = (metadata: object) =>
    discoverProvider(corp('https://idp.example'), {
      publicUrl,
      fetch: async () => Response.json(metadata),
      clock: { now: () => Date.now() },
      logger: { info: () => {}, warn: () => {}, error: () => {} },
    })

  test('is told from metadata that can', async () => {
    await expect(discover(good)).resolves.toBeDefined()
  })

  test.each<[string, object]>([
    ['of another issuer', { issuer: 'https://evil.example' }],
    ['without an authorization endpoint', { authorization_endpoint: undefined }],
    ['without a token endpoint', { token_endpoint: undefined }],
    ['without keys', { jwks_uri: undefined }],
    ['with a login page over http', { authorization_endpoint: 'http://idp.example/auth' }],
    ['with a script for a login page', { authorization_endpoint: 'javascript:alert(1)' }],
    ['with a token endpoint over http', { token_endpoint: 'http://idp.example/token' }],
  ])('%s is refused', async (_name, change) => {
    await expect(discover({ ...good, ...change })).rejects.toThrow()
  })

  test('a log-out page that is a script is not gone to', async () => {
    const provider = await discover({ ...good, end_session_endpoint: 'javascript:alert(1)' })
    expect(() => provider.endSessionUrl(undefined, `${publicUrl}/signed-out`)).toThrow('end_session_endpoint')
  })

  test('a log-out carries the ID token as a hint, where there is one', async () => {
    const provider = await discover({ ...good, end_session_endpoint: 'https://idp.example/end?tenant=a' })
    const url = new URL(provider.endSessionUrl('token', `${publicUrl}/signed-out`) ?? '')
    expect(Object.fromEntries(url.searchParams)).toEqual({
      tenant: 'a',
      client_id: client.clientId,
      id_token_hint: 'token',
      post_logout_redirect_uri: `${publicUrl}/signed-out`,
    })
    expect(provider.endSessionUrl(undefined, publicUrl)).not.toContain('id_token_hint')
  })
})

describe('outbound calls', () => {
  const lookup = (name: string, options: object) =>
    new Promise<unknown>((resolve, reject) => {
      lookupLoopbackNames(name, options, (error, address, family) =>
        error ? reject(error) : resolve([address, family]),
      )
    })

  test.each(['localhost', 'idp.localhost', 'a.b.localhost', 'IDP.LocalHost', 'idp.localhost.'])(
    'take %s for loopback',
    async name => {
      expect(await lookup(name, {})).toEqual(['127.0.0.1', 4])
      expect(await lookup(name, { family: 6 })).toEqual(['::1', 6])
      const [all] = (await lookup(name, { all: true })) as [LookupAddress[]]
      expect(all.map(({ address }) => address)).toEqual(['127.0.0.1', '::1'])
    },
  )

  test.each(['127.0.0.1', '::1'])('leave other names, such as %s, to the system', async name => {
    expect(await lookup(name, {})).toEqual([name, name === '::1' ? 6 : 4])
  })

  test('end in time, and do not follow redirects or read without end', async () => {
    const server = createServer((request, response) => {
      if (request.url === '/slow') return
      if (request.url === '/elsewhere') response.writeHead(302, { Location: '/large' }).end()
      else response.end('x'.repeat(5000))
    })
    const port = await listen(server)
    closing.push(() => close(server))
    const outbound = closeLater(createOutbound({ timeoutMs: 200, maxResponseBytes: 1000 }))
    const url = `http://any.localhost:${port}`
    await expect(outbound.fetch(`${url}/slow`, {})).rejects.toThrow()
    await expect(outbound.fetch(`${url}/large`, {}).then(response => response.text())).rejects.toThrow()
    expect((await outbound.fetch(`${url}/elsewhere`, { redirect: 'manual' })).status).toBe(302)
  })
})
