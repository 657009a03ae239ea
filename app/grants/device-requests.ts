/**
 * Requests of machines without a browser (RFC 8628): made by anybody, so bounded as attempts are; answered once by a
 * person who is logged in; fetched once by the machine.
 */
import { randomBytes } from 'node:crypto'
import type { ClientNetworks } from '../client-networks.ts'
import type { Clock } from '../clock.ts'
import type { BoundedStore } from '../sessions/records/bounded-records.ts'
import type { OneTimeStore } from '../sessions/records/sealed-records.ts'
import { newUserCode } from './user-code.ts'

/** What the machine holds, under its device code. */
export interface DeviceRequest {
  readonly userCode: string
  readonly answerId: string
  /** Milliseconds since the epoch. */
  readonly expiresAt: number
}

/** What the person is shown, under the code that they type. */
export interface AskedCode {
  readonly answerId: string
  /** Seconds since the epoch. */
  readonly askedAt: number
  /** Milliseconds since the epoch. */
  readonly expiresAt: number
  /** Address of the machine that asked. */
  readonly clientAddress?: string
}

/** The session of the person who said yes; nothing when they said no. */
export type DeviceAnswer = { readonly sessionId: string } | { readonly isDenied: true }

export interface DeviceRequests {
  begin(client: ClientNetworks, address: string | undefined): Promise<{ deviceCode: string; userCode: string }>
  /** What a code stands for; `undefined` for one that is unknown, expired or answered. */
  find(userCode: string): Promise<AskedCode | undefined>
  /** Of any number of answers to one code the first counts; false for the others. */
  answer(userCode: string, answer: DeviceAnswer): Promise<boolean>
  /** `expired` for a code that is unknown, too. An answer is given out once. */
  poll(deviceCode: string): Promise<DeviceAnswer | 'pending' | 'expired'>
}

export interface DeviceRequestsOptions {
  readonly requests: BoundedStore<DeviceRequest>
  readonly codes: BoundedStore<AskedCode>
  readonly answers: OneTimeStore<DeviceAnswer>
  readonly clock: Clock
}

export const deviceSeconds = 600

export function createDeviceRequests({ requests, codes, answers, clock }: DeviceRequestsOptions): DeviceRequests {
  return {
    async begin(client, address) {
      const [deviceCode, answerId] = [randomToken(), randomToken()]
      const userCode = newUserCode()
      const expiresAt = clock.now() + deviceSeconds * 1000
      const asked = { answerId, askedAt: Math.floor(clock.now() / 1000), expiresAt }
      await codes.put(
        userCode,
        { ...asked, ...(address !== undefined && { clientAddress: address }) },
        deviceSeconds,
        client,
      )
      await requests.put(deviceCode, { userCode, answerId, expiresAt }, deviceSeconds, client)
      return { deviceCode, userCode }
    },
    find: userCode => codes.get(userCode),
    async answer(userCode, answer) {
      // Taken: a second window, or a second person, finds nothing.
      const asked = await codes.take(userCode)
      if (asked === undefined) return false
      await answers.put(asked.answerId, answer, deviceSeconds)
      return true
    },
    async poll(deviceCode) {
      const request = await requests.get(deviceCode)
      if (request === undefined || request.expiresAt <= clock.now()) return 'expired'
      const answer = await answers.take(request.answerId)
      if (answer === undefined) return 'pending'
      await requests.take(deviceCode)
      return answer
    },
  }
}

const randomToken = (): string => randomBytes(32).toString('base64url')
