/** Each probe against a server that is careless in one way, and against one that only looks as if it were. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { examine, findingOf } from './command.ts'

let server: Server | undefined
afterEach(() => {
  server?.closeAllConnections()
  server?.close()
})

type Answer = (asked: IncomingMessage, response: ServerResponse, path: string) => void

/** `/public/…` is for everybody, anything else asks for a login, unless `answer` has ended the response. */
async function look(answer: Answer) {
  server = createServer((asked, response) => {
    const path = asked.url ?? ''
    answer(asked, response, path)
    if (response.writableEnded) return
    if (path.startsWith('/public/')) response.end('an open page')
    else if (asked.headers.accept === 'text/html')
      response.writeHead(302, { location: `http://auth.localhost/login?rd=${encodeURIComponent(path)}` }).end()
    else response.writeHead(401).end()
  })
  await new Promise<void>(resolve => server?.listen(0, '127.0.0.1', resolve))
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const { found } = await examine(`${origin}/secrets`, `${origin}/public/page`)
  return found
}

const secrets = (response: ServerResponse): void => void response.end('the secrets')
const header = ({ headers }: IncomingMessage, name: string): string => String(headers[name] ?? '')

describe('a careful server', () => {
  it('passes every probe of a closed page that it can be asked', async () => {
    const found = await look(() => {})
    for (const probe of ['forged-origins', 'identity-headers', 'encoded-paths', 'check-answers'])
      expect([probe, findingOf(found, probe)?.status]).toEqual([probe, 'pass'])
  })
})

describe('forged-origins', () => {
  it.each<readonly [string, Answer, string]>([
    [
      'believes another path',
      (asked, response) => header(asked, 'x-original-url').startsWith('/public/') && secrets(response),
      'X-Original-URL: /public/page',
    ],
    [
      'folds underscores',
      (asked, response) => header(asked, 'x_forwarded_uri').startsWith('/public/') && secrets(response),
      'X_Forwarded_Uri: /public/page',
    ],
    [
      'believes a method',
      (asked, response) => header(asked, 'x-forwarded-method') === 'OPTIONS' && secrets(response),
      'X-Forwarded-Method: OPTIONS',
    ],
    [
      'believes an address',
      (asked, response) => header(asked, 'forwarded').includes('127.0.0.1') && secrets(response),
      'Forwarded: for=127.0.0.1',
    ],
    [
      'leads back to another host',
      (asked, response) =>
        header(asked, 'x-forwarded-host') !== '' &&
        response
          .writeHead(302, { location: `http://auth.localhost/login?rd=//${header(asked, 'x-forwarded-host')}/` })
          .end(),
      'a host that the client has chosen',
    ],
    [
      'leads back to another page',
      (asked, response) =>
        header(asked, 'x-rewrite-url') !== '' &&
        response.writeHead(302, { location: `http://auth.localhost/login?rd=${header(asked, 'x-rewrite-url')}` }).end(),
      'leads the login back to /public/page and not to /secrets',
    ],
  ])('finds one that %s', async (_what, answer, why) => {
    expect(findingOf(await look(answer), 'forged-origins')).toMatchObject({
      status: 'fail',
      why: expect.stringContaining(why),
    })
  })
})

describe('identity-headers', () => {
  it.each(['remote-user', 'remote_user', 'x-webauth-user'])('finds one that %s opens', async name => {
    const found = await look((asked, response) => header(asked, name) !== '' && secrets(response))
    expect(findingOf(found, 'identity-headers')?.status).toBe('fail')
  })

  it('cannot tell of a page that shows nothing of what it was sent', async () => {
    const { addresses } = await look(() => {})
    const finding = addresses[1]?.findings.find(({ probe }) => probe === 'identity-headers')
    expect(finding?.status).toBe('not-applicable')
  })
})

describe('encoded-paths', () => {
  const decoded = (path: string): string => new URL(decodeURIComponent(path).replaceAll('\\', '/'), 'http://a').pathname
  const quietly = (read: () => string): string => {
    try {
      return read()
    } catch {
      return ''
    }
  }

  it.each<readonly [string, (path: string) => string]>([
    ['decodes before it serves', decoded],
    ['decodes twice', path => decoded(decodeURIComponent(path))],
    ['drops what stands behind a semicolon', path => decoded(path.replaceAll(/;[^/]*/g, ''))],
    ['takes two slashes for one', path => path.replaceAll(/\/+/g, '/')],
    ['resolves dots', path => new URL(path, 'http://a').pathname],
  ])('finds one that %s', async (_what, read) => {
    const isExact = (path: string): boolean => path === '/secrets'
    const found = await look((_asked, response, path) => {
      if (!isExact(path) && quietly(() => read(path)) === '/secrets') secrets(response)
    })
    expect(findingOf(found, 'encoded-paths')?.status).toBe('fail')
  })

  it('takes the page of every unknown name for none', async () => {
    const found = await look((_asked, response, path) => {
      if (path.startsWith('/public/')) response.end(`the start page, for ${path}`)
    })
    expect(findingOf(found, 'encoded-paths')?.status).toBe('pass')
  })
})

describe('check-answers', () => {
  it.each(['/verify/forward-auth', '//verify/forward-auth', '/%76erify/forward-auth'])(
    'finds a check that anybody can ask at %s',
    async check => {
      const found = await look((_asked, response, path) => {
        if (path === check) response.setHeader('Remote-User', '').end()
      })
      expect(findingOf(found, 'check-answers')).toMatchObject({
        status: 'fail',
        why: expect.stringContaining(`${check} answers with \`Remote-User\``),
      })
    },
  )

  it('finds pages that tell who somebody is', async () => {
    const found = await look((_asked, response) => void response.setHeader('X-Sallyport-Assertion', 'a.b.c'))
    expect(findingOf(found, 'check-answers')?.status).toBe('fail')
  })
})
