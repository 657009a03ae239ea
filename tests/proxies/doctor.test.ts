/** `sallyport doctor` through every real proxy with the files of deploy/, which pass, and through files with a mistake. */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { type AddressInfo, createServer as createTcpServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { createDemoApp } from '../../cli/demo/app.ts'
import { request } from '../../cli/demo/browser.ts'
import { type ProxyKind, type RunningProxy, startProxy } from '../../cli/demo/proxies/proxies.ts'
import { probes, probesWhileStopped } from '../../cli/doctor/probes/probes.ts'
import { runCli } from '../../cli/program.ts'
import { createTestTerminal } from '../config/test-terminal.ts'
import { examine, findingOf, statuses, writeConfiguration } from '../doctor/command.ts'
import { freePort, requirePeer } from '../peers.ts'
import { close, listen } from '../provider.ts'
import { startService, type TestService } from '../service.ts'

const policy = `
p, anyone,        wiki.localhost, /public/**, read, -, allow
p, authenticated, wiki.localhost, /**,        *,    -, allow
`

let config: string
let service: TestService
let application: Server
let wikiAddress: string
beforeAll(async () => {
  service = await startService({ policy })
  config = writeConfiguration(service.directory, {
    publicUrl: service.publicUrl,
    issuer: service.provider.issuer,
    policyDirectory: '.',
  })
  application = createDemoApp({ name: 'wiki' })
  wikiAddress = `127.0.0.1:${await listen(application)}`
})
afterAll(async () => {
  await service?.close()
  await close(application)
})

/** Probes that need a page from which a stranger is kept. */
const ofClosedPages = (status: string) => ({
  'any-request': status,
  'host-names': status,
  'forged-origins': status,
  'encoded-paths': status,
})

async function start(
  kind: ProxyKind,
  files?: string,
  behind = service,
): Promise<{ readonly proxy: RunningProxy; readonly origin: string }> {
  const port = await freePort()
  const addresses = {
    authAddress: `127.0.0.1:${behind.port}`,
    wikiAddress,
    payrollAddress: wikiAddress,
    providerAddress: wikiAddress,
  }
  const proxy = await startProxy(kind, { bind: '127.0.0.1', port, authHost: 'auth.localhost', ...addresses }, files)
  const origin = `http://wiki.localhost:${port}`
  await vi.waitUntil(
    () =>
      request(`${origin}/public/`).then(
        ({ status }) => status === 200,
        () => false,
      ),
    { timeout: 120_000 },
  )
  return { proxy, origin }
}

describe.each(['nginx', 'traefik', 'caddy', 'haproxy', 'envoy', 'built-in'] as const)('behind %s', kind => {
  it.skipIf(kind !== 'built-in' && requirePeer(kind) === undefined)(
    'the files of deploy/ pass',
    { timeout: 120_000 },
    async () => {
      const { proxy, origin } = await start(kind)
      try {
        const { code, found } = await examine('--config', config, `${origin}/public/`, `${origin}/secrets`)
        const everywhere = {
          'as-the-policy-says': 'pass',
          'identity-headers': 'pass',
          'check-answers': 'pass',
          'header-floods': 'pass',
          'odd-targets': 'pass',
        }
        const [closed, open] = ['not-applicable', 'not-applicable']
        expect(statuses(found), JSON.stringify(found)).toEqual([
          { ...everywhere, ...ofClosedPages(open), 'upgrade-tokens': 'pass' },
          { ...everywhere, ...ofClosedPages('pass'), 'upgrade-tokens': closed },
        ])
        expect(found.configuration?.findings.filter(({ status }) => status === 'fail')).toEqual([])
        expect([code, found.ok, found.addresses.map(({ usual }) => usual)]).toEqual([0, true, [200, 401]])
      } finally {
        await proxy.stop()
      }
    },
  )
})

describe.skipIf(requirePeer('nginx') === undefined)('an NGINX with a mistake', () => {
  let directory: string
  let proxy: RunningProxy | undefined
  afterEach(async () => {
    await proxy?.stop()
    rmSync(directory, { recursive: true, force: true })
  })

  type Edit = readonly [file: string, text: RegExp, replacement: string]

  /** The files of deploy/ in which some texts stand in the place of others. */
  async function startWith(...edits: readonly Edit[]): Promise<string> {
    directory = mkdtempSync(join(tmpdir(), 'sallyport-doctor-'))
    cpSync(join(import.meta.dirname, '../../deploy/nginx'), directory, { recursive: true })
    for (const [file, text, replacement] of edits) {
      const path = join(directory, 'templates', `${file}.conf.template`)
      const before = readFileSync(path, 'utf8')
      expect(before).toMatch(text)
      writeFileSync(path, before.replace(text, replacement))
    }
    const started = await start('nginx', directory)
    proxy = started.proxy
    return started.origin
  }

  it('that passes every Upgrade on is a tunnel', async () => {
    const line = /proxy_set_header Upgrade \$\w+;\n\s*proxy_set_header Connection \$\w+;/
    const lines = 'proxy_set_header Upgrade $http_upgrade;\nproxy_set_header Connection upgrade;'
    const origin = await startWith(['sallyport-location', line, lines])
    const { code, found } = await examine(`${origin}/public/`)
    expect([code, found.ok, statuses(found)[0]?.['upgrade-tokens']]).toEqual([1, false, 'fail'])
    expect(findingOf(found, 'upgrade-tokens')).toMatchObject({
      why: expect.stringContaining('Upgrade: h2c'),
      fix: expect.stringContaining('websocket'),
    })
  })

  it('that asks nobody about a site serves what the policy keeps closed', async () => {
    const origin = await startWith(['sallyport-location', /auth_request \S+;/, 'auth_request off;'])
    const { code, found } = await examine('--config', config, `${origin}/secrets`)
    expect([code, statuses(found)[0]?.['as-the-policy-says']]).toEqual([1, 'fail'])
    // Without a policy it is an open page like any other.
    expect(statuses((await examine(`${origin}/secrets`)).found)[0]?.['as-the-policy-says']).toBe('not-applicable')
  })

  it('that has what the client says judged is found out', async () => {
    const origin = await startWith(
      [
        'sallyport',
        /underscores_in_headers off;/,
        `$&\nmap $http_x_original_uri $told { "" $request_uri; default $http_x_original_uri; }`,
      ],
      [
        'sallyport-server',
        /proxy_set_header X-Original-URL \S+;/,
        'proxy_set_header X-Original-URL $sallyport_scheme://$host$sallyport_port$told;',
      ],
    )
    const { found } = await examine(`${origin}/public/`, `${origin}/secrets`)
    expect(findingOf({ ...found, addresses: found.addresses.slice(1) }, 'forged-origins')).toMatchObject({
      status: 'fail',
      why: expect.stringContaining('X-Original-URI: /public/'),
    })
  })

  it('that lets a name of an identity through is found out by a page that shows it', async () => {
    const origin = await startWith(['sallyport-drop', /proxy_set_header X-WEBAUTH-USER "";/i, ''])
    const { code, found } = await examine(`${origin}/public/`)
    expect([code, findingOf(found, 'identity-headers')?.why]).toEqual([1, expect.stringMatching(/webauth-user/i)])
  })

  it('that makes a 503 of what is too large is reported', async () => {
    const origin = await startWith(['sallyport-server', /sallyport_status ~ "431\$"/, 'sallyport_status ~ "999$"'])
    const { code, found } = await examine(`${origin}/secrets`)
    expect([code, statuses(found)[0]?.['header-floods']]).toEqual([1, 'fail'])
  })
})

describe.skipIf(requirePeer('haproxy') === undefined)('with the service stopped, a HAProxy', () => {
  /** The script answers by itself that it has no answer; the line behind it is for a script that cannot. */
  const both = /^ *http-request lua\.sallyport .*\n.*\n *http-request deny deny_status 503 unless unchecked .*$/m

  it.each([
    ['as it is printed lets nobody pass', /^$/m, 0, 'pass'],
    ['that asks nobody and denies nothing lets everybody pass, which is found out', both, 1, 'fail'],
  ])('%s', { timeout: 120_000 }, async (_what, line, code, status) => {
    const directory = mkdtempSync(join(tmpdir(), 'sallyport-doctor-'))
    cpSync(join(import.meta.dirname, '../../deploy/haproxy'), directory, { recursive: true })
    const path = join(directory, 'haproxy.cfg')
    const text = readFileSync(path, 'utf8')
    expect(text).toMatch(line)
    writeFileSync(path, text.replace(line, ''))
    const stopped = await startService({ policy })
    const { proxy, origin } = await start('haproxy', directory, stopped)
    try {
      const before = statuses((await examine('--stopped', `${origin}/secrets`)).found)[0]?.['fails-closed']
      expect(before).toBe(code === 0 ? 'not-applicable' : 'fail')
      await stopped.close()
      const { code: exit, found } = await examine('--stopped', `${origin}/secrets`)
      expect([exit, found.addresses.map(({ findings }) => findings.map(one => [one.probe, one.status]))]).toEqual([
        code,
        [[['fails-closed', status]]],
      ])
    } finally {
      await proxy.stop()
      rmSync(directory, { recursive: true, force: true })
    }
  })
})

describe('the command', () => {
  const run = async (...args: string[]) => {
    const terminal = createTestTerminal()
    return { code: await runCli(['doctor', ...args], { version: '0', terminal }), terminal }
  }

  it('sees a page that opens under a flood, and a server that takes CONNECT', async () => {
    const careless = createServer({ maxHeaderSize: 65_536 }, (asked, response) => {
      response.statusCode = asked.rawHeaders.length > 200 ? 200 : 401
      response.end('x')
    })
    // Node 24 refuses more lines than are counted, Node 20 drops them.
    careless.maxHeadersCount = 0
    careless.on('connect', (_asked, socket) => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'))
    await new Promise<void>(resolve => careless.listen(0, '127.0.0.1', resolve))
    const { code, found } = await examine(`http://127.0.0.1:${(careless.address() as AddressInfo).port}/`)
    careless.closeAllConnections()
    careless.close()
    expect([code, statuses(found)[0]]).toEqual([
      1,
      expect.objectContaining({ 'upgrade-tokens': 'not-applicable', 'header-floods': 'fail', 'odd-targets': 'fail' }),
    ])
  })

  it('talks to the host that it is given and follows nothing', async () => {
    const visited: string[] = []
    const elsewhere = createTcpServer(() => void visited.push('elsewhere'))
    await new Promise<void>(resolve => elsewhere.listen(0, '127.0.0.1', resolve))
    const away = `http://127.0.0.1:${(elsewhere.address() as AddressInfo).port}/`
    const server = createServer((_asked, response) => response.writeHead(302, { location: away }).end())
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    await examine(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`)
    for (const one of [server, elsewhere]) one.close()
    expect(visited).toEqual([])
  })

  it('says what is wrong with an address, and with one that nobody answers', async () => {
    const odd = await run('wiki.example.com')
    expect([odd.code, odd.terminal.errors()]).toEqual([2, expect.stringContaining('https://wiki.example.com/')])
    const nobody = await run(`http://127.0.0.1:${await freePort()}/`)
    expect([nobody.code, nobody.terminal.errors()]).toEqual([1, expect.stringContaining('cannot be reached')])
    const nothing = await run()
    expect([nothing.code, nothing.terminal.errors()]).toEqual([
      2,
      expect.stringContaining('name pages behind the proxy'),
    ])
  })

  it('teaches', async () => {
    const { code, terminal } = await run('--help')
    expect(code).toBe(0)
    for (const { name } of [...probes, ...probesWhileStopped]) expect(terminal.output()).toContain(name)
    expect(terminal.output()).toContain('to nothing else')
    const page = readFileSync(join(import.meta.dirname, '../../docs/doctor.md'), 'utf8')
    for (const { probe } of (await examine('--config', config)).found.configuration?.findings ?? [])
      expect([probe, page.includes(`## ${probe}\n`), terminal.output().includes(`  ${probe} `)]).toEqual([
        probe,
        true,
        true,
      ])
    for (const { docs, name } of [...probes, ...probesWhileStopped]) {
      expect(docs).toBe(`docs/doctor.md#${name}`)
      expect(page).toContain(`## ${name}\n`)
    }
  })
})
