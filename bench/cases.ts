/** The servers under load, and what they need. */
import { allowedAnswerHeaders } from './allowed-answer.ts'
import { startAuthzenCase } from './authzen.ts'
import { isBearerCase, startBearerCases } from './bearer.ts'
import { browserRequest, envoyRequest, wikiHost } from './browser-request.ts'
import type { LoadCaseName, ServiceCaseName } from './catalogue.ts'
import type { Case } from './measure.ts'
import { hasRedis, startRedis } from './redis-server.ts'
import type { Resources } from './resources.ts'
import { type Core, startRole } from './roles.ts'
import { allowedPath, deniedPath, numberedPath } from './rules.ts'
import { type BenchService, type ProcessOptions, startService } from './service.ts'
import { cacheSetting, type FolderOptions, hasSetting } from './service-folder.ts'

export interface StartedCases {
  /** The yardstick first. */
  readonly cases: readonly Case[]
  /** What is left out or different on this machine, and why. */
  readonly remarks: readonly string[]
}

const checkTarget = '/verify/forward-auth'
/** Rows of every check whose name says no other number. */
export const checkRows = 1_000
const naiveRows = { naive: 100, 'naive-1000': 1_000 } as const
const policyRows = { 'policy-10': 10, 'policy-1000': 1_000, 'policy-100000': 100_000 } as const

/** Starts what the wanted cases need. The yardstick is always among them. */
export async function startCases(
  wanted: readonly LoadCaseName[],
  resources: Resources,
  onProgress: (text: string) => void,
): Promise<StartedCases> {
  const wants = (...names: readonly LoadCaseName[]): boolean => names.some(name => wanted.includes(name))
  const isRedisNeeded = wanted.some(name => name !== 'bare' && name !== 'check-lmdb')
  onProgress('starting the servers')
  const redisUrl = isRedisNeeded && hasRedis() ? await startRedis(resources) : undefined
  const remarks = remarksOn(wanted, redisUrl)
  const cases = [await startBare(resources)]
  for (const name of ['naive', 'naive-1000'] as const) {
    if (wants(name)) cases.push(await startNaive(name, redisUrl, resources))
  }
  if (wants('check-cached', 'check-envoy', 'check-denied', 'check-challenged', 'policy-1000')) {
    const service = await startService(cachedService(redisUrl), resources)
    cases.push(...casesOf(service).filter(({ name }) => wants(name)))
  }
  if (wants('check-redis') && redisUrl !== undefined) {
    const service = await startService({ rows: checkRows, redisUrl, isCached: false }, resources)
    cases.push(checkCase('check-redis', service, [allowedPath], 200))
  }
  if (wants('check-lmdb')) {
    const service = await startService({ rows: checkRows }, resources)
    cases.push(checkCase('check-lmdb', service, [allowedPath], 200))
  }
  const bearer = (['bearer-remembered', 'bearer-new'] as const).filter(name => wants(name))
  if (bearer.length > 0) cases.push(...(await startBearerCases(bearer, cachedService(redisUrl), resources)).cases)
  if (wants('authzen')) cases.push((await startAuthzenCase(cachedService(redisUrl), resources)).one)
  for (const name of ['policy-10', 'policy-100000'] as const) {
    if (!wants(name)) continue
    onProgress(`starting ${name}`)
    const service = await startService({ ...cachedService(redisUrl), rows: policyRows[name] }, resources)
    cases.push(checkCase(name, service, [numberedPath], 200))
  }
  return { cases: inOrder(cases, wanted), remarks }
}

/** One case of the service alone, its process started with options of Node. */
export async function startOneCase(
  name: ServiceCaseName,
  options: ProcessOptions,
  resources: Resources,
): Promise<{ service: BenchService; one: Case }> {
  const redisUrl = name !== 'check-lmdb' && hasRedis() ? await startRedis(resources) : undefined
  if (name === 'authzen') return startAuthzenCase({ ...cachedService(redisUrl), ...options }, resources)
  if (isBearerCase(name)) {
    const { service, cases } = await startBearerCases([name], { ...cachedService(redisUrl), ...options }, resources)
    return { service, one: cases[0] as Case }
  }
  const rows: number = name in policyRows ? policyRows[name as keyof typeof policyRows] : checkRows
  const cache = name === 'check-redis' ? { isCached: false } : {}
  const service = await startService({ ...cachedService(redisUrl), ...cache, ...options, rows }, resources)
  const paths = name in policyRows ? [numberedPath] : [allowedPath]
  const known = casesOf(service).find(one => one.name === name)
  return { service, one: known ?? checkCase(name, service, paths, 200) }
}

