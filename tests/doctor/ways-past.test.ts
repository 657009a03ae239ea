/** What a proxy lets past because of how it is asked, or under which name, and applications that answer for themselves. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { runCli } from '../../cli/program.ts'
import { createTestTerminal } from '../config/test-terminal.ts'
import { examine, findingOf, writeConfiguration } from './command.ts'

let server: Server | undefined
afterEach(() => {
  server?.closeAllConnections()
  server?.close()
  server = undefined
})

type Answer = (asked: IncomingMessage, response: ServerResponse) => void

const login = 'http://auth.localhost/login?rd=http%3A%2F%2Fwiki%2Fsecrets'

/** Answers as a proxy does whose service keeps strangers from all but `/public/`, but where `answer` ends the response. */
async function serve(answer: Answer, takesSockets: (asked: IncomingMessage) => boolean = () => false): Promise<string> {
  const proxied: Answer = (asked, response) => {
    answer(asked, response)
    if (response.writableEnded) return
    if (asked.url?.startsWith('/public/')) response.end('an open page')
    else response.writeHead(401, { location: login, 'x-sallyport-request-id': '1' }).end()
  }
  server = createServer(proxied)
  server.on('upgrade', (asked: IncomingMessage, socket) => {
    const status = takesSockets(asked)
      ? '101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade'
      : '401 No'
    socket.end(`HTTP/1.1 ${status}\r\nContent-Length: 0\r\n\r\n`)
  })
  await new Promise<void>(resolve => server?.listen(0, '127.0.0.1', resolve))
  return `http://wiki.localhost:${(server.address() as AddressInfo).port}`
}

async function look(answer: Answer, takesSockets?: (asked: IncomingMessage) => boolean) {
  const origin = await serve(answer, takesSockets)
  return (await examine(`${origin}/secrets`, `${origin}/public/page`)).found
}

const page = (response: ServerResponse): void => void response.end('the secrets')
const none: Answer = () => {}

describe('J130 a page that asks for a login, asked for in another way', () => {
  it.each<readonly [string, Answer, string]>([
    ['a method', ({ method }, response) => method === 'PROPFIND' && page(response), '`PROPFIND`'],
    ['HEAD', ({ method }, response) => method === 'HEAD' && page(response), '`HEAD`'],
    [
      'a token',
      ({ headers }, response) => headers.authorization?.startsWith('Bearer') && page(response),
      'Bearer doctor',
    ],
    [
      'the name of a monitor',
      ({ headers }, response) => headers['user-agent']?.startsWith('kube-probe') && page(response),
      'kube-probe',
    ],
    [
      'a redirect of the application',
      ({ headers }, response) => headers['x-api-key'] && response.writeHead(302, { location: '/start' }).end(),
      'X-API-Key',
    ],
    ['an old version', ({ httpVersion }, response) => httpVersion === '1.0' && page(response), 'HTTP/1.0'],
  ])('is found out where %s gets past', async (_what, answer, why) => {
    expect(findingOf(await look(answer), 'any-request')).toMatchObject({
      status: 'fail',
      why: expect.stringContaining(why),
      fix: expect.stringContaining('a row of the policy'),
    })
  })

  it('is found out where a WebSocket goes past the check', async () => {
    const found = await look(none, ({ headers }) => headers['sec-websocket-key'] !== undefined)
    expect(findingOf(found, 'any-request')).toMatchObject({ status: 'fail', why: expect.stringContaining('101') })
  })

  it('passes where nothing does, and where a call of gRPC is refused within', async () => {
    const refused: Answer = ({ headers }, response) =>
      headers['content-type'] === 'application/grpc' && response.setHeader('grpc-status', '16').end()
    for (const answer of [none, refused]) expect(findingOf(await look(answer), 'any-request')?.status).toBe('pass')
  })
})

