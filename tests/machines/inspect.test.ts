/** `sallyport token inspect`: everything that is wrong with a token, offline, and nothing that the service would not say. */
import { execFile } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { tokenRefusals } from '../../app/identity/token/refusal.ts'
import { runCli } from '../../cli/program.ts'
import { builtCommandLine } from '../built-command-line.ts'
import { createAuthority } from '../certificates.ts'
import { goodSecret } from '../config/load-text.ts'
import { createTestTerminal } from '../config/test-terminal.ts'
import { createSigningIssuer, deployer, nowSeconds, type TokenOptions } from '../identity/token-issuer.ts'
import { requirePeer } from '../peers.ts'
import { close, listen } from '../provider.ts'

const cluster = createSigningIssuer('https://kubernetes.default.svc', deployer)
const idp = createSigningIssuer('https://idp.example.com', { sub: 'alice', client_id: 'cli', groups: ['ops'] })
const at = ['--at', String(nowSeconds)]

let cwd: string
let port: number
const authority = createAuthority('keys of tests')
const remote = createServer()
let elsewhere: ReturnType<typeof createSigningIssuer>

beforeAll(async () => {
  cwd = mkdtempSync(join(tmpdir(), 'sallyport-inspect-'))
  const { certificate: cert, key } = authority.issue('keys', ['IP:127.0.0.1'])
  remote.setSecureContext({ cert, key })
  remote.on('request', (_question, response) => response.end(JSON.stringify(elsewhere.jwks())))
  port = await listen(remote)
  elsewhere = createSigningIssuer(`https://127.0.0.1:${port}`, { sub: 'robot' })
  put('session-secret', goodSecret)
  put('oidc-secret', 'of a test\n')
  put('keys-ca.pem', authority.certificate)
  put('prod.json', JSON.stringify(cluster.jwks()))
  put('idp.json', JSON.stringify(idp.jwks()))
  mkdirSync(join(cwd, 'policy'))
  put(
    'policy/rows.csv',
    'p, service-account:prod/ci/deployer, wiki.example.com, /deploy/**, *, -, allow\np, group:ops, wiki.example.com, /**, read, -, allow\n',
  )
  const machine = { audience: 'sallyport' }
  put(
    'sallyport.yaml',
    JSON.stringify({
      server: { url: 'https://auth.example.com' },
      sessions: { store: 'lmdb', path: './data', secretFile: 'session-secret' },
      policy: { directory: './policy' },
      providers: [{ name: 'corp', issuer: idp.issuer, clientId: 'web', clientSecretFile: 'oidc-secret' }],
      machines: {
        exchange: {},
        issuers: [
          { name: 'prod', kind: 'kubernetes', issuer: cluster.issuer, jwksFile: 'prod.json', ...machine },
          { name: 'corp', kind: 'openid', issuer: idp.issuer, jwksFile: 'idp.json', provider: 'corp', ...machine },
          {
            name: 'far',
            kind: 'generic',
            issuer: elsewhere.issuer,
            caFile: 'keys-ca.pem',
            jwksUri: `${elsewhere.issuer}/k`,
            ...machine,
          },
        ],
      },
      hosts: [
        { host: 'wiki.example.com', bearerFrom: ['prod', 'corp'] },
        { host: 'payroll.example.com', bearerFrom: ['prod'], bearerAudience: 'payroll' },
        { host: 'strict.example.com', bearerFrom: ['corp'], maxAge: '1h' },
        { host: 'own.example.com', bearerFrom: ['prod'], bearerHeader: 'X-Machine-Token' },
      ],
    }),
  )
})
afterAll(async () => {
  await close(remote)
  authority.close()
  rmSync(cwd, { recursive: true, force: true })
})

it('takes a configuration that is insecure by the flag of the service, and none without; so does policy explain', async () => {
  const text = readFileSync(join(cwd, 'sallyport.yaml'), 'utf8')
  put('plain.yaml', text.replace('https://auth.example.com', 'http://auth.example.com'))
  put('token', `${cluster.token()}\n`)
  const explain = ['policy', 'explain', '--anonymous', '--url', 'https://wiki.example.com/']
  const flag = '--allow-insecure-http-url'
  for (const command of [['token', 'inspect', 'token', ...at], explain]) {
    const [refused, taken] = [createTestTerminal({ cwd }), createTestTerminal({ cwd })]
    expect(await runCli([...command, '--config', 'plain.yaml'], { version: '0', terminal: refused })).toBe(2)
    expect(refused.errors()).toContain(flag)
    const code = await runCli([...command, '--config', 'plain.yaml', flag], { version: '0', terminal: taken })
    expect([code === 2, taken.errors()]).toEqual([false, ''])
  }
})

function put(name: string, text: string): void {
  writeFileSync(join(cwd, name), text)
  chmodSync(join(cwd, name), 0o600)
}

async function run(...args: readonly string[]) {
  const terminal = createTestTerminal({ cwd })
  const exitCode = await runCli(['token', 'inspect', ...args], { version: '0', terminal })
  return { exitCode, output: terminal.output(), errors: terminal.errors() }
}

