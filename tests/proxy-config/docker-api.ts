/** As much of Docker's API as Traefik asks for: containers that run on this machine, each with labels. */
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'

export interface DockerContainer {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
}

/** Listens on a socket file; everything on it is at 127.0.0.1. */
export async function startDockerApi(socket: string, containers: readonly DockerContainer[]): Promise<Server> {
  const described = containers.map(({ name, labels }, index) => ({
    Id: String(index + 1).repeat(64),
    Names: [`/${name}`],
    Name: `/${name}`,
    Created: '2026-01-01T00:00:00Z',
    State: { Status: 'running', Running: true },
    Config: { Labels: labels },
    Labels: labels,
    HostConfig: { NetworkMode: 'bridge' },
    NetworkSettings: { Networks: { bridge: { IPAddress: '127.0.0.1', NetworkID: 'bridge' } } },
  }))
  const server = createServer((request, response) => {
    const path = (request.url ?? '').replace(/^\/v[\d.]+/, '').replace(/\?.*$/, '')
    const answer = (value: unknown): void => {
      response.setHeader('Content-Type', 'application/json')
      response.setHeader('Api-Version', '1.44')
      response.end(JSON.stringify(value))
    }
    if (path === '/_ping') return answer('OK')
    if (path === '/version') return answer({ ApiVersion: '1.44', MinAPIVersion: '1.24', Version: '25.0.0' })
    // Nothing happens: a stream without an event.
    if (path === '/events') return void response.writeHead(200, { 'Content-Type': 'application/json' }).flushHeaders()
    if (path === '/containers/json') return answer(described.map(one => ({ ...one, Created: 0, State: 'running' })))
    const found = described.find(({ Id }) => path === `/containers/${Id}/json`)
    if (found !== undefined) return answer(found)
    response.statusCode = 404
    answer({ message: `no ${path}` })
  }).listen(socket)
  await once(server, 'listening')
  return server
}
