/** The real proxy and the real service, with two applications that record what reaches them. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createBrowser, request } from '../../cli/demo/browser.ts'
import { freePort, listen } from '../../cli/demo/ports.ts'
import type { ProxyKind } from '../../cli/demo/proxies/proxies.ts'
import { logIn } from '../../cli/demo/session.ts'
import { startStack } from '../../cli/demo/stack.ts'
import { type Checks, followChecks } from './checks.ts'
import { type Arrived, createUpstream } from './upstream.ts'

export interface FuzzStack {
  readonly port: number
  readonly checks: Checks
  /** What reached the applications and was not taken yet. */
  readonly arrived: Arrived[]
  /** `alice@wiki` and the like. */
  readonly cookies: ReadonlyMap<string, string>
  /** Values of session cookies. */
  readonly secrets: readonly string[]
  /** Has the service judge this path, by which everything that was judged before is in the audit log. */
  readonly ask: (path: string) => Promise<void>
  readonly died: Promise<string>
  readonly stop: () => Promise<void>
}

/** `proxyFiles`: in the place of those of deploy/. */
export async function startFuzzStack(proxy: ProxyKind, proxyFiles?: string): Promise<FuzzStack> {
  const arrived: Arrived[] = []
  const servers = (['wiki', 'payroll'] as const).map(site => createUpstream(site, one => void arrived.push(one)))
  const [wiki, payroll] = await Promise.all(servers.map(async server => `127.0.0.1:${await listen(server)}`))
  if (wiki === undefined || payroll === undefined) throw new Error('the applications do not listen')
  const directory = mkdtempSync(join(tmpdir(), 'sallyport-fuzz-'))
  const auditFile = join(directory, 'audit.log')
  const stack = await startStack({
    proxy,
    port: await freePort(),
    policyDirectory: join(import.meta.dirname, 'policy'),
    applications: { wiki, payroll },
    auditFile,
    ...(proxyFiles !== undefined && { proxyFiles: async () => proxyFiles }),
  })
  const checks = followChecks(auditFile)
  const cookies = new Map<string, string>()
  for (const person of ['alice', 'bob']) {
    const browser = createBrowser()
    for (const site of ['wiki', 'payroll']) {
      const page = `${stack.origin(site)}/login-of-${person}`
      await logIn(browser, page, person)
      cookies.set(`${person}@${site}`, browser.cookieFor(page))
    }
  }
  const ask = async (path: string): Promise<void> => {
    const headers = {
      'x-forwarded-method': 'GET',
      'x-forwarded-proto': 'http',
      'x-forwarded-host': 'wiki.localhost',
      'x-forwarded-uri': path,
      'x-forwarded-for': '127.0.0.1',
    }
    await request(`http://${stack.authAddress}/verify/forward-auth`, { headers, timeoutMs: 60_000 })
    await checks.readUntil(path)
  }
  await ask('/start')
  arrived.length = 0
  checks.allowed.clear()
  return {
    port: stack.port,
    checks,
    arrived,
    cookies,
    secrets: [...cookies.values()].flatMap(header => header.split('; ')).map(pair => pair.slice(pair.indexOf('=') + 1)),
    ask,
    died: stack.died,
    stop: async () => {
      await stack.stop()
      checks.close()
      for (const server of servers) server.close()
      rmSync(directory, { recursive: true, force: true })
    },
  }
}
