/** The yardstick: what `node:http` does when it has nothing to do but answer 200 with four headers. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

export function runBareServer(): void {
  const server = createServer((_request, response) => {
    response.writeHead(200, {
      'Cache-Control': 'no-store',
      'Content-Length': '0',
      'Remote-User': 'alice',
      'Remote-Groups': 'ops',
    })
    response.end()
  })
  server.listen(0, '127.0.0.1', () => {
    process.send?.({ port: (server.address() as AddressInfo).port })
  })
}
