/** What both channels share over which a provider tells of a log-out. */
import type { Request } from 'express'
import type { AuditLog, EndCause } from '../../audit/event.ts'
import { OperationalError } from '../../errors.ts'
import type { LoggedOut } from '../../sessions/logout-marks.ts'
import type { ProviderLogout } from '../../sessions/provider-logout.ts'
import { auditFields, type Exchange } from '../arrival.ts'
import type { Logger } from '../logger.ts'
import type { Providers } from '../provider/providers.ts'

export interface ChannelDependencies {
  readonly providers: Pick<Providers, 'find'>
  /** Names of the providers that may use this channel. */
  readonly names: ReadonlySet<string>
  readonly logout: ProviderLogout
  readonly audit: AuditLog
  readonly logger: Logger
  readonly newRequestId: () => string
}

/** The provider in the path; `ERR_PROVIDER_UNKNOWN` when it has not this channel. */
export function requireChannel(request: Request, { names }: ChannelDependencies): string {
  const { provider } = request.params
  if (typeof provider === 'string' && names.has(provider)) return provider
  throw new OperationalError('ERR_PROVIDER_UNKNOWN', 'no provider of this name tells of log-outs this way')
}

/** Who has told of a log-out, and how. */
interface Teller {
  readonly provider: string
  readonly cause: Extract<EndCause, 'back-channel' | 'front-channel'>
}

/** Every session that ends is in the audit log. */
export async function endByProvider(
  loggedOut: LoggedOut,
  { provider, cause }: Teller,
  exchange: Exchange,
  { audit, logger, logout }: ChannelDependencies,
): Promise<void> {
  const fields = auditFields(exchange)
  const sessions = await logout.end(loggedOut, ({ subject, handle }) => {
    audit.write({ event: 'session.ended', ...fields, subject, session: handle, cause, by: provider })
  })
  logger.info({ requestId: fields.requestId, provider, cause, sessions }, 'a provider has told of a log-out')
}
