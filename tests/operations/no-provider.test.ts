/** docs/no-provider.md: what it names is started with its files, and Alice logs in with its settings. */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it, vi } from 'vitest'
import { freshSecret } from '../../cli/secret.ts'
import { KeycloakVisitor, requireKeycloak } from '../keycloak.ts'
import { printedBlocks } from '../kubernetes/printed-commands.ts'
import { cli } from '../lifecycle/process.ts'
import { endProcess, freePort } from '../peers.ts'
import { dex } from '../products/dex.ts'
import { FormVisitor } from '../products/form-visitor.ts'
import { requireBuilt } from '../products/product.ts'
import { productVersions } from '../products/versions.ts'
import { statusAt, throughReplica } from './world.ts'

const text = readFileSync(join(import.meta.dirname, '../../docs/no-provider.md'), 'utf8')
const keycloak = requireKeycloak()
const dexFolder = requireBuilt(dex.name, productVersions.dex, dex.program)
const directory = mkdtempSync(join(tmpdir(), 'sallyport-no-provider-'))
afterAll(() => rmSync(directory, { recursive: true, force: true }))

const until = (ready: () => Promise<boolean>) => vi.waitUntil(ready, { timeout: 240_000, interval: 200 })
const isAnswered = async (address: string): Promise<boolean> =>
  (await fetch(address).catch(() => undefined))?.ok === true
/** Goes through the pages of a provider. @returns where they lead */
type Visit = (address: string) => Promise<string>

interface Provider {
  readonly issuer: string
  readonly child: ChildProcess
  readonly settings: string
  readonly policy: string
}

describe.skipIf(keycloak === undefined)('no provider yet', () => {
  it('is Keycloak in a few commands, and Alice is logged in', { timeout: 400_000 }, async () => {
    expect(text).toContain(`keycloak-${productVersions.keycloak}/bin/kc.sh start-dev --http-port=8180 --import-realm`)
    const [port, providerPort] = [await freePort(), await freePort()]
    const placed = placedAt(port, providerPort)
    const [realm = ''] = printedBlocks('no-provider', 'json').map(placed)
    const [settings = ''] = printedBlocks('no-provider', 'yaml').map(placed)
    const imported = join(keycloak ?? '', 'data', 'import')
    mkdirSync(imported, { recursive: true })
    const realmFile = join(imported, `sallyport-${process.pid}.json`)
    writeFileSync(realmFile, realm)
    const env = {
      ...process.env,
      KC_BOOTSTRAP_ADMIN_USERNAME: 'admin',
      KC_BOOTSTRAP_ADMIN_PASSWORD: 'change-me',
      JAVA_OPTS_KC_HEAP: '-Xms64m -Xmx512m',
    }
    // A database in memory, so that the next one starts as this one did.
    const args = ['start-dev', `--http-port=${providerPort}`, '--import-realm', '--db=dev-mem', '--cache=local']
    const child = spawn(join(keycloak ?? '', 'bin/kc.sh'), args, { env, stdio: ['ignore', 'pipe', 'pipe'] })
    const issuer = `http://localhost:${providerPort}/realms/main`
    // Whoever is in the group of the realm gets in: the claim arrived by its mapper.
    const policy = 'p, group:ops, wiki.localhost, /notes/**, read, -, allow\n'
    const visitor = new KeycloakVisitor()
    try {
      const visit: Visit = address => visitor.visit(address, { username: 'alice', password: 'alice' })
      expect(await statusWith({ issuer, child, settings, policy }, port, visit)).toBe(200)
    } finally {
      rmSync(realmFile, { force: true })
    }
  })
})