async function inspect(token: string, ...args: readonly string[]) {
  put('token', `${token}\n`)
  const { exitCode, output } = await run('token', '--json', ...at, ...args)
  const answer = JSON.parse(output)
  return { exitCode, answer, reasons: answer.reasons.map(({ reason }: { reason: string }) => reason) }
}

const wiki = ['--host', 'wiki.example.com']
const person = (claims: object = {}, options: TokenOptions = {}) =>
  idp.token(claims, { header: { typ: 'at+jwt' }, ...options })

describe('a token of this service', () => {
  it('is known to the running service alone', async () => {
    const own = createSigningIssuer('https://auth.example.com/token', { sub: 'robot' })
    for (const host of [[], wiki]) {
      const { exitCode, answer, reasons } = await inspect(own.token({}, { header: { typ: 'at+jwt' } }), ...host)
      expect([exitCode, answer.verdict, reasons]).toEqual([1, 'unknown', ['own']])
    }
    const { reasons } = await inspect(createSigningIssuer('https://auth.example.com', { sub: 'robot' }).token())
    expect(reasons).toContain('issuer')
  })
})

describe('a token that counts', () => {
  it('is shown with whom it stands for, how long it lives and where it is taken', async () => {
    put('token', cluster.token())
    const { exitCode, output } = await run('token', ...wiki, ...at)
    expect(exitCode).toBe(0)
    expect(output).toBe(
      `${[
        'accepted  It counts.',
        '',
        '  header    {"alg":"ES256","kid":"first"}',
        '  claims    "iss": "https://kubernetes.default.svc"',
        '            "aud": "sallyport"',
        '            "jti": "id-1"',
        '            "iat": 1767323035  (2026-01-02T03:03:55.000Z)',
        '            "nbf": 1767323035  (2026-01-02T03:03:55.000Z)',
        '            "exp": 1767323645  (2026-01-02T03:14:05.000Z)',
        '            "sub": "system:serviceaccount:ci:deployer"',
        `            "kubernetes.io": ${JSON.stringify(deployer['kubernetes.io'])}`,
        '  lives     for 10 min more; it was made for 10 min',
        '  issuer    prod (kubernetes)',
        '  host      wiki.example.com, which takes tokens of prod, corp',
        '  stands for service-account:prod/ci/deployer',
      ].join('\n')}\n`,
    )
  })

  it('is judged as the host takes it: its audience, its header, the age of logins', async () => {
    expect((await inspect(cluster.token(), '--host', 'PAYROLL.example.com')).reasons).toEqual(['audience'])
    expect((await inspect(cluster.token({ aud: 'payroll' }), '--host', 'payroll.example.com')).exitCode).toBe(0)
    expect((await inspect(cluster.token(), '--host', 'own.example.com')).exitCode).toBe(0)
    const old = person({ auth_time: nowSeconds - 3_601 })
    expect((await inspect(old, '--host', 'strict.example.com')).reasons).toEqual(['session-too-old'])
    expect((await inspect(person({ auth_time: nowSeconds - 9 }), '--host', 'strict.example.com')).exitCode).toBe(0)
  })

  it('without a host counts where any host takes it, and says which do', async () => {
    const { exitCode, answer } = await inspect(cluster.token())
    expect(exitCode).toBe(0)
    expect(answer.takenOn).toEqual(['wiki.example.com', 'payroll.example.com', 'own.example.com'])
  })
})

describe('a token that lets nobody in', () => {
  it('is told everything that is wrong with it, in the words of the service, and whom it would stand for', async () => {
    const wrong = cluster.token(
      { aud: ['other'], iat: nowSeconds - 200_000, nbf: undefined, exp: nowSeconds - 60, cnf: { jkt: 'x' } },
      { header: { typ: 'at+jwt' }, key: createOtherKey() },
    )
    const { exitCode, answer, reasons } = await inspect(wrong, ...wiki)
    expect(exitCode).toBe(1)
    expect(reasons).toEqual(['audience', 'expired', 'lifetime', 'type', 'bound', 'signature'])
    const sentences: string[] = answer.reasons.map(({ message }: { message: string }) => message)
    for (const [index, reason] of (reasons as (keyof typeof tokenRefusals)[]).entries()) {
      expect(sentences[index]?.startsWith(tokenRefusals[reason])).toBe(true)
    }
    expect(answer.names).toEqual(['service-account:prod/ci/deployer'])
    expect(answer.expiresInSeconds).toBe(-60)
  })

  it.each([
    ['no token', () => 'garbage', ['form']],
    ['a stranger’s', () => createSigningIssuer('https://evil.example').token(), ['issuer']],
    ['an issuer that another host takes', () => elsewhere.token(), ['issuer']],
    ['a slash too many', () => cluster.token({ iss: `${cluster.issuer}/` }), ['issuer']],
    ['a key that is not there', () => cluster.token({}, { header: { kid: '../x' } }), ['key']],
    ['alg none', () => cluster.token({}, { header: { alg: 'none' } }), ['algorithm']],
    ['an ID token', () => idp.token({ nonce: 'n' }), ['identity-token']],
    ['no groups', () => person({ groups: undefined }), ['groups']],
    ['exp as text', () => cluster.token({ exp: `${nowSeconds + 60}` }), ['claim']],
    ['from the future', () => cluster.token({ iat: nowSeconds + 90, nbf: nowSeconds + 90 }), ['not-yet']],
    ['names twice', () => cluster.token({}, { text: '{"iss":"a","iss":"b"}' }), ['duplicate']],
  ])('for %s', async (_what, token, expected) => {
    const { exitCode, reasons } = await inspect(token(), ...wiki)
    expect([exitCode, reasons]).toEqual([1, expected])
  })

  it('is refused on a host that takes none', async () => {
    const { exitCode, reasons } = await inspect(cluster.token(), '--host', 'shop.example.com')
    expect([exitCode, reasons]).toEqual([1, ['host']])
  })
})

