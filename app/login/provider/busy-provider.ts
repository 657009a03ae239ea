/**
 * A provider that answers 429 (RFC 6585 section 4): asked once more if it says that this is soon, and otherwise busy, which
 * is no verdict on the person or the login.
 */
import { setTimeout as delay } from 'node:timers/promises'
import type { Clock } from '../../clock.ts'
import { OperationalError } from '../../errors.ts'
import { causes } from './causes.ts'
import { renewAssertion } from './client-authentication.ts'
import { describeRunningCall } from './describe-error.ts'
import type { OutboundFetch } from './outbound.ts'

/** The person's browser waits meanwhile, and the whole call has a timeout. */
const longestWaitSeconds = 2
/** Where the provider does not say. */
const usualWaitSeconds = 1
/** What a browser is told at most. */
const longestRetrySeconds = 3600

export class BusyProviderError extends OperationalError {
  /** When the person may try again. */
  readonly retryAfterSeconds: number
  constructor(detail: string, retryAfterSeconds: number) {
    super('ERR_PROVIDER_UNAVAILABLE', detail)
    this.name = 'BusyProviderError'
    this.retryAfterSeconds = retryAfterSeconds
  }
  override get sentence(): string {
    return 'The identity provider is busy. Please try again in a moment.'
  }
}

export interface PatienceOptions {
  readonly clock: Clock
  /** Default: a timer that ends with the call's own timeout. */
  readonly wait?: (ms: number, signal: AbortSignal | undefined) => Promise<void>
}

/** The same `fetch`, which rejects with `BusyProviderError` in place of an answer with 429. */
export function patientFetch(fetch: OutboundFetch, { clock, wait = waitFor }: PatienceOptions): OutboundFetch {
  return async (url, init) => {
    const first = await fetch(url, init)
    if (first.status !== 429) return first
    const seconds = secondsToWait(first, clock)
    await first.body?.cancel()
    if (seconds > longestWaitSeconds) throw busy(seconds)
    const { signal, body } = init as RequestInit
    await wait(seconds * 1000, signal ?? undefined)
    await renewAssertion(body)
    const second = await fetch(url, init)
    if (second.status !== 429) return second
    await second.body?.cancel()
    throw busy(secondsToWait(second, clock))
  }
}

const waitFor = (ms: number, signal: AbortSignal | undefined): Promise<void> =>
  delay(ms, undefined, signal === undefined ? {} : { signal })

/** `Retry-After` as seconds or as a date (RFC 9110 section 10.2.3). */
function secondsToWait(response: Response, clock: Clock): number {
  const text = response.headers.get('retry-after')?.trim() ?? ''
  const seconds = /^\d{1,9}$/.test(text) ? Number(text) : Math.ceil((Date.parse(text) - clock.now()) / 1000)
  return Number.isNaN(seconds) ? usualWaitSeconds : Math.max(0, Math.min(seconds, longestRetrySeconds))
}

/** What is noted of the call says where. */
const busy = (retryAfterSeconds: number): BusyProviderError =>
  new BusyProviderError(describeRunningCall() ?? 'the provider answered 429', Math.max(1, retryAfterSeconds))

/** The one among the causes of a failed call. */
export function busyIn(error: unknown): BusyProviderError | undefined {
  return causes(error).find(cause => cause instanceof BusyProviderError)
}
