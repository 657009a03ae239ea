/** `sallyport init`: what it writes starts, and what it does not like writes nothing. */
import { spawn } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { Ask } from '../../cli/init/ask.ts'
import { proxies } from '../../cli/init/questions.ts'
import { runInit } from '../../cli/init/run.ts'
import { loadChosenConfig } from '../../cli/load-config.ts'
import { createTestTerminal } from '../config/test-terminal.ts'
import { cli, runCommand } from '../lifecycle/process.ts'
import { endProcess, freePort } from '../peers.ts'

const whole = {
  url: 'https://auth.example.com',
  issuer: 'https://idp.example.com',
  host: 'wiki.example.com=127.0.0.1:8080',
}
const secret = 'hush-hush-4711'

let root: string
let cwd: string
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'sallyport-init-test-'))
})
afterAll(() => rmSync(root, { recursive: true, force: true }))
beforeEach(() => {
  cwd = mkdtempSync(join(root, 'folder-'))
})

const written = (): readonly string[] =>
  readdirSync(cwd, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile())
    .map(entry => join(entry.parentPath, entry.name).slice(cwd.length + 1))
    .sort()
const modeOf = (path: string): string => (statSync(join(cwd, path)).mode & 0o777).toString(8)

async function init(choice: Readonly<Record<string, string>>, ask?: Ask) {
  const terminal = createTestTerminal({ cwd, env: { SALLYPORT_SERVER_URL: 'not an address' } })
  const code = await runInit(choice, terminal, ask)
  return { code, output: terminal.output(), errors: terminal.errors() }
}

/** What is asked gets these answers, in this order. */
function answering(...answers: readonly string[]) {
  const asked: { readonly text: string; readonly isSecret: boolean }[] = []
  const left = [...answers]
  const ask: Ask = async (text, { isSecret }) => {
    asked.push({ text, isSecret })
    return left.shift() ?? expect.unreachable(`nobody answers ${text}`)
  }
  return { ask, asked, left }
}

describe('with options', () => {
  it.each(proxies)('writes what starts, with files for %s', async proxy => {
    const { code, output, errors } = await init({ ...whole, proxy })
    expect([code, errors]).toEqual([0, ''])
    const own = [
      'policy/conditions.yaml',
      'policy/first.test.yaml',
      'policy/policy.csv',
      'sallyport.yaml',
      'session.secret',
    ]
    expect(written().filter(path => !path.startsWith('proxy/'))).toEqual(own)
    expect(written().some(path => path.startsWith('proxy/'))).toBe(true)
    expect(modeOf('session.secret')).toBe('600')
    for (const path of written()) expect(output).toContain(join(cwd, path))
    expect(output).toContain('https://auth.example.com/callback/corp')
    expect(output).toContain(`put the secret of the client into ${join(cwd, 'oidc.secret')}`)
    writeFileSync(join(cwd, 'oidc.secret'), secret, { mode: 0o600 })
    const { config } = loadChosenConfig({ allowInsecure: new Set() }, createTestTerminal({ cwd }))
    expect(config.providers).toMatchObject([{ name: 'corp', issuer: whole.issuer, clientId: 'sallyport' }])
  })

  it('what it says prints the files of the proxy prints the same again', async () => {
    const { output } = await init({ ...whole, proxy: 'nginx' })
    writeFileSync(join(cwd, 'oidc.secret'), secret, { mode: 0o600 })
    const [, again = ''] = /printed again by\s+sallyport (.*)\n/.exec(output) ?? []
    const before = written().map(path => readFileSync(join(cwd, path), 'utf8'))
    const { status, stderr } = await runCommand([...again.split(' '), '--config', join(cwd, 'sallyport.yaml')])
    expect([status, stderr]).toEqual([0, ''])
    expect(written().map(path => readFileSync(join(cwd, path), 'utf8'))).toEqual(before)
  })

  it('serve starts with it: nobody is let in, and everybody is sent to log in', async () => {
    const [port, adminPort] = [await freePort(), await freePort()]
    await init({
      ...whole,
      url: `http://auth.localhost:${port}`,
      issuer: 'http://idp.localhost:9',
      host: 'wiki.localhost=127.0.0.1:1',
    })
    writeFileSync(join(cwd, 'oidc.secret'), secret, { mode: 0o600 })
    const env = {
      ...process.env,
      SALLYPORT_SERVER_LISTEN: `127.0.0.1:${port}`,
      SALLYPORT_ADMIN_LISTEN: `127.0.0.1:${adminPort}`,
    }
    const child = spawn(process.execPath, [cli, 'serve'], { cwd, env, stdio: ['ignore', 'ignore', 'pipe'] })
    let log = ''
    child.stderr.on('data', chunk => {
      log += chunk
    })
    try {
      await expect.poll(() => log, { timeout: 60_000 }).toContain('"msg":"listening"')
      const headers = {
        accept: 'text/html',
        'x-original-method': 'GET',
        'x-original-url': `http://wiki.localhost:${port}/`,
      }
      const answer = await fetch(`http://127.0.0.1:${port}/verify/auth-request`, { headers, redirect: 'manual' })
      expect(answer.status).toBe(401)
      expect(answer.headers.get('location')).toContain(`http://auth.localhost:${port}/login?rd=`)
    } finally {
      await endProcess(child)
    }
  })

  it('says what is left to do for the file of the secret: nothing, or a chmod', async () => {
    const file = join(root, 'open.secret')
    writeFileSync(file, secret, { mode: 0o644 })
    const { output } = await init({ ...whole, clientSecretFile: file })
    expect(output).toContain(`chmod 600 ${file}`)
    expect(output).not.toContain('put the secret')
  })

  it('the secret of the client may stand elsewhere', async () => {
    const file = join(root, 'elsewhere.secret')
    writeFileSync(file, secret, { mode: 0o600 })
    const { code, output } = await init({ ...whole, directory: 'below', clientSecretFile: '../elsewhere.secret' })
    expect(code).toBe(0)
    expect(output).not.toContain('secret of the client')
    const choice = { config: 'below/sallyport.yaml', allowInsecure: new Set<never>() }
    const { config } = loadChosenConfig(choice, createTestTerminal({ cwd }))
    expect(config.providers[0]).toMatchObject({ clientSecret: secret })
  })
})

