/**
 * Whether a provider answers at all, asked before a person is sent there.
 *
 * Once a browser has left, all that a person sees of a provider that is down is the browser's own error. The document of
 * discovery stands for the provider: it needs no credentials, leaves no trace of a login, and is what everybody reads.
 */
import type { Clock } from '../../clock.ts'
import { OperationalError } from '../../errors.ts'
import type { Logger } from '../logger.ts'
import { describeError } from './describe-error.ts'
import { callEndpoint, notingFetch } from './endpoint-call.ts'
import type { OutboundFetch } from './outbound.ts'

export interface PresenceOptions {
  readonly name: string
  readonly issuer: string
  readonly fetch: OutboundFetch
  readonly clock: Clock
  readonly logger: Logger
  /** As for every call: a provider that is slow is not down. Default 5 s. */
  readonly timeoutSeconds?: number
}

export interface Presence {
  /** It has just been heard of. */
  note(): void
  /** Rejects with `ERR_PROVIDER_UNAVAILABLE` when the provider does not answer, or answers 5xx. */
  require(): Promise<void>
  /** Why it is taken to be down. */
  lastError(): string | undefined
}

/** An answer is good for this long. */
const freshMs = 10_000
/** A silence is good for this long: whoever comes later tries anew. */
const silentMs = 1000

export function createPresence(options: PresenceOptions): Presence {
  const { name, issuer, clock, logger } = options
  let askedAt = Number.NEGATIVE_INFINITY
  let failure: OperationalError | undefined
  let running: Promise<void> | undefined

  const note = (): void => {
    if (failure !== undefined) logger.info({ provider: name, issuer }, 'provider is reachable again')
    failure = undefined
    askedAt = clock.now()
  }
  const ask = async (): Promise<void> => {
    try {
      await askOnce(options)
      note()
    } catch (error) {
      askedAt = clock.now()
      const reason = describeError(error)
      logger.warn({ provider: name, issuer, reason }, 'provider does not answer')
      failure = new OperationalError('ERR_PROVIDER_UNAVAILABLE', reason)
    }
  }
  return {
    note,
    lastError: () => failure?.message,
    require: async () => {
      const age = clock.now() - askedAt
      // A clock that was set back tells nothing of the age.
      if (age < 0 || age >= (failure === undefined ? freshMs : silentMs)) {
        running ??= ask().finally(() => {
          running = undefined
        })
      }
      await running
      if (failure !== undefined) throw failure
    },
  }
}

/** A redirect, a refusal and "too many requests" are answers; what they say is for others to judge. */
async function askOnce({ issuer, fetch, timeoutSeconds = 5 }: PresenceOptions): Promise<void> {
  const signal = AbortSignal.timeout(timeoutSeconds * 1000)
  await callEndpoint('discovery', async () => {
    const response = await notingFetch(fetch)(discoveryAddress(issuer), { method: 'GET', redirect: 'manual', signal })
    await response.body?.cancel()
    if (response.status >= 500) throw new Error('it is down')
  })
}

/** OpenID Connect Discovery 1.0 section 4. */
function discoveryAddress(issuer: string): string {
  const url = new URL(issuer)
  url.pathname = `${url.pathname.replace(/\/$/, '')}/.well-known/openid-configuration`
  return url.href
}
