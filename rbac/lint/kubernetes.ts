/** Rows of `kube:` domains that do more, or less, than they seem to (docs/policy.md, "Kubernetes"). */
import { isKubernetesDomain } from '../domains.ts'
import type { RoleRow } from '../roles.ts'
import type { Row } from '../row.ts'
import { type Coverage, coversCondition, segmentsOf } from './coverage.ts'
import type { Report } from './finding.ts'
import { findUnderAs } from './kubernetes-as.ts'

export interface KubernetesLintOptions {
  readonly coverage: Coverage
  readonly roles: readonly RoleRow[]
  /** By the names of the clusters. */
  readonly userClaims: ReadonlyMap<string, string>
}

export function findKubernetes(
  rows: readonly Row[],
  { coverage, roles, userClaims }: KubernetesLintOptions,
  report: Report,
): void {
  const inClusters = rows.filter(({ domain, isShadow }) => isKubernetesDomain(domain) && !isShadow)
  for (const cluster of new Set(inClusters.map(({ domain }) => domain))) {
    const own = inClusters.filter(({ domain }) => domain === cluster)
    const allows = own.filter(({ isDeny }) => !isDeny)
    const denies = own.filter(({ isDeny }) => isDeny)
    const isDenied = createDenied(denies, coverage)
    for (const row of allows) {
      findActingReads(row, isDenied, report)
      findActingCreates(row, isDenied, report)
      findStreams(row, report)
      findLentIdentities(row, isDenied, report)
    }
    for (const row of denies) findLists(row, { allows, denies }, coverage, report)
    const userClaim = userClaims.get(cluster.slice('kube:'.length)) ?? 'email'
    findUnderAs(own, { coverage, roles, userClaim }, report)
  }
}

/** Whether a row that denies takes a path from all whom a row allows. */
type IsDenied = (row: Row, action: string, path: string) => boolean

function createDenied(denies: readonly Row[], { coversSubject }: Coverage): IsDenied {
  return (row, action, path) =>
    denies.some(
      deny =>
        coversCondition(deny.condition, row.condition) &&
        deny.fitsAction(action) &&
        deny.fitsResource(path) &&
        coversSubject(deny, row),
    )
}

/** `*`: any name, as the first any namespace. */
type Wanted = readonly string[]

const proxies: readonly Wanted[] = [
  ['-', 'core', 'nodes', '*', 'proxy'],
  ['*', 'core', 'pods', '*', 'proxy'],
  ['*', 'core', 'services', '*', 'proxy'],
]
const tokens: Wanted = ['*', 'core', 'serviceaccounts', '*', 'token']
const impersonated: readonly Wanted[] = [
  ['*', 'core', 'serviceaccounts', '*'],
  ['-', 'core', 'users', '*'],
  ['-', 'core', 'groups', '*'],
]

/** A path of the wanted form that the row fits; `undefined` where there is none. */
function sampleOf(row: Row, wanted: Wanted): string | undefined {
  const segments = segmentsOf(row.resource)
  const names = wanted.map((want, index) => (want === '*' ? plainOf(segments?.fixed[index]) : want))
  if (wanted[0] === '*' && (names[0] === '-' || names[0] === 'nonResourceURLs')) return undefined
  const path = `/${names.join('/')}`
  return row.fitsResource(path) ? path : undefined
}

const plainOf = (segment = '*'): string => segment.replaceAll('*', 'x')

function findActingReads(row: Row, isDenied: IsDenied, report: Report): void {
  if (!row.fitsAction('get') || row.fitsAction('create')) return
  const reached = proxies.filter(wanted => {
    const path = sampleOf(row, wanted)
    return path !== undefined && !isDenied(row, 'get', path)
  })
  if (reached.length === 0) return
  const names = reached.map(([, , kind]) => `${kind}/proxy`).join(', ')
  report('reading-that-acts', row.id, {
    message: `get of ${names} passes any GET on to whatever listens there, kubelets included, and that may act`,
    advice: 'deny get of /*/core/*/*/proxy to the same people, or name the resources that are meant',
  })
}

const podStreams: readonly Wanted[] = ['exec', 'attach', 'portforward'].map(name => ['*', 'core', 'pods', '*', name])
const writtenOut = /\/(?:exec|attach|portforward|proxy)$/