describe('J131 a page that asks for a login, under another name', () => {
  const hostOf = ({ headers }: IncomingMessage): string => headers.host ?? ''

  it.each<readonly [string, (asked: IncomingMessage) => boolean, string]>([
    ['capitals', asked => hostOf(asked).startsWith('WIKI'), 'Host: WIKI.LOCALHOST'],
    ['a dot', asked => hostOf(asked).startsWith('wiki.localhost.'), 'Host: wiki.localhost.'],
    ['another port', asked => hostOf(asked).endsWith(':1'), ':1'],
    ['a whole address', ({ url }) => /^http:..WIKI/.test(url ?? ''), 'GET http://WIKI.LOCALHOST'],
    ['a name that nobody knows', asked => hostOf(asked) === 'doctor.invalid', 'Host: doctor.invalid'],
    ['no name', ({ headers }) => headers.host === undefined, 'without Host'],
  ])('is found out where %s opens it', async (_what, isOpen, why) => {
    const answer: Answer = (asked, response) => {
      if (!isOpen(asked)) return
      // As an application that knows its pages.
      if (asked.url?.endsWith('/secrets')) page(response)
      else if (!asked.url?.includes('/public/')) response.writeHead(404).end()
    }
    expect(findingOf(await look(answer), 'host-names')).toMatchObject({
      status: 'fail',
      why: expect.stringContaining(why),
    })
  })

  it('is found out where the application says the same at every path', async () => {
    const answer: Answer = (asked, response) => hostOf(asked) === 'doctor.invalid' && response.end('an open page')
    expect(findingOf(await look(answer), 'host-names')?.status).toBe('fail')
  })

  it('is not said to be closed where another site answers', async () => {
    const answer: Answer = (asked, response) => hostOf(asked) === 'doctor.invalid' && response.end('welcome')
    expect(findingOf(await look(answer), 'host-names')).toMatchObject({
      status: 'not-applicable',
      why: expect.stringContaining('doctor.invalid'),
    })
    expect(findingOf(await look(none), 'host-names')?.status).toBe('pass')
  })
})

describe('J132 an application that answers for itself', () => {
  let directory: string
  let config: string
  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'sallyport-doctor-'))
    mkdirSync(join(directory, 'policy'))
    writeFileSync(join(directory, 'policy/policy.csv'), 'p, authenticated, wiki.localhost, /**, *, -, allow\n')
    config = writeConfiguration(directory, { publicUrl: 'http://auth.localhost', issuer: 'http://idp.localhost:1' })
  })
  afterAll(() => rmSync(directory, { recursive: true, force: true }))

  const asThePolicySays = async (answer: Answer) => {
    const { addresses } = (await examine('--config', config, `${await serve(answer)}/secrets`)).found
    return addresses[0]?.findings.find(({ probe }) => probe === 'as-the-policy-says')
  }

  it.each<readonly [string, Answer]>([
    ['leads on', (_asked, response) => response.writeHead(301, { location: '/secrets/' }).end()],
    ['has a login of its own', (_asked, response) => response.writeHead(401).end()],
    [
      'leads to one elsewhere',
      (_asked, response) => response.writeHead(302, { location: 'http://app/login?rd=x' }).end(),
    ],
    ['knows no such page', (_asked, response) => response.writeHead(404).end()],
  ])('is no refusal: one that %s', async (_what, answer) => {
    expect(await asThePolicySays(answer)).toMatchObject({
      status: 'fail',
      why: expect.stringContaining("not the service's"),
    })
  })

  it('is told from the service, and from a proxy that refuses', async () => {
    expect((await asThePolicySays(none))?.status).toBe('pass')
    for (const status of [403, 429, 503])
      expect((await asThePolicySays((_asked, response) => response.writeHead(status).end()))?.status).toBe(
        'not-applicable',
      )
  })

  it('is no proxy that fails closed', async () => {
    const stopped = async (status: number) => {
      const origin = await serve((_asked, response) => response.writeHead(status, { location: '/start' }).end())
      const { found } = await examine('--stopped', `${origin}/secrets`)
      server?.close()
      return findingOf(found, 'fails-closed')?.status
    }
    for (const status of [301, 401, 404]) expect([status, await stopped(status)]).toEqual([status, 'fail'])
    for (const status of [403, 500, 503]) expect([status, await stopped(status)]).toEqual([status, 'pass'])
  })

  it('leaves nothing to look at where a stranger gets neither the page nor a login', async () => {
    const found = await look(({ url }, response) => url === '/secrets' && response.writeHead(404).end())
    for (const probe of ['forged-origins', 'identity-headers', 'encoded-paths', 'any-request', 'host-names'])
      expect([probe, findingOf(found, probe)?.status]).toEqual([probe, 'not-applicable'])
  })
})

describe('an address', () => {
  const run = async (address: string) => {
    const terminal = createTestTerminal()
    return [await runCli(['doctor', address], { version: '0', terminal }), terminal.errors()]
  }

  it('that only leads to https is none of a page', async () => {
    const origin = await serve((asked, response) =>
      response.writeHead(301, { location: `https://wiki.localhost${asked.url}` }).end(),
    )
    expect(await run(`${origin}/secrets`)).toEqual([1, expect.stringContaining('https://wiki.localhost/secrets')])
  })

  it('with a password in it is refused, and the password not said', async () => {
    const [code, errors] = await run('https://alice:hunter2@wiki.localhost/')
    expect([code, errors]).toEqual([2, expect.not.stringContaining('hunter2')])
  })
})
