/** Every identity that is no person: of a cluster, and those that Sallyport itself knows. */
import type { IdentityExcess } from '../excess/excess.ts'
import type { ClusterObjects } from '../objects.ts'
import { type SubjectId, subjectOf } from '../subject.ts'
import type { Usage } from '../usage/usage.ts'
import { certificateUsers } from './certificates.ts'
import { findingsOf } from './findings.ts'
import type { Coverage, InventoriedIdentity, Inventory } from './identity.ts'
import { bootstrapTokens, certificateRequests, nothing } from './other-identities.ts'
import { hasNoOwner, kubernetes } from './owner.ts'
import { rightsOf, serviceAccounts } from './service-accounts.ts'
import type { InventoryChoice, InventorySources } from './sources.ts'

export function inventoryOf(sources: InventorySources, choice: InventoryChoice): Inventory {
  const { objects, grants, usage, excess, own, notedTokens } = sources
  const bySubject = new Map(excess.identities.map(one => [one.subject, one]))
  const seen = usage.askers.map(({ asker }) => asker.id).filter(id => id.startsWith('service-account:'))
  const accounts = serviceAccounts({
    objects,
    excess: bySubject,
    legacyTokenUsed: legacyUses(usage),
    subjects: [...new Set([...grants.subjects, ...seen])],
  })
  const users = namedUsers(bySubject, certificateUsers(objects, choice.now))
  const withReach = (one: InventoriedIdentity) => ({ ...one, reach: sources.reach(one.id) })
  const subjects = [...accounts, ...users.identities].map(withReach)
  const identities = [...subjects, ...bootstrapTokens(objects), ...certificateRequests(objects), ...own]
  const { namespacesRead, problems } = objects
  const refused = new Set(problems.flatMap(({ code, object }) => (code === 'not-permitted' ? [object] : [])))
  const coverage: Coverage = {
    serviceAccounts: {
      seen: objects.serviceAccounts.length,
      all: objects.serviceAccounts.length + unreadAccounts(objects),
    },
    withoutOwner: identities.filter(one => hasNoOwner(one) && !one.isMissing && one.isUnread !== true).length,
    missing: identities.filter(({ isMissing }) => isMissing).length,
    unread: identities.filter(({ isUnread }) => isUnread).length,
    ...(namespacesRead !== undefined && { namespacesRead: [...namespacesRead].sort() }),
    kindsNotRead: neededKinds.filter(kind => !objects.kindsRead.has(kind) || refused.has(kind)),
    takenForPeople: users.people,
    daysOfLog: daysOf(usage),
    ...(notedTokens !== undefined && { notedTokens }),
  }
  return { identities, findings: findingsOf({ ...sources, identities, coverage }, choice), coverage }
}

const secondsOfDay = 86_400
const daysOf = ({ first, last }: Usage): number =>
  first === undefined || last === undefined ? 0 : Math.max(1, Math.round((last - first) / secondsOfDay))

/** Without one of these the inventory has a hole. */
export const neededKinds = [
  'ServiceAccount',
  'ClusterRoleBinding',
  'RoleBinding',
  'Secret',
  'Namespace',
  'Pod',
  'Deployment',
  'DaemonSet',
  'StatefulSet',
  'CertificateSigningRequest',
]

const unreadAccounts = ({ problems }: ClusterObjects): number =>
  problems
    .filter(({ object, code }) => object?.startsWith('ServiceAccount') === true && code !== 'duplicate')
    .reduce((sum, { unread = 0 }) => sum + unread, 0)

function legacyUses(usage: Usage): ReadonlyMap<SubjectId, number> {
  const uses = new Map<SubjectId, number>()
  for (const { asker, legacyTokenUsed: at } of usage.askers)
    if (at !== undefined) uses.set(asker.id, Math.max(uses.get(asker.id) ?? at, at))
  return uses
}

/**
 * Users with an address for a name are people more often than not; components and certificates have none.
 * @param certified by certificates that hold
 */
function namedUsers(excess: ReadonlyMap<SubjectId, IdentityExcess>, certified: ReturnType<typeof certificateUsers>) {
  const isUser = (id: SubjectId): boolean => id.startsWith('user:')
  const bound = [...excess.values()].filter(one => one.bindings.length > 0)
  const all = [...new Set([...bound.map(({ subject }) => subject), ...certified.keys()])].filter(isUser).sort()
  const people = new Set(all.filter(subject => subject.includes('@')))
  const identities = all
    .filter(one => !people.has(one))
    .map((id): InventoriedIdentity => {
      const { name } = subjectOf(id)
      const owner = name.startsWith('system:') ? kubernetes('prefix system:') : undefined
      const { credentials = [], groups = [] } = certified.get(id) ?? {}
      return {
        ...nothing,
        id,
        kind: 'named-user',
        name,
        ...(owner !== undefined && { owner }),
        credentials,
        ...(groups.length > 0 && { groups }),
        ...rightsOf(excess.get(id)),
      }
    })
  return { identities, people: people.size }
}
