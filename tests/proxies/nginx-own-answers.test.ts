/** What NGINX refuses by itself stays its own, what the check refuses stays ours, and somebody who meets neither is told so. */
import { createHash } from 'node:crypto'
import { chmodSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { navigation } from '../../cli/demo/browser.ts'
import { freePort } from '../../cli/demo/ports.ts'
import { type Stack, startStack } from '../../cli/demo/stack.ts'
import { requirePeer } from '../peers.ts'
import { close, listen } from '../provider.ts'
import { policyDirectory } from './suite.ts'
import { createWorld, type World } from './world.ts'

const root = join(import.meta.dirname, '../..')

/** Locations of an operator's own, in the site of the wiki. */
const locations = (files: string) => `
  location /closed/ { include sallyport-location.conf; deny all; }
  location /files/ { include sallyport-location.conf; root ${files}; }
  location /intercepted/ { include sallyport-location.conf; proxy_intercept_errors on; proxy_pass http://\${WIKI_ADDRESS}; }
  location /locked/ { include sallyport-location.conf; auth_basic "the vault"; auth_basic_user_file ${files}/nobody; root ${files}; }
`

/** The same with pages of the operator's own. */
const ownPages = (files: string) => `
  error_page 401 403 500 /own-page.html;
  location = /own-page.html { internal; root ${files}; }
`

/** One that is down and asked first each time: the status of a check is then that of each attempt, `502, 403`. */
function addReplica(path: string): void {
  const server = /server (\$\{AUTH_ADDRESS\});/
  const text = readFileSync(path, 'utf8')
  expect(text).toMatch(server)
  writeFileSync(path, text.replace(server, 'server 127.0.0.1:9 max_fails=0;\n  server $1 max_fails=0;'))
}

describe.skipIf(requirePeer('nginx') === undefined).each(['plain', 'with pages of the server'] as const)(
  'NGINX with locations of an operator, %s',
  flavour => {
    const directory = mkdtempSync(join(tmpdir(), 'sallyport-nginx-own-'))
    const files = join(directory, 'files')
    const hasPages = flavour !== 'plain'
    let application: Server
    let stack: Stack
    let world: World

    beforeAll(async () => {
      // NGINX's workers are somebody else where NGINX is started by root.
      chmodSync(directory, 0o755)
      mkdirSync(join(files, 'files/folder'), { recursive: true })
      writeFileSync(join(files, 'files/there.txt'), 'a file of the folder\n')
      writeFileSync(join(files, 'own-page.html'), 'the page of the operator\n')
      writeFileSync(join(files, 'nobody'), '')
      application = createServer((request, response) => {
        const status = Number(/\/(\d{3})$/.exec(request.url ?? '')?.[1] ?? 200)
        response.writeHead(status, status === 401 ? { 'WWW-Authenticate': 'Basic realm="the application"' } : {})
        response.end(`the application says ${status}`)
      })
      const address = `127.0.0.1:${await listen(application)}`
      stack = await startStack({
        proxy: 'nginx',
        policyDirectory,
        port: await freePort(),
        applications: { wiki: address, payroll: address },
        proxyFiles: async () => {
          cpSync(join(root, 'deploy/nginx'), directory, { recursive: true })
          const path = join(directory, 'templates/sites.conf.template')
          const text = readFileSync(path, 'utf8')
          if (hasPages) addReplica(join(directory, 'templates/sallyport.conf.template'))
          const more = locations(files) + (hasPages ? ownPages(files) : '')
          writeFileSync(
            path,
            text.replace('  include sallyport-server.conf;\n', line => line + more),
          )
          return directory
        },
      })
      world = await createWorld(stack)
    }, 180_000)

    afterAll(async () => {
      await stack?.stop()
      await close(application)
      rmSync(directory, { recursive: true, force: true })
    })

    const own = (code: number, words: string) =>
      hasPages ? 'the page of the operator' : `<center><h1>${code} ${words}`

    it.each([
      ['a location with `deny all`', '/closed/x', 403, 'Forbidden'],
      ['a folder without an index', '/files/folder/', 403, 'Forbidden'],
      ['a refusal of an application whose errors are intercepted', '/intercepted/403', 403, 'Forbidden'],
      ['a challenge of it', '/intercepted/401', 401, 'Authorization Required'],
      ['a fault of it', '/intercepted/500', 500, 'Internal Server Error'],
      ['a password that NGINX asks for', '/locked/x', 401, 'Authorization Required'],
    ])('%s is not made ours for somebody who is let in', async (_what, path, code, words) => {
      const answer = await world.bob.open(world.url('wiki', path))
      expect([answer.status, answer.body]).toEqual([code, expect.stringContaining(own(code, words))])
      expect(answer.headers.location).toBeUndefined()
      expect(answer.headers['x-sallyport-request-id']).toBeUndefined()
      if (code === 401) expect(answer.headers['www-authenticate']).toMatch(/^Basic realm="the /)
    })

    it('what the application says without being intercepted stays whole', async () => {
      for (const code of [401, 403, 500]) {
        const answer = await world.bob.open(world.url('wiki', `/plain/${code}`))
        expect([answer.status, answer.body]).toEqual([code, `the application says ${code}`])
      }
    })

    it('nobody who is not let in gets any of it: what the check refuses is still ours', async () => {
      const stranger = (path: string) => world.fetch(world.url('wiki', path), { headers: navigation })
      for (const path of ['/files/folder/', '/files/there.txt', '/intercepted/403', '/intercepted/500', '/locked/x']) {
        const answer = await stranger(path)
        // NGINX's own modules may be asked first; then nothing of the place is shown either.
        if (path === '/locked/x' && answer.status === 401) continue
        expect([path, answer.status, answer.headers.location]).toEqual([
          path,
          302,
          expect.stringContaining(`${stack.origin('auth')}/login?`),
        ])
      }
      const denied = await world.bob.visit(world.url('payroll', '/'))
      expect([denied.status, denied.body]).toEqual([403, expect.stringContaining('You may not open this')])
      expect(denied.headers['x-sallyport-request-id']).toMatch(/^[\w-]+$/)
    })

    it('the pages that NGINX fetches of us cannot be asked for (J134)', async () => {
      for (const path of ['/.sallyport/denied', '/.sallyport/form', '/.sallyport/verify']) {
        const headers = { ...navigation, 'x-sallyport-redirect': 'https://evil.example/login?' }
        expect([path, (await world.fetch(world.url('wiki', path), { headers })).status]).toEqual([path, 404])
      }
    })

    it('a file that is there is served to whoever may read it', async () => {
      const answer = await world.bob.open(world.url('wiki', '/files/there.txt'))
      expect([answer.status, answer.body]).toEqual([200, 'a file of the folder\n'])
    })

    it('the type of an answer does not hang on the extension that was asked for', async () => {
      const answer = await world.fetch(world.url('wiki', '/a.html'))
      expect([answer.status, answer.headers['content-type']]).toEqual([401, 'application/json'])
    })

    // The last one: the service does not come back.
    it('with the service down there is a page with the number of the request, and nothing goes through', async () => {
      await stack.sallyport.stop()
      for (const host of ['wiki', 'auth'] as const) {
        const page = await world.fetch(world.url(host, '/x.js'), { headers: navigation })
        const id = page.headers['x-sallyport-request-id']
        expect(id).toMatch(/^[0-9a-f]{32}$/)
        expect([page.status, page.headers['content-type'], page.headers['cache-control']]).toEqual([
          503,
          'text/html',
          'no-store',
        ])
        expect(page.body).toContain(`the number of this request: ${id}<`)
        const style = /<style>(.*)<\/style>/.exec(page.body)?.[1] ?? ''
        const hash = createHash('sha256').update(style).digest('base64')
        expect(page.headers['content-security-policy']).toContain(`default-src 'none'; style-src 'sha256-${hash}';`)
        const line = await world.fetch(world.url(host, '/x.html'))
        expect([line.status, line.headers['content-type']]).toEqual([503, 'text/plain'])
        expect(line.body).toMatch(
          /^Access cannot be checked at the moment\. Please try again\. Request [0-9a-f]{32}\n$/,
        )
      }
      for (const path of ['/files/there.txt', '/.sallyport/handoff', '/public/x', '/intercepted/200']) {
        const answer = await world.bob.open(world.url('wiki', path))
        expect([path, answer.status, answer.body.includes('the application says')]).toEqual([path, 503, false])
      }
    })
  },
)
