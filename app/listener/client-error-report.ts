/**
 * Requests that were refused before anybody read them, for metrics and the log: each one is counted, the log gets the
 * first of a kind at once and the others of ten seconds in one line. Whoever sends them sends many.
 */
import { type ClientError, clientErrors } from '../client-error.ts'
import { operationalErrors } from '../errors.ts'
import type { Logger } from '../telemetry/logger.ts'
import type { Listener } from '../telemetry/metric-definitions.ts'
import type { OnClientError } from './client-errors.ts'

const everyMs = 10_000

export interface ClientErrorReportOptions {
  readonly listener: Listener
  readonly logger: Pick<Logger, 'warn'>
  readonly count: (listener: Listener, error: ClientError) => void
}

interface Waiting {
  times: number
  peer: string | undefined
}

export function createClientErrorReport({ listener, logger, count }: ClientErrorReportOptions): OnClientError {
  const waiting = new Map<ClientError, Waiting>()

  /** Names, counts and the other side's address; of the request itself nothing. */
  function report(error: ClientError, { times, peer }: Waiting): void {
    const code = clientErrors[error]
    const status = code === undefined ? {} : { status: operationalErrors[code].status }
    logger.warn({ listener, error, ...status, peer, times }, 'refused before it was read')
    waiting.set(error, { times: 0, peer: undefined })
    setTimeout(() => {
      const others = waiting.get(error)
      waiting.delete(error)
      if (others !== undefined && others.times > 0) report(error, others)
    }, everyMs).unref()
  }

  return (error, peer) => {
    count(listener, error)
    const others = waiting.get(error)
    if (others === undefined) return report(error, { times: 1, peer })
    others.times += 1
    others.peer = peer
  }
}
