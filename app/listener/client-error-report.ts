/** Requests that were refused before anybody read them, for metrics and the log: each one is counted, and bursts are one line. */

import { createBurstReport } from '../burst-report.ts'
import { type ClientError, clientErrors } from '../client-error.ts'
import { operationalErrors } from '../errors.ts'
import type { Logger } from '../telemetry/logger.ts'
import type { Listener } from '../telemetry/metric-definitions.ts'
import type { OnClientError } from './client-errors.ts'

export interface ClientErrorReportOptions {
  readonly listener: Listener
  readonly logger: Pick<Logger, 'warn'>
  readonly count: (listener: Listener, error: ClientError) => void
}

export function createClientErrorReport({ listener, logger, count }: ClientErrorReportOptions): OnClientError {
  /** Names, counts and the other side's address; of the request itself nothing. */
  const report = createBurstReport<ClientError, string | undefined>((error, { item: peer, times }) => {
    const code = clientErrors[error]
    const status = code === undefined ? {} : { status: operationalErrors[code].status }
    logger.warn({ listener, error, ...status, peer, times }, 'refused before it was read')
  })
  return (error, peer) => {
    count(listener, error)
    report(error, peer)
  }
}