describe.skipIf(dexFolder === undefined)('no provider yet, and no Java', () => {
  it('is Dex with one file, and Alice is logged in', { timeout: 400_000 }, async () => {
    expect(text).toContain(`Dex ${productVersions.dex}`)
    const [port, providerPort] = [await freePort(), await freePort()]
    const placed = placedAt(port, providerPort)
    const [keycloakSettings = '', configuration = ''] = printedBlocks('no-provider', 'yaml').map(placed)
    const issuer = `http://localhost:${providerPort}`
    expect(configuration).toContain(`issuer: ${issuer}\n`)
    expect(text).toContain('`preset: dex` and `issuer: http://localhost:5556`')
    const settings = keycloakSettings
      .replace('preset: keycloak', 'preset: dex')
      .replace(/issuer: .*/, `issuer: ${issuer}`)
    const file = join(directory, 'dex.yaml')
    writeFileSync(file, configuration)
    const args = ['serve', file]
    const child = spawn(join(dexFolder ?? '', 'dex'), args, { cwd: directory, stdio: ['ignore', 'pipe', 'pipe'] })
    const policy = 'p, email:alice@example.com, wiki.localhost, /notes/**, read, -, allow\n'
    const visitor = new FormVisitor([issuer])
    const answers = { login: 'alice@example.com', password: 'alice', approval: 'approve' }
    const visit: Visit = async address => {
      // A wrong password leads to the same form again.
      const wrong = { ...answers, password: 'alicia' }
      await expect(new FormVisitor([issuer]).visit(address, wrong)).rejects.toThrow('circles')
      return visitor.visit(address, answers)
    }
    expect(await statusWith({ issuer, child, settings, policy }, port, visit)).toBe(200)
  })
})

const placedAt =
  (port: number, providerPort: number) =>
  (block: string): string =>
    block.replaceAll(':8080', `:${port}`).replaceAll(/:8180|:5556/g, `:${providerPort}`)

/** Starts the service beside a provider, and ends both. @returns what Alice's page is answered with */
async function statusWith({ issuer, child, settings, policy }: Provider, port: number, visit: Visit): Promise<number> {
  let said = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', chunk => {
      said = (said + chunk).slice(-4000)
    })
  }
  const adminPort = await freePort()
  mkdirSync(join(directory, 'policy'), { recursive: true })
  writeFileSync(join(directory, 'session.secret'), `${freshSecret()}\n`, { mode: 0o600 })
  writeFileSync(join(directory, 'policy/policy.csv'), policy)
  const listen = `audit: { destination: ./audit.jsonl }\nadmin: { listen: "127.0.0.1:${adminPort}" }\n`
  const configuration = settings.replace('server: {', `server: { listen: "127.0.0.1:${port}",`)
  writeFileSync(join(directory, 'sallyport.yaml'), listen + configuration)
  try {
    await until(async () => {
      if (child.exitCode !== null) throw new Error(said)
      return isAnswered(`${issuer}/.well-known/openid-configuration`)
    })
    const args = [cli, 'serve', '--config', join(directory, 'sallyport.yaml')]
    const service = spawn(process.execPath, args, { stdio: 'ignore' })
    try {
      await until(() => isAnswered(`http://127.0.0.1:${adminPort}/readyz`))
      return await statusAt({ port }, await logIn(port, new URL(issuer).origin, visit))
    } finally {
      await endProcess(service)
    }
  } finally {
    await endProcess(child)
  }
}

async function logIn(port: number, provider: string, visit: Visit): Promise<string> {
  const cookies = new Map<string, Map<string, string>>()
  const ask = throughReplica({ port })
  let next = 'http://wiki.localhost/notes/today'
  for (let step = 0; step < 12; step += 1) {
    if (next.startsWith(provider)) next = await visit(next)
    const { host } = new URL(next)
    const jar = cookies.get(host) ?? new Map<string, string>()
    cookies.set(host, jar)
    const cookie = [...jar].map(pair => pair.join('=')).join('; ')
    const { headers } = await ask(next, { accept: 'text/html', 'sec-fetch-mode': 'navigate', cookie })
    for (const line of headers['set-cookie'] ?? []) {
      const [name = '', value = ''] = (line.split(';')[0] ?? '').split('=', 2)
      jar.set(name, value)
    }
    if (headers.location === undefined) return cookie
    next = new URL(headers.location, next).href
  }
  throw new Error(`the login goes in circles, at last to ${next}`)
}
