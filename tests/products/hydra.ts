/** Ory Hydra in memory, with pages of our own for login, consent and log-out: it has none, and knows no people. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { freePort } from '../peers.ts'
import { startPages } from './hydra-pages.ts'
import {
  clientSecret,
  type Product,
  passwordOf,
  type RunningProduct,
  type ServiceAddresses,
  startProgram,
  temporaryFolder,
} from './product.ts'

export const hydra: Product = {
  name: 'hydra',
  program: 'hydra',
  // The refresh token hook answers 403, which Hydra makes `access_denied` of.
  closedAccount: 'refused',
  closedError: 'access_denied',
  // Groups are what the hook says.
  lastGroup: 'gone',
  lacks: {},
  start,
}

async function start(folder: string, service: ServiceAddresses): Promise<RunningProduct> {
  const [publicPort, adminPort] = [await freePort(), await freePort()]
  const issuer = `http://idp.localhost:${publicPort}`
  const admin = `http://127.0.0.1:${adminPort}/admin`
  const pages = await startPages(admin)
  const temporary = temporaryFolder('hydra')
  const configuration = join(temporary.path, 'hydra.json')
  writeFileSync(configuration, JSON.stringify(configurationOf(issuer, publicPort, adminPort, pages.origin)))
  // Hydra asks the system for `auth.localhost`, which not every system knows: a proxy of ours carries its log-out tokens.
  const env = { ...process.env, DSN: 'memory', HTTP_PROXY: pages.proxy, http_proxy: pages.proxy, NO_PROXY: '' }
  const args = ['serve', 'all', '--dev', '--sqa-opt-out', '--config', configuration]
  const ready = `${issuer}/.well-known/openid-configuration`
  const running = await startProgram(join(folder, 'hydra'), args, ready, { cwd: temporary.path, env })
  // The first question for its keys waits until they are made: on a busy machine longer than a login waits for keys.
  await (await fetch(`http://127.0.0.1:${publicPort}/.well-known/jwks.json`)).arrayBuffer()

  const ask = async (method: string, path: string, body?: unknown): Promise<Readonly<Record<string, unknown>>> => {
    const json =
      body === undefined ? {} : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }
    const response = await fetch(`${admin}${path}`, { method, ...json })
    const text = await response.text()
    if (!response.ok) throw new Error(`${method} ${path} was answered with ${response.status}: ${text}`)
    return text === '' ? {} : (JSON.parse(text) as Record<string, unknown>)
  }
  const scopes = ['profile', 'email', 'groups', 'offline_access']
  const client = await ask('POST', '/clients', {
    client_name: 'Sallyport',
    client_secret: clientSecret,
    redirect_uris: [service.callback],
    post_logout_redirect_uris: [service.signedOut],
    backchannel_logout_uri: service.backChannel,
    backchannel_logout_session_required: true,
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
    scope: ['openid', ...scopes].join(' '),
    token_endpoint_auth_method: 'client_secret_basic',
  })
  return {
    entry: { issuer, clientId: String(client.client_id), clientSecret, scopes },
    issuer,
    origins: [issuer, pages.origin],
    subjectOf: person => person,
    answersOf: person => ({ username: person, password: passwordOf(person) }),
    joinGroup: async (person, group) => pages.joinGroup(person, group),
    leaveGroup: async (person, group) => pages.leaveGroup(person, group),
    disable: async person => pages.disable(person),
    async logOut(person) {
      // By its session: by the subject Hydra tells nobody.
      for (const sid of pages.sessionsOf(person)) await ask('DELETE', `/oauth2/auth/sessions/login?sid=${sid}`)
    },
    async rotateKeys() {
      await ask('POST', '/keys/hydra.openid.id-token', { alg: 'RS256', use: 'sig', kid: 'the second key' })
    },
    async stop() {
      await running.stop()
      await pages.close()
      temporary.remove()
    },
  }
}

function configurationOf(issuer: string, publicPort: number, adminPort: number, pages: string) {
  return {
    serve: {
      public: { host: '127.0.0.1', port: publicPort },
      admin: { host: '127.0.0.1', port: adminPort },
    },
    urls: {
      self: { issuer, public: issuer },
      login: `${pages}/login`,
      consent: `${pages}/consent`,
      logout: `${pages}/logout`,
    },
    secrets: { system: ['the secret of a test, which is long enough'] },
    oauth2: { refresh_token_hook: `${pages}/refresh-hook`.replace('accounts.localhost', '127.0.0.1') },
    log: { level: 'warn' },
  }
}
