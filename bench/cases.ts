/** The cases of the bench, and the servers that they need. */
import { browserRequest, wikiHost } from './browser-request.ts'
import type { Case } from './measure.ts'
import { type BenchRedis, hasRedis, startRedis } from './redis-server.ts'
import { startRole, stop } from './roles.ts'
import { allowedPath, deniedPath } from './rules.ts'
import { type BenchService, startService } from './service.ts'

export const caseNames = ['bare', 'naive', 'check-lmdb', 'check-redis', 'check-denied', 'check-challenged'] as const
export type CaseName = (typeof caseNames)[number]

export interface StartedCases {
  /** The yardstick first. */
  readonly cases: readonly Case[]
  /** What is left out or different on this machine, and why. */
  readonly remarks: readonly string[]
  readonly stop: () => Promise<void>
}

type Stops = (() => Promise<void>)[]

/** Starts what the wanted cases need. The yardstick is always among them. */
export async function startCases(wanted: ReadonlySet<CaseName>): Promise<StartedCases> {
  const stops: Stops = []
  const stopAll = async (): Promise<void> => {
    for (const stopOne of stops.reverse()) await stopOne()
  }
  const wants = (...names: readonly CaseName[]): boolean => names.some(name => wanted.has(name))
  const remarks: string[] = []
  try {
    const cases = [await startBare(stops)]
    const redis = wants('naive', 'check-redis') ? await startRedisIfThere(stops) : undefined
    if (wants('naive')) {
      if (redis === undefined) remarks.push('naive keeps its session in memory: redis-server is not on the PATH')
      cases.push(await startNaive(redis, stops))
    }
    if (wants('check-lmdb', 'check-denied', 'check-challenged')) {
      const service = await startService(undefined)
      stops.push(service.stop)
      cases.push(...embeddedCases(service).filter(({ name }) => wanted.has(name)))
    }
    if (wants('check-redis') && redis === undefined)
      remarks.push('check-redis left out: redis-server is not on the PATH')
    if (wants('check-redis') && redis !== undefined) {
      const service = await startService(redis.url)
      stops.push(service.stop)
      cases.push(checkCase('check-redis', service, allowedPath, service.cookie, 200))
    }
    return { cases, remarks, stop: stopAll }
  } catch (error) {
    await stopAll()
    throw error
  }
}

async function startRedisIfThere(stops: Stops): Promise<BenchRedis | undefined> {
  if (!hasRedis()) return undefined
  const redis = await startRedis()
  stops.push(redis.stop)
  return redis
}

async function startBare(stops: Stops): Promise<Case> {
  const { child, ready } = await startRole<{ port: number }>('bare')
  stops.push(() => stop(child))
  // As long a cookie as the checks get.
  const request = browserRequest('/verify/forward-auth', {
    host: wikiHost,
    path: allowedPath,
    cookie: `__Host-sallyport=s.${'a'.repeat(43)}.${'b'.repeat(43)}`,
  })
  return { name: 'bare', pid: child.pid ?? 0, port: ready.port, request, expectedStatus: 200 }
}

async function startNaive(redis: BenchRedis | undefined, stops: Stops): Promise<Case> {
  const { child, ready } = await startRole<{ port: number }>('naive', ...(redis === undefined ? [] : [redis.url]))
  stops.push(() => stop(child))
  const login = await fetch(`http://127.0.0.1:${ready.port}/login`)
  const cookie = login.headers.getSetCookie()[0]?.split(';')[0] ?? ''
  const request = browserRequest('/verify', { host: wikiHost, path: allowedPath, cookie })
  return { name: 'naive', pid: child.pid ?? 0, port: ready.port, request, expectedStatus: 200 }
}

const embeddedCases = (service: BenchService): (Case & { readonly name: CaseName })[] => [
  checkCase('check-lmdb', service, allowedPath, service.cookie, 200),
  checkCase('check-denied', service, deniedPath, service.cookie, 403),
  checkCase('check-challenged', service, allowedPath, 'none=1', 302),
]

function checkCase<N extends CaseName>(
  name: N,
  { pid, port }: BenchService,
  path: string,
  cookie: string,
  expectedStatus: number,
): Case & { readonly name: N } {
  const request = browserRequest('/verify/forward-auth', { host: wikiHost, path, cookie })
  return { name, pid, port, request, expectedStatus }
}
