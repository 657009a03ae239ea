/** The command line as a person uses it, on files of a directory of its own. */
import { execFile } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { copyAssets } from '../../cli/build-assets.ts'
import { runCli } from '../../cli/program.ts'
import { weaknessOf } from '../../config/checks/weak-secrets.ts'
import { goodSecret, minimal } from './load-text.ts'
import { createTestTerminal } from './test-terminal.ts'

let directory: string
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'sallyport-cli-'))
})
afterEach(() => rmSync(directory, { recursive: true, force: true }))

const put = (name: string, text: string): void => {
  writeFileSync(join(directory, name), text)
  chmodSync(join(directory, name), 0o600)
}

const good = minimal.replace('/run/secrets/oidc', 'oidc-secret').replace('/run/secrets/session', 'session-secret')

function putGood(): void {
  put('sallyport.yaml', good)
  put('oidc-secret', 'issued-by-corp\n')
  put('session-secret', `${goodSecret}\n`)
}

async function run(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const terminal = createTestTerminal({ env, cwd: directory })
  const exitCode = await runCli(args, { version: '1.2.3', terminal })
  return { exitCode, output: terminal.output(), errors: terminal.errors() }
}

describe('config check', () => {
  it('finds ./sallyport.yaml and says that it is valid', async () => {
    putGood()
    expect(await run(['config', 'check'])).toEqual({
      exitCode: 0,
      output: 'The configuration is valid.\n',
      errors: '',
    })
  })

  it('takes --config before SALLYPORT_CONFIG before ./sallyport.yaml', async () => {
    putGood()
    put('other.yaml', good.replace('auth.example.com', 'other.example.com'))
    put('third.yaml', good.replace('auth.example.com', 'third.example.com'))
    const env = { SALLYPORT_CONFIG: 'third.yaml' }
    expect((await run(['config', 'show', '--config', 'other.yaml'], env)).output).toContain('https://other.example.com')
    expect((await run(['config', 'show'], env)).output).toContain('https://third.example.com')
    expect((await run(['config', 'show'])).output).toContain('https://auth.example.com')
  })

  it('reports every mistake at once, with its place, and exits with 2', async () => {
    put('sallyport.yaml', `${good.replace('https://auth', 'http://auth')}polcy: {}\n`)
    put('oidc-secret', 'issued-by-corp\n')
    const { exitCode, output, errors } = await run(['config', 'check'])
    expect(exitCode).toBe(2)
    expect(output).toBe('')
    expect(errors).toContain('The configuration cannot be used: 3 problems.')
    expect(errors).toContain('sallyport.yaml:2:16  server.url  expected an https address')
    expect(errors).toContain('sallyport.yaml:4:25  sessions.secretFile  expected a file that can be read')
    expect(errors).toContain('sallyport.yaml:5:1  polcy  there is no such setting; did you mean "policy"?')
  })

  it('is one document with --json', async () => {
    putGood()
    expect(JSON.parse((await run(['config', 'check', '--json'])).output)).toEqual({
      valid: true,
      problems: [],
      warnings: [],
    })
    put('sallyport.yaml', `${good}log: { level: loud }\n`)
    const { exitCode, output } = await run(['config', 'check', '--json'])
    expect(exitCode).toBe(2)
    expect(JSON.parse(output).problems).toEqual([
      expect.objectContaining({ source: 'sallyport.yaml', line: 5, column: 15, path: 'log.level' }),
    ])
  })

  it('says where to start when there is no configuration at all', async () => {
    const { exitCode, errors } = await run(['config', 'check'])
    expect(exitCode).toBe(2)
    expect(errors).toContain('`sallyport config example` prints one to start from')
  })

  it('warns about secret files that every account can read, and about what a flag allows', async () => {
    putGood()
    put('session-secret', 'short\n')
    chmodSync(join(directory, 'session-secret'), 0o644)
    const { exitCode, errors } = await run(['config', 'check', '--allow-insecure-secret'])
    expect(exitCode).toBe(0)
    expect(errors).toMatch(/warning: sessions\.secretFile: every account of this machine can read .*session-secret/)
    expect(errors).toMatch(/warning: sessions\.secret: the secret has 5 bytes/)
  })
})

