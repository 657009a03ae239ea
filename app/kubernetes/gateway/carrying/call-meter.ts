/** What is measured of the calls that are carried; who measures sees no person, no pod and no path. */
import type { Ending } from '../gateway-call.ts'

/** What is meant to last: `log` is one that is followed, `other` an upgraded connection of another kind. */
export type StreamKind = 'watch' | 'log' | 'exec' | 'attach' | 'port-forward' | 'other'

export interface MeasuredCall {
  /** Of the configuration. */
  readonly cluster: string
  /** Absent for what is not meant to last. */
  readonly stream?: StreamKind | undefined
}

/** Grows while the call is carried. */
export interface CallProgress {
  readonly bytesReceived: number
  readonly bytesSent: number
}

export interface CallMeter {
  /** A call is carried from now on. What it gives is called once, when that is over. */
  begun(call: MeasuredCall, progress: CallProgress): (ending: Ending, durationMs: number) => void
  /** The API server could not be asked, or broke off, or did not take our credential. */
  upstreamFailed(cluster: string): void
}