/** Who writes every action means every action, and who writes the stream means the stream. */
function findActingCreates(row: Row, isDenied: IsDenied, report: Report): void {
  if (!row.fitsAction('create') || row.action === '*' || writtenOut.test(row.resource)) return
  const reached = [...podStreams, ...proxies].filter(wanted => {
    const path = sampleOf(row, wanted)
    return path !== undefined && !isDenied(row, 'create', path)
  })
  if (reached.length === 0) return
  const names = reached.map(([, , kind, , subresource]) => `${kind}/${subresource}`).join(', ')
  report('creating-that-acts', row.id, {
    message: `create of ${names} opens shells and forwards, and passes any POST or upgrade on`,
    advice:
      'list the resources that are meant, or deny create of /*/core/*/*/exec, attach, portforward and proxy to the same people',
  })
}

function findStreams({ id, resource, fitsAction }: Row, report: Report): void {
  const [, , kind, , subresource = ''] = segmentsOf(resource)?.fixed ?? []
  if (kind !== 'pods' || !['exec', 'attach', 'portforward'].includes(subresource) || fitsAction('create')) return
  report('stream-without-create', id, {
    message: `opens no stream: ${subresource} is judged as create, in each protocol`,
    advice: 'write create, or remove the row',
  })
}

function findLentIdentities(row: Row, isDenied: IsDenied, report: Report): void {
  const isEverything = row.resource === '/**' && row.action === '*'
  if (isEverything) return
  const lent = [
    ...(isLent(row, 'create', [tokens], isDenied) ? ['create of serviceaccounts/token'] : []),
    ...(isLent(row, 'impersonate', impersonated, isDenied) ? ['impersonate'] : []),
  ]
  if (lent.length === 0) return
  // Who writes it out means it.
  const isMeant = /\/(?:token|users|groups|serviceaccounts)(?:\/|$)/.test(row.resource) || row.action === 'impersonate'
  report('lends-identity', row.id, {
    message: `${lent.join(' and ')}: whoever has this row can act as others, past rows that name them`,
    advice: isMeant ? 'name those who are meant' : 'list the verbs and resources that are meant, or deny this part',
    severity: isMeant ? 'note' : undefined,
  })
}

const isLent = (row: Row, action: string, forms: readonly Wanted[], isDenied: IsDenied): boolean =>
  row.fitsAction(action) &&
  forms.some(wanted => {
    const path = sampleOf(row, wanted)
    return path !== undefined && !isDenied(row, action, path)
  })

interface Sides {
  readonly allows: readonly Row[]
  readonly denies: readonly Row[]
}

/**
 * Threat: a deny for `/payments/**`, or for one secret by its name, and a row that allows to list all namespaces, or all
 * secrets of that one. A list is one call to one path, and that path is not denied.
 */
function findLists(deny: Row, { allows, denies }: Sides, { coversSubject }: Coverage, report: Report): void {
  for (const path of collectionsOf(deny)) {
    for (const action of collectionActionsOf(deny, path)) {
      const allow = allows.find(row => row.fitsAction(action) && row.fitsResource(path))
      if (allow === undefined) continue
      const isCovered = denies.some(
        other =>
          other.fitsAction(action) &&
          other.fitsResource(path) &&
          coversSubject(other, deny) &&
          coversCondition(other.condition, deny.condition),
      )
      if (isCovered) continue
      report('deny-passed-by-list', deny.id, {
        message: `does not deny ${action} of ${path}, which includes what it denies and is allowed by ${allow.id}`,
        advice: `deny ${action} of ${path} too`,
      })
      return
    }
  }
}

/** What is asked of a collection and happens to what is in it. Who creates names the object in the body, in one namespace. */
function collectionActionsOf({ fitsAction, resource }: Row, path: string): readonly string[] {
  const isRead = ['get', 'list', 'watch'].some(fitsAction)
  const isDelete = ['delete', 'deletecollection'].some(fitsAction)
  const isCreate = fitsAction('create') && (resource.startsWith('/-/') || !path.startsWith('/-/'))
  return [
    ...(isRead ? ['list', 'watch'] : []),
    ...(isDelete ? ['deletecollection'] : []),
    ...(isCreate ? ['create'] : []),
  ]
}

/** Paths of the lists that hold what a row names: of its namespace where it names objects, and of all namespaces. */
function collectionsOf({ resource }: Row): readonly string[] {
  const { fixed, isOpen } = segmentsOf(resource) ?? { fixed: [], isOpen: false }
  const [namespace = '*', group = 'core', kind = 'pods', name] = fixed.map(plainOf)
  // Of a subresource there is no list.
  if (fixed.length === 0 || fixed.length > 4 || namespace === 'nonResourceURLs') return []
  if (fixed.length < 3 && !isOpen) return []
  const isEveryNamespace = namespace === '-' || fixed[0]?.includes('*') === true
  return [
    ...(name === undefined ? [] : [`/${namespace}/${group}/${kind}`]),
    ...(isEveryNamespace ? [] : [`/-/${group}/${kind}`]),
  ]
}
