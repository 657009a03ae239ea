/** Machines that Sallyport itself knows: by its configuration, by its policy, and by what the running service lists. */

import type { InventoriedIdentity, NotedTokens } from '../../../../rbac/reach/inventory/identity.ts'
import { nothing } from '../../../../rbac/reach/inventory/other-identities.ts'
import { callAdmin, strangeAnswer } from '../../../admin/call.ts'
import { type AdminPlace, namedAdmin } from '../../../admin/place.ts'
import { type LoadedPolicy, loadPolicy } from '../../../policy/load-policy.ts'
import type { Terminal } from '../../../terminal.ts'
import { inventoryMoment } from './moments.ts'
import { merged, seenMachines } from './seen-machines.ts'

export interface OwnChoice {
  readonly config?: string
  readonly admin?: string
}

interface OwnIdentities {
  readonly own: readonly InventoriedIdentity[]
  /** Absent without a running service. */
  readonly notedTokens?: NotedTokens
}

/** Empty where neither is named. Rejects where what is named cannot be read. */
export async function ownIdentities({ config, admin }: OwnChoice, terminal: Terminal): Promise<OwnIdentities> {
  const policy = config === undefined ? undefined : await loadPolicy({ config }, terminal)
  const known = policy === undefined ? [] : configured(policy)
  if (admin === undefined) return { own: known }
  const place = namedAdmin(admin)
  const { identities, noted } = await seenMachines(place)
  return { own: [...merged([...known, ...identities]), ...(await passwords(place))], notedTokens: noted }
}

const configuration = { name: 'Sallyport', inferredFrom: 'configuration', certainty: 'stated' } as const

function configured({ config, snapshot }: LoadedPolicy): InventoriedIdentity[] {
  const issuers = (config?.machines?.issuers ?? []).map(
    ({ name }): InventoriedIdentity => ({
      ...nothing,
      id: `token-issuer:${name}`,
      kind: 'token-issuer',
      name,
      owner: configuration,
    }),
  )
  const rows = new Map<string, string[]>()
  const note = (whom: string, place: string): void => {
    if (/^(?:client|certificate|service-account):/.test(whom)) rows.set(whom, [...(rows.get(whom) ?? []), place])
  }
  for (const { subject, id, domain } of snapshot.rows) note(subject, `${id} ${domain}`)
  for (const { member, id, role } of snapshot.roles) note(member, `${id} ${role}`)
  const machines = [...rows].map(([whom, places]): InventoriedIdentity => {
    const name = whom.slice(whom.indexOf(':') + 1)
    // A service account of a cluster has a name with two slashes here, so it never is one of the cluster that was read.
    return {
      ...nothing,
      id: `machine:${whom}`,
      kind: 'machine',
      name,
      owner: { name: 'Sallyport', inferredFrom: 'policy', certainty: 'stated' },
      bindings: places,
    }
  })
  return [...issuers, ...machines]
}

interface ListedPassword {
  readonly handle: string
  readonly subject: string
  readonly name: string
  readonly expiresAt: string
  readonly lastUsedAt?: string
}

const pageSize = 200
/** An end for a service that always says that there is more. */
const mostPages = 500

async function passwords(admin: AdminPlace): Promise<InventoriedIdentity[]> {
  const all: InventoriedIdentity[] = []
  let after: string | undefined
  for (let page = 0; page < mostPages; page += 1) {
    const query = new URLSearchParams({ all: 'true', limit: `${pageSize}`, ...(after !== undefined && { after }) })
    const answer = await callAdmin(admin, `/passwords?${query}`)
    // No host takes passwords.
    if (answer.status === 404) return all
    const body = answer.body as { readonly passwords?: readonly ListedPassword[]; readonly next?: string } | undefined
    if (answer.status !== 200 || !Array.isArray(body?.passwords)) throw strangeAnswer(answer)
    all.push(...body.passwords.map(passwordIdentity))
    after = body.next
    if (after === undefined) return all
  }
  throw new Error(`the service at ${admin.url} lists application passwords without end`)
}

function passwordIdentity({ handle, subject, name, expiresAt, lastUsedAt }: ListedPassword): InventoriedIdentity {
  const lastUsed = inventoryMoment(lastUsedAt)
  const expires = inventoryMoment(expiresAt)
  return {
    ...nothing,
    id: `application-password:${handle}`,
    kind: 'application-password',
    name,
    owner: { name: subject, inferredFrom: 'who made it', certainty: 'stated' },
    credentials: [
      {
        kind: 'password',
        name: handle,
        ...(expires !== undefined && { expires }),
        ...(lastUsed !== undefined && { lastUsed }),
      },
    ],
    ...(lastUsed !== undefined && { lastUsed }),
  }
}
