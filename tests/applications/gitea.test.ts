/** Gitea with the lines of docs/applications/gitea.md, behind each real proxy with the files that are printed. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { request as httpRequest } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { parse } from 'yaml'
import type { Child } from '../../cli/demo/child.ts'
import { programOf } from '../../cli/demo/proxies/proxies.ts'
import { printedBlocks } from '../kubernetes/printed-commands.ts'
import { type MadePassword, type PasswordsWorld, startPasswords } from '../passwords/world.ts'
import { freePort, requirePeer } from '../peers.ts'
import { configurationOf, createAdministrator, gitea } from '../products/gitea.ts'
import { requireProduct, run, startProgram, temporaryFolder } from '../products/product.ts'
import { folder, printedFormats, startPrintedFor } from '../proxy-config/printed.ts'

const host = 'git.localhost'
const policy = `
p, anyone,        ${host}, /explore/**, read, -, allow
p, authenticated, ${host}, /**,         *,    -, allow
`
const page = 'applications/gitea'
const printedHosts = printedBlocks(page, 'yaml').join('').replaceAll('git.example.com', host)
const printedSettings = printedBlocks(page, 'ini').join('')
const program = requireProduct(gitea)

type Headers = Readonly<Record<string, string>>

interface Answer {
  readonly status: number
  readonly body: string
}

function ask(port: number, path: string, headers: Headers): Promise<Answer> {
  return new Promise((resolve, reject) => {
    httpRequest({ host: '127.0.0.1', port, path, headers: { host, accept: 'text/html', ...headers } }, answer => {
      text(answer).then(body => resolve({ status: answer.statusCode ?? 0, body }), reject)
    })
      .on('error', reject)
      .end()
  })
}

/** The account that a page of Gitea is shown to; `undefined` for a stranger. */
const accountOf = ({ body }: Answer): string | undefined =>
  /Signed in as <strong>([^<]+)<\/strong>|data-username="([^"]+)"/.exec(body)?.slice(1).find(Boolean)

