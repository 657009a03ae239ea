/** Who is in which group, for every command that reviews a cluster: of files, of a running service, and of certificates. */
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import type { Command } from 'commander'
import { impersonationOf, NamelessError } from '../../../app/kubernetes/person.ts'
import { namesOfPeople, peopleOf } from '../../../app/kubernetes/rights/people.ts'
import { certificateUsers } from '../../../rbac/reach/inventory/certificates.ts'
import type { ReviewOptions } from '../../../rbac/reach/moves/facts.ts'
import type { ClusterObjects } from '../../../rbac/reach/objects.ts'
import { joined, type KnownPeople, type Memberships, readUsers } from '../../../rbac/reach/people/read-users.ts'
import { idOf, userSubject } from '../../../rbac/reach/subject.ts'
import type { Terminal } from '../../terminal.ts'
import { chosenCluster, sessionsOf } from '../operator/logged-in.ts'

export interface PeopleChoice {
  readonly users?: readonly string[]
  readonly admin?: string
  readonly config?: string
  readonly cluster?: string
}

export const peopleHelp = `
Who is in which group stands in no cluster. --users is a list of user and groups, as the API server names them, and says who there is
at all; --admin with --cluster adds who is logged in at a running service, by the names that its configuration gives them there.
Certificates that the cluster issued say it too, until they end.`

export const addUsers = (command: Command): Command =>
  command.option('--users <file...>', 'who there is and who is in which group: a list of user and groups (YAML, JSON)')

export const addPeople = (command: Command): Command =>
  addUsers(command)
    .option('--admin <url>', 'admin listener of a running service, with --cluster: who is logged in')
    .option('-c, --config <file>', "with --admin: Sallyport's configuration")
    .option('--cluster <name>', 'with --admin: which cluster of the configuration this is')

/** Before anything is read of the cluster. Rejects with a sentence for what cannot be read: a group without its members looks harmless. */
export async function readPeople(choice: PeopleChoice, terminal: Terminal): Promise<KnownPeople> {
  const lists = (choice.users ?? []).map(path => readUsers(readFileSync(resolve(terminal.cwd, path), 'utf8'), path))
  const loggedIn = choice.cluster === undefined ? [] : [await loggedInOf(choice, terminal)]
  const names = lists.flatMap(({ knownUsers }) => (knownUsers === undefined ? [] : [knownUsers]))
  // One list that is not everybody's says nothing of who is gone.
  const isWhole = lists.length > 0 && names.length === lists.length
  return {
    memberships: joined([...lists.map(({ memberships }) => memberships), ...loggedIn]),
    ...(isWhole && { knownUsers: new Set(names.flatMap(one => [...one])) }),
  }
}

async function loggedInOf({ admin, config, cluster }: PeopleChoice, terminal: Terminal): Promise<Memberships> {
  if (admin === undefined) throw new Error('--cluster needs --admin: who is logged in is asked of a running service')
  const chosen = { ...(config !== undefined && { config }), allowInsecure: new Set<never>() }
  const { loadChosenConfig } = await import('../../load-config.ts')
  const names = chosenCluster(loadChosenConfig(chosen, terminal).config, cluster)
  const people = peopleOf(await sessionsOf({ isOffline: false, admin }, terminal))
  const called = namesOfPeople(names)
  return joined(
    people.flatMap(person => {
      try {
        const { user, groups } = impersonationOf(person, '', called)
        return [new Map([[idOf(userSubject(user)), groups]])]
      } catch (error) {
        // The gateway speaks for nobody of that name, so he is nobody there.
        if (error instanceof NamelessError) return []
        throw error
      }
    }),
  )
}

/** What a review is told of people. @param now seconds since the epoch: certificates that have ended make nobody */
export function peopleOptions(
  { memberships, knownUsers }: KnownPeople,
  objects: ClusterObjects,
  now: number = Date.now() / 1000,
): Pick<ReviewOptions, 'memberships' | 'knownUsers'> {
  const certified = new Map([...certificateUsers(objects, now)].map(([id, { groups }]) => [id, groups] as const))
  return { memberships: joined([memberships, certified]), ...(knownUsers !== undefined && { knownUsers }) }
}
