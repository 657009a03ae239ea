/**
 * Envoy as it is printed for a listener of checks over gRPC with TLS on both sides; and what a route says of itself, and what Sallyport
 * says for the access log, with the lines that docs/proxies/envoy.md has for them.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { createDemoApp } from '../../cli/demo/app.ts'
import { request } from '../../cli/demo/browser.ts'
import type { Child } from '../../cli/demo/child.ts'
import { freshSecret } from '../../cli/secret.ts'
import { createAuthority } from '../certificates.ts'
import { freePort, requirePeer } from '../peers.ts'
import { close, listen } from '../provider.ts'
import { startService, type TestService } from '../service.ts'
import { printInto, proxyConfig, startPrinted } from './printed.ts'

const policy = `
p, anyone,        wiki.localhost, /public/**, read, -,      allow
p, anyone,        wiki.localhost, /inner/**,  *,    inner,  allow
p, anyone,        wiki.localhost, /marked/**, *,    -,      allow
p, anyone,        wiki.localhost, /marked/**, *,    closed, deny
`
const conditions = `
inner: { route: { name: tier, in: [internal] } }
closed: { route: { name: example.sites/access.level, in: [closed] } }
`
const patience = { timeout: 120_000, interval: 25 }
const json = { accept: 'application/json' }

describe.skipIf(requirePeer('envoy') === undefined || requirePeer('openssl') === undefined)('Envoy over TLS', () => {
  const directory = mkdtempSync(join(tmpdir(), 'sallyport-grpc-tls-'))
  const authority = createAuthority('Mesh')
  const application = createDemoApp({ name: 'wiki' })
  const keep = (name: string, text: string): string => {
    writeFileSync(join(directory, name), text, { mode: 0o600 })
    return join(directory, name)
  }
  const pairOf = (file: string, names: readonly string[]) => {
    const { certificate, key } = authority.issue(file, names)
    return { certificate: keep(`${file}.pem`, certificate), key: keep(`${file}.key`, key) }
  }
  const ca = keep('ca.pem', authority.certificate)
  const envoys = pairOf('edge', ['edge'])
  const ours = pairOf('ours', ['IP:127.0.0.1'])
  let upstream: string

  beforeAll(async () => {
    upstream = `127.0.0.1:${await listen(application)}`
  })
  afterAll(async () => {
    await close(application)
    rmSync(directory, { recursive: true, force: true })
  })

  const started = ({ certificate, key } = ours) =>
    startService({
      policy,
      conditions,
      settings: {
        server: { url: 'http://auth.localhost' },
        envoy: {
          listen: '127.0.0.1:0',
          tls: { certificateFile: certificate, keyFile: key, clientCaFile: ca, clientNames: ['edge'] },
        },
      },
    })

  interface Running {
    readonly proxy: Child
    readonly port: number
    readonly statusOf: (path: string) => Promise<number>
  }

  async function inFront(
    world: TestService,
    { certificate, key }: ReturnType<typeof pairOf>,
    edit: (files: string) => void = () => undefined,
  ): Promise<Running> {
    const port = await freePort()
    const files = mkdtempSync(join(directory, 'printed-'))
    const checks = ['--sallyport', `127.0.0.1:${world.port}`, '--grpc', `127.0.0.1:${world.service.ports().envoy}`]
    const trust = ['--grpc-ca', ca, '--grpc-certificate', certificate, '--grpc-key', key]
    const own = ['--config', join(world.directory, 'sallyport.yaml'), '--listen', `127.0.0.1:${port}`]
    await printInto(
      files,
      ['envoy-grpc', ...own, '--host', `wiki.localhost=${upstream}`, ...checks, ...trust],
      directory,
    )
    edit(files)
    const proxy = startPrinted('envoy-grpc', files)
    const statusOf = async (path: string) =>
      (await request(`http://wiki.localhost:${port}${path}`, { headers: json })).status
    await vi.waitUntil(async () => {
      if (!proxy.isRunning()) throw new Error(proxy.lastLines())
      return statusOf('/').catch(() => 0)
    }, patience)
    return { proxy, port, statusOf }
  }

  it('asks, and passes on what a route says of itself and what the access log is told', async () => {
    const world = await started()
    const log = join(directory, 'access.log')
    const { proxy, statusOf } = await inFront(world, envoys, files => addFacts(files, log))
    try {
      await vi.waitUntil(async () => (await statusOf('/public/a')) === 200, patience)
      expect(await statusOf('/elsewhere')).toBe(401)
      expect(await statusOf('/inner/a')).toBe(200)
      expect(await statusOf('/marked/open')).toBe(200)
      expect(await statusOf('/marked/closed')).toBe(403)
      expect(await statusOf('/marked/unsaid')).toBe(403)
      const lineOf = (path: string) => readFileSync(log, 'utf8').match(new RegExp(`^${path} (.*)$`, 'm'))?.[1]
      await vi.waitUntil(() => lineOf('/marked/unsaid') !== undefined, patience)
      expect(lineOf('/marked/open')).toMatch(/^200 allow - [0-9a-f]{32}$/)
      expect(lineOf('/marked/closed')).toMatch(/^403 deny rule-denied [0-9a-f]{32}$/)
      expect(lineOf('/elsewhere')).toMatch(/^401 challenge user-unauthenticated [0-9a-f]{32}$/)
    } finally {
      await proxy.stop(1_000)
      await world.close()
    }
  })

  it('A46 believes no listener that has another name, though its authority is the same', async () => {
    const world = await started(pairOf('other', ['IP:127.0.0.9', 'sallyport']))
    const { proxy, statusOf } = await inFront(world, envoys)
    try {
      for (const path of ['/public/a', '/inner/a']) expect([path, await statusOf(path)]).toEqual([path, 503])
    } finally {
      await proxy.stop(1_000)
      await world.close()
    }
  })

  it('A47 is answered nothing but a refusal with a certificate of another name', async () => {
    const world = await started()
    const { proxy, statusOf } = await inFront(world, pairOf('workload', ['workload']))
    try {
      await vi.waitUntil(async () => (await statusOf('/public/a')) === 403, patience)
      expect(await statusOf('/inner/a')).toBe(403)
    } finally {
      await proxy.stop(1_000)
      await world.close()
    }
  })

  it.each([
    [[], /name with --grpc-ca the file with the authority that issued its certificate/],
    [['--grpc-ca', ca], /clientCaFile asks Envoy for a certificate: name it with --grpc-certificate/],
    [['--grpc-ca', ca, '--grpc-certificate', ca], /belong together: name both/],
    [['--grpc-ca', 'ca.pem'], /it has to be a whole path/],
  ] as const)('is not printed with %j', async (args, complaint) => {
    const tls = { certificateFile: ours.certificate, keyFile: ours.key, clientCaFile: ca }
    const said = await proxyConfig(
      ['envoy-grpc', '--config', configWith({ envoy: { tls } }), ...host(), ...args],
      directory,
    )
    expect([said.code, said.errors.replaceAll(/\s+/g, ' ')]).toEqual([2, expect.stringMatching(complaint)])
  })

  it('trusts nobody by a name that is not asked for, nor for a proxy that does not ask over gRPC', async () => {
    const trust = ['--grpc-ca', ca]
    const plain = await proxyConfig(
      ['envoy-grpc', '--config', configWith({ envoy: {} }), ...host(), ...trust],
      directory,
    )
    expect([plain.code, plain.errors.replaceAll(/\s+/g, ' ')]).toEqual([2, expect.stringMatching(/this one has none/)])
    const nginx = await proxyConfig(['nginx', '--config', configWith({}), ...host(), ...trust], directory)
    expect([nginx.code, nginx.errors.replaceAll(/\s+/g, ' ')]).toEqual([2, expect.stringMatching(/are for envoy-grpc/)])
  })

  const host = () => ['--host', `wiki.localhost=${upstream}`]
  const configWith = (more: object): string =>
    keep(
      'sallyport.yaml',
      JSON.stringify({
        server: { url: 'http://auth.localhost' },
        providers: [
          { name: 'corp', issuer: 'http://idp.localhost', clientId: 'a', clientSecret: 'a secret of the client' },
        ],
        sessions: { path: './data', secret: freshSecret() },
        policy: { directory: './policy' },
        ...more,
      }),
    )
})

/** As docs/proxies/envoy.md has it. */
function addFacts(files: string, log: string): void {
  const check = join(files, 'sallyport-check-grpc.yaml')
  const namespaces = '      encode_raw_headers: true\n      route_metadata_context_namespaces: [example.sites]\n'
  replace(check, '      encode_raw_headers: true\n', namespaces)
  const bootstrap = join(files, 'envoy.yaml')
  const told = ['effect', 'reason', 'request_id'].map(
    name => `%DYNAMIC_METADATA(envoy.filters.http.ext_authz:${name})%`,
  )
  const format = `%REQ(:PATH)% %RESPONSE_CODE% ${told.join(' ')}\\n`
  const file = "{ '@type': type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog"
  const logger = `access_log: [{ name: file, typed_config: ${file}, path: ${log}, log_format: { text_format_source: { inline_string: "${format}" } } } }]`
  replace(bootstrap, /^( +)stat_prefix: .*\n/m, `$&$1${logger}\n`)
  const perRoute =
    "{ sallyport-check: { '@type': type.googleapis.com/envoy.extensions.filters.http.ext_authz.v3.ExtAuthzPerRoute"
  const inner = `{ match: { prefix: /inner }, typed_per_filter_config: ${perRoute}, check_settings: { context_extensions: { tier: internal } } } }, route: { cluster: site-wiki.localhost } }`
  const marked = ['open', 'closed'].map(
    level =>
      `{ match: { prefix: /marked/${level} }, metadata: { filter_metadata: { example.sites: { access: { level: ${level} } } } }, route: { cluster: site-wiki.localhost } }`,
  )
  replace(
    bootstrap,
    'routes: [{ match: { prefix: / }, route: { cluster: site-wiki.localhost',
    `routes: [${[inner, ...marked].join(', ')}, { match: { prefix: / }, route: { cluster: site-wiki.localhost`,
  )
}

function replace(file: string, found: string | RegExp, by: string): void {
  const text = readFileSync(file, 'utf8')
  const changed = text.replace(found, by)
  if (changed === text) throw new Error(`${file} has no ${found}`)
  writeFileSync(file, changed)
}
