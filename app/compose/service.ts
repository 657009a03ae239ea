/**
 * The composition root: the only file that constructs adapters and wires them. It holds no logic of its own beyond who
 * is given what, in which order things start, and in which they stop.
 */
import type { Config } from '../../config/config.ts'
import { createHostSettings } from '../../config/host-settings.ts'
import { createDecisionRecorder } from '../admin/decision-recorder.ts'
import { explanationOf } from '../admin/explain-routes.ts'
import { adminPolicyOf } from '../admin/policy-routes.ts'
import { type Clock, systemClock } from '../clock.ts'
import { watchClock } from '../clock-watch.ts'
import type { FrontKind } from '../fronts/front.ts'
import { fronts as tableOfFronts } from '../fronts/fronts.ts'
import { requestIdOf } from '../fronts/reply.ts'
import { createTrustedProxies } from '../fronts/trusted-proxies.ts'
import { createClientErrorReport } from '../listener/client-error-report.ts'
import { drain, listen, portOf, stopAccepting } from '../listener/listen.ts'
import { createPlaces } from '../listener/places.ts'
import { createMainServer } from '../listener/server.ts'
import type { SessionEndings } from '../sessions/endings/session-endings.ts'
import type { ChangedRecord, RecordStore } from '../sessions/record-store.ts'
import { withRelay } from '../sessions/records/record-changes.ts'
import { createCountedAuditLog } from '../telemetry/counted-audit-log.ts'
import { createLogger, type Logger } from '../telemetry/logger.ts'
import { createMetrics, type Metrics } from '../telemetry/metrics.ts'
import { createReadiness } from '../telemetry/readiness.ts'
import { createStory, noStory } from '../telemetry/story.ts'
import { version } from '../version.ts'
import { composeAdmin, type ServiceAnswers } from './admin.ts'
import { composeChecks } from './checks.ts'
import { needsKeys } from './configured.ts'
import { composeSessionAnswers } from './directory.ts'
import { composeEndings, composeIdentity } from './identity.ts'
import { type Base, composeKept } from './kept.ts'
import { composeLogin, composePages, type Login, providerState } from './login.ts'
import { frontNamesOf, loadParts, noOwnRights } from './parts.ts'
import { composeOfPasswords, composePasswords } from './passwords.ts'
import { composePolicy, reloadState } from './policy.ts'
import { composeAudit, composeSightings } from './sightings.ts'
import { composeStore, storeProbes } from './store.ts'

export interface Service {
  readonly logger: Logger
  /** Loads the policy, listens, asks the providers. Rejects when the policy is broken or a port is taken. */
  start(): Promise<void>
  /** For SIGHUP: reads the policy again, and opens the audit file again after a rotation. */
  reload(): void
  /**
   * Takes no new connections and lets those that there are live until they are used or have been idle for long;
   * `isAlone` resolves when the last has ended. `close` has to follow.
   */
  handOver(): { readonly isAlone: Promise<void> }
  /** Takes no new connections, finishes what runs within `server.shutdownTimeout`, then lets go of everything. */
  close(): Promise<void>
  /** For whoever carries a stream that has to end with its session. */
  readonly endings: SessionEndings
  /** What the admin listener says, wherever that is. */
  readonly answers: ServiceAnswers
  /** The ports in use, once started. */
  ports(): { readonly main: number; readonly admin: number; readonly gateway?: number; readonly envoy?: number }
}

export interface ComposeOptions {
  /** Default: the system's clock. A test hands in one that it can move. */
  readonly clock?: Clock
  readonly logger?: Logger
  /**
   * One of several processes on the same port: the admin listener and the count of login requests are the primary's,
   * and the audit file is shared. Default false.
   */
  readonly isWorker?: boolean
  /** Default: the table of fronts. A test hands in one with a line more. */
  readonly fronts?: readonly FrontKind[]
  /** Told of each session, and each cut of many, that this process ends; default: nobody else need know. */
  readonly onSessionEnded?: (changed: ChangedRecord) => void
}