describe.skipIf(program === undefined)('Gitea as its page says', () => {
  const directory = mkdtempSync(join(tmpdir(), 'sallyport-gitea-page-'))
  const temporary = temporaryFolder('gitea-page')
  let world: PasswordsWorld
  let password: MadePassword
  let token: string
  let giteaPort: number
  let running: { readonly stop: () => Promise<void> }
  const cookies = new Map<string, string>()

  beforeAll(async () => {
    giteaPort = await freePort()
    const configuration = join(temporary.path, 'app.ini')
    const base = configurationOf(program ?? '', temporary.path, { port: giteaPort, url: `http://${host}/` })
    // Sections may stand twice, and are one.
    writeFileSync(configuration, `${base}\n${printedSettings}`)
    const options = { cwd: temporary.path }
    const binary = join(program ?? '', 'gitea')
    const command = (...args: string[]) => run(binary, ['--config', configuration, ...args], options)
    await command('migrate')
    token = await createAdministrator(command)
    const ready = `http://${host}:${giteaPort}/api/healthz`
    running = await startProgram(binary, ['--config', configuration, 'web'], ready, options)
    world = await startPasswords({
      policy,
      conditions: '{}\n',
      hosts: (parse(printedHosts) as { hosts: Readonly<Record<string, unknown>>[] }).hosts,
      settings: { envoy: { listen: '127.0.0.1:0' } },
      provider: {
        refreshTokens: 'rotated',
        configuration: {
          claims: {
            openid: ['sub'],
            profile: ['name', 'preferred_username'],
            email: ['email', 'email_verified'],
            groups: ['groups'],
          },
        },
      },
    })
    world.provider.people.setClaims('alice', { preferred_username: 'a.archer' })
    world.provider.people.setClaims('bob', { preferred_username: 'client:corp/root1' })
    for (const person of ['alice', 'bob'] as const) cookies.set(person, await world.logIn(person, `http://${host}/`))
    password = await world.make('alice', { hosts: [host] })
  })
  afterAll(async () => {
    await world?.close()
    await running?.stop()
    temporary.remove()
    rmSync(directory, { recursive: true, force: true })
  })

  it('believes whoever reaches it past the proxy, which is why nobody else may', async () => {
    expect(accountOf(await ask(giteaPort, '/explore/repos', { 'X-WEBAUTH-USER': 'root1' }))).toBe('root1')
    expect(accountOf(await ask(giteaPort, '/explore/repos', {}))).toBeUndefined()
  })

  describe.each(printedFormats)('behind %s', format => {
    describe.skipIf(requirePeer(programOf(format)) === undefined)('as it is printed', () => {
      let proxy: Child
      let port: number
      beforeAll(async () => {
        port = await freePort()
        const place = { directory: folder(directory, format), world, port, hosts: [`${host}=127.0.0.1:${giteaPort}`] }
        proxy = await startPrintedFor(format, place)
        await vi.waitUntil(
          async () => {
            if (!proxy.isRunning()) throw new Error(proxy.lastLines())
            return (await ask(port, '/explore/repos', {}).catch(() => undefined))?.status === 200
          },
          { timeout: 120_000, interval: 25 },
        )
      })
      afterAll(() => proxy?.stop())
      const as = (person: string, more: Headers = {}) => ({ cookie: cookies.get(person) ?? '', ...more })

      it('makes an account of the first login, with name and address, and nobody types anything', async () => {
        const settings = await ask(port, '/user/settings', as('alice'))
        expect([settings.status, accountOf(settings)]).toEqual([200, 'a.archer'])
        expect(settings.body).toContain('Alice Example')
        expect((await ask(port, '/user/settings/account', as('alice'))).body).toContain('alice@example.com')
      })

      it('H51 is told nobody else, whatever a client says', async () => {
        for (const name of ['X-WEBAUTH-USER', 'x-webauth-user', 'X_WEBAUTH_USER', 'X-WebAuth_User', 'X.WEBAUTH.USER']) {
          const known = await ask(port, '/user/settings', as('alice', { [name]: 'root1' }))
          expect([name, known.status, accountOf(known)]).toEqual([name, 200, 'a.archer'])
          const stranger = await ask(port, '/explore/repos', { [name]: 'root1' })
          expect([name, stranger.status, accountOf(stranger)]).toEqual([name, 200, undefined])
          expect((await ask(port, '/user/settings', { [name]: 'root1' })).status).toBe(302)
        }
      })

      it('lets git in with an application password, as the same person', async () => {
        expect(accountOf(await ask(port, '/explore/repos', as('alice')))).toBe('a.archer')
        // Nobody else may read it.
        const made = await fetch(`http://127.0.0.1:${giteaPort}/api/v1/admin/users/a.archer/repos`, {
          method: 'POST',
          headers: { authorization: `token ${token}`, 'content-type': 'application/json' },
          body: JSON.stringify({ name: format, private: true, auto_init: true }),
        })
        expect(made.status).toBe(201)
        const clone = (user: string, secret: string) => {
          const url = `http://${encodeURIComponent(user)}:${encodeURIComponent(secret)}@${host}:${port}/a.archer/${format}.git`
          const target = join(
            directory,
            `${format}-${user === password.user ? 'own' : 'other'}-${secret === password.text}`,
          )
          const env = { ...process.env, GIT_TERMINAL_PROMPT: '0', GIT_CONFIG_NOSYSTEM: '1', HOME: directory }
          return run('git', ['clone', '--quiet', url, target], { env }).then(() =>
            readFileSync(join(target, 'README.md'), 'utf8'),
          )
        }
        expect(await clone(password.user, password.text)).toContain(format)
        await expect(clone(password.user, `${password.text}x`)).rejects.toThrow(/Authentication failed|401/)
        await expect(clone('root1', password.text)).rejects.toThrow(/Authentication failed|401/)
      })

      it('H55 knows nobody whose name reads as that of a machine', async () => {
        expect(accountOf(await ask(port, '/explore/repos', as('bob')))).toBeUndefined()
      })
    })
  })
})
