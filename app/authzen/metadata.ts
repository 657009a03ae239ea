/** What applications need to know to ask (AuthZEN Authorization API 1.0, "Policy Decision Point Metadata"). */
import { Router } from 'express'

const metadataPath = '/.well-known/authzen-configuration'
export const questionsPath = '/access/v1'

const cacheSeconds = 300

export function createMetadataRouter(publicUrl: string): Router {
  const at = (path: string): string => `${publicUrl}${questionsPath}/${path}`
  const document = {
    policy_decision_point: publicUrl,
    access_evaluation_endpoint: at('evaluation'),
    access_evaluations_endpoint: at('evaluations'),
    search_subject_endpoint: at('search/subject'),
    search_resource_endpoint: at('search/resource'),
    search_action_endpoint: at('search/action'),
  }
  const router = Router({ caseSensitive: true, strict: true })
  return router.get(metadataPath, (_request, response) => {
    response.set('Cache-Control', `public, max-age=${cacheSeconds}`).json(document)
  })
}
