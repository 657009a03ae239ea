/** The yardstick of gRPC: a server of @grpc/grpc-js with one call that reads nothing and answers with as many bytes as an allowed check. */
import { Server, ServerCredentials, type sendUnaryData } from '@grpc/grpc-js'
import { checkDefinition } from './check-call.ts'

export function runBareCheckServer(answer: Buffer): void {
  const server = new Server()
  server.addService(checkDefinition, {
    Check: (_call: unknown, callback: sendUnaryData<Buffer>) => callback(null, answer),
  })
  server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) => {
    if (error !== null) throw error
    process.send?.({ port })
  })
}
