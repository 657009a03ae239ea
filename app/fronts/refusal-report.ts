/** Subrequests that were refused, for metrics, the audit log and the operational log. */
import type { AuditLog } from '../audit/event.ts'
import { createBurstReport } from '../burst-report.ts'
import { type ErrorCode, OperationalError, operationalErrors } from '../errors.ts'
import type { Logger } from '../telemetry/logger.ts'
import type { Refusal } from './executor.ts'

/** The fault of the request or of the proxy that asks. Their messages are texts of ours, and quote nothing but a peer. */
const told: ReadonlySet<ErrorCode> = new Set([
  'ERR_REQUEST_MALFORMED',
  'ERR_REQUEST_TOO_LONG',
  'ERR_PROXY_UNTRUSTED',
  'ERR_ORIGIN_FOREIGN',
  'ERR_IDENTITY_HEADER_SENT',
])

export interface RefusalReportOptions {
  readonly audit: AuditLog
  readonly logger: Pick<Logger, 'warn' | 'error' | 'debug'>
  readonly count: (front: string, code: ErrorCode) => void
}

/** Never throws. What an operator has to see is in the log at once, and then once in ten seconds of each kind. */
export function createRefusalReport({ audit, logger, count }: RefusalReportOptions): (refusal: Refusal) => void {
  const report = createBurstReport<string, object>((_kind, { item, times }) =>
    logger.warn({ ...item, times }, 'a subrequest cannot be judged as it comes'),
  )
  return ({ front, requestId, code, error, clientAddress }) => {
    count(front, code)
    const why = told.has(code) && error instanceof OperationalError ? whyOf(error) : undefined
    audit.write({ event: 'access.refused', requestId, front, code, clientAddress, ...why })
    if (operationalErrors[code].status >= 500)
      logger.error({ requestId, front, code, err: error }, 'subrequest refused')
    else if (why === undefined) logger.debug({ requestId, front, code, err: error }, 'subrequest refused')
    else report(kindOf(front, code, why.detail), { requestId, front, code, clientAddress, ...why })
  }
}

const whyOf = ({ message, askedFor }: OperationalError) => ({ detail: message, askedFor })

/** That of a stranger names the address, and there are many. */
const kindOf = (front: string, code: ErrorCode, detail: string): string =>
  code === 'ERR_PROXY_UNTRUSTED' ? code : `${front} ${detail}`
