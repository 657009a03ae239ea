/** An OpenLDAP on loopback with the people of the tests, changed with the commands that an administrator has. */
import { spawn } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { endProcess, freePort } from '../peers.ts'
import type { Person } from '../provider.ts'
import { passwordOf, run } from './product.ts'

export interface Directory {
  readonly host: string
  readonly administrator: string
  readonly password: string
  /** Where people and groups are. */
  readonly people: string
  readonly groups: string
  readonly join: (person: Person, group: string) => Promise<void>
  readonly leave: (person: Person, group: string) => Promise<void>
  readonly remove: (person: Person) => Promise<void>
  readonly stop: () => Promise<void>
}

const suffix = 'dc=example,dc=com'
const administrator = `cn=admin,${suffix}`
const password = 'the-password-of-a-test'
const [people, groups] = [`ou=people,${suffix}`, `ou=groups,${suffix}`]
/** A member of every group who never logs in: a group of LDAP has at least one member. */
const nobody = `uid=nobody,${people}`
const groupsOf: Readonly<Record<Person, readonly string[]>> = { alice: ['ops'], bob: ['contractors'], carol: [] }

const dnOf = (person: string): string => `uid=${person},${people}`

/** @param folder empty, and gone with the test */
export async function startDirectory(folder: string): Promise<Directory> {
  const data = join(folder, 'directory')
  mkdirSync(data)
  const configuration = join(folder, 'slapd.conf')
  writeFileSync(configuration, configurationOf(data))
  await run('slapadd', ['-f', configuration], {}, entries())
  const port = await freePort()
  // Any debug level keeps it in the foreground; this one says nothing.
  const child = spawn('slapd', ['-d', '0', '-f', configuration, '-h', `ldap://127.0.0.1:${port}`], { stdio: 'ignore' })
  const killOnExit = (): void => void child.kill('SIGKILL')
  process.once('exit', killOnExit)
  while (!(await isListening(port))) {
    if (child.exitCode !== null) throw new Error(`slapd ended with ${child.exitCode}`)
    await delay(50)
  }
  const change = async (text: string): Promise<void> => {
    const args = ['-x', '-H', `ldap://127.0.0.1:${port}`, '-D', administrator, '-w', password]
    await run('ldapmodify', args, {}, text)
  }
  const member = (kind: 'add' | 'delete') => (person: Person, group: string) =>
    change(`dn: cn=${group},${groups}\nchangetype: modify\n${kind}: member\nmember: ${dnOf(person)}\n`)
  return {
    host: `127.0.0.1:${port}`,
    administrator,
    password,
    people,
    groups,
    join: member('add'),
    leave: member('delete'),
    remove: person => change(`dn: ${dnOf(person)}\nchangetype: delete\n`),
    async stop() {
      process.off('exit', killOnExit)
      await endProcess(child)
    },
  }
}

function isListening(port: number): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect({ host: '127.0.0.1', port })
    const settle = (answer: boolean) => () => {
      socket.destroy()
      resolve(answer)
    }
    socket.once('connect', settle(true)).once('error', settle(false))
  })
}

const configurationOf = (data: string): string => `
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
database ldif
suffix ${suffix}
rootdn ${administrator}
rootpw ${password}
directory ${data}
`

function entries(): string {
  const unit = (dn: string): string => `dn: ${dn}\nobjectClass: organizationalUnit\nou: ${/=(\w+)/.exec(dn)?.[1]}\n`
  const person = (name: string): string =>
    [
      `dn: ${dnOf(name)}`,
      'objectClass: inetOrgPerson',
      `uid: ${name}`,
      `cn: ${name[0]?.toUpperCase()}${name.slice(1)} Example`,
      'sn: Example',
      `mail: ${name}@example.com`,
      `userPassword: ${passwordOf(name as Person)}\n`,
    ].join('\n')
  const names = Object.keys(groupsOf) as Person[]
  const group = (name: string): string =>
    [
      `dn: cn=${name},${groups}`,
      'objectClass: groupOfNames',
      `cn: ${name}`,
      ...[nobody, ...names.filter(one => groupsOf[one].includes(name)).map(dnOf)].map(dn => `member: ${dn}`),
      '',
    ].join('\n')
  const top = `dn: ${suffix}\nobjectClass: dcObject\nobjectClass: organization\no: Example\ndc: example\n`
  return [top, unit(people), unit(groups), ...names.map(person), ...['ops', 'contractors'].map(group)].join('\n')
}
