/**
 * The yardstick: what `node:http` does when it has nothing to do but answer. It writes as many headers as an allowed
 * check, with the same names and values as long, in the way that most servers are written. With fewer, the ratio would
 * also hold what it costs to write headers at all.
 */
import cluster from 'node:cluster'
import { createServer, type OutgoingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'

/** Several `processes` share the listener, as `node:cluster` has it. */
export function runBareServer(headers: OutgoingHttpHeaders, processes: number): void {
  if (processes > 1 && cluster.isPrimary) runPrimary(processes)
  else serve(headers)
}

function runPrimary(processes: number): void {
  const ports: number[] = []
  cluster.on('listening', (_worker, { port }) => {
    ports.push(port)
    if (ports.length === processes) process.send?.({ port })
  })
  for (let count = 0; count < processes; count += 1) cluster.fork()
  process.once('disconnect', () => process.exit())
  process.once('SIGTERM', () => process.exit())
}

function serve(headers: OutgoingHttpHeaders): void {
  const server = createServer((_request, response) => {
    response.writeHead(200, headers)
    response.end()
  })
  server.listen(0, '127.0.0.1', () => {
    if (cluster.isPrimary) process.send?.({ port: (server.address() as AddressInfo).port })
  })
}
