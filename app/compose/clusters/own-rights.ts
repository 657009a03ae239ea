/** Composition of what the service finds out about its own rights in the clusters that it is the gateway of. */
import { createChangingCluster } from '../../kubernetes/gateway/upstream/changing-cluster.ts'
import { createApiCalls } from '../../kubernetes/rights/api-calls.ts'
import { impersonableIn } from '../../kubernetes/rights/impersonable.ts'
import { askOwnRights, type OwnRights } from '../../kubernetes/rights/own-rights.ts'
import { namesOfPeople, peopleOf, type SummaryOfPerson } from '../../kubernetes/rights/people.ts'
import type { SessionDirectory } from '../../sessions/session-directory.ts'
import type { ReadinessProbe, ReadinessState } from '../../telemetry/readiness.ts'
import type { Base, Kept, Policy } from '../kept.ts'
import { accessTo, type Cluster } from './cluster-access.ts'

interface Parts {
  readonly kept: Pick<Kept, 'directory'>
  readonly policy: Pick<Policy, 'current'>
}

export interface OwnRightsCheck {
  /** Rejects only where too much is to end the service. It is asked again until `close`. */
  start(): Promise<void>
  /** A policy has come into force. */
  again(): void
  readonly probes: readonly ReadinessProbe[]
  close(): void
}

export interface OwnRightsTimes {
  /** While all is well. */
  readonly everyMs: number
  /** While something is missing, too much, or not known. */
  readonly soonMs: number
  /** Behind a change of the policy: `kube reconcile --watch` has had its turn by then. */
  readonly settleMs: number
}

const usualTimes: OwnRightsTimes = { everyMs: 300_000, soonMs: 30_000, settleMs: 10_000 }
const mostNamed = 20

/** None where no clusters are configured. */
export function composeOwnRights(base: Base, parts: Parts, times = usualTimes): OwnRightsCheck {
  const checks = (base.config.kubernetes?.clusters ?? []).map(cluster => createCheck(cluster, base, { parts, times }))
  return {
    async start() {
      await Promise.all(checks.map(check => check.start()))
    },
    again: () => checks.forEach(check => void check.again()),
    probes: checks.map(({ name, state }) => ({ name: `cluster-${name}`, isRequired: false, probe: state })),
    close: () => checks.forEach(check => void check.close()),
  }
}

interface ClusterCheck {
  readonly name: string
  readonly state: () => ReadinessState
  start(): Promise<void>
  again(): void
  close(): void
}

interface CheckOptions {
  readonly parts: Parts
  readonly times: OwnRightsTimes
}

function createCheck(cluster: Cluster, { logger: log, metrics }: Base, { parts, times }: CheckOptions): ClusterCheck {
  const { name, excessRights } = cluster
  const logger = log.child('kubernetes')
  const closing = new AbortController()
  let state: ReadinessState = { ok: true, detail: 'own rights are being asked' }
  let told = JSON.stringify(nothing)
  let timer: NodeJS.Timeout | undefined
  let isAsking = false
  let isDue = false

  async function check(): Promise<OwnRights> {
    isAsking = true
    isDue = false
    try {
      const rights = await ask(cluster, parts, closing.signal)
      state = stateOf(rights)
      metrics.ownRights(name, { missing: rights.missing.length, excess: rights.excess.length, unknown: 0 })
      if (isNews(rights)) report(rights)
      return rights
    } catch (error) {
      state = { ok: false, detail: 'the cluster has not said what the gateway may do in it' }
      metrics.ownRights(name, { missing: 0, excess: 0, unknown: 1 })
      if (isNews('unknown') && !closing.signal.aborted)
        logger.warn({ err: error, cluster: name }, 'own rights in a cluster are not known; it is asked again')
      return nothing
    } finally {
      isAsking = false
      next(isDue ? times.settleMs : state.ok ? times.everyMs : times.soonMs)
    }
  }

  function next(afterMs: number): void {
    clearTimeout(timer)
    if (!closing.signal.aborted) timer = setTimeout(() => void check(), afterMs).unref()
  }

  function isNews(found: OwnRights | 'unknown'): boolean {
    const before = told
    told = JSON.stringify(found)
    return told !== before
  }

  function report({ missing, excess }: OwnRights): void {
    const command = `sallyport kube reconcile --cluster ${name}`
    if (missing.length > 0) {
      const named = { count: missing.length, missing: missing.slice(0, mostNamed) }
      logger.warn({ cluster: name, ...named, command }, 'the gateway may not speak for everybody who may come')
    }
    if (excess.length > 0) {
      const named = { count: excess.length, excess: excess.slice(0, mostNamed) }
      const level = excessRights === 'refuse' ? 'error' : 'warn'
      logger[level]({ cluster: name, ...named, command }, 'the gateway may do more in a cluster than it needs')
    }
    if (state.ok) logger.info({ cluster: name }, 'the gateway may do in a cluster what it needs, and no more')
  }

  return {
    name,
    state: () => state,
    async start() {
      const checked = check()
      if (excessRights !== 'refuse') return
      const rights = await checked
      // At start alone: later on, whoever can give a right away in the cluster, or take a row away, would end the service.
      if (rights.excess.length > 0) throw new Error(refusalOf(name, rights))
    },
    again() {
      if (isAsking) isDue = true
      else if (timer !== undefined) next(times.settleMs)
    },
    close() {
      closing.abort()
      clearTimeout(timer)
    },
  }
}

const nothing: OwnRights = { missing: [], excess: [] }

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

async function ask(cluster: Cluster, { kept, policy }: Parts, signal: AbortSignal): Promise<OwnRights> {
  const people = peopleOf(await everySession(kept.directory))
  const impersonable = impersonableIn({
    cluster: cluster.name,
    mode: cluster.impersonation,
    names: namesOfPeople(cluster),
    policy: policy.current(),
    people,
  })
  const upstream = createChangingCluster({ name: cluster.name, access: accessTo(cluster), onError: () => undefined })
  const close = (): void => upstream.close()
  signal.addEventListener('abort', close, { once: true })
  try {
    signal.throwIfAborted()
    return await askOwnRights(createApiCalls(upstream.current), impersonable, cluster.impersonation)
  } finally {
    signal.removeEventListener('abort', close)
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
