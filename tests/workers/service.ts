/** `sallyport serve` with several workers, and a client that counts what it is answered. */
import { Agent, get } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import { type RunningService, type ServeOptions, spawnService, untilListening } from '../lifecycle/process.ts'

export const openPolicy = 'p, anyone, wiki.example.com, /public/**, read, -, allow\n'

export interface WorkerProcess {
  readonly worker: number
  readonly pid: number
}

/** Two workers unless the settings say otherwise; resolves when all of them serve. */
export async function startWorkers(options: Partial<ServeOptions> = {}): Promise<RunningService> {
  const { settings = {} } = options
  const server = { workers: 2, ...settings.server }
  const service = await spawnService({ policy: openPolicy, ...options, settings: { ...settings, server } })
  await untilListening(service)
  return service
}

/** All that have ever served, in order, from the log. */
export function workersOf(service: RunningService): WorkerProcess[] {
  const lines = service
    .stderr()
    .split('\n')
    .filter(line => line.startsWith('{'))
  const entries = lines.map(line => JSON.parse(line) as WorkerProcess & { readonly msg: string })
  return entries.filter(({ msg }) => msg === 'a worker serves').map(({ worker, pid }) => ({ worker, pid }))
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

export interface Answered {
  readonly status: number
  readonly requestId: string
  readonly isLast: boolean
}

/** One check. Never sent a second time: whatever goes wrong with the connection is an error. */
export function check(
  service: Pick<RunningService, 'port'>,
  path: string,
  agent: Agent | false = false,
): Promise<Answered> {
  return new Promise((resolve, reject) => {
    const headers = { 'x-original-method': 'GET', 'x-original-url': `https://wiki.example.com${path}` }
    const options = { host: '127.0.0.1', port: service.port, path: '/verify/auth-request', headers, agent }
    const sent = get(options, response => {
      response.resume()
      response.once('end', () =>
        resolve({
          status: response.statusCode ?? 0,
          requestId: String(response.headers['x-sallyport-request-id']),
          isLast: response.headers.connection === 'close',
        }),
      )
      response.once('error', reject)
    })
    sent.once('error', reject)
    sent.setTimeout(60_000, () => sent.destroy(new Error('no answer within a minute')))
  })
}

export interface Load {
  /** Resolves when so many more have been allowed. */
  readonly untilMore: (count: number) => Promise<void>
  /** Ends the load; how many were allowed, and what was not. */
  readonly end: () => Promise<{ readonly allowed: number; readonly failures: readonly string[] }>
}

/** Clients that keep their connection and clients that open one for each check, all of them all the time. */
export function startLoad(service: Pick<RunningService, 'port'>, { kept = 4, fresh = 2 } = {}): Load {
  let isEnding = false
  let allowed = 0
  const failures: string[] = []
  const agents = Array.from({ length: kept }, () => new Agent({ keepAlive: true, maxSockets: 1 }))
  async function client(agent: Agent | false, pauseMs: number): Promise<void> {
    while (!isEnding) {
      await check(service, '/public/load', agent).then(
        ({ status }) => {
          if (status === 200) allowed += 1
          else failures.push(`status ${status}`)
        },
        (error: Error) => failures.push(error.message),
      )
      await delay(pauseMs)
    }
  }
  // Some never pause, some often leave their connection idle: both must survive the end of the process behind it.
  const clients = [
    ...agents.map((agent, index) => client(agent, index % 2 === 0 ? 0 : 37)),
    ...Array.from({ length: fresh }, () => client(false, 3)),
  ]
  return {
    async untilMore(count) {
      const enough = allowed + count
      while (allowed < enough) await delay(5)
    },
    async end() {
      isEnding = true
      await Promise.all(clients)
      for (const agent of agents) agent.destroy()
      return { allowed, failures }
    },
  }
}

export function admin(service: RunningService, path: string, init: RequestInit = {}): Promise<Response> {
  return fetch(`http://127.0.0.1:${service.adminPort}${path}`, init)
}

const json = { 'content-type': 'application/json' }

export const post = (service: RunningService, path: string, headers: Readonly<Record<string, string>> = json) =>
  admin(service, path, { method: 'POST', headers })

/** The value of one series; NaN when there is none. */
export async function metric(service: RunningService, series: string): Promise<number> {
  const page = await (await admin(service, '/metrics')).text()
  const line = page.split('\n').find(candidate => candidate.startsWith(`${series} `))
  return line === undefined ? Number.NaN : Number(line.slice(series.length + 1))
}

export const allowedChecks = 'sallyport_checks_total{front="auth-request",effect="allow",reason="rule-matched"}'