describe('no secret is ever shown', () => {
  const clientSecret = 'client-credential-4711'
  const redisPassword = 'redis-credential-0815'
  const secrets = [clientSecret, redisPassword, goodSecret]

  function putEverySecret(form: 'inline' | 'file'): void {
    put('oidc-secret', `${clientSecret}\n`)
    put('session-secret', `${goodSecret}\n`)
    put('redis-url', `rediss://default:${redisPassword}@redis.example.com:6380?password=${redisPassword}\n`)
    const inline = good
      .replace('clientSecretFile: oidc-secret', `clientSecret: ${clientSecret}`)
      .replace(
        'secretFile: session-secret',
        `secret: ${goodSecret}, store: redis, url: 'rediss://default:${redisPassword}@redis.example.com:6380'`,
      )
    const file = good.replace('sessions: {', 'sessions: { store: redis, urlFile: redis-url,')
    put('sallyport.yaml', form === 'inline' ? inline : file)
  }

  it.each([
    ['inline', []],
    ['inline', ['--json']],
    ['file', []],
    ['file', ['--json']],
  ] as const)('config show, secrets given %s %j', async (form, flags) => {
    putEverySecret(form)
    const { exitCode, output, errors } = await run(['config', 'show', ...flags])
    expect(exitCode).toBe(0)
    expect(output).toContain('(redacted)')
    expect(output).toContain('redis.example.com:6380')
    for (const secret of secrets) expect(output + errors).not.toContain(secret)
  })

  it('from the environment', async () => {
    putGood()
    const env = {
      SALLYPORT_SESSIONS_SECRET: goodSecret,
      SALLYPORT_PROVIDERS_0_CLIENT_SECRET: clientSecret,
      SALLYPORT_SESSIONS_STORE: 'redis',
      SALLYPORT_SESSIONS_URL: `rediss://:${redisPassword}@redis.example.com`,
    }
    const { output } = await run(['config', 'show', '--json'], env)
    expect(output).toContain('environment SALLYPORT_SESSIONS_SECRET')
    for (const secret of secrets) expect(output).not.toContain(secret)
  })

  it.each(['serve', 'config check', 'config check --json', 'config show'])(
    '%s, when the secrets are mistakes',
    async command => {
      putEverySecret('inline')
      const env = {
        SALLYPORT_SESSIONS_SECRET: `${redisPassword}\n${clientSecret}`,
        SALLYPORT_SESSIONS_URL: `http://:${redisPassword}@redis.example.com`,
        SALLYPORT_PROVIDERS_0_ISSUER: `https://user:${clientSecret}@idp.example.com`,
        SALLYPORT_SESSION_SECRET: goodSecret,
      }
      const { exitCode, output, errors } = await run(command.split(' '), env)
      expect(exitCode).toBe(2)
      expect(output + errors).toContain('sessions.url')
      for (const secret of secrets) expect(output + errors).not.toContain(secret)
    },
  )
})

describe('config show', () => {
  it('says where every value came from', async () => {
    putGood()
    const { output } = await run(['config', 'show', '--json'], { SALLYPORT_LOG_LEVEL: 'debug' })
    const { settings } = JSON.parse(output) as { settings: { path: string; value: unknown; origin: string }[] }
    const of = (path: string) => settings.find(setting => setting.path === path)
    expect(of('server.url')).toMatchObject({ value: 'https://auth.example.com', origin: 'sallyport.yaml:2:16' })
    expect(of('log.level')).toMatchObject({ value: 'debug', origin: 'environment SALLYPORT_LOG_LEVEL' })
    expect(of('sessions.lifetime')).toMatchObject({ value: '12h', origin: 'default' })
    expect(of('sessions.secret')).toMatchObject({
      value: '(redacted)',
      origin: 'sallyport.yaml:4:25 -> session-secret',
    })
    expect((await run(['config', 'show'])).output).toMatch(
      /^server\.url: https:\/\/auth\.example\.com +# sallyport\.yaml:2:16$/m,
    )
  })
})

