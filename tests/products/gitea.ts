/** Gitea with an SQLite file, as its own commands and its administrators' interface set it up. */
import { randomBytes } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { userInfo } from 'node:os'
import { join } from 'node:path'
import { createOutbound } from '../../app/login/provider/outbound.ts'
import { freePort } from '../peers.ts'
import type { Person } from '../provider.ts'
import {
  type Product,
  passwordOf,
  type RunningProduct,
  run,
  type ServiceAddresses,
  startProgram,
  temporaryFolder,
} from './product.ts'

const groupsOf: Readonly<Record<Person, readonly string[]>> = { alice: ['ops'], bob: ['contractors'], carol: [] }
const people = Object.keys(groupsOf) as Person[]
const outbound = createOutbound({ timeoutMs: 60_000 })

type Members = Readonly<Record<string, unknown>>

export const gitea: Product = {
  name: 'gitea',
  program: 'gitea',
  // It answers userinfo with a page that says so, and 200.
  closedAccount: 'unanswered',
  lastGroup: 'unanswered',
  isOneTokenASecond: true,
  lacks: {
    endSession: 'Gitea has no log-out for applications: a person stays logged in there',
    backChannel: 'Gitea tells nobody of a log-out',
    keyRotation: 'Gitea takes its key from a file, at a start',
    oldTokenRefused: 'Gitea takes a refresh token any number of times, unless INVALIDATE_REFRESH_TOKENS says otherwise',
    secondBrowser:
      'Gitea keeps one nonce for a person and an application: the last login gives it to all refresh tokens',
  },
  start,
}

async function start(folder: string, service: ServiceAddresses): Promise<RunningProduct> {
  const port = await freePort()
  const issuer = `http://idp.localhost:${port}`
  const temporary = temporaryFolder('gitea')
  const configuration = join(temporary.path, 'app.ini')
  writeFileSync(configuration, configurationOf(folder, temporary.path, { port, url: `${issuer}/` }))
  const program = join(folder, 'gitea')
  const options = { cwd: temporary.path }
  const command = (...args: string[]) => run(program, ['--config', configuration, ...args], options)
  await command('migrate')
  const token = await createAdministrator(command)
  const ready = `${issuer}/.well-known/openid-configuration`
  const running = await startProgram(program, ['--config', configuration, 'web'], ready, options)

  const ask = async (method: string, path: string, body?: unknown): Promise<Members> => {
    const response = await outbound.fetch(`${issuer}/api/v1${path}`, {
      method,
      headers: { authorization: `token ${token}`, 'content-type': 'application/json' },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
    const text = await response.text()
    if (!response.ok) throw new Error(`${method} ${path} was answered with ${response.status}: ${text}`)
    return text === '' ? {} : (JSON.parse(text) as Members)
  }
  const { subjects, teams } = await populate(ask)
  const client = await ask('POST', '/user/applications/oauth2', {
    name: 'Sallyport',
    redirect_uris: [service.callback],
    confidential_client: true,
  })
  const { client_id: clientId, client_secret: clientSecret } = client as Readonly<Record<string, string>>
  return {
    entry: { issuer, clientId, clientSecret, scopes: ['profile', 'email', 'groups'] },
    issuer,
    origins: [issuer],
    subjectOf: person => String(subjects.get(person)),
    answersOf: person => ({ user_name: person, password: passwordOf(person), granted: 'true' }),
    joinGroup: async (person, group) => void (await ask('PUT', `/teams/${teams.get(group)}/members/${person}`)),
    leaveGroup: async (person, group) => void (await ask('DELETE', `/teams/${teams.get(group)}/members/${person}`)),
    async disable(person) {
      await ask('PATCH', `/admin/users/${person}`, { source_id: 0, login_name: person, prohibit_login: true })
    },
    async stop() {
      await running.stop()
      temporary.remove()
    },
  }
}

/** @returns an access token */
export async function createAdministrator(command: (...args: string[]) => Promise<string>): Promise<string> {
  const person = ['--username', 'root1', '--email', 'root@example.com', '--random-password', '--admin']
  const access = ['--must-change-password=false', '--access-token', '--access-token-scopes', 'all']
  const [, token] = /created\.\.\. (\w+)/.exec(await command('admin', 'user', 'create', ...person, ...access)) ?? []
  if (token === undefined) throw new Error('Gitea gave no access token')
  return token
}

/** People, and an organisation with a team for each group. */
async function populate(ask: (method: string, path: string, body?: unknown) => Promise<Members>) {
  const subjects = new Map<Person, unknown>()
  for (const person of people) {
    const { id } = await ask('POST', '/admin/users', {
      username: person,
      password: passwordOf(person),
      email: `${person}@example.com`,
      full_name: `${person[0]?.toUpperCase()}${person.slice(1)} Example`,
      must_change_password: false,
    })
    subjects.set(person, id)
  }
  const teams = new Map<string, unknown>()
  for (const group of ['ops', 'contractors']) {
    await ask('POST', '/orgs', { username: group })
    const units = { permission: 'read', units: ['repo.code'] }
    const { id } = await ask('POST', `/orgs/${group}/teams`, { name: 'people', ...units })
    teams.set(group, id)
    for (const person of people.filter(one => groupsOf[one].includes(group))) {
      await ask('PUT', `/teams/${id}/members/${person}`)
    }
  }
  return { subjects, teams }
}

export interface GiteaPlace {
  readonly port: number
  /** Where browsers reach it. */
  readonly url: string
}

/** `folder`: the program's; `data`: whatever it writes. */
export function configurationOf(folder: string, data: string, { port, url }: GiteaPlace): string {
  const secret = (): string => randomBytes(32).toString('base64url')
  return `
RUN_USER = ${userInfo().username}
; CI is root. Nobody but the test reaches it.
I_AM_BEING_UNSAFE_RUNNING_AS_ROOT = true
WORK_PATH = ${data}
[server]
HTTP_ADDR = 127.0.0.1
HTTP_PORT = ${port}
ROOT_URL = ${url}
STATIC_ROOT_PATH = ${folder}
DISABLE_SSH = true
OFFLINE_MODE = true
[database]
DB_TYPE = sqlite3
PATH = ${join(data, 'gitea.db')}
[security]
INSTALL_LOCK = true
SECRET_KEY = ${secret()}
INTERNAL_TOKEN = ${secret()}
[oauth2]
JWT_SECRET = ${secret()}
[indexer]
ISSUE_INDEXER_TYPE = db
[log]
LEVEL = warn
`
}
