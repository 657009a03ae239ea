/** A login without a browser on this machine (RFC 8628): a code that the person types in another one. */
import { setTimeout as pause } from 'node:timers/promises'
import {
  BusyError,
  type DeviceAnswer,
  deviceGrantType,
  type GrantClient,
  RefusedError,
  SilentError,
  type TokenAnswer,
} from './grant-client.ts'

export interface DeviceLoginOptions {
  readonly client: GrantClient
  readonly audience?: string
  readonly show: (device: DeviceAnswer) => void
  /** Default: a timer. */
  readonly wait?: (seconds: number) => Promise<void>
  /** Milliseconds since some moment. Default: a clock that nobody sets. */
  readonly now?: () => number
}

export async function logInWithCode({
  client,
  audience,
  show,
  wait = sleep,
  now = () => performance.now(),
}: DeviceLoginOptions): Promise<TokenAnswer> {
  const device = await client.device()
  const endsAt = now() + device.expiresInSeconds * 1000
  show(device)
  let seconds = device.intervalSeconds
  let pauseSeconds = seconds
  while (now() + pauseSeconds * 1000 <= endsAt) {
    await wait(pauseSeconds)
    const answer = await client
      .token({
        grant_type: deviceGrantType,
        device_code: device.deviceCode,
        ...(audience !== undefined && { audience }),
      })
      .catch(notYet)
    if ('accessToken' in answer) return answer
    // RFC 8628 section 3.5: also for whoever asks in vain.
    if (answer.isSlower) seconds += 5
    pauseSeconds = Math.max(seconds, answer.retryAfterSeconds ?? 0)
  }
  throw new RefusedError('expired_token', 'the code has expired: run sallyport kube login again')
}

const sleep = async (seconds: number): Promise<void> => void (await pause(seconds * 1000))

interface NotYet {
  readonly isSlower: boolean
  readonly retryAfterSeconds?: number | undefined
}

/** An auth host that is down for a minute, or a network that is, is none of the person's: the code goes on. */
function notYet(error: unknown): NotYet {
  if (error instanceof BusyError) return { isSlower: true, retryAfterSeconds: error.retryAfterSeconds }
  if (error instanceof SilentError) return { isSlower: true }
  if (error instanceof RefusedError && error.code === 'authorization_pending') return { isSlower: false }
  if (error instanceof RefusedError && error.code === 'slow_down') return { isSlower: true }
  throw error
}
