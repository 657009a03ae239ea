/** What can be said of the image and of compose.yaml without a container engine: that they are well-formed and careful. */
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readdirSync, readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { requirePeer } from '../peers.ts'

const root = join(import.meta.dirname, '../..')
const read = (file: string): string => readFileSync(join(root, file), 'utf8')

interface Service {
  readonly image?: string
  readonly read_only?: boolean
  readonly cap_drop?: readonly string[]
  readonly cap_add?: readonly string[]
  readonly security_opt?: readonly string[]
  readonly privileged?: boolean
  readonly user?: string
  readonly build?: { readonly target?: string }
  readonly volumes?: readonly string[]
  readonly env_file?: readonly string[]
  readonly ports?: readonly string[]
  readonly environment?: Readonly<Record<string, string>>
  readonly profiles?: readonly string[]
}

const services = Object.entries(
  (parse(read('compose.yaml'), { merge: true }) as { readonly services: Readonly<Record<string, Service>> }).services,
)

/** Runs a checker; its output is the failure. */
function run(command: string, args: readonly string[]): string {
  try {
    return execFileSync(command, [...args], {
      cwd: root,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: 120_000,
    })
  } catch (error) {
    const { stdout = '', stderr = '' } = error as { readonly stdout?: string; readonly stderr?: string }
    throw new Error(`${command}: ${stdout}${stderr}`)
  }
}

describe.skipIf(requirePeer('hadolint') === undefined)('the Dockerfile', () => {
  it('passes hadolint without a remark', () => {
    expect(run('hadolint', ['Dockerfile'])).toBe('')
  })
})

