/** Composition of what the service finds out about its own rights in the clusters that it is the gateway of. */
import { createChangingCluster } from '../kubernetes/gateway/upstream/changing-cluster.ts'
import { createApiCalls } from '../kubernetes/rights/api-calls.ts'
import { impersonableIn } from '../kubernetes/rights/impersonable.ts'
import { askOwnRights, type OwnRights } from '../kubernetes/rights/own-rights.ts'
import { namesOfPeople, peopleOf, type SummaryOfPerson } from '../kubernetes/rights/people.ts'
import type { SessionDirectory } from '../sessions/session-directory.ts'
import type { ReadinessProbe, ReadinessState } from '../telemetry/readiness.ts'
import { accessTo, type Cluster } from './cluster-access.ts'
import type { Base, Kept, Policy } from './kept.ts'

interface Parts {
  readonly kept: Pick<Kept, 'directory'>
  readonly policy: Pick<Policy, 'current'>
}

export interface OwnRightsCheck {
  /** Rejects only where too much is to end the service. Whatever cannot be reached is asked again until `close`. */
  start(): Promise<void>
  readonly probes: readonly ReadinessProbe[]
  close(): void
}

const askAgainMs = 30_000
const mostNamed = 20

/** None where no clusters are configured. */
export function composeOwnRights(base: Base, { kept, policy }: Parts): OwnRightsCheck {
  const { kubernetes } = base.config
  const clusters = kubernetes?.clusters ?? []
  const states = new Map<string, ReadinessState>()
  const timers = new Set<NodeJS.Timeout>()
  const logger = base.logger.child('kubernetes')
  let isClosed = false

  async function check(cluster: Cluster): Promise<void> {
    let rights: OwnRights
    try {
      rights = await ask(cluster, { kept, policy })
    } catch (error) {
      states.set(cluster.name, { ok: false, detail: 'the cluster has not said what the gateway may do in it' })
      logger.warn({ err: error, cluster: cluster.name }, 'own rights in a cluster are not known; it is asked again')
      if (!isClosed) later(cluster)
      return
    }
    states.set(cluster.name, stateOf(rights))
    report(cluster.name, rights)
    if (cluster.excessRights === 'refuse' && rights.excess.length > 0) throw new Error(refusalOf(cluster.name, rights))
  }

  function later(cluster: Cluster): void {
    const timer = setTimeout(() => {
      timers.delete(timer)
      check(cluster).catch((error: unknown) => logger.error({ err: error }, 'own rights are too many'))
    }, askAgainMs).unref()
    timers.add(timer)
  }

  function report(cluster: string, { missing, excess }: OwnRights): void {
    const command = `sallyport kube reconcile --cluster ${cluster}`
    if (missing.length > 0) {
      const named = { count: missing.length, missing: missing.slice(0, mostNamed) }
      logger.warn({ cluster, ...named, command }, 'the gateway may not speak for everybody who may come')
    }
    if (excess.length > 0) {
      const named = { count: excess.length, excess: excess.slice(0, mostNamed) }
      logger.warn({ cluster, ...named, command }, 'the gateway may do more in a cluster than it needs')
    }
  }

  return {
    async start() {
      const asked = clusters.map(cluster => {
        const checked = check(cluster)
        if (cluster.excessRights === 'refuse') return checked
        checked.catch((error: unknown) => logger.error({ err: error }, 'own rights could not be checked'))
        return undefined
      })
      await Promise.all(asked)
    },
    probes: clusters.map(({ name }) => ({
      name: `cluster-${name}`,
      isRequired: false,
      probe: () => states.get(name) ?? { ok: true, detail: 'own rights are being asked' },
    })),
    close() {
      isClosed = true
      for (const timer of timers) clearTimeout(timer)
    },
  }
}

function stateOf({ missing, excess }: OwnRights): ReadinessState {
  const parts = [
    ...(missing.length > 0 ? [`the gateway may not speak for ${missing.length} names that may come`] : []),
    ...(excess.length > 0 ? [`it may do more than it needs: ${excess.slice(0, mostNamed).join(', ')}`] : []),
  ]
  return parts.length === 0 ? { ok: true } : { ok: false, detail: parts.join('; ') }
}

const refusalOf = (cluster: string, { excess }: OwnRights): string =>
  `in the cluster ${cluster} the gateway may do more than it needs: ${excess.slice(0, mostNamed).join(', ')}. ` +
  `Take it away (sallyport kube reconcile --cluster ${cluster}, and bindings of other roles), or set excessRights: warn`

async function ask(cluster: Cluster, { kept, policy }: Parts): Promise<OwnRights> {
  const people = peopleOf(await everySession(kept.directory))
  const impersonable = impersonableIn({
    cluster: cluster.name,
    mode: cluster.impersonation,
    names: namesOfPeople(cluster),
    policy: policy.current(),
    people,
  })
  const upstream = createChangingCluster({ name: cluster.name, access: accessTo(cluster), onError: () => undefined })
  try {
    return await askOwnRights(createApiCalls(upstream.current), impersonable, cluster.impersonation)
  } finally {
    upstream.close()
  }
}

async function everySession(directory: Pick<SessionDirectory, 'list'>): Promise<readonly SummaryOfPerson[]> {
  const found: SummaryOfPerson[] = []
  let after: string | undefined
  do {
    const page = await directory.list({ all: true }, { limit: 200, ...(after !== undefined && { after }) })
    found.push(...page.sessions)
    after = page.next
  } while (after !== undefined)
  return found
}
