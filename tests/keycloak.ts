/**
 * A real Keycloak on loopback: found, started with a realm of its own, administered, and visited by people.
 *
 * Alice is in ops, Bob in contractors, Carol in no group. The distribution is looked for at KEYCLOAK_HOME, and then where
 * `.ci/run` puts it. It takes half a minute and 500 MB of memory: one test file starts one for all of its tests.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { accessSync, constants, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { CookieJar } from 'tough-cookie'
import { createOutbound } from '../app/login/provider/outbound.ts'
import { realmOf } from './keycloak-realm.ts'
import { endProcess, freePort, requirePeer } from './peers.ts'
import { productVersions } from './products/versions.ts'
import type { Person } from './provider.ts'

/** Ten seconds on a machine of its own; a busy one has needed two minutes. */
const startTimeoutMs = 240_000
const administrator = { username: 'admin', password: 'the password of a test' }

/** The folder of the distribution; when absent prints the reason, or throws with REQUIRE_PEERS=1. */
export function requireKeycloak(): string | undefined {
  if (requirePeer('java') === undefined) return undefined
  const folder =
    process.env.KEYCLOAK_HOME ?? join(homedir(), '.cache', 'sallyport', `keycloak-${productVersions.keycloak}`)
  try {
    accessSync(join(folder, 'bin', 'kc.sh'), constants.X_OK)
    return folder
  } catch {
    const reason = `Keycloak is not at ${folder} (.ci/run fetches it)`
    if (process.env.REQUIRE_PEERS === '1') throw new Error(`${reason}, and REQUIRE_PEERS=1 demands it`)
    process.stderr.write(`skipped: ${reason}\n`)
    return undefined
  }
}

export type RunningKeycloak = Awaited<ReturnType<typeof startKeycloak>>

