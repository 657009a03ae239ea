/** Each proxy in front of a static application, without a check and with it: the files of deploy/, and nothing of a test's own. */
import { chmodSync, cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isOnPath } from '../../cli/demo/executables.ts'
import { repositoryRoot } from '../../cli/demo/paths.ts'
import { type ProxyKind, programOf, proxyKinds, startProxy } from '../../cli/demo/proxies/proxies.ts'
import { browserRequest, wikiHost } from '../browser-request.ts'
import { cachedService } from '../cases.ts'
import { type Case, runCase, runRounds, type Summary, summariseRounds } from '../measure.ts'
import { freePort, untilAccepted } from '../ports.ts'
import { hasRedis, startRedis } from '../redis-server.ts'
import { alignedTable, type CaseReport, casesOfSummaries } from '../report.ts'
import type { Resources } from '../resources.ts'
import { startPinned, stop } from '../roles.ts'
import { allowedPath } from '../rules.ts'
import { startService } from '../service.ts'
import type { ExperimentContext } from './experiment.ts'

/** A host of the demo's files that nobody is asked about, and the one that is protected. */
const hosts = { open: 'idp.localhost', checked: 'wiki.localhost' } as const
const openHost = 'open.example.com'

interface Addresses {
  readonly authAddress: string
  readonly grpcAddress: string
  readonly appAddress: string
}

export async function runProxies(context: ExperimentContext): Promise<CaseReport> {
  if (!isOnPath('nginx')) return { lines: ['proxies left out: nginx is not on the PATH'], cases: {} }
  const { load, onProgress, resources } = context
  const redisUrl = hasRedis() ? await startRedis(resources) : undefined
  const settings = { envoy: { listen: '127.0.0.1:0' } }
  const service = await startService({ ...cachedService(redisUrl), settings, core: 'any' }, resources)
  const addresses = {
    authAddress: `127.0.0.1:${service.port}`,
    grpcAddress: `127.0.0.1:${service.envoyPort}`,
    appAddress: `127.0.0.1:${await startStaticSite(resources)}`,
  }
  const kinds = proxyKinds.filter(kind => kind !== 'built-in' && isOnPath(programOf(kind)))
  const cases: Case[] = []
  for (const kind of kinds) {
    onProgress(`starting ${kind}`)
    const proxy = await startCopy(kind, addresses, resources)
    const pair = [
      caseOf(`${kind}-unchecked`, proxy, openHost, service.cookie),
      caseOf(`${kind}-checked`, proxy, wikiHost, service.cookie),
    ]
    for (const one of pair) await untilAnswered(one, load)
    cases.push(...pair)
  }
  const summaries = summariseRounds(await runRounds(cases, load, context))
  return { lines: linesOf(kinds, summaries), cases: casesOfSummaries(summaries) }
}

function linesOf(kinds: readonly ProxyKind[], summaries: ReadonlyMap<string, Summary>): string[] {
  const rows = kinds.map(kind => {
    const [open, checked] = [summaries.get(`${kind}-unchecked`), summaries.get(`${kind}-checked`)]
    const [alone = 0, asked = 0] = [open?.perSecond, checked?.perSecond]
    const figures = [open?.p50Ms, checked?.p50Ms, open?.p99Ms, checked?.p99Ms].map(ms => (ms ?? 0).toFixed(2))
    const cpu = [open?.cpuMicroseconds, checked?.cpuMicroseconds].map(us => (us === undefined ? '-' : us.toFixed(0)))
    return [kind, alone.toFixed(0), asked.toFixed(0), (asked / alone).toFixed(2), ...figures, ...cpu]
  })
  const heads = ['proxy', 'req/s', 'checked', 'x', 'p50 ms', 'checked', 'p99 ms', 'checked', 'CPU us', 'checked']
  return [
    alignedTable(heads, rows),
    'CPU is that of the proxy for each request; proxy, service, application and load generator share the cores',
  ]
}

interface Started {
  readonly port: number
  readonly pid: number
}

function caseOf(name: string, { pid, port }: Started, host: string, cookie: string): Case {
  const requests = [browserRequest(allowedPath, { host, path: allowedPath, cookie })]
  return { name, pid, port, requests, expectedStatus: 200 }
}

/** The files of the demo, about the hosts of the bench. */
async function startCopy(kind: ProxyKind, addresses: Addresses, resources: Resources): Promise<Started> {
  const directory = temporaryFolder(`proxies-${kind}`, resources)
  cpSync(join(repositoryRoot, 'deploy', programOf(kind)), directory, { recursive: true })
  for (const name of readdirSync(directory, { recursive: true, encoding: 'utf8' })) {
    if (!/\.(template|yaml|caddy|cfg)$/.test(name)) continue
    const file = join(directory, name)
    const text = readFileSync(file, 'utf8').replaceAll(hosts.checked, wikiHost).replaceAll(hosts.open, openHost)
    // NGINX closes a connection after a thousand requests by itself, and the load generator takes that for a fault.
    const endless = name.endsWith('sites.conf.template') ? 'keepalive_requests 1000000000;\n' : ''
    writeFileSync(file, endless + text)
  }
  const port = await freePort()
  const { appAddress, ...ofService } = addresses
  const applications = { wikiAddress: appAddress, payrollAddress: appAddress, providerAddress: appAddress }
  const targets = { bind: '127.0.0.1', port, authHost: 'auth.example.com', ...ofService, ...applications }
  const proxy = await startProxy(kind, targets, directory)
  resources.add(() => proxy.stop())
  await untilAccepted(port)
  return { port, pid: proxy.child?.pid ?? 0 }
}

const mostAttempts = 100

/** A proxy that listens may know neither its routes nor its applications yet. */
async function untilAnswered(one: Case, load: ExperimentContext['load']): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      await runCase(one, load, { connections: 1, seconds: 0.1 })
      return
    } catch (error) {
      if (attempt === mostAttempts) throw error
      await new Promise(resolve => setTimeout(resolve, 100))
    }
  }
}

/** An NGINX with one file, so that the application costs next to nothing. */
async function startStaticSite(resources: Resources): Promise<number> {
  const directory = temporaryFolder('static', resources)
  const port = await freePort()
  mkdirSync(join(directory, 'html/pages'), { recursive: true })
  writeFileSync(join(directory, 'html/pages/start'), 'a page\n'.repeat(100))
  writeFileSync(join(directory, 'nginx.conf'), staticSite(port))
  const args = ['-p', directory, '-c', join(directory, 'nginx.conf'), '-e', 'stderr', '-g', 'daemon off;']
  const child = startPinned('any', ['nginx', ...args])
  resources.add(() => stop(child))
  await untilAccepted(port)
  return port
}

const temporaryPaths = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(name => `${name}_temp_path ${name};`)

const staticSite = (port: number): string => `
pid nginx.pid;
events {}
http {
  access_log off;
  ${temporaryPaths.join('\n  ')}
  keepalive_requests 1000000000;
  server {
    listen 127.0.0.1:${port};
    root html;
  }
}
`

function temporaryFolder(name: string, resources: Resources): string {
  const directory = mkdtempSync(join(tmpdir(), `sallyport-bench-${name}-`))
  resources.add(async () => rmSync(directory, { recursive: true, force: true }))
  // Workers of an NGINX that root started run as another user.
  chmodSync(directory, 0o755)
  return directory
}
