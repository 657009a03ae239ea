/** Canaille with an SQLite file, as its documentation sets it up: people and the client restored from a dump. */
import { generateKeyPairSync } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { freePort } from '../peers.ts'
import type { Person } from '../provider.ts'
import {
  clientSecret,
  type Product,
  passwordOf,
  type RunningProduct,
  run,
  startProgram,
  temporaryFolder,
} from './product.ts'

const credentials = { clientId: 'sallyport', clientSecret }
const groupsOf: Readonly<Record<Person, readonly string[]>> = { alice: ['ops'], bob: ['contractors'], carol: [] }
/** A member of every group who never logs in: its command cannot empty a group. */
const nobody = 'nobody'
const people = Object.keys(groupsOf) as Person[]

export const canaille: Product = {
  name: 'canaille',
  program: 'bin/canaille',
  closedAccount: 'refused-again',
  closedError: 'invalid_request',
  // It leaves the claim out for somebody in no group.
  lastGroup: 'unanswered',
  isOneTokenASecond: true,
  lacks: {
    backChannel: 'Canaille tells nobody of a log-out',
    keyRotation: 'Canaille takes keys from its configuration, at a start',
  },
  start,
}

async function start(folder: string, service: Parameters<Product['start']>[1]): Promise<RunningProduct> {
  const port = await freePort()
  const issuer = `http://idp.localhost:${port}`
  const temporary = temporaryFolder('canaille')
  const configuration = join(temporary.path, 'canaille.toml')
  writeFileSync(configuration, configurationOf(temporary.path, port))
  const program = join(folder, 'bin', 'canaille')
  const options = {
    cwd: temporary.path,
    // Its OAuth library insists on https otherwise, also for its own issuer.
    env: { ...process.env, CANAILLE_CONFIG: configuration, AUTHLIB_INSECURE_TRANSPORT: '1' },
  }
  const command = (args: readonly string[], input?: string) => run(program, args, options, input)
  await command(['install'])
  await command(['restore'], JSON.stringify(dumpOf(service)))
  const running = await startProgram(
    program,
    ['run', '--bind', `127.0.0.1:${port}`],
    `${issuer}/.well-known/openid-configuration`,
    options,
  )

  const members = new Map(['ops', 'contractors'].map(group => [group, new Set(people.filter(isIn(group)))]))
  const setMembers = async (group: string): Promise<void> => {
    const args = [nobody, ...(members.get(group) ?? [])].flatMap(person => ['--members', person])
    await command(['set', 'group', group, ...args])
  }
  return {
    // It states no `email_verified`.
    entry: { issuer, ...credentials, scopes: ['profile', 'email', 'groups'], emailVerified: 'always' },
    issuer,
    origins: [issuer],
    subjectOf: person => person,
    answersOf: person => ({ login: person, password: passwordOf(person), answer: 'accept' }),
    logOutAnswers: { answer: 'logout' },
    async joinGroup(person, group) {
      members.get(group)?.add(person)
      await setMembers(group)
    },
    async leaveGroup(person, group) {
      members.get(group)?.delete(person)
      await setMembers(group)
    },
    async disable(person) {
      await command(['set', 'user', person, '--lock-date', '2020-01-01T00:00:00+00:00'])
    },
    async stop() {
      await running.stop()
      temporary.remove()
    },
  }
}

const isIn = (group: string) => (person: Person) => groupsOf[person].includes(group)

function configurationOf(folder: string, port: number): string {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const key = Object.entries(privateKey.export({ format: 'jwk' })).map(([name, value]) => `${name} = "${value}"`)
  return `
SECRET_KEY = "the secret of a test, which is long enough"
SERVER_NAME = "idp.localhost:${port}"
PREFERRED_URL_SCHEME = "http"
[CANAILLE]
DATABASE = "sql"
JAVASCRIPT = false
[CANAILLE_SQL]
DATABASE_URI = "sqlite:///${join(folder, 'canaille.sqlite')}"
[CANAILLE_OIDC]
ACTIVE_JWKS = [{ ${key.join(', ')} }]
`
}

function dumpOf({ callback, signedOut }: Parameters<Product['start']>[1]) {
  return {
    user: [...people, nobody].map(person => {
      const name = `${person[0]?.toUpperCase()}${person.slice(1)}`
      return {
        id: person,
        user_name: person,
        password: passwordOf(person as Person),
        given_name: name,
        family_name: 'Example',
        formatted_name: `${name} Example`,
        emails: [`${person}@example.com`],
      }
    }),
    group: ['ops', 'contractors'].map(group => ({
      id: group,
      display_name: group,
      members: [nobody, ...people.filter(isIn(group))],
    })),
    client: [
      {
        id: credentials.clientId,
        client_id: credentials.clientId,
        client_secret: credentials.clientSecret,
        client_name: 'Sallyport',
        client_uri: 'https://auth.example.com',
        audience: [credentials.clientId],
        redirect_uris: [callback],
        post_logout_redirect_uris: [signedOut],
        token_endpoint_auth_method: 'client_secret_basic',
        grant_types: ['authorization_code', 'refresh_token'],
        response_types: ['code'],
        scope: ['openid', 'profile', 'email', 'groups'],
      },
    ],
  }
}
