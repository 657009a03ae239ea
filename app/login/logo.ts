/** `/logo`: the picture of an operator's own, for the pages of the auth host. */
import { type RequestHandler, Router } from 'express'
import { logoPath } from '../logo-path.ts'

/** Threat: a picture that is opened as a page, where it is markup of this origin. Nothing in it acts, and it is in a sandbox. */
const policy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox; frame-ancestors 'none'"

const keptSeconds = 600

export function createLogoRoute(svg: string): RequestHandler {
  const router = Router({ caseSensitive: true, strict: true })
  router.get(logoPath, (_request, response) => {
    response.set('Content-Security-Policy', policy).set('Cache-Control', `public, max-age=${keptSeconds}`)
    response.type('image/svg+xml').send(svg)
  })
  return router
}
