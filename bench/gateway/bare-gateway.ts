/**
 * The yardstick of the gateway: Node's own HTTP/2 server in front of its own HTTPS client. It adds the same impersonation to
 * every call, lets in everybody, and writes nothing down.
 */
import { createSecureServer, type Http2ServerRequest, type Http2ServerResponse } from 'node:http2'
import { Agent, request as ask } from 'node:https'
import type { AddressInfo } from 'node:net'

export interface BareGateway {
  /** PEM. */
  readonly certificate: string
  readonly key: string
  /** In front of every path; the rest goes to the API server. */
  readonly prefix: string
  readonly upstream: {
    readonly port: number
    readonly serverName: string
    readonly authority: string
    readonly certificate: string
    readonly key: string
    /** Names and values in turn. */
    readonly impersonation: readonly string[]
  }
}

export function runBareGateway({ certificate, key, prefix, upstream }: BareGateway): void {
  const { port, serverName, authority, impersonation } = upstream
  const agent = new Agent({
    keepAlive: true,
    ca: authority,
    cert: upstream.certificate,
    key: upstream.key,
    servername: serverName,
  })
  const server = createSecureServer({ allowHTTP1: true, cert: certificate, key })
  server.on('request', (request: Http2ServerRequest, response: Http2ServerResponse) => {
    const headers = ['host', serverName, ...impersonation]
    for (const [name, value] of Object.entries(request.headers))
      if (!name.startsWith(':') && name !== 'authorization') headers.push(name, String(value))
    const path = request.url.slice(prefix.length)
    const call = ask({ host: '127.0.0.1', port, agent, method: request.method, path, headers })
    call.on('response', answer => {
      for (const [name, value] of Object.entries(answer.headers))
        if (name !== 'connection' && name !== 'transfer-encoding') response.setHeader(name, value ?? '')
      response.writeHead(answer.statusCode ?? 502)
      answer.pipe(response)
    })
    call.on('error', error => response.stream.destroy(error))
    response.on('close', () => call.destroy())
    request.pipe(call)
  })
  server.listen(0, '127.0.0.1', () => process.send?.({ port: (server.address() as AddressInfo).port }))
}