describe('with --listen', () => {
  const listen = 'unix:/run/sallyport/check.sock'

  it.each(['nginx', 'caddy', 'haproxy', 'envoy'])(
    'has a socket, no port, and files for %s that ask there',
    async proxy => {
      const { code, output, errors } = await init({ ...whole, proxy, listen })
      expect([code, errors]).toEqual([0, ''])
      writeFileSync(join(cwd, 'oidc.secret'), secret, { mode: 0o600 })
      const { config } = loadChosenConfig({ allowInsecure: new Set() }, createTestTerminal({ cwd }))
      expect(config.server.listen).toMatchObject({ socket: '/run/sallyport/check.sock' })
      expect(config.admin.listen).toMatchObject({ socket: '/run/sallyport/admin.sock' })
      const files = written().filter(path => path.startsWith('proxy/'))
      const text = files.map(path => readFileSync(join(cwd, path), 'utf8')).join('')
      expect(text).toContain('/run/sallyport/check.sock')
      expect(text).not.toContain('9180')
      expect(output).toContain('have the folder /run/sallyport')
    },
  )

  it('has another port, where the proxy asks', async () => {
    expect((await init({ ...whole, listen: '127.0.0.1:9280' })).code).toBe(0)
    expect(readFileSync(join(cwd, 'sallyport.yaml'), 'utf8')).toContain('  listen: 127.0.0.1:9280\n')
    expect(readFileSync(join(cwd, 'proxy', 'sallyport.conf'), 'utf8')).toContain('127.0.0.1:9280')
  })

  it.each([
    ['unix:check.sock', /--listen "unix:check.sock": .*whole path/],
    ['somewhere', /--listen "somewhere": expected host:port/],
  ])('refuses %s, and writes nothing', async (text, why) => {
    const { code, errors } = await init({ ...whole, listen: text })
    expect([code, errors]).toEqual([2, expect.stringMatching(why)])
    expect(written()).toEqual([])
  })

  it('refuses a socket before Traefik, which cannot ask there', async () => {
    const { code, errors } = await init({ ...whole, proxy: 'traefik', listen })
    expect([code, errors]).toEqual([2, expect.stringContaining('a Unix socket, which this proxy cannot ask')])
    expect(written()).toEqual([])
  })
})

