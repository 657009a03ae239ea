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
import { probes } from '../../cli/doctor/probes.ts'
import { runCli } from '../../cli/program.ts'
import { createTestTerminal } from '../config/test-terminal.ts'
import { freePort, requirePeer } from '../peers.ts'
import { close, listen } from '../provider.ts'
import { startService, type TestService } from '../service.ts'

const policy = `
p, anyone,        wiki.localhost, /public/**, read, -, allow
p, authenticated, wiki.localhost, /**,        *,    -, allow
`

interface Document {
  readonly ok: boolean
  readonly addresses: readonly {
    readonly url: string
    readonly usual: number
    readonly findings: readonly {
      readonly probe: string
      readonly status: string
      readonly why: string
      readonly fix?: string
    }[]
  }[]
}

async function examine(...addresses: string[]): Promise<{ readonly code: number; readonly found: Document }> {
  const terminal = createTestTerminal()
  const code = await runCli(['doctor', '--json', ...addresses], { version: '0', terminal })
  expect(terminal.errors()).toBe('')
  return { code, found: JSON.parse(terminal.output()) as Document }
}

/** Address number to probe to status. */
const statuses = ({ addresses }: Document) =>
  addresses.map(({ findings }) => Object.fromEntries(findings.map(({ probe, status }) => [probe, status])))

let service: TestService
let application: Server
let wikiAddress: string
beforeAll(async () => {
  service = await startService({ policy })
  application = createDemoApp({ name: 'wiki' })
  wikiAddress = `127.0.0.1:${await listen(application)}`
})
afterAll(async () => {
  await service?.close()
  await close(application)
})

async function start(
  kind: ProxyKind,
  files?: string,
): Promise<{ readonly proxy: RunningProxy; readonly origin: string }> {
  const port = await freePort()
  const addresses = {
    authAddress: `127.0.0.1:${service.port}`,
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

describe.each(['nginx', 'traefik', 'caddy', 'haproxy', 'built-in'] as const)('behind %s', kind => {
  it.skipIf(kind !== 'built-in' && requirePeer(kind) === undefined)(
    'the files of deploy/ pass',
    { timeout: 120_000 },
    async () => {
      const { proxy, origin } = await start(kind)
      try {
        const { code, found } = await examine(`${origin}/public/`, `${origin}/secrets`)
        expect(statuses(found), JSON.stringify(found)).toEqual([
          { 'upgrade-tokens': 'pass', 'header-floods': 'pass', 'odd-targets': 'pass' },
          { 'upgrade-tokens': 'not-applicable', 'header-floods': 'pass', 'odd-targets': 'pass' },
        ])
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

  /** The files of deploy/ in which one text stands in the place of another. */
  async function startWith(file: string, text: RegExp, replacement: string): Promise<string> {
    directory = mkdtempSync(join(tmpdir(), 'sallyport-doctor-'))
    cpSync(join(import.meta.dirname, '../../deploy/nginx'), directory, { recursive: true })
    const path = join(directory, 'templates', `${file}.conf.template`)
    const before = readFileSync(path, 'utf8')
    expect(before).toMatch(text)
    writeFileSync(path, before.replace(text, replacement))
    const started = await start('nginx', directory)
    proxy = started.proxy
    return started.origin
  }

  it('that passes every Upgrade on is a tunnel', async () => {
    const line = /proxy_set_header Upgrade \$\w+;\n\s*proxy_set_header Connection \$\w+;/
    const lines = 'proxy_set_header Upgrade $http_upgrade;\nproxy_set_header Connection upgrade;'
    const origin = await startWith('sallyport-location', line, lines)
    const { code, found } = await examine(`${origin}/public/`)
    expect([code, found.ok, statuses(found)[0]?.['upgrade-tokens']]).toEqual([1, false, 'fail'])
    const [finding] = found.addresses[0]?.findings ?? []
    expect(finding?.why).toContain('Upgrade: h2c')
    expect(finding?.fix).toContain('websocket')
  })

  it('that makes a 503 of what is too large is reported', async () => {
    const origin = await startWith('sallyport-server', /sallyport_status = 431/, 'sallyport_status = 999')
    const { code, found } = await examine(`${origin}/secrets`)
    expect([code, statuses(found)[0]?.['header-floods']]).toEqual([1, 'fail'])
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
      { 'upgrade-tokens': 'not-applicable', 'header-floods': 'fail', 'odd-targets': 'fail' },
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
    expect([odd.code, odd.terminal.errors()]).toEqual([1, expect.stringContaining('https://wiki.example.com/')])
    const nobody = await run(`http://127.0.0.1:${await freePort()}/`)
    expect([nobody.code, nobody.terminal.errors()]).toEqual([1, expect.stringContaining('cannot be reached')])
    expect((await run()).code).toBe(2)
  })

  it('teaches', async () => {
    const { code, terminal } = await run('--help')
    expect(code).toBe(0)
    for (const { name } of probes) expect(terminal.output()).toContain(name)
    expect(terminal.output()).toContain('to nothing else')
    const page = readFileSync(join(import.meta.dirname, '../../docs/doctor.md'), 'utf8')
    for (const { docs, name } of probes) {
      expect(docs).toBe(`docs/doctor.md#${name}`)
      expect(page).toContain(`## ${name}\n`)
    }
  })
})
