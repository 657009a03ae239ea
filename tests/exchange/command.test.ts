/** `sallyport token --host …`: what is printed, and what never is. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import type { TLSSocket } from 'node:tls'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { runCli } from '../../cli/program.ts'
import { runExchange } from '../../cli/token/exchange.ts'
import { createAuthority } from '../certificates.ts'
import { createTestTerminal } from '../config/test-terminal.ts'
import { requirePeer } from '../peers.ts'
import { close, listen } from '../provider.ts'
import { claimsOf, type ExchangeWorld, startExchange } from './world.ts'

let world: ExchangeWorld
let cwd: string
beforeAll(async () => {
  world = await startExchange()
  cwd = mkdtempSync(join(tmpdir(), 'sallyport-token-'))
})
afterAll(async () => {
  await world?.close()
  rmSync(cwd, { recursive: true, force: true })
})

const put = (name: string, text: string): string => {
  writeFileSync(join(cwd, name), text)
  return name
}
async function run(args: readonly string[], env: Record<string, string> = {}) {
  const terminal = createTestTerminal({ cwd, env: { SALLYPORT_TOKEN_SERVER: world.publicUrl, ...env } })
  const code = await runCli(['token', ...args], { terminal, version: 'test' })
  return { code, output: terminal.output(), errors: terminal.errors() }
}

describe('a token for a host', () => {
  it('is printed alone, out of a file', async () => {
    const { code, output, errors } = await run([
      '--host',
      'wiki.example.com',
      '--token-file',
      put('token', `${world.token()}\n`),
    ])
    expect([code, errors]).toEqual([0, ''])
    expect(output).toMatch(/^[\w-]+\.[\w-]+\.[\w-]+\n$/)
    expect((await world.at('wiki.example.com', '/deploy/now', output.trim())).status).toBe(200)
  })

  it('is printed with all that was answered, out of a variable, with a scope', async () => {
    const args = ['--host', 'https://wiki.example.com', '--token-env', 'JOB_TOKEN', '--scope', 'read', '--json']
    const { code, output } = await run(args, { JOB_TOKEN: world.token() })
    expect(code).toBe(0)
    expect(JSON.parse(output)).toMatchObject({ token_type: 'Bearer', scope: 'read', expires_in: expect.any(Number) })
  })

  it('is made for somebody else, by an actor', async () => {
    const first = await world.exchanged()
    const args = [
      '--host',
      'payroll.example.com',
      '--token-file',
      put('first', first),
      '--actor-file',
      put('actor', world.robot('relay')),
    ]
    const { output } = await run(args)
    expect(claimsOf(output.trim())).toMatchObject({
      aud: 'payroll.example.com',
      act: { sub: 'https://robots.example.com#relay' },
    })
  })

  it('is made out of what is piped in', async () => {
    const input = new PassThrough()
    input.end(world.token())
    const terminal = createTestTerminal({ cwd })
    const values = { host: 'wiki.example.com', server: world.publicUrl }
    expect(await runExchange(values, terminal, input as unknown as NodeJS.ReadStream)).toBe(0)
    expect(claimsOf(terminal.output().trim()).aud).toBe('wiki.example.com')
  })
})

describe.runIf(requirePeer('openssl'))('a token that is bound to a client certificate', () => {
  const authority = createAuthority('Fleet CA')
  const robot = authority.issue('robot')
  afterAll(() => authority.close())

  /** An auth host with TLS that asks for certificates, and what it was asked. */
  async function authHost(answer: object) {
    const asked: { peer: unknown; form: URLSearchParams }[] = []
    const { certificate: cert, key } = authority.issue('localhost', ['localhost'])
    const tls = { cert, key, ca: authority.certificate, requestCert: true, rejectUnauthorized: false }
    const server = createTlsServer(tls, (question, response) => {
      const peer = (question.socket as TLSSocket).getPeerCertificate().subject?.CN
      let body = ''
      question.setEncoding('utf8').on('data', chunk => {
        body += chunk
      })
      question.on('end', () => {
        asked.push({ peer, form: new URLSearchParams(body) })
        response.end(JSON.stringify({ access_token: 'made.by.us', token_type: 'Bearer', ...answer }))
      })
    })
    return { asked, server, port: await listen(server) }
  }
  const argsFor = (port: number) => [
    ...['--server', `https://localhost:${port}`, '--ca-file', put('ca.pem', authority.certificate)],
    ...['--host', 'wiki.example.com', '--token-file', put('token', world.token())],
  ]
  const shown = () => [
    ...['--certificate-file', put('robot.pem', robot.certificate)],
    ...['--key-file', put('robot.key', robot.key)],
  ]

  it('is asked for on a connection that has it', async () => {
    const { asked, server, port } = await authHost({ cnf: { 'x5t#S256': 'a'.repeat(43) } })
    try {
      const { code, output } = await run([...argsFor(port), ...shown()])
      expect([code, output]).toEqual([0, 'made.by.us\n'])
      expect(asked.map(({ peer, form }) => [peer, form.get('bind')])).toEqual([['robot', 'certificate']])
    } finally {
      await close(server)
    }
  })

  it('J102 is not printed where the auth host bound it to nothing', async () => {
    for (const cnf of [undefined, null, {}, { jkt: 'a' }, 'x5t#S256']) {
      const { server, port } = await authHost({ cnf })
      try {
        const { code, output, errors } = await run([...argsFor(port), ...shown()])
        expect([code, output]).toEqual([1, ''])
        expect(errors).toMatch(/bound the token to no certificate/)
      } finally {
        await close(server)
      }
    }
  })

  it('J102 needs both files, which fit', async () => {
    const [certificateFile, ...rest] = shown()
    const other = ['--key-file', put('other.key', authority.issue('other').key)]
    for (const given of [
      [certificateFile, ...rest.slice(0, 1)],
      rest.slice(1),
      [certificateFile, ...rest.slice(0, 1), ...other],
    ]) {
      const { code, output, errors } = await run([...argsFor(1), ...(given as string[])])
      expect([code, output]).toEqual([2, ''])
      expect(errors).toMatch(/go together|is not the key of/)
    }
  })
})

