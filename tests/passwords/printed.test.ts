/** What docs/machines.md prints for a legacy client, run as it is printed: git and curl, through a real NGINX. */
import { execFile } from 'node:child_process'
import { appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import type { IncomingHttpHeaders } from 'node:http'
import { tmpdir } from 'node:os'
import { join, normalize } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { type Edge, hasEdge, printedBlock, startEdge } from '../machines/edge.ts'
import { requirePeer } from '../peers.ts'
import { basicOf, type MadePassword, type PasswordsWorld, post, startPasswords } from './world.ts'

const policy = `
p, group:ops,     wiki.example.com, /wiki.git/**, read, -, allow
p, authenticated, wiki.example.com, /pages/**,    read, -, allow
p, authenticated, payroll.example.com, /**,      read, -, allow
p, anyone,        wiki.example.com, /public/**,   read, -, allow
`

const run = promisify(execFile)

describe.skipIf(!hasEdge() || requirePeer('git') === undefined)('what the page prints for a legacy client', () => {
  const directory = mkdtempSync(join(tmpdir(), 'sallyport-git-'))
  const received: IncomingHttpHeaders[] = []
  let world: PasswordsWorld
  let edge: Edge
  let alice: MadePassword & { readonly browser: Parameters<typeof post>[1] }

  beforeAll(async () => {
    await makeRepository(directory)
    const settings = parse(printedBlock('A legacy client', 'yaml')) as { hosts: Record<string, unknown>[] }
    world = await startPasswords({ policy, ...settings })
    alice = await world.make('alice', { hosts: ['wiki.example.com'] })
    edge = await startEdge({ service: world.port }, ({ headers, url = '/' }, response) => {
      received.push(headers)
      const { 'remote-user': user, authorization } = headers
      const file = join(directory, normalize(new URL(url, 'http://wiki').pathname))
      if (url.startsWith('/wiki.git/')) return void serve(file, response)
      response.end(
        JSON.stringify({ user, authorization, hasAssertion: headers['x-sallyport-assertion'] !== undefined }),
      )
    })
    writeFileSync(
      join(edge.home, '.gitconfig'),
      `[http]\n  sslCAInfo = ${join(edge.home, 'ca.pem')}\n  curloptResolve = wiki.example.com:${edge.port}:127.0.0.1\n` +
        `[url "https://wiki.example.com:${edge.port}/"]\n  insteadOf = https://wiki.example.com/\n`,
    )
  })
  afterAll(async () => {
    await edge?.close()
    await world?.close()
    rmSync(directory, { recursive: true, force: true })
  })

  const script = () => printedBlock('A legacy client', 'sh')
  const inEnvironment = ({ user, text: password }: MadePassword) => ({ user, password, GIT_TERMINAL_PROMPT: '0' })

  it('J41 lets git and curl in, and the application gets who it is and not the password', async () => {
    received.length = 0
    expect(await edge.see(script(), inEnvironment(alice))).toEqual({ user: 'alice', hasAssertion: true })
    expect(readFileSync(join(edge.home, 'wiki/README.md'), 'utf8')).toBe('The wiki.\n')
    expect(received.length).toBeGreaterThan(2)
    for (const headers of received) expect(JSON.stringify(headers)).not.toContain(basicOf(alice).slice(6))
    expect(received.map(({ authorization }) => authorization)).toEqual(received.map(() => undefined))
  })

  it('says to a program what it wants, to a browser where to log in, and to neither what is not theirs', async () => {
    const ask = async (more: string) =>
      (await edge.run(`curl -sS -o /dev/null -w '%{http_code} %header{www-authenticate} %header{location}' ${more}`))
        .stdout
    expect(await ask('https://wiki.example.com/pages/')).toMatch(
      /^401 Basic realm="wiki.example.com", charset="UTF-8" http/,
    )
    const browser = "-H 'Accept: text/html' -H 'Sec-Fetch-Mode: navigate' https://wiki.example.com/pages/"
    expect(await ask(browser)).toMatch(/^302 {2}http:\/\/auth\.localhost:\d+\/login\?rd=/)
    expect(await ask('https://payroll.example.com/')).toMatch(/^401 {2}http/)
    expect(await ask('-u mallory:guessed https://wiki.example.com/pages/')).toMatch(/^401 Basic realm=/)
    expect(await ask('--netrc https://wiki.example.com/nowhere')).toMatch(/^403 /)
  })

  it('is refused by NGINX, too, once it is revoked', async () => {
    await post(world, alice.browser, '/session/passwords/revoke', [['password', alice.handle]])
    const { code, stderr } = await edge.run('git ls-remote https://wiki.example.com/wiki.git', {
      GIT_TERMINAL_PROMPT: '0',
    })
    expect(code).not.toBe(0)
    expect(stderr).toMatch(/Authentication failed|could not read Username/)
    expect((await edge.run('curl -fsS --netrc https://wiki.example.com/pages/')).stderr).toContain('error: 401')
  })
})

/** As a server without git has it. */
async function makeRepository(directory: string): Promise<void> {
  const work = join(directory, 'work')
  const env = { ...process.env, HOME: directory, GIT_CONFIG_NOSYSTEM: '1' }
  const git = (...args: string[]) =>
    run('git', ['-c', 'user.name=Alice', '-c', 'user.email=alice@example.com', ...args], { env })
  await git('init', '-q', work)
  appendFileSync(join(work, 'README.md'), 'The wiki.\n')
  await git('-C', work, 'add', '.')
  await git('-C', work, 'commit', '-qm', 'the first page')
  await git('clone', '-q', '--bare', work, join(directory, 'wiki.git'))
  await git('-C', join(directory, 'wiki.git'), 'update-server-info')
}

function serve(
  file: string,
  response: { writeHead(status: number): { end(): unknown }; end(bytes: Buffer): unknown },
): void {
  if (existsSync(file)) response.end(readFileSync(file))
  else response.writeHead(404).end()
}
