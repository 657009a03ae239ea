/** Calls to an API server in the gateway's own name, or in that of whoever keeps its role. */
import type { IncomingMessage } from 'node:http'
import type { Cluster } from '../gateway/upstream/cluster.ts'

export interface ApiCall {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE'
  /** With its query. */
  readonly target: string
  readonly body?: object
  /** Default: JSON. */
  readonly contentType?: string
  /** Default: JSON. */
  readonly accept?: string
}

export interface ApiResult {
  readonly status: number
  /** `undefined` where it is no JSON. */
  readonly body: unknown
}

export type CallApi = (call: ApiCall) => Promise<ApiResult>

export interface ApiCallOptions {
  /** Of silence. Default: 15 s. */
  readonly longestAnswerMs?: number
  /** Of one answer. Default: 16 MiB. */
  readonly mostBytes?: number
}

/** Rejects when the API server cannot be reached, does not answer in time, or answers at too great a length. */
export function createApiCalls(
  cluster: Cluster,
  { longestAnswerMs = 15_000, mostBytes = 16 * 1024 * 1024 }: ApiCallOptions = {},
): CallApi {
  return ({ method, target, body, contentType = 'application/json', accept = 'application/json' }) =>
    new Promise((resolve, reject) => {
      const text = body === undefined ? '' : JSON.stringify(body)
      const authorization = cluster.authorization()
      const request = cluster.ask({
        method,
        target,
        headers: [
          ...['Host', cluster.host, 'Accept', accept],
          ...(authorization === undefined ? [] : ['Authorization', authorization]),
          ...(body === undefined ? [] : ['Content-Type', contentType]),
          ...['Content-Length', String(Buffer.byteLength(text))],
        ],
      })
      request.setTimeout(longestAnswerMs, () => request.destroy(new Error('no answer in time')))
      request.once('error', reject)
      request.once('response', response => readAnswer(response, mostBytes).then(resolve, reject))
      request.end(text)
    })
}

async function readAnswer(response: IncomingMessage, mostBytes: number): Promise<ApiResult> {
  const parts: Buffer[] = []
  let bytes = 0
  for await (const part of response) {
    parts.push(part as Buffer)
    bytes += (part as Buffer).length
    if (bytes > mostBytes) throw new Error(`the answer is too long: more than ${mostBytes} bytes`)
  }
  const text = Buffer.concat(parts).toString()
  try {
    return { status: response.statusCode ?? 0, body: JSON.parse(text) }
  } catch {
    return { status: response.statusCode ?? 0, body: undefined }
  }
}

/** What a `Status` says. */
export function messageOf({ status, body }: ApiResult): string {
  const message = typeof body === 'object' && body !== null && 'message' in body ? body.message : undefined
  return typeof message === 'string' ? message : `the API server answered ${status}`
}