/** Rejects when it does not answer within four minutes. */
export async function startKeycloak(folder: string) {
  const port = await freePort()
  const origin = `http://idp.localhost:${port}`
  const temporary = mkdtempSync(join(tmpdir(), 'sallyport-keycloak-'))
  // Java asks the system for names below localhost, which not every system knows; it needs one to tell of log-outs.
  const names = join(temporary, 'hosts')
  writeFileSync(names, '127.0.0.1 localhost auth.localhost idp.localhost\n')
  const child = spawn(
    join(folder, 'bin', 'kc.sh'),
    // A database in memory: nothing of one run is there in the next one.
    ['start-dev', '--db=dev-mem', '--http-host=127.0.0.1', `--http-port=${port}`, '--cache=local'],
    {
      env: {
        ...process.env,
        JAVA_OPTS_APPEND: `-Djdk.net.hosts.file=${names}`,
        JAVA_OPTS_KC_HEAP: '-Xms64m -Xmx512m',
        KC_BOOTSTRAP_ADMIN_USERNAME: administrator.username,
        KC_BOOTSTRAP_ADMIN_PASSWORD: administrator.password,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  )
  const killOnExit = () => child.kill('SIGKILL')
  process.once('exit', killOnExit)
  const stop = async () => {
    process.off('exit', killOnExit)
    await endProcess(child)
    rmSync(temporary, { recursive: true, force: true })
  }
  try {
    await untilStarted(child)
    await admin('POST', '/admin/realms', realmOf())
  } catch (error) {
    await stop()
    throw error
  }

  /** Asks as the administrator; throws for every answer that is none of 2xx. */
  async function admin(method: string, path: string, body?: unknown): Promise<unknown> {
    const response = await outbound.fetch(`${origin}${path}`, {
      method,
      headers: { authorization: `Bearer ${await adminToken(origin)}`, 'content-type': 'application/json' },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
    const text = await response.text()
    if (!response.ok) throw new Error(`${method} ${path} was answered with ${response.status}: ${text}`)
    return text === '' ? undefined : JSON.parse(text)
  }

  const find = async (path: string): Promise<{ readonly id: string }> => {
    const [first] = (await admin('GET', path)) as { readonly id: string }[]
    if (first === undefined) throw new Error(`nothing was found at ${path}`)
    return first
  }
  const realm = '/admin/realms/corp'

  return {
    issuer: `${origin}/realms/corp`,
    origin,
    admin: (method: string, path: string, body?: unknown) => admin(method, `${realm}${path}`, body),
    /** Adds settings to the one client. */
    async changeClient(settings: Readonly<Record<string, unknown>>): Promise<void> {
      const client = await find(`${realm}/clients?clientId=sallyport`)
      await admin('PUT', `${realm}/clients/${client.id}`, { ...client, ...settings })
    },
    async idOf(person: Person): Promise<string> {
      return (await find(`${realm}/users?exact=true&username=${person}`)).id
    },
    /** Ends all sessions of a person, as an administrator does. */
    async logOut(person: Person): Promise<void> {
      const { id } = await find(`${realm}/users?exact=true&username=${person}`)
      await admin('POST', `${realm}/users/${id}/logout`)
    },
    async joinGroup(person: Person, group: string): Promise<void> {
      const user = await find(`${realm}/users?exact=true&username=${person}`)
      const { id } = await find(`${realm}/groups?exact=true&search=${group}`)
      await admin('PUT', `${realm}/users/${user.id}/groups/${id}`)
    },
    async disable(person: Person): Promise<void> {
      const user = await find(`${realm}/users?exact=true&username=${person}`)
      await admin('PUT', `${realm}/users/${user.id}`, { ...user, enabled: false })
    },
    async leaveGroup(person: Person, group: string): Promise<void> {
      const user = await find(`${realm}/users?exact=true&username=${person}`)
      const { id } = await find(`${realm}/groups?exact=true&search=${group}`)
      await admin('DELETE', `${realm}/users/${user.id}/groups/${id}`)
    },
    /** A new key signs from now on; the ones of before stay published until `dropOldKeys`. */
    async addSigningKey(name: string, priority: number): Promise<void> {
      const config = { priority: [String(priority)], enabled: ['true'], active: ['true'], algorithm: ['RS256'] }
      const { id: parentId } = (await admin('GET', realm)) as { readonly id: string }
      const provider = { providerId: 'rsa-generated', providerType: 'org.keycloak.keys.KeyProvider' }
      await admin('POST', `${realm}/components`, { name, parentId, ...provider, config })
    },
    async dropSigningKeysBut(name: string): Promise<void> {
      const all = (await admin('GET', `${realm}/components?type=org.keycloak.keys.KeyProvider`)) as Component[]
      const old = all.filter(key => key.providerId === 'rsa-generated' && key.name !== name)
      for (const { id } of old) await admin('DELETE', `${realm}/components/${id}`)
    },
    stop,
  }
}

interface Component {
  readonly id: string
  readonly name: string
  readonly providerId: string
}

const outbound = createOutbound({ timeoutMs: 60_000 })

async function adminToken(origin: string): Promise<string> {
  const response = await outbound.fetch(`${origin}/realms/master/protocol/openid-connect/token`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams({ grant_type: 'password', client_id: 'admin-cli', ...administrator }).toString(),
  })
  const { access_token: token } = (await response.json()) as { readonly access_token?: string }
  if (token === undefined) throw new Error(`the administrator cannot log in: ${response.status}`)
  return token
}

async function untilStarted(child: ChildProcess): Promise<void> {
  let output = ''
  const keep = (chunk: Buffer) => {
    output = (output + chunk).slice(-8000)
  }
  child.stdout?.on('data', keep)
  child.stderr?.on('data', keep)
  const deadline = Date.now() + startTimeoutMs
  while (!/Keycloak [\d.]+ on JVM .* started in /.test(output)) {
    if (child.exitCode !== null) throw new Error(`Keycloak ended with ${child.exitCode}: ${output}`)
    if (Date.now() > deadline) throw new Error(`Keycloak is not ready after ${startTimeoutMs / 1000} s: ${output}`)
    await delay(200)
  }
}

/** A browser at Keycloak: keeps its cookies, fills in its forms, and stops where it leaves for another origin. */
export class KeycloakVisitor {
  readonly jar = new CookieJar()

  /**
   * Logs a person in, or uses Keycloak's own session of this visitor.
   * @returns the callback URL that Keycloak redirects to
   */
  async logIn(authorizationUrl: string, person: Person): Promise<string> {
    return this.visit(authorizationUrl, { username: person, password: passwordOf(person) })
  }

  /** The same, where Keycloak's page posts its answer. */
  async logInByPost(authorizationUrl: string, person: Person): Promise<{ url: string; body: string }> {
    const { url, body } = await this.leave(authorizationUrl, { username: person, password: passwordOf(person) })
    if (body === undefined) throw new Error(`Keycloak redirected to ${url}, and posted nothing`)
    return { url, body }
  }

  /** Goes where links and redirects lead, with `answers` for the first form that asks for something. */
  async visit(start: string, answers: Readonly<Record<string, string>> = {}): Promise<string> {
    return (await this.leave(start, answers)).url
  }

  private async leave(
    start: string,
    answers: Readonly<Record<string, string>>,
  ): Promise<{ url: string; body?: string }> {
    const { origin } = new URL(start)
    let url = start
    let body: string | undefined
    for (let step = 0; step < 12; step += 1) {
      const response = await this.request(url, body)
      const location = response.headers.get('location')
      const form = location === null ? formOf(await response.text(), response.status) : undefined
      const next = new URL(form?.action ?? location ?? '', url)
      if (next.origin !== origin) {
        return { url: next.href, ...(form !== undefined && { body: new URLSearchParams(form.fields).toString() }) }
      }
      url = next.href
      body = form === undefined ? undefined : new URLSearchParams({ ...form.fields, ...answers }).toString()
    }
    throw new Error('Keycloak redirects for ever')
  }

  /** Ends Keycloak's session of this visitor at Keycloak's own page, which asks first. */
  async logOut(issuer: string): Promise<void> {
    const start = `${issuer}/protocol/openid-connect/logout`
    const page = await this.request(start)
    const form = formOf(await page.text(), page.status)
    const body = new URLSearchParams(form.fields).toString()
    const done = await this.request(new URL(form.action, start).href, body)
    if (done.status !== 200) throw new Error(`Keycloak answered the log-out with ${done.status}`)
  }

  /** Status of a page, without following anything: 200 is a form that asks for a password. */
  async statusOf(url: string): Promise<number> {
    return (await this.request(url)).status
  }

  private async request(url: string, body?: string): Promise<Response> {
    const form = body === undefined ? {} : { 'content-type': 'application/x-www-form-urlencoded' }
    const cookie = await this.jar.getCookieString(secure(url))
    const method = body === undefined ? {} : { method: 'POST', body }
    const response = await outbound.fetch(url, { ...method, redirect: 'manual', headers: { cookie, ...form } })
    for (const line of response.headers.getSetCookie()) await this.jar.setCookie(line, secure(url))
    return response
  }
}

/** Browsers take `localhost` for a secure place and send it cookies that are for those only; the jar knows https alone. */
const secure = (url: string): string => url.replace('http:', 'https:')

export const passwordOf = (person: Person): string => `the password of ${person}`

function formOf(page: string, status: number): { action: string; fields: Record<string, string> } {
  const [, action] = /<form[^>]* action="([^"]*)"/i.exec(page) ?? []
  if (action === undefined) throw new Error(`Keycloak answered ${status}: ${page.slice(0, 2000)}`)
  const fields = [...page.matchAll(/<input[^>]*>/gi)].map(([input]): [string, string] => [
    /name="([^"]*)"/i.exec(input)?.[1] ?? '',
    /value="([^"]*)"/i.exec(input)?.[1] ?? '',
  ])
  return { action: action.replaceAll('&amp;', '&'), fields: Object.fromEntries(fields.filter(([name]) => name !== '')) }
}
