/**
 * Headers for conditions of the policy, where anybody may ask and not only proxies.
 *
 * Threat: whoever asks writes `X-Device: managed` themselves, or leaves out what the proxy would have written. So of a peer
 * that is no trusted proxy no header is known: rows that allow by one do not apply, and rows that deny by one do.
 */
import type { Credentials } from '../verify.ts'
import { readHeaders } from './raw-headers.ts'
import type { TrustedProxies } from './trusted-proxies.ts'

/** Headers as they came, and from whom. */
export interface SentHeaders {
  /** Names and values alternating. */
  readonly rawHeaders: readonly string[]
  /** Address of the TCP peer; `undefined` when the connection is gone. */
  readonly peerAddress: string | undefined
}

const unknown: Credentials['headers'] = Object.freeze({
  areVouchedFor: false,
  only: () => undefined,
  any: () => undefined,
})

export const createVouchedHeaders =
  ({ isTrusted }: Pick<TrustedProxies, 'isTrusted'>) =>
  ({ rawHeaders, peerAddress }: SentHeaders): Credentials['headers'] =>
    isTrusted(peerAddress ?? '') ? readHeaders(rawHeaders) : unknown