/** Loads what this configuration uses, constructs everything, and opens the store and the audit sink; listens to nothing yet. */
export async function compose(config: Config, options: ComposeOptions = {}): Promise<Service> {
  const parts = await loadParts(config)
  const clock = options.clock ?? systemClock
  const logger = options.logger ?? createLogger({ level: config.log.level })
  const { isWorker = false, fronts = tableOfFronts } = options
  const metrics = createMetrics({
    version,
    providers: config.providers.map(({ name }) => name),
    fronts: frontNamesOf(parts, fronts),
    deciders: config.policy.deciders.map(({ name }) => name),
    clusters: (config.kubernetes?.clusters ?? []).map(({ name }) => name),
  })
  const auditFile = composeAudit({ config, clock, logger, metrics }, isWorker)
  const story = config.log.level === 'debug' ? createStory(logger, requestIdOf) : noStory
  const audit = story.events(createCountedAuditLog(auditFile, metrics))
  const seen = composeSightings(clock, auditFile)
  const ofHosts = createHostSettings(config.hosts)
  const hostSettings = parts.questions?.withQuestions(ofHosts, config) ?? ofHosts
  const trustedProxies = createTrustedProxies(config.server.trustedProxies)
  const base: Base = {
    config,
    clock,
    logger,
    metrics,
    audit,
    auditFile: seen.audit,
    hostSettings,
    trustedProxies,
    story,
  }
  const store = await composeStore(config.sessions, base)
  const records = options.onSessionEnded === undefined ? store : withRelay(store, options.onSessionEnded)
  const recorder = createDecisionRecorder(config.policy)
  const record = story.decided(recorder.record)
  let judgeAgain = (): void => undefined
  // What is open is judged again by the policy that has come into force.
  const policy = composePolicy(base, recorder, () => judgeAgain())
  const stored = composeKept(base, records)
  const ofPasswords = composeOfPasswords(base, stored, records)
  const kept = { ...stored, ofPasswords, passwords: composePasswords(base, stored, ofPasswords, isWorker) }
  const login = composeLogin(base, kept, policy)
  const direct = parts.direct?.composeDirectClusters(base, { policy, record }) ?? []
  const grants = parts.grants?.composeGrants(base, { kept, login, records, isWorker, direct })
  const identity = composeIdentity(base, kept, { ...parts, verification: login.verification })
  login.listBy(identity.sessionCookie.ofSession)
  const exchange = parts.exchange?.composeExchange(base, {
    kept,
    isWorker,
    machines: identity.machines,
    login,
    kubeTokens: grants?.tokens,
    policy,
    record,
  })
  const deciders = parts.deciders?.composeDeciders(base)
  const questions = parts.questions?.composeQuestions(base, { kept, isWorker, identity, policy, record, deciders })
  const checks = composeChecks(base, kept, identity, { policy, record, fronts, tokens: grants?.tokens, deciders })
  const envoy = parts.envoy?.composeEnvoy(base, checks)
  const endings = composeEndings(base, kept, records, login.verification)
  const ownRights = parts.ownRights?.composeOwnRights(base, { kept, policy }) ?? noOwnRights
  judgeAgain = () => {
    endings.lookNow()
    ownRights.again()
  }
  const gateway =
    grants?.settings === undefined
      ? undefined
      : parts.gateway?.composeKubernetes(base, grants.settings, {
          ...grants,
          kept,
          login,
          policy,
          endings,
          record,
        })
  let isDraining = false
  const main = createMainServer(
    checks.routes,
    composePages(base, kept, login, {
      isWorker,
      endpoints: [...(grants?.endpoints ?? []), ...(exchange ?? []), ...(questions?.pages ?? [])],
      pages: grants?.pages ?? [],
    }),
    {
      requestTimeoutSeconds: config.server.requestTimeoutSeconds,
      isLeaving: () => leaving !== undefined,
      findProgramEndpoint: questions?.find,
      onClientError: createClientErrorReport({ listener: 'main', logger, count: metrics.clientError }),
    },
  )
  let leaving: ReturnType<typeof together> | undefined
  const readiness = createReadiness([
    { name: 'draining', isRequired: true, probe: () => ({ ok: !isDraining }) },
    ...storeProbes(records),
    { name: 'policy', isRequired: true, probe: () => ({ ok: policy.status().revision !== '' }) },
    { name: 'policy-reload', isRequired: false, probe: () => reloadState(policy) },
    ...(needsKeys(config) ? [{ name: 'signing-keys', isRequired: true, probe: () => kept.keys.status() }] : []),
    { name: 'audit', isRequired: false, probe: () => auditFile.status() },
    ...config.providers.map(({ name }) => ({
      name: `provider-${name}`,
      isRequired: false,
      probe: () => providerState(name, login.providers.status()),
    })),
    ...(deciders?.probes ?? []).map(probe => ({ ...probe, isRequired: false })),
    ...ownRights.probes,
  ])
  const answers: ServiceAnswers = {
    readiness,
    metrics: observed(metrics, records, login),
    explain: requestId => explanationOf(requestId, recorder.find),
    sessions: composeSessionAnswers(base, kept),
    machines: seen.list,
    policy: adminPolicyOf(policy),
  }
  const admin = isWorker ? undefined : composeAdmin({ config, logger, onClientError: metrics.clientError }, answers)

  const ports = () => ({
    main: portOf(main),
    admin: admin === undefined ? 0 : portOf(admin),
    ...(gateway !== undefined && { gateway: gateway.port }),
    ...(envoy !== undefined && { envoy: envoy.port() }),
  })

  const places = createPlaces()
  let stopClockWatch = (): void => undefined
  const noteJump = (seconds: number): void => {
    metrics.clockJumped(seconds)
    logger.warn({ seconds }, 'the clock was set; lifetimes of sessions count by it')
  }

  return {
    logger,
    async start() {
      await policy.start()
      if (needsKeys(config)) await kept.keys.start()
      await ownRights.start()
      await listen(main, await places.claim(config.server.listen))
      if (admin !== undefined) await listen(admin, await places.claim(config.admin.listen))
      if (config.kubernetes !== undefined) await gateway?.listen(config.kubernetes.listen)
      if (config.envoy !== undefined) await envoy?.listen(await places.claim(config.envoy.listen))
      places.publish()
      const sockets = places.sockets()
      const where = { ...ports(), ...(sockets.length > 0 && { sockets }) }
      logger.info({ version, ...where, url: config.server.url, store: records.name }, 'listening')
      void login.providers.start()
      stopClockWatch = watchClock({ clock, onJump: noteJump })
    },
    reload() {
      policy.reload().catch((error: unknown) => logger.error({ err: error }, 'policy reload failed'))
      auditFile.reopen().catch((error: unknown) => logger.error({ err: error }, 'audit file cannot be opened again'))
    },
    handOver() {
      leaving ??= together(stopAccepting(main), gateway?.handOver(), envoy?.close())
      return leaving
    },
    async close() {
      isDraining = true
      places.remove()
      stopClockWatch()
      ownRights.close()
      login.providers.stop()
      kept.keys.close()
      const { shutdownTimeoutSeconds } = config.server
      await Promise.all([
        drain(main, shutdownTimeoutSeconds, leaving?.mainEnded),
        ...(admin === undefined ? [] : [drain(admin, shutdownTimeoutSeconds)]),
        gateway?.close(shutdownTimeoutSeconds * 800),
        envoy?.close(shutdownTimeoutSeconds * 800),
      ])
      endings.close()
      await policy.close()
      await login.verification.whenIdle(shutdownTimeoutSeconds * 1000)
      await login.closeWays()
      await identity.machines.close()
      await deciders?.close()
      await records.close()
      await auditFile.close()
      logger.info({}, 'stopped')
    },
    endings,
    answers,
    ports,
  }
}

/** `isAlone`: of all listeners; `mainEnded`: of the main one, for its drain. */
const together = (main: { readonly isAlone: Promise<void> }, ...others: readonly (Promise<void> | undefined)[]) => ({
  isAlone: Promise.all([main.isAlone, ...others]).then(() => undefined),
  mainEnded: main.isAlone,
})

/** Gauges that say how things are at the moment of the scrape. */
function observed(metrics: Metrics, records: RecordStore, login: Login): ServiceAnswers['metrics'] {
  const look = async (): Promise<void> => {
    metrics.storeUp(
      await records.probe().then(
        () => true,
        () => false,
      ),
    )
    for (const { name, ready } of login.providers.status()) metrics.providerUp(name, ready)
  }
  return {
    contentType: metrics.contentType,
    render: () => look().then(metrics.render),
    values: () => look().then(metrics.values),
  }
}
