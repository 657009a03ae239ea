/** Programs that a running service has seen with a token or a certificate: what its admin listener lists at `/machines`. */
import type { Credential, InventoriedIdentity, NotedTokens } from '../../../../rbac/reach/inventory/identity.ts'
import { nothing } from '../../../../rbac/reach/inventory/other-identities.ts'
import { callAdmin, strangeAnswer } from '../../../admin/call.ts'
import type { AdminPlace } from '../../../admin/place.ts'
import { inventoryMoment } from './moments.ts'

interface ListedMachine {
  readonly credential: Credential['kind'] | 'application-password'
  readonly issuer: string
  readonly name: string
  readonly actors: readonly string[]
  readonly lastId?: string
  readonly firstSeenAt: string
  readonly lastSeenAt: string
}

interface Listed {
  readonly since: string
  readonly machines: readonly ListedMachine[]
  readonly forgotten: number
}

export interface SeenMachines {
  readonly identities: readonly InventoriedIdentity[]
  readonly noted: NotedTokens
}

/** Rejects where the service does not list them: an inventory without them would look whole. */
export async function seenMachines(admin: AdminPlace): Promise<SeenMachines> {
  const answer = await callAdmin(admin, '/machines')
  const { machines, since, forgotten = 0 } = (answer.body ?? {}) as Partial<Listed>
  const moment = inventoryMoment(since)
  if (answer.status !== 200 || !Array.isArray(machines) || moment === undefined) throw strangeAnswer(answer)
  // Passwords have a list of their own, with those that were not used.
  const shown = machines.filter(({ credential }) => credential !== 'application-password')
  return { identities: merged(shown.map(identityOf)), noted: { since: moment, forgotten } }
}

function identityOf(machine: ListedMachine): InventoriedIdentity {
  const { credential, issuer, name, actors, lastId, lastSeenAt } = machine
  const lastUsed = inventoryMoment(lastSeenAt)
  const use = lastUsed === undefined ? {} : { lastUsed }
  const by = actors.length === 0 ? '' : ` by ${actors.join(' by ')}`
  const credentials = [
    {
      kind: credential as Credential['kind'],
      name: `of ${issuer}${by}${lastId === undefined ? '' : `, the last one ${lastId}`}`,
      ...use,
    },
  ]
  if (!name.startsWith('user:')) {
    const own = name.slice(name.indexOf(':') + 1)
    return {
      ...{ ...nothing, id: `machine:${name}`, kind: 'machine', name: own, credentials },
      owner: { name: own.split('/')[0] ?? own, inferredFrom: 'issuer in its name', certainty: 'likely' },
      ...use,
    }
  }
  return {
    ...{ ...nothing, id: `bearer-token:${credential}:${name}${by}`, kind: 'bearer-token', credentials },
    name: `${name}${by}`,
    owner: { name: name.slice('user:'.length), inferredFrom: 'whom it names', certainty: 'likely' },
    ...use,
  }
}

/** What the policy says of somebody, and what was seen of him, is one identity. */
export function merged(all: readonly InventoriedIdentity[]): InventoriedIdentity[] {
  const known = new Map<string, InventoriedIdentity>()
  for (const one of all) {
    const before = known.get(one.id)
    known.set(one.id, before === undefined ? one : together(before, one))
  }
  return [...known.values()]
}

function together(one: InventoriedIdentity, other: InventoriedIdentity): InventoriedIdentity {
  const used = [one.lastUsed, other.lastUsed].filter(moment => moment !== undefined)
  return {
    ...one,
    credentials: [...one.credentials, ...other.credentials],
    ...(used.length > 0 && { lastUsed: Math.max(...used) }),
  }
}
