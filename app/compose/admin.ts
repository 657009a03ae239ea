/** Composition of the admin listener: the same routes for a single process and for the primary of several. */
import type { Server } from 'node:http'
import type { RequestHandler } from 'express'
import type { Config } from '../../config/config.ts'
import { createExplainRoutes, type Explanation } from '../admin/explain-routes.ts'
import { createAdminGuard, createNameGuard } from '../admin/guard.ts'
import { createMachineRoutes } from '../admin/machine-routes.ts'
import type { Sightings } from '../admin/machine-sightings.ts'
import { type AdminPolicy, createPolicyRoutes } from '../admin/policy-routes.ts'
import type { AnswerSessions } from '../admin/session-answers.ts'
import { createSessionRoutes } from '../admin/session-routes.ts'
import { createClientErrorReport } from '../listener/client-error-report.ts'
import { createAdminServer } from '../listener/server.ts'
import { describeSources } from '../policy/configured-source.ts'
import type { Logger } from '../telemetry/logger.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import type { Readiness } from '../telemetry/readiness.ts'
import { createTelemetryRoutes } from '../telemetry/routes.ts'

/** What the admin listener asks for: of this process, or of all workers. */
export interface AdminAnswers {
  readonly readiness: Readiness
  readonly metrics: Pick<Metrics, 'render' | 'contentType'>
  readonly explain: (requestId: string) => Explanation | Promise<Explanation>
  readonly sessions: AnswerSessions
  readonly machines: () => Sightings | Promise<Sightings>
  readonly policy: AdminPolicy
}

/** The answers of one process, with its metrics also as data. */
export interface ServiceAnswers extends AdminAnswers {
  readonly metrics: Pick<Metrics, 'render' | 'contentType' | 'values'>
}

export interface AdminParts {
  readonly config: Config
  readonly logger: Logger
  /** Counts what the listener refuses before it reads it. */
  readonly onClientError: Metrics['clientError']
}

/** Names under which the listener answers, beside addresses and localhost. */
export const adminNames = ({ admin }: Config): readonly string[] => [
  ...('host' in admin.listen ? [admin.listen.host] : []),
  ...admin.hosts,
]

export function composeAdmin(
  { config, logger, onClientError }: AdminParts,
  { readiness, metrics, explain, sessions, machines, policy }: AdminAnswers,
  more: readonly RequestHandler[] = [],
): Server {
  const names = adminNames(config)
  return createAdminServer({
    requestTimeoutSeconds: config.server.requestTimeoutSeconds,
    onClientError: createClientErrorReport({ listener: 'admin', logger, count: onClientError }),
    routes: [
      createNameGuard(names),
      createTelemetryRoutes({ readiness, metrics }),
      createExplainRoutes({
        explain,
        onError: error => logger.error({ err: error }, 'a decision could not be explained'),
      }),
      createSessionRoutes({
        sessions,
        guard: createAdminGuard(names),
        onError: error => logger.error({ err: error }, 'a call about sessions failed'),
      }),
      createMachineRoutes({
        machines,
        guard: createAdminGuard(names),
        onError: error => logger.error({ err: error }, 'machines could not be listed'),
      }),
      createPolicyRoutes({ policy, sources: describeSources(config.policy), names }),
      ...more,
    ],
    onError: error => {
      const { code, message: detail, status } = error
      if (status >= 500) logger.error({ err: error.cause ?? error }, 'the admin listener could not answer')
      else logger.warn({ code, detail }, 'a call of the admin listener cannot be read')
    },
  })
}