/** As an operator with Redis has it. */
export const cachedService = (redisUrl: string | undefined): FolderOptions =>
  redisUrl === undefined ? { rows: checkRows } : { rows: checkRows, redisUrl }

const inOrder = (cases: readonly Case[], wanted: readonly string[]): Case[] => {
  const placeOf = ({ name }: Case): number => (name === 'bare' ? -1 : wanted.indexOf(name))
  return [...cases].sort((left, right) => placeOf(left) - placeOf(right))
}

function remarksOn(wanted: readonly LoadCaseName[], redisUrl: string | undefined): string[] {
  const isAny = (...prefixes: readonly string[]): boolean =>
    wanted.some(name => prefixes.some(prefix => name.startsWith(prefix)))
  const remarks: string[] = []
  if (redisUrl === undefined && isAny('naive', 'check-cached', 'check-redis', 'policy-', 'check-denied')) {
    remarks.push('redis-server is not on the PATH: check-redis is left out, naive keeps its session in memory, and')
    remarks.push('everything else uses the embedded store')
  }
  if (isAny('check-', 'policy-') && !hasSetting(cacheSetting)) {
    remarks.push(`this build has no ${cacheSetting.join('.')}: check-cached reads Redis each time, as check-redis does`)
  }
  if (wanted.includes('naive')) {
    remarks.push(`naive decides over ${naiveRows.naive} rows, the checks over ${checkRows}: with as many it is slower`)
  }
  return remarks
}

/** The yardstick; as several processes, on whatever cores there are. */
export async function startBare(resources: Resources, processes = 1, core: Core = 'server'): Promise<Case> {
  const headers = await allowedAnswerHeaders(resources)
  const args = [JSON.stringify(headers), String(processes)]
  const { child, ready } = await startRole<{ port: number }>('bare', args, resources, core)
  // As long a cookie as the checks get.
  const request = browserRequest(checkTarget, {
    host: wikiHost,
    path: allowedPath,
    cookie: `__Host-sallyport=s.${'a'.repeat(43)}.${'b'.repeat(43)}`,
  })
  return { name: 'bare', pid: child.pid ?? 0, port: ready.port, requests: [request], expectedStatus: 200 }
}

async function startNaive(
  name: keyof typeof naiveRows,
  redisUrl: string | undefined,
  resources: Resources,
): Promise<Case> {
  const args = [String(naiveRows[name]), ...(redisUrl === undefined ? [] : [redisUrl])]
  const { child, ready } = await startRole<{ port: number }>('naive', args, resources)
  const login = await fetch(`http://127.0.0.1:${ready.port}/login`)
  const cookie = login.headers.getSetCookie()[0]?.split(';')[0] ?? ''
  const request = browserRequest('/verify', { host: wikiHost, path: allowedPath, cookie })
  return { name, pid: child.pid ?? 0, port: ready.port, requests: [request], expectedStatus: 200 }
}

const casesOf = (service: BenchService): (Case & { readonly name: LoadCaseName })[] => [
  checkCase('check-cached', service, [allowedPath], 200),
  {
    ...checkCase('check-envoy', service, [allowedPath], 200),
    requests: [envoyRequest('/verify/ext-authz', { host: wikiHost, path: allowedPath, cookie: service.cookie })],
  },
  checkCase('check-denied', service, [deniedPath], 403),
  checkCase('check-challenged', { ...service, cookie: 'none=1' }, [allowedPath], 302),
  checkCase('policy-1000', service, [numberedPath], 200),
]

export function checkCase<N extends string>(
  name: N,
  { pid, port, cookie }: Pick<BenchService, 'pid' | 'port' | 'cookie'>,
  paths: readonly string[],
  expectedStatus: number,
): Case & { readonly name: N } {
  const requests = paths.map(path => browserRequest(checkTarget, { host: wikiHost, path, cookie }))
  return { name, pid, port, requests, expectedStatus }
}

/** One request for each cookie. */
export const cookieRequests = (cookies: readonly string[]): string[] =>
  cookies.map(cookie => browserRequest(checkTarget, { host: wikiHost, path: allowedPath, cookie }))
