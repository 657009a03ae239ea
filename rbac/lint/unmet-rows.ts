/**
 * Rows about machines, tokens and clusters that nothing can ever meet, because the configuration has no such one.
 *
 * Threat: a row denies `/kube:bleu`, or a workload at a host that does not know it under this name, and denies nobody. It loads,
 * since rows may be written before what they speak of is there; so it is said.
 */
import { coversDomain, isKubernetesDomain, isReservedDomain, tokensDomain } from '../domains.ts'
import type { Row } from '../row.ts'
import { unknownName } from '../unknown-name.ts'
import type { LintRule, Said } from './finding.ts'

/** What the configuration says of who comes by token or certificate, and where. */
export interface KnownTokens {
  /** Hosts and patterns that have settings of their own. */
  readonly hosts: readonly string[]
  /** What is in force for a host, or for a pattern of `hosts`. */
  readonly takenOn: (host: string) => Taken
  /** Whether there is a token exchange. */
  readonly isExchanged: boolean
  /** Names of the clusters behind the gateway. */
  readonly clusters: readonly string[]
  /** Names of the clusters that judge calls by themselves. */
  readonly directClusters: readonly string[]
}

export interface Taken {
  /** Tokens that this service made for the host. */
  readonly takesOwn: boolean
  /** Whose machines come without an exchange: `service-account:<cluster>`, `client:<issuer>`, `certificate:<authority>`. */
  readonly from: readonly string[]
}

export interface UnmetRow extends Pick<Said, 'message' | 'advice'> {
  readonly id: string
  readonly rule: LintRule
}

type UnmetOfRow = Omit<UnmetRow, 'id'>

/** At most one for each row. */
export function findUnmet(rows: readonly Row[], known: KnownTokens): readonly UnmetRow[] {
  return rows.flatMap(row => {
    const found = ofCluster(row, known) ?? ofToken(row, known) ?? ofMachine(row, known)
    return found === undefined ? [] : [{ id: row.id, ...found }]
  })
}

function ofCluster({ domain }: Row, { clusters, directClusters }: KnownTokens): UnmetOfRow | undefined {
  if (!isKubernetesDomain(domain)) return undefined
  const name = domain.slice('kube:'.length)
  const all = [...clusters, ...directClusters]
  if (all.includes(name)) return undefined
  const message = `the row never applies: ${unknownName('cluster', name, all)}`
  return { rule: 'unknown-cluster', message, advice: 'compare with kubernetes.clusters' }
}

function ofToken({ domain, resource, fitsResource }: Row, known: KnownTokens): UnmetOfRow | undefined {
  if (domain !== tokensDomain) return undefined
  const { clusters, isExchanged } = known
  if (!isExchanged) {
    const message = 'the row never applies: no tokens are made'
    return { rule: 'token-for-nothing', message, advice: 'configure machines.exchange, or remove the row' }
  }
  if (clusters.some(name => fitsResource(`/kube:${name}`)) || isForHost(resource, fitsResource, known)) return undefined
  const [name, isOfCluster] = [resource.slice(1), resource.startsWith('/kube:')]
  const what = isOfCluster ? unknownName('cluster', name.slice('kube:'.length), clusters) : takingNone(name, known)
  const where = isOfCluster ? 'kubernetes.clusters: tokens are for those behind the gateway' : 'hosts[].bearerFrom'
  return { rule: 'token-for-nothing', message: `the row never applies: ${what}`, advice: `compare with ${where}` }
}

const takingNone = (name: string, { hosts }: KnownTokens): string =>
  hosts.includes(name) ? `${name} takes no tokens of sallyport` : unknownName('host', name, hosts)

/** Whether some token may be for a host that the resource names. Never says no wrongly. */
function isForHost(resource: string, fits: Row['fitsResource'], { hosts, takenOn }: KnownTokens): boolean {
  if (!resource.includes('*')) return takenOn(resource.slice(1)).takesOwn
  return hosts.some(host => takenOn(host).takesOwn && (host.startsWith('*') || fits(`/${host}`)))
}

function ofMachine({ subject, domain }: Row, known: KnownTokens): UnmetOfRow | undefined {
  const [, from, kind] = /^((service-account|client|certificate):[^/]+)\//.exec(subject) ?? []
  if (from === undefined || canCome(from, domain, known)) return undefined
  const settings = kind === 'certificate' ? 'hosts[].certificateFrom' : 'hosts[].bearerFrom'
  const message = `the row never applies: nobody of ${from} ever comes there`
  return { rule: 'machine-not-taken', message, advice: `name it in ${settings}, or correct the row` }
}

/** Whether a machine may come to what a domain covers, or act there for somebody. Never says no wrongly. */
function canCome(from: string, domain: string, known: KnownTokens): boolean {
  const isExchanged = known.isExchanged && !from.startsWith('certificate:')
  if (domain === tokensDomain) return isExchanged
  if (isKubernetesDomain(domain)) return isExchanged && known.clusters.includes(domain.slice('kube:'.length))
  if (isReservedDomain(domain)) return true
  const isTaken = (host: string): boolean => {
    const taken = known.takenOn(host)
    return taken.from.includes(from) || (isExchanged && taken.takesOwn)
  }
  if (!domain.startsWith('*')) return isTaken(domain)
  const overlapping = known.hosts.filter(host => coversDomain(domain, host) || coversDomain(host, domain))
  return overlapping.some(isTaken)
}
