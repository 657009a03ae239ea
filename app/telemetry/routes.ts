/** `/healthz`, `/readyz` and `/metrics`, on the admin listener only: what they tell is not for clients of a proxy. */
import { type Response, Router } from 'express'
import type { Metrics } from './metrics.ts'
import type { Readiness } from './readiness.ts'

export interface TelemetryRoutesOptions {
  readonly readiness: Readiness
  readonly metrics: Pick<Metrics, 'render' | 'contentType'>
}

export function createTelemetryRoutes({ readiness, metrics }: TelemetryRoutesOptions): Router {
  const router = Router()
  router.use((_request, response, next) => {
    response.set('Cache-Control', 'no-store')
    next()
  })
  // Says only that the event loop turns: a restart cures nothing that readiness reports.
  router.get('/healthz', (_request, response) => {
    answer(response, 200, { status: 'alive' })
  })
  router.get('/readyz', async (_request, response) => {
    const report = await readiness()
    answer(response, report.status === 'unready' ? 503 : 200, report)
  })
  router.get('/metrics', async (_request, response) => {
    response.set('Content-Type', metrics.contentType).send(await metrics.render())
  })
  return router
}

function answer(response: Response, status: number, body: object): void {
  response
    .status(status)
    .type('application/json')
    .send(`${JSON.stringify(body)}\n`)
}
