/**
 * The questions of applications, on the auth host: the AuthZEN Authorization API 1.0 (docs/authzen.md).
 *
 * Express 5 hands every rejection to the error handler at the end, so no route answers for its own failures.
 */
import { Router } from 'express'
import { prepareArrival } from '../program-endpoint.ts'
import { answerFaults, nameQuestion, onlyPrograms, readBody } from './arrival.ts'
import type { QuestionDependencies } from './dependencies.ts'
import { createEvaluationRoute, createEvaluationsRoute } from './evaluate.ts'
import { createMetadataRoute, metadataPath, questionsPath } from './metadata.ts'
import { createSearchRoute } from './search.ts'

export function createQuestionRouter(dependencies: QuestionDependencies): Router {
  const router = Router({ caseSensitive: true, strict: true })
  const below = Router({ caseSensitive: true, strict: true })
  const { limit, newRequestId, onError, publicUrl } = dependencies
  const arrival = [limit, onlyPrograms, readBody]
  below.use(prepareArrival(newRequestId), nameQuestion)
  below.post('/evaluation', arrival, createEvaluationRoute(dependencies))
  below.post('/evaluations', arrival, createEvaluationsRoute(dependencies))
  for (const wanted of ['subject', 'resource', 'action'] as const) {
    below.post(`/search/${wanted}`, arrival, createSearchRoute(wanted, dependencies))
  }
  below.use(answerFaults(onError))
  router.get(metadataPath, createMetadataRoute(publicUrl))
  router.use(questionsPath, below)
  return router
}
