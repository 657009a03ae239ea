/**
 * `envoy.service.auth.v3.Authorization/Check`: a message becomes a subrequest, a reply becomes the answer.
 *
 * Threat: an error of gRPC, which Envoy lets through where somebody has set `failure_mode_allow`. So whatever goes wrong here is
 * an answer that denies, and only a message that never arrived whole is an error.
 */
import type { PeerCertificate } from 'node:tls'
import type { ServerUnaryCall, ServiceDefinition, sendUnaryData, UntypedServiceImplementation } from '@grpc/grpc-js'
import type { Executor } from '../fronts/executor.ts'
import type { Reply } from '../fronts/front.ts'
import { socketPeer } from '../peer.ts'
import { type CheckLimits, type Question, readCheckRequest, TooManyHeadersError } from './check-request.ts'
import { writeCheckResponse } from './check-response.ts'

export interface AuthorizationOptions {
  readonly execute: Executor
  readonly limits: CheckLimits
  /** Whether whoever has this certificate is a proxy; `undefined` for nobody's. Absent: the address alone says so. Must not throw. */
  readonly isProxy?: (certificate: PeerCertificate | undefined) => boolean
  /** Whether it is asked on a Unix socket, and on nothing else: then whoever may open its file is the peer. Default: no. */
  readonly isOnSocket?: boolean
  /** Something could not be understood or written and was denied. Must not throw. */
  readonly onRefused: (error: unknown) => void
  /** Puts calls off, in their order, so that what arrived together is handled together (docs/adr/0023). Default: each as it arrives. */
  readonly createQueue?: <T>(handle: (item: T) => void) => (item: T) => void
}

const asItIs = (bytes: Buffer): Buffer => bytes

export const authorizationDefinition = {
  Check: {
    path: '/envoy.service.auth.v3.Authorization/Check',
    requestStream: false,
    responseStream: false,
    requestSerialize: asItIs,
    requestDeserialize: asItIs,
    responseSerialize: asItIs,
    responseDeserialize: asItIs,
  },
} as const satisfies ServiceDefinition

type Call = Pick<ServerUnaryCall<Buffer, Buffer>, 'request' | 'cancelled' | 'getPeer' | 'getAuthContext'>

interface Asked {
  readonly call: Call
  readonly callback: sendUnaryData<Buffer>
}

export function createAuthorization(options: AuthorizationOptions): UntypedServiceImplementation {
  const { createQueue = handle => handle } = options
  const check = createQueue(({ call, callback }: Asked): void => {
    const answer = (reply: Reply): void => {
      // Nobody waits for it any more: its deadline has passed, or Envoy has hung up.
      if (!call.cancelled) callback(null, written(reply, options))
    }
    try {
      const reply = options.execute({ ...question(call.request, options), peerAddress: peerOf(call, options) })
      if (reply instanceof Promise) reply.then(answer, error => answer(failed(error, options)))
      else answer(reply)
    } catch (error) {
      answer(failed(error, options))
    }
  })
  return { Check: (call: Call, callback: sendUnaryData<Buffer>) => check({ call, callback }) }
}

/** What cannot be read is a question about nothing, which the front refuses and the audit log keeps. */
function question(message: Buffer, { limits, onRefused }: AuthorizationOptions): Question {
  try {
    return readCheckRequest(message, limits)
  } catch (error) {
    onRefused(error)
    return error instanceof TooManyHeadersError ? tooMany : unreadable
  }
}

const unreadable: Question = Object.freeze({ method: '', target: '', rawHeaders: [] })
const tooMany: Question = Object.freeze({ method: '', target: '', rawHeaders: [':too-many', ''] })

function written(reply: Reply, options: AuthorizationOptions): Buffer {
  try {
    return writeCheckResponse(reply)
  } catch (error) {
    options.onRefused(error)
    return refusal
  }
}

function failed(error: unknown, { onRefused }: AuthorizationOptions): Reply {
  onRefused(error)
  return { status: 500, headers: [], body: '' }
}

const refusal = writeCheckResponse({ status: 500, headers: [], body: '' })

/** `127.0.0.1:5000`, `[::1]:5000`; what has no such form is nobody who is trusted, and so is who is no proxy by their certificate. */
function peerOf(call: Call, { isProxy, isOnSocket = false }: AuthorizationOptions): string {
  if (isProxy?.(call.getAuthContext().sslPeerCertificate) === false) return ''
  if (isOnSocket) return socketPeer
  const peer = call.getPeer()
  const colon = peer.lastIndexOf(':')
  if (colon === -1) return ''
  return peer.startsWith('[') && peer[colon - 1] === ']' ? peer.slice(1, colon - 1) : peer.slice(0, colon)
}
