/** Ports: a free one, and whether a given one is free. */
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { createServer, type Server } from 'node:net'

export const loopback = '127.0.0.1'

/** A port that nothing listens on at this moment. */
export async function freePort(): Promise<number> {
  return (await probe(0)) ?? 0
}

/** The wanted port, or any other when it is taken. */
export async function portOrFree(wanted: number): Promise<number> {
  return (await probe(wanted)) ?? freePort()
}

async function probe(port: number): Promise<number | undefined> {
  const server = createServer()
  try {
    return await listen(server, port)
  } catch {
    return undefined
  } finally {
    server.close()
  }
}

/** Listens on loopback; the port that it got. Rejects when it is taken. */
export async function listen(server: Server, port = 0, host = loopback): Promise<number> {
  server.listen(port, host)
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}
