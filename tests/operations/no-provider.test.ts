/** docs/no-provider.md: the Keycloak that it names is started with its realm, and Alice logs in with its settings. */
import { spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it, vi } from 'vitest'
import { freshSecret } from '../../cli/secret.ts'
import { KeycloakVisitor, requireKeycloak } from '../keycloak.ts'
import { printedBlocks } from '../kubernetes/printed-commands.ts'
import { cli } from '../lifecycle/process.ts'
import { endProcess, freePort } from '../peers.ts'
import { productVersions } from '../products/versions.ts'
import { statusAt, throughReplica } from './world.ts'

const text = readFileSync(join(import.meta.dirname, '../../docs/no-provider.md'), 'utf8')
const keycloak = requireKeycloak()
const directory = mkdtempSync(join(tmpdir(), 'sallyport-no-provider-'))
afterAll(() => rmSync(directory, { recursive: true, force: true }))
const cookies = new Map<string, Map<string, string>>()

describe.skipIf(keycloak === undefined)('no provider yet', () => {
  it('is Keycloak in a few commands, and Alice is logged in', { timeout: 400_000 }, async () => {
    expect(text).toContain(`keycloak-${productVersions.keycloak}/bin/kc.sh start-dev --http-port=8180 --import-realm`)
    const [port, adminPort, providerPort] = [await freePort(), await freePort(), await freePort()]
    const placed = (block: string): string =>
      block.replaceAll(':8080', `:${port}`).replaceAll(':8180', `:${providerPort}`)
    const [realm = ''] = printedBlocks('no-provider', 'json').map(placed)
    const [settings = ''] = printedBlocks('no-provider', 'yaml').map(placed)

    // A database in memory, so that the next one starts as this one did.
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
    const args = ['start-dev', `--http-port=${providerPort}`, '--import-realm', '--db=dev-mem', '--cache=local']
    const provider = spawn(join(keycloak ?? '', 'bin/kc.sh'), args, { env, stdio: ['ignore', 'pipe', 'pipe'] })
    let said = ''
    for (const stream of [provider.stdout, provider.stderr]) {
      stream.on('data', chunk => {
        said = (said + chunk).slice(-4000)
      })
    }

    mkdirSync(join(directory, 'policy'))
    writeFileSync(join(directory, 'session.secret'), `${freshSecret()}\n`, { mode: 0o600 })
    writeFileSync(join(directory, 'policy/policy.csv'), 'p, group:ops, wiki.localhost, /notes/**, read, -, allow\n')
    const listen = `audit: { destination: ./audit.jsonl }\nadmin: { listen: "127.0.0.1:${adminPort}" }\n`
    writeFileSync(
      join(directory, 'sallyport.yaml'),
      listen + settings.replace('server: {', `server: { listen: "127.0.0.1:${port}",`),
    )
    const until = (ready: () => Promise<boolean>) => vi.waitUntil(ready, { timeout: 240_000, interval: 200 })
    try {
      await until(async () => {
        if (provider.exitCode !== null) throw new Error(said)
        const answer = await fetch(
          `http://localhost:${providerPort}/realms/main/.well-known/openid-configuration`,
        ).catch(() => undefined)
        return answer?.ok === true
      })
      const service = spawn(process.execPath, [cli, 'serve', '--config', join(directory, 'sallyport.yaml')], {
        stdio: 'ignore',
      })
      try {
        await until(
          async () => (await fetch(`http://127.0.0.1:${adminPort}/readyz`).catch(() => undefined))?.ok === true,
        )
        const cookie = await logIn(port, `http://localhost:${providerPort}`)
        // Whoever is in the group of the realm gets in: the claim arrived by its mapper.
        expect(await statusAt({ port }, cookie)).toBe(200)
      } finally {
        await endProcess(service)
      }
    } finally {
      await endProcess(provider)
      rmSync(realmFile, { force: true })
    }
  })
})

async function logIn(port: number, provider: string): Promise<string> {
  const visitor = new KeycloakVisitor()
  const ask = throughReplica({ port })
  let next = 'http://wiki.localhost/notes/today'
  for (let step = 0; step < 12; step += 1) {
    if (next.startsWith(provider)) next = await visitor.visit(next, { username: 'alice', password: 'alice' })
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