describe.skipIf(requirePeer('openssl') === undefined)('keys on another machine', () => {
  it('are not asked for, and a token that nobody can check does not pass', async () => {
    const { exitCode, answer, reasons } = await inspect(elsewhere.token())
    expect([exitCode, answer.verdict, reasons]).toEqual([1, 'unknown', ['keys']])
    expect(answer.reasons[0].message).toContain('--online')
    expect((await inspect(elsewhere.token({ aud: 'other' }))).reasons).toEqual(['audience', 'keys'])
  })

  it('are read with --online, as the service reads them', async () => {
    expect((await inspect(elsewhere.token(), '--online')).exitCode).toBe(0)
    const forged = elsewhere.token({}, { key: createOtherKey() })
    expect((await inspect(forged, '--online')).reasons).toEqual(['signature'])
  })
})

describe('with an address', () => {
  const deploy = ['--url', 'https://wiki.example.com/deploy/now', '--method', 'POST']

  it('says which row decides, and passes when that one allows', async () => {
    const { exitCode, answer } = await inspect(cluster.token(), ...deploy)
    expect(exitCode).toBe(0)
    expect(answer.policy.decision).toMatchObject({ effect: 'allow', rule: 'rows.csv:1' })
    const denied = await inspect(cluster.token(), '--url', 'https://wiki.example.com/admin/')
    expect([denied.exitCode, denied.answer.verdict]).toEqual([1, 'accepted'])
    expect(denied.answer.policy.decision).toMatchObject({ effect: 'deny', reason: 'no-rule-matched' })
  })

  it('says it of a token that does not count as well, and does not pass', async () => {
    put('token', cluster.token({ exp: nowSeconds - 60 }))
    const { exitCode, output } = await run('token', ...at, ...deploy)
    expect(exitCode).toBe(1)
    expect(output).toContain('The policy is not asked for such a token. If it counted:\nallow  POST wiki.example.com')
  })
})

describe('the token itself', () => {
  it('J43 is taken from no command line, and shown by no answer and no error', async () => {
    const token = cluster.token()
    const [head, body, signature] = token.split('.')
    const answers = [await run(token, ...at), await run(`Bearer ${token}`, ...at)]
    for (const { exitCode } of answers) expect(exitCode).toBe(2)
    for (const [text, more] of [
      [token, []],
      [token, ['--json']],
      [`x${token}`, []],
      [token.slice(0, -4), ['--json']],
    ] as const) {
      put('token', text)
      answers.push(await run('token', ...at, ...wiki, ...more))
    }
    for (const { output, errors } of answers) {
      for (const part of [head, body, signature]) expect(output + errors).not.toContain(part?.slice(1, -4))
    }
  })

  it('is shown with no character that a terminal would obey', async () => {
    put('token', cluster.token({ jti: '\u001b[2J\u202e' }))
    const { output } = await run('token', ...at)
    expect(output).toContain('\\u001b[2J\\u202e')
  })

  it.each([
    ['a file that is not there', ['nowhere'], 'nowhere cannot be read'],
    ['an empty one', ['empty'], 'there is no token'],
    [
      'two hosts',
      ['token', '--host', 'a.example.com', '--url', 'https://b.example.com/'],
      '--host is not that of --url',
    ],
    ['a method alone', ['token', '--method', 'POST'], '--method goes with --url'],
    ['no host', ['token', '--host', 'a b'], '--host: '],
  ])('%s is a mistake of the command line', async (_what, args, message) => {
    put('empty', ' \n')
    put('token', cluster.token())
    const { exitCode, errors } = await run(...args)
    expect([exitCode, errors]).toEqual([2, expect.stringContaining(message)])
  })

  it('comes by standard input as well', async () => {
    const main = builtCommandLine()
    const answer = await new Promise<{ code: number | null; output: string }>(resolve => {
      const child = execFile('node', [main, 'token', 'inspect', '--json', ...at, ...wiki], { cwd }, (_error, output) =>
        resolve({ code: child.exitCode, output }),
      )
      child.stdin?.end(`${cluster.token()}\n`)
    })
    expect(answer.code).toBe(0)
    expect(JSON.parse(answer.output)).toMatchObject({ verdict: 'accepted' })
  })
})

function createOtherKey() {
  return generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
}
