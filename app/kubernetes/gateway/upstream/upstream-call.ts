/** A call under way to an API server, over either version of HTTP: as much of Node's as who carries it needs. */
import type { IncomingMessage } from 'node:http'

export interface UpstreamAnswer
  extends Pick<IncomingMessage, 'statusCode' | 'headers' | 'rawHeaders' | 'rawTrailers' | 'complete'> {
  on(event: 'data', listener: (chunk: Buffer) => void): unknown
  once(event: 'end', listener: () => void): unknown
  once(event: 'error', listener: (error: Error) => void): unknown
  pause(): unknown
  resume(): unknown
}

export interface UpstreamCall {
  /** It went out on a connection that was there before, and may have been gone by then. */
  readonly reusedSocket: boolean
  readonly writableFinished: boolean
  once(event: 'response', listener: (answer: UpstreamAnswer) => void): unknown
  on(event: 'error', listener: (error: Error) => void): unknown
  end(): unknown
  destroy(error?: Error): unknown
}
