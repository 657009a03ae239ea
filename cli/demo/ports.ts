/** Ports: a free one, and whether a given one is free. */
import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { createServer, type Server } from 'node:net'

export const loopback = '127.0.0.1'

/** Below those that systems give to whoever asks for any port, or for a way out (Linux from 32,768, others from 49,152). */
const [lowestPort, highestPort] = [20_000, 32_000]
const givenPorts = new Set<number>()

/**
 * A TCP port of the loopback interface that is free, for a program that binds it a little later. Nobody gets it by chance
 * in the meantime: an application that did would answer in the place of the proxy in front of it.
 */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < 100; attempt += 1) {
    const port = randomInt(lowestPort, highestPort)
    if (givenPorts.has(port) || (await probe(port)) === undefined) continue
    givenPorts.add(port)
    return port
  }
  throw new Error(`no free port was found from ${lowestPort} to ${highestPort}`)
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
    await new Promise(resolve => server.close(resolve))
  }
}

/** Listens on loopback; the port that it got. Rejects when it is taken. */
export async function listen(server: Server, port = 0, host = loopback): Promise<number> {
  server.listen(port, host)
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}
