/** Dex in memory, with the people of an OpenLDAP beside it: its own passwords know no groups. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { freePort } from '../peers.ts'
import type { Person } from '../provider.ts'
import { type Directory, startDirectory } from './directory.ts'
import {
  clientSecret,
  type Product,
  passwordOf,
  type RunningProduct,
  type ServiceAddresses,
  startProgram,
  temporaryFolder,
} from './product.ts'

const clientId = 'sallyport'
const connector = 'ldap'

export const dex: Product = {
  name: 'dex',
  program: 'dex',
  beside: ['slapd', 'ldapmodify'],
  // Its answer is 500, which says nothing about the person.
  closedAccount: 'unanswered',
  closedError: 'invalid_request',
  // It leaves the claim out for somebody in no group.
  lastGroup: 'unanswered',
  lacks: {
    singleSignOn: 'Dex asks for the password at each login: it has no session of its own',
    endSession: 'Dex has no log-out: it has no session of its own',
    backChannel: 'Dex tells nobody of a log-out',
    keyRotation: 'Dex changes its keys by itself, by the clock',
    secondBrowser: 'Dex keeps one refresh token for a person and an application: the last login ends the one before',
  },
  start,
}

async function start(folder: string, service: ServiceAddresses): Promise<RunningProduct> {
  const temporary = temporaryFolder('dex')
  const directory = await startDirectory(temporary.path)
  const port = await freePort()
  const issuer = `http://idp.localhost:${port}`
  const configuration = join(temporary.path, 'dex.yaml')
  writeFileSync(configuration, JSON.stringify(configurationOf(issuer, { port, service, directory })))
  const ready = `${issuer}/.well-known/openid-configuration`
  const options = { cwd: temporary.path }
  const running = await startProgram(join(folder, 'dex'), ['serve', configuration], ready, options).catch(
    async (error: unknown) => {
      await directory.stop()
      throw error
    },
  )
  return {
    entry: { issuer, clientId, clientSecret, scopes: ['profile', 'email', 'groups', 'offline_access'] },
    issuer,
    origins: [issuer],
    subjectOf,
    answersOf: person => ({ login: person, password: passwordOf(person), approval: 'approve' }),
    joinGroup: directory.join,
    leaveGroup: directory.leave,
    disable: directory.remove,
    async stop() {
      await running.stop()
      await directory.stop()
      temporary.remove()
    },
  }
}

/** A message of protobuf: the id that the connector gives, and the connector's. */
function subjectOf(person: Person): string {
  const fields = [person, connector].flatMap((text, index) => [
    ((index + 1) << 3) | 2,
    text.length,
    ...Buffer.from(text),
  ])
  return Buffer.from(fields).toString('base64url')
}

function configurationOf(
  issuer: string,
  { port, service, directory }: { port: number; service: ServiceAddresses; directory: Directory },
) {
  return {
    issuer,
    storage: { type: 'memory' },
    web: { http: `127.0.0.1:${port}` },
    staticClients: [{ id: clientId, name: 'Sallyport', secret: clientSecret, redirectURIs: [service.callback] }],
    connectors: [
      {
        type: 'ldap',
        id: connector,
        name: 'People',
        config: {
          host: directory.host,
          insecureNoSSL: true,
          bindDN: directory.administrator,
          bindPW: directory.password,
          userSearch: {
            baseDN: directory.people,
            filter: '(objectClass=inetOrgPerson)',
            username: 'uid',
            idAttr: 'uid',
            emailAttr: 'mail',
            nameAttr: 'cn',
            preferredUsernameAttr: 'uid',
          },
          groupSearch: {
            baseDN: directory.groups,
            filter: '(objectClass=groupOfNames)',
            userMatchers: [{ userAttr: 'DN', groupAttr: 'member' }],
            nameAttr: 'cn',
          },
        },
      },
    ],
  }
}
