/** Composition of the admin listener: the same routes for a single process and for the primary of several. */
import type { Server } from 'node:http'
import type { RequestHandler } from 'express'
import type { Config } from '../config/config.ts'
import { createExplainRoutes, type Explanation } from './admin/routes.ts'
import type { AnswerSessions } from './admin/session-answers.ts'
import { createSessionRoutes } from './admin/session-routes.ts'
import { createAdminGuard } from './policy/admin-guard.ts'
import { describeSources } from './policy/configured-source.ts'
import { type AdminPolicy, createPolicyRoutes } from './policy/routes.ts'
import { createAdminServer } from './server.ts'
import type { Logger } from './telemetry/logger.ts'
import type { Metrics } from './telemetry/metrics.ts'
import type { Readiness } from './telemetry/readiness.ts'
import { createTelemetryRoutes } from './telemetry/routes.ts'

/** What the admin listener asks for: of this process, or of all workers. */
export interface AdminAnswers {
  readonly readiness: Readiness
  readonly metrics: Pick<Metrics, 'render' | 'contentType'>
  readonly explain: (requestId: string) => Explanation | Promise<Explanation>
  readonly sessions: AnswerSessions
  readonly policy: AdminPolicy
}

/** The answers of one process, with its metrics also as data. */
export interface ServiceAnswers extends AdminAnswers {
  readonly metrics: Pick<Metrics, 'render' | 'contentType' | 'values'>
}

export function composeAdmin(
  { config, logger }: { readonly config: Config; readonly logger: Logger },
  { readiness, metrics, explain, sessions, policy }: AdminAnswers,
  more: readonly RequestHandler[] = [],
): Server {
  return createAdminServer(
    [
      createTelemetryRoutes({ readiness, metrics }),
      createExplainRoutes({
        explain,
        onError: error => logger.error({ err: error }, 'a decision could not be explained'),
      }),
      createSessionRoutes({
        sessions,
        guard: createAdminGuard(config.admin.listen.host),
        onError: error => logger.error({ err: error }, 'a call about sessions failed'),
      }),
      createPolicyRoutes({ policy, sources: describeSources(config.policy), listenHost: config.admin.listen.host }),
      ...more,
    ],
    error => logger.error({ err: error }, 'the admin listener could not answer'),
  )
}