describe('J27 what goes wrong', () => {
  it('is said in the words of the auth host, without the token', async () => {
    const token = world.robot('stranger')
    const { code, output, errors } = await run(['--host', 'wiki.example.com', '--token-file', put('stranger', token)])
    expect([code, output]).toEqual([1, ''])
    expect(errors).toBe('error: invalid_target: the policy gives the subject no token for this host\n')
  })

  it('is never told with a token, even by a server that repeats it', async () => {
    const server = createServer((question, response) => {
      let body = ''
      question.setEncoding('utf8').on('data', chunk => {
        body += chunk
      })
      question.on('end', () => {
        response.statusCode = 400
        response.end(JSON.stringify({ error: 'invalid_request', error_description: `\u001b[2J${body.slice(60)}` }))
      })
    })
    const port = await listen(server)
    const token = world.token()
    const args = [
      '--server',
      `http://127.0.0.1:${port}`,
      '--host',
      'wiki.example.com',
      '--token-file',
      put('token', token),
    ]
    const { code, errors } = await run(args)
    await close(server)
    expect(code).toBe(1)
    for (const part of token.split('.')) expect(errors).not.toContain(part.slice(0, 60))
    expect(errors).not.toContain('\u001b')
  })

  it.each([
    ['no token', ['--token-file', 'missing'], 'missing cannot be read'],
    ['an empty variable', ['--token-env', 'NOTHING'], 'the variable NOTHING is empty'],
    ['a token for a name', ['--token-env', 'eyJhbGciOi.eyJ.x'], '--token-env is the name of a variable'],
    ['both', ['--token-env', 'A', '--token-file', 'b'], 'not both'],
    ['plain http', ['--server', 'http://auth.example.com', '--token-env', 'T'], 'expected https'],
  ])('is a mistake of the command line: %s', async (_, more, message) => {
    const { code, output, errors } = await run(['--host', 'wiki.example.com', ...more], { T: 'x.y.z' })
    expect([code, output]).toEqual([2, ''])
    expect(errors).toContain(message)
    expect(errors).not.toContain('eyJhbGciOi')
  })

  it('is that nobody answers', async () => {
    const args = ['--server', 'http://127.0.0.1:1', '--host', 'wiki.example.com', '--token-env', 'T']
    expect(await run(args, { T: 'x.y.z' })).toMatchObject({
      code: 1,
      errors: expect.stringContaining('no answer from http://127.0.0.1:1'),
    })
  })

  it('is that no host was named: then the help says how', async () => {
    const { code, errors } = await run([])
    expect(code).toBe(2)
    expect(errors).toContain('sallyport token --server https://auth.example.com --host wiki.example.com')
  })
})
