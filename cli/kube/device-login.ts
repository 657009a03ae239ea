/** A login without a browser on this machine (RFC 8628): a code that the person types in another one. */
import { setTimeout as pause } from 'node:timers/promises'
import { type DeviceAnswer, deviceGrantType, type GrantClient, RefusedError, type TokenAnswer } from './grant-client.ts'

export interface DeviceLoginOptions {
  readonly client: GrantClient
  readonly audience?: string
  readonly show: (device: DeviceAnswer) => void
  /** Default: a timer. */
  readonly wait?: (seconds: number) => Promise<void>
}

export async function logInWithCode({
  client,
  audience,
  show,
  wait = sleep,
}: DeviceLoginOptions): Promise<TokenAnswer> {
  const device = await client.device()
  show(device)
  let seconds = device.intervalSeconds
  for (;;) {
    await wait(seconds)
    const answer = await client
      .token({
        grant_type: deviceGrantType,
        device_code: device.deviceCode,
        ...(audience !== undefined && { audience }),
      })
      .catch(notYet)
    if (typeof answer !== 'string') return answer
    // RFC 8628 section 3.5.
    if (answer === 'slow_down') seconds += 5
  }
}

const sleep = async (seconds: number): Promise<void> => void (await pause(seconds * 1000))

function notYet(error: unknown): 'authorization_pending' | 'slow_down' {
  const isNotYet = error instanceof RefusedError && /^(?:authorization_pending|slow_down)$/.test(error.code)
  if (isNotYet) return error.code as 'authorization_pending' | 'slow_down'
  throw error
}
