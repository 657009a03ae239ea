/**
 * On the admin listener `GET /machines`: which programs have come with a token, a password or a certificate since this
 * service serves, and when last. What they came with is in no answer.
 *
 * Threat: it says who reaches what. So it is for this machine alone, and for no page in a browser.
 */
import { type RequestHandler, Router } from 'express'
import type { Sighting, Sightings } from './machine-sightings.ts'
import { forThisMachineOnly } from './this-machine.ts'

export interface MachineRoutesOptions {
  readonly machines: () => Sightings | Promise<Sightings>
  /** What keeps web pages away. */
  readonly guard: RequestHandler
  readonly onError: (error: unknown) => void
}

export function createMachineRoutes({ machines, guard, onError }: MachineRoutesOptions): Router {
  const router = Router()
  const local = forThisMachineOnly('machines are shown to this machine only')
  router.get('/machines', guard, local, async (request, response) => {
    response.set('Cache-Control', 'no-store')
    if (Object.keys(request.query).length > 0) {
      response.status(400).json({ error: 'it takes no parameters' })
      return
    }
    try {
      response.json(answerOf(await machines()))
    } catch (error) {
      onError(error)
      response.status(500).json({ error: 'it failed; the log says why' })
    }
  })
  return router
}

/** Moments as text, whoever was seen last first. */
const answerOf = ({ since, seen, forgotten }: Sightings): object => ({
  since: momentOf(since),
  machines: [...seen].sort(byLastUse).map(({ firstSeen, lastSeen, ...one }) => ({
    ...one,
    firstSeenAt: momentOf(firstSeen),
    lastSeenAt: momentOf(lastSeen),
  })),
  forgotten,
})

const byLastUse = (one: Sighting, other: Sighting): number =>
  other.lastSeen - one.lastSeen || (one.name < other.name ? -1 : one.name > other.name ? 1 : 0)

const momentOf = (seconds: number): string => new Date(seconds * 1000).toISOString()
