/**
 * The yardstick: what `node:http` does when it has nothing to do but answer. It writes as many headers as an allowed
 * check, with the same names and values as long, in the way that most servers are written. With fewer, the ratio would
 * also hold what it costs to write headers at all.
 */
import { createServer, type OutgoingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'

export function runBareServer(headers: OutgoingHttpHeaders): void {
  const server = createServer((_request, response) => {
    response.writeHead(200, headers)
    response.end()
  })
  server.listen(0, '127.0.0.1', () => {
    process.send?.({ port: (server.address() as AddressInfo).port })
  })
}
