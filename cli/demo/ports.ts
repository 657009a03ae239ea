/** Ports: a free one, and whether a given one is free. */
import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { createServer, type Server } from 'node:net'

export const loopback = '127.0.0.1'

/** Below those that systems give to whoever asks for any port, or for a way out (Linux from 32,768, others from 49,152). */
const [lowestPort, highestPort] = [20_000, 32_000]
/** With what keeps other processes from giving them as well, for as long as this one lives. */
const givenPorts = new Map<number, Server>()

/**
 * A TCP port of the loopback interface that is free, for a program that binds it a little later. Nobody gets it by chance
 * in the meantime: an application that did would answer in the place of the proxy in front of it. Nor does another process
 * that asks here, where the system has names that end with a process (Linux: unix(7), "abstract").
 */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < 100; attempt += 1) {
    const port = randomInt(lowestPort, highestPort)
    const claim = givenPorts.has(port) ? undefined : await claimName(port)
    if (claim === undefined) continue
    if ((await probe(port)) === undefined) claim.close()
    else {
      givenPorts.set(port, claim)
      return port
    }
  }
  throw new Error(`no free port was found from ${lowestPort} to ${highestPort}`)
}

/** `undefined` where another process has claimed it. */
async function claimName(port: number): Promise<Server | undefined> {
  const server = createServer()
  if (process.platform !== 'linux') return server
  try {
    server.listen(`\0sallyport-port-${port}`)
    await once(server, 'listening')
    return server.unref()
  } catch {
    return undefined
  }
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