describe('the Dockerfile, read', () => {
  it('ends as a user that is not root, with a health check', () => {
    const users = read('Dockerfile').match(/^USER .*$/gm) ?? []
    expect(users.at(-1)).toMatch(/^USER [1-9]\d*:[1-9]\d*$/)
    expect(read('Dockerfile')).toMatch(/^HEALTHCHECK /m)
  })

  it('asks for its health where SALLYPORT_ADMIN_LISTEN puts the admin listener', async () => {
    const [program = '', ...args] = JSON.parse(
      /^HEALTHCHECK [\s\S]*?CMD (\[.*\])$/m.exec(read('Dockerfile'))?.[1] ?? '[]',
    )
    const asked: (string | undefined)[] = []
    const listener = createServer(({ url }, answer) => {
      asked.push(url)
      answer.writeHead(asked.length === 1 ? 200 : 503).end()
    })
    await once(listener.listen(0, '127.0.0.1'), 'listening')
    const { port } = listener.address() as AddressInfo
    const ask = async () => {
      const env = { ...process.env, SALLYPORT_ADMIN_LISTEN: `127.0.0.1:${port}` }
      const [code] = (await once(spawn(program, args, { env, stdio: 'ignore' }), 'close')) as [number | null]
      return code
    }
    expect([await ask(), await ask()]).toEqual([0, 1])
    await new Promise(resolve => listener.close(resolve))
    expect([await ask(), asked]).toEqual([1, ['/healthz', '/healthz']])
  })

  it('asks on the Unix socket as well, where the admin listener is one', async () => {
    const [program = '', ...args] = JSON.parse(
      /^HEALTHCHECK [\s\S]*?CMD (\[.*\])$/m.exec(read('Dockerfile'))?.[1] ?? '[]',
    )
    const socket = join(mkdtempSync(join(tmpdir(), 'sallyport-health-')), 'admin.sock')
    const listener = createServer(({ url, headers }, answer) => {
      answer.writeHead(url === '/healthz' && headers.host === 'localhost' ? 200 : 503).end()
    })
    await once(listener.listen(socket), 'listening')
    const env = { ...process.env, SALLYPORT_ADMIN_LISTEN: `unix:${socket}` }
    const ask = async () => (await once(spawn(program, args, { env, stdio: 'ignore' }), 'close'))[0]
    expect(await ask()).toBe(0)
    await new Promise(resolve => listener.close(resolve))
    expect(await ask()).toBe(1)
  })

  it('has the provider of the demo in the target of the demo alone', () => {
    const { dependencies, devDependencies } = JSON.parse(read('package.json'))
    expect([dependencies['oidc-provider'], typeof devDependencies['oidc-provider']]).toEqual([undefined, 'string'])
    const locked = JSON.parse(read('package-lock.json')).packages['node_modules/oidc-provider']
    expect(locked.dev).toBe(true)
    const stages = read('Dockerfile').split(/^FROM /m)
    const copiesAll = stages.filter(stage => stage.includes('--from=build /build/node_modules'))
    expect(copiesAll.map(stage => stage.split('\n')[0])).toEqual(['base AS demo'])
    expect(stages.find(stage => stage.includes(' AS dependencies'))).toContain('npm ci --omit=dev')
  })

  it('copies only what .dockerignore lets through, and all of that exists', () => {
    const allowed = read('.dockerignore')
      .split('\n')
      .flatMap(line => (line.startsWith('!') ? [line.slice(1)] : []))
    const copies = read('Dockerfile').match(/^COPY (?!--from)(.*)$/gm) ?? []
    const sources = copies.flatMap(line => line.split(/\s+/).slice(1, -1)).map(source => source.replace(/^\.\//, ''))
    expect(sources.length).toBeGreaterThan(5)
    // `LICENSE*` is copied where there is one.
    for (const source of sources.map(name => name.replace(/\*$/, ''))) {
      expect(allowed).toContain(source)
      if (source !== 'LICENSE') expect([source, existsSync(join(root, source))]).toEqual([source, true])
    }
  })
})

describe.skipIf(requirePeer('check-jsonschema') === undefined)('compose.yaml', () => {
  it('fits the schema of the Compose specification', () => {
    expect(run('check-jsonschema', ['--builtin-schema', 'vendor.compose-spec', 'compose.yaml'])).toContain('ok')
  })
})

describe('compose.yaml, read', () => {
  it.each(services)('%s runs without privileges on a read-only root', (name, service) => {
    expect(service.read_only).toBe(true)
    expect(service.cap_drop).toEqual(['ALL'])
    expect(service.security_opt).toContain('no-new-privileges:true')
    expect(service.privileged).toBeUndefined()
    // Our own images say their user themselves.
    if (service.build === undefined) expect(service.user).toMatch(/^[1-9]\d*:[1-9]\d*$/)
    expect(service.cap_add ?? []).toEqual(name === 'caddy' ? ['NET_BIND_SERVICE'] : [])
  })

  it('publishes on loopback only', () => {
    for (const [, service] of services) {
      for (const port of service.ports ?? []) expect(port).toMatch(/^127\.0\.0\.1:/)
    }
  })

  it('mounts only files that exist, and each proxy exactly the ones that the tests run', () => {
    const mounted = services.flatMap(([, service]) => [...(service.volumes ?? []), ...(service.env_file ?? [])])
    const local = mounted.filter(volume => volume.startsWith('./')).map(volume => volume.split(':')[0] ?? '')
    for (const path of local) expect([path, existsSync(join(root, path))]).toEqual([path, true])
    expect(local).toEqual(
      expect.arrayContaining([
        './deploy/nginx/templates',
        './deploy/traefik/traefik.env',
        './deploy/traefik/dynamic',
        './deploy/caddy',
      ]),
    )
  })

  it('gives the proxies every variable that their files ask for', () => {
    const asked = new Map([
      ['nginx', /\$\{([A-Z_]+)\}/g],
      ['traefik', /env "([A-Z_]+)"/g],
      ['caddy', /\{\$([A-Z_]+)[:}]/g],
    ])
    const folders = new Map([
      ['nginx', 'deploy/nginx/templates'],
      ['traefik', 'deploy/traefik/dynamic'],
      ['caddy', 'deploy/caddy'],
    ])
    for (const [proxy, pattern] of asked) {
      const folder = folders.get(proxy) ?? ''
      const texts = readdirSync(join(root, folder)).map(file => read(join(folder, file)).replaceAll(/^\s*#.*$/gm, ''))
      const names = new Set(texts.flatMap(text => [...text.matchAll(pattern)].map(match => match[1] ?? '')))
      const set = Object.keys(services.find(([name]) => name === proxy)?.[1].environment ?? {})
      // What may be absent stands in a comment of the file that Compose reads into the proxy's environment.
      const optional = [...read('deploy/traefik/traefik.env').matchAll(/^# ([A-Z_]+)=/gm)].map(match => match[1] ?? '')
      const given = [...set, ...(proxy === 'traefik' ? optional : [])]
      expect(names.size).toBeGreaterThan(3)
      for (const name of names) expect(given).toContain(name)
    }
  })
})
