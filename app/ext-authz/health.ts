/**
 * `grpc.health.v1.Health`: whether checks are answered at the moment (https://grpc.io/docs/guides/health-checking). It says
 * nothing else, so whoever reaches the listener may ask.
 */
import type {
  ServerUnaryCall,
  ServerWritableStream,
  ServiceDefinition,
  sendUnaryData,
  UntypedServiceImplementation,
} from '@grpc/grpc-js'
import { readOnce, wholeOf } from './proto-reader.ts'
import { messageOf, numberField } from './proto-writer.ts'

const statuses = { SERVING: 1, NOT_SERVING: 2, SERVICE_UNKNOWN: 3 } as const
/** Of gRPC. */
const notFound = 5
const invalidArgument = 3
const resourceExhausted = 8

/** Anybody who reaches the listener may watch, for as long as they like. */
const mostWatchers = 200

const asItIs = (bytes: Buffer): Buffer => bytes
const method = (name: string, responseStream: boolean) => ({
  path: `/grpc.health.v1.Health/${name}`,
  requestStream: false,
  responseStream,
  requestSerialize: asItIs,
  requestDeserialize: asItIs,
  responseSerialize: asItIs,
  responseDeserialize: asItIs,
})

export const healthDefinition = {
  Check: method('Check', false),
  Watch: method('Watch', true),
} as const satisfies ServiceDefinition

export interface Health {
  readonly implementation: UntypedServiceImplementation
  /** From now on nothing is served; whoever watches is told. */
  readonly stop: () => void
}

/** `services`: what is known beside the whole server, whose name is empty. */
export function createHealth(services: readonly string[]): Health {
  let isServing = true
  const watchers = new Set<() => void>()
  const statusOf = (service: string): number => {
    if (service !== '' && !services.includes(service)) return statuses.SERVICE_UNKNOWN
    return isServing ? statuses.SERVING : statuses.NOT_SERVING
  }
  const check = (call: Pick<ServerUnaryCall<Buffer, Buffer>, 'request'>, callback: sendUnaryData<Buffer>): void => {
    const status = readStatus(call.request, statusOf)
    if (status === undefined) callback({ code: invalidArgument, details: 'the message cannot be read' })
    else if (status === statuses.SERVICE_UNKNOWN) callback({ code: notFound, details: 'there is no such service' })
    else callback(null, answerOf(status))
  }
  const watch = (call: ServerWritableStream<Buffer, Buffer>): void => {
    const status = readStatus(call.request, statusOf)
    if (status === undefined) refuse(call, invalidArgument, 'the message cannot be read')
    else if (watchers.size >= mostWatchers) refuse(call, resourceExhausted, 'too many are watching')
    else follow(call)
  }
  const follow = (call: ServerWritableStream<Buffer, Buffer>): void => {
    const tell = (): void => void call.write(answerOf(readStatus(call.request, statusOf) ?? 0))
    // The stream of a server that goes away would hold it back.
    const end = (): void => {
      tell()
      call.end()
    }
    if (!isServing) {
      // It came as the server was about to go.
      end()
      return
    }
    watchers.add(end)
    call.on('cancelled', () => watchers.delete(end))
    tell()
  }
  return {
    implementation: { Check: check, Watch: watch },
    stop() {
      isServing = false
      for (const end of watchers) end()
      watchers.clear()
    },
  }
}

const answerOf = (status: number): Buffer => messageOf([numberField(1, status)])

/** A stream that is destroyed says no status, and whoever watches goes on waiting. */
const refuse = (call: ServerWritableStream<Buffer, Buffer>, code: number, details: string): void =>
  void call.emit('error', Object.assign(new Error(details), { code, details }))

function readStatus(request: Buffer, statusOf: (service: string) => number): number | undefined {
  try {
    return statusOf(readOnce(wholeOf(request), [1])[0]?.bytes().toString('utf8') ?? '')
  } catch {
    return undefined
  }
}