describe('at a terminal', () => {
  it('asks what no option says, and again what cannot be used', async () => {
    const { ask, asked, left } = answering(
      'http://example.com',
      'https://auth.example.com/login',
      whole.url,
      'idp',
      whole.issuer,
      '',
      secret,
      'auth.example.com=127.0.0.1:8080',
      'wiki.example.com',
      whole.host,
      'apache',
      'HAProxy',
      'site.pem',
      '/etc/haproxy/site.pem',
      '/etc/haproxy/other.key',
      '',
    )
    const { code, output, errors } = await init({}, ask)
    expect([code, left]).toEqual([0, []])
    expect(errors.trim().split('\n')).toEqual([
      expect.stringContaining('https'),
      expect.stringContaining('path'),
      expect.stringContaining('https://'),
      expect.stringContaining('people log in at this host'),
      expect.stringContaining('say where it listens'),
      expect.stringContaining('there are nginx, traefik'),
      expect.stringContaining('whole path'),
      expect.stringContaining('/etc/haproxy/site.pem.key'),
    ])
    expect(asked.filter(({ isSecret }) => isSecret)).toHaveLength(1)
    expect(modeOf('oidc.secret')).toBe('600')
    expect(readFileSync(join(cwd, 'oidc.secret'), 'utf8')).toBe(`${secret}\n`)
    expect(output + errors).not.toContain(secret)
    expect(readFileSync(join(cwd, 'sallyport.yaml'), 'utf8')).not.toContain(secret)
    expect(output).toContain('--tls-certificate /etc/haproxy/site.pem --tls-key /etc/haproxy/site.pem.key')
  })

  it('asks for no certificate where nothing needs one', async () => {
    const { ask, asked } = answering('')
    expect((await init({ ...whole, proxy: 'caddy', clientId: 'us' }, ask)).code).toBe(0)
    expect(asked.map(({ isSecret }) => isSecret)).toEqual([true])
  })

  it('whoever goes away has written nothing', async () => {
    const gone: Ask = () =>
      Promise.reject(Object.assign(new Error('aborted'), { name: 'AbortError', code: 'ABORT_ERR' }))
    expect(await init({}, gone)).toEqual({ code: 1, output: '', errors: '\nnothing was written\n' })
    expect(written()).toEqual([])
  })
})

describe('writes nothing', () => {
  it.each([
    ['where nobody can be asked', { url: whole.url }, /--issuer https.*\n.*--host wiki/],
    ['for a host that people log in at', { ...whole, host: 'auth.example.com=127.0.0.1:1' }, /--host .*people log in/],
    ['for a pattern of hosts', { ...whole, host: '*.example.com=127.0.0.1:1' }, /--host .*host name/],
    ['for an address without TLS', { ...whole, issuer: 'http://idp.example.com' }, /--issuer .*https/],
    ['for a client id of two lines', { ...whole, clientId: 'a\nb: c' }, /--client-id .*printable/],
    ['for a public suffix', { ...whole, url: 'https://co.uk' }, /public suffix/],
    ['for a folder that no proxy can be told', { ...whole, directory: 'a b;c' }, /cannot stand in files of a proxy/],
  ])('%s', async (_why, choice, message) => {
    const { code, errors } = await init(choice)
    expect(code).toBe(2)
    expect(errors).toMatch(message)
    expect(errors).toContain('nothing was written')
    expect(written()).toEqual([])
  })

  it('where one of the files is there, whatever it is', async () => {
    writeFileSync(join(cwd, 'session.secret'), 'mine')
    const { code, errors } = await init(whole)
    expect(code).toBe(1)
    expect(errors).toContain(`${join(cwd, 'session.secret')} is there`)
    expect(written()).toEqual(['session.secret'])
    expect(readFileSync(join(cwd, 'session.secret'), 'utf8')).toBe('mine')
  })

  it('where the folder is a file', async () => {
    writeFileSync(join(cwd, 'folder'), 'mine')
    const { code, errors } = await init({ ...whole, directory: 'folder' })
    expect(code).toBe(1)
    expect(errors).toContain('ENOTDIR')
    expect(written()).toEqual(['folder'])
  })
})
