/** What both ways of carrying a call, as a request and as an upgraded connection, are given. */
import { clusterPath } from '../arriving/target.ts'
import type { Admission, GatewayCall, Refusal } from '../gateway-call.ts'
import { requestHeaders } from '../passing/request-headers.ts'
import type { Whereabouts } from '../passing/response-headers.ts'
import type { Cluster } from '../upstream/cluster.ts'
import type { CallMeter } from './call-meter.ts'
import type { PassagesInside } from './passage.ts'

export interface Carried {
  readonly call: GatewayCall
  readonly admission: Admission
  readonly cluster: Cluster
  readonly passages: PassagesInside
  /** On a monotonic clock, in milliseconds. */
  readonly startedAt: number
  readonly limits: CarryLimits
  readonly log: CarryLog
  readonly meter: CallMeter
}

export interface CarryLimits {
  /** Until the API server begins to answer; what is watched or followed, or goes to an application, may take longer. */
  readonly answerTimeoutMs: number
}

export interface CarryLog {
  /** The API server failed us; `error` may be anything that Node throws. */
  readonly upstreamFailed: (error: unknown, requestId: string) => void
  readonly failed: (error: unknown) => void
}

export const targetOf = ({ call, admission }: Carried): string => admission.target ?? call.target

/** For the addresses in an answer. */
export const whereaboutsOf = ({ call, cluster: { host, base } }: Carried): Whereabouts => ({
  prefix: clusterPath(call.cluster),
  host,
  base,
})

export function headersFor({ call, admission, cluster }: Carried, body: string | undefined): string[] | Refusal {
  const authorization = cluster.authorization()
  return requestHeaders(call.rawHeaders, {
    host: cluster.host,
    impersonate: admission.impersonate,
    requestId: call.requestId,
    clientAddress: call.clientAddress,
    ...(authorization !== undefined && { authorization }),
    ...(call.upgrade !== undefined && { upgrade: call.upgrade }),
    ...(body !== undefined && { body }),
  })
}