describe('the other commands', () => {
  it('secret prints a secret that is accepted, another one each time', async () => {
    const first = (await run(['secret'])).output
    const second = (await run(['secret'])).output
    expect(first).toMatch(/^[A-Za-z0-9_-]{43}\n$/)
    expect(weaknessOf(first.trim())).toBeUndefined()
    expect(second).not.toBe(first)
  })

  it('config example is a configuration, config schema is JSON', async () => {
    put('sallyport.yaml', (await run(['config', 'example'])).output.replaceAll('/run/secrets/', ''))
    put('oidc', 'issued-by-corp')
    put('session', goodSecret)
    expect((await run(['config', 'check'])).exitCode).toBe(0)
    expect(JSON.parse((await run(['config', 'schema'])).output)).toHaveProperty('properties.server')
  })

  it('--version and --help end with 0, the help has examples', async () => {
    expect(await run(['--version'])).toEqual({ exitCode: 0, output: '1.2.3\n', errors: '' })
    for (const args of [['--help'], ['serve', '--help'], ['config', '--help'], ['demo', '--help']]) {
      const { exitCode, output } = await run(args)
      expect(exitCode).toBe(0)
      expect(output).toMatch(/Examples:\n {2}\$ sallyport/)
    }
  })

  it('what people type by habit is understood', async () => {
    for (const args of [['-v'], ['-V']]) expect(await run(args)).toEqual(await run(['--version']))
    expect(await run(['help'])).toEqual(await run(['--help']))
    expect(await run(['help', 'policy', 'explain'])).toEqual(await run(['policy', 'explain', '--help']))
    expect((await run(['help', 'frobnicate'])).exitCode).toBe(2)
    // An option of a command is its own.
    expect((await run(['serve', '-v'])).exitCode).toBe(2)
  })

  it.each([
    [['frobnicate']],
    [['serve', '--frobnicate']],
    [['serve', '--allow-insecure-everything']],
    [['demo', '--proxy', 'apache']],
    [['demo', '--port', '70000']],
    [['demo', '--port', 'many']],
  ])('%j is a mistake of usage: exit code 2 and a sentence', async args => {
    const { exitCode, output, errors } = await run(args)
    expect(exitCode).toBe(2)
    expect(output).toBe('')
    expect(errors).toMatch(/^error: .+/)
  })

  it('docs writes nothing outside a checkout of the project', async () => {
    const { exitCode, errors } = await run(['docs'])
    expect(exitCode).toBe(2)
    expect(errors).toContain('checkout')
    expect(existsSync(join(directory, 'docs'))).toBe(false)
  })

  it('docs --check tells what is out of date, docs mends it', async () => {
    put('package.json', '{ "name": "sallyport" }')
    expect((await run(['docs', '--check'])).exitCode).toBe(1)
    expect(existsSync(join(directory, 'docs'))).toBe(false)
    expect((await run(['docs'])).output).toContain('docs/reference/configuration.md written')
    expect(await run(['docs', '--check'])).toMatchObject({ exitCode: 0 })
  })

  it('serve refuses an insecure setting before anything listens', async () => {
    putGood()
    const { exitCode, errors } = await run(['serve'], { SALLYPORT_ADMIN_LISTEN: '0.0.0.0:0' })
    expect(exitCode).toBe(2)
    expect(errors).toContain('--allow-insecure-admin-listen')
  })
})

describe('the build', () => {
  it('copies what is read at run time, and nothing else', async () => {
    for (const folder of ['app/pages', 'cli', 'rbac']) mkdirSync(join(directory, folder), { recursive: true })
    for (const name of ['rbac/model.conf', 'rbac/policy.csv', 'rbac/policy.ts', 'app/pages/page.css', 'cli/main.ts'])
      put(name, name)
    const copied = await copyAssets(directory, join(directory, 'dist'))
    expect(copied).toEqual(['app/pages/page.css', 'rbac/model.conf', 'rbac/policy.csv'])
    expect(existsSync(join(directory, 'dist/rbac/model.conf'))).toBe(true)
    expect(existsSync(join(directory, 'dist/rbac/policy.ts'))).toBe(false)
  })

  const main = join(import.meta.dirname, '../../dist/cli/main.js')
  if (!existsSync(main)) process.stderr.write('skipped: the built command line; npm run build makes it\n')
  it.skipIf(!existsSync(main))('is executable and answers --help quickly without loading the service', async () => {
    expect(statSync(main).mode & 0o111).toBe(0o111)
    const { stdout } = await promisify(execFile)(main, ['--help'])
    expect(stdout).toContain('Usage: sallyport')
    await expect(promisify(execFile)(main, ['config', 'check'], { cwd: directory })).rejects.toMatchObject({ code: 2 })
  })

  it.skipIf(!existsSync(main))('refuses to start with a broken policy: exit code 2, with file and line', async () => {
    putGood()
    mkdirSync(join(directory, 'policy'))
    put('policy/wiki.csv', 'p, group:ops, wiki.example.com, /a, read, -, allow\np, group:ops, wiki.example.com\n')
    const env = { ...process.env, SALLYPORT_SERVER_LISTEN: '127.0.0.1:0', SALLYPORT_ADMIN_LISTEN: '127.0.0.1:0' }
    const options = { cwd: directory, env, timeout: 120_000 }
    await expect(promisify(execFile)(main, ['serve'], options)).rejects.toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/The policy cannot be used: one problem\.\nwiki\.csv:2:\d+ {2}\S/),
    })
  })
})
