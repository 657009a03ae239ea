/** What the check costs a real NGINX with the shipped configuration, and what keep-alive towards Sallyport is worth. */
import { spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { repositoryRoot } from '../../cli/demo/paths.ts'
import { renderTemplates } from '../../cli/demo/proxies/proxies.ts'
import { browserRequest, wikiHost } from '../browser-request.ts'
import { cachedService } from '../cases.ts'
import { type Case, runRounds, summariseRounds } from '../measure.ts'
import { freePort, untilAccepted } from '../ports.ts'
import { hasRedis, startRedis } from '../redis-server.ts'
import { alignedTable, type CaseReport, casesOfSummaries, spreadText } from '../report.ts'
import type { Resources } from '../resources.ts'
import { startPinned, stop } from '../roles.ts'
import { allowedPath } from '../rules.ts'
import { type BenchService, startService } from '../service.ts'
import type { ExperimentContext } from './experiment.ts'

const openHost = 'open.example.com'

export async function runNginx(context: ExperimentContext): Promise<CaseReport> {
  if (spawnSync('nginx', ['-v']).status !== 0) {
    return { lines: ['nginx left out: nginx is not on the PATH'], cases: {} }
  }
  const { load, resources } = context
  const redisUrl = hasRedis() ? await startRedis(resources) : undefined
  const service = await startService({ ...cachedService(redisUrl), core: 'any' }, resources)
  const kept = await startNginx(service, { isKeptAlive: true }, resources)
  const closed = await startNginx(service, { isKeptAlive: false }, resources)
  const cases = [
    caseOf('nginx-unchecked', kept, openHost, service.cookie),
    caseOf('nginx-checked', kept, wikiHost, service.cookie),
    caseOf('nginx-checked-no-keep-alive', closed, wikiHost, service.cookie),
  ]
  const summaries = summariseRounds(await runRounds(cases, load, context))
  const rows = [...summaries].map(([name, one]) => [
    name,
    one.ratio.toFixed(2),
    spreadText(one.spread),
    one.perSecond.toFixed(0),
    one.p50Ms.toFixed(2),
    one.p99Ms.toFixed(2),
  ])
  const [checked = Number.NaN, without = Number.NaN] = [...summaries.values()]
    .slice(1)
    .map(({ perSecond }) => perSecond)
  return {
    lines: [
      alignedTable(['nginx', 'x unchecked', 'quartiles', 'req/s', 'p50 ms', 'p99 ms'], rows),
      `keep-alive towards Sallyport: ${(checked / without).toFixed(2)} x the requests per second`,
      'NGINX and the service share the cores with the load generator',
    ],
    cases: casesOfSummaries(summaries),
  }
}

interface RunningNginx {
  readonly port: number
  readonly pid: number
}

function caseOf(name: string, { pid, port }: RunningNginx, host: string, cookie: string): Case {
  return {
    name,
    pid,
    port,
    requests: [browserRequest(allowedPath, { host, path: allowedPath, cookie })],
    expectedStatus: 200,
  }
}

async function startNginx(
  { port: servicePort }: BenchService,
  { isKeptAlive }: { readonly isKeptAlive: boolean },
  resources: Resources,
): Promise<RunningNginx> {
  const directory = mkdtempSync(join(tmpdir(), 'sallyport-bench-nginx-'))
  resources.add(async () => rmSync(directory, { recursive: true, force: true }))
  // Workers of an NGINX that root started run as another user.
  chmodSync(directory, 0o755)
  const [port, appPort] = [await freePort(), await freePort()]
  renderTemplates(join(repositoryRoot, 'deploy/nginx/templates'), directory, {
    PROXY_BIND: '127.0.0.1',
    PROXY_PORT: String(port),
    AUTH_HOST: 'auth.example.com',
    AUTH_ADDRESS: `127.0.0.1:${servicePort}`,
  })
  writeFileSync(join(directory, 'sites.conf'), sites(port, appPort))
  mkdirSync(join(directory, 'html/pages'), { recursive: true })
  writeFileSync(join(directory, 'html/pages/start'), 'a page\n'.repeat(100))
  if (!isKeptAlive) closeConnections(directory)
  const args = ['-p', directory, '-c', join(directory, 'nginx.conf'), '-e', 'stderr', '-g', 'daemon off;']
  const child = startPinned('any', ['nginx', ...args])
  resources.add(() => stop(child))
  await untilAccepted(port)
  return { port, pid: child.pid ?? 0 }
}

/** A static application behind its own address, once without a check and once as docs/proxies/nginx.md says. */
const sites = (port: number, appPort: number): string => `
keepalive_requests 1000000000;
upstream application {
  server 127.0.0.1:${appPort};
  keepalive 64;
}
server {
  listen 127.0.0.1:${appPort};
  root html;
}
server {
  listen 127.0.0.1:${port};
  server_name ${openHost};
  location / {
    proxy_http_version 1.1;
    proxy_set_header Connection "";
    proxy_pass http://application;
  }
}
server {
  listen 127.0.0.1:${port};
  server_name ${wikiHost};
  include sallyport-server.conf;
  location / {
    include sallyport-location.conf;
    proxy_pass http://application;
  }
}
`

/** Takes the lines of keep-alive out of the shipped files, as in a configuration that was written without them. */
function closeConnections(directory: string): void {
  replaceIn(join(directory, 'sallyport.conf'), /^ *keepalive(_timeout)? .*;\n/gm, '')
  replaceIn(join(directory, 'sallyport-ask.conf'), /^proxy_http_version 1\.1;\nproxy_set_header Connection "";\n/m, '')
}

function replaceIn(file: string, pattern: RegExp, replacement: string): void {
  const text = readFileSync(file, 'utf8')
  const changed = text.replace(pattern, replacement)
  if (changed === text) throw new Error(`${file} has no line of keep-alive to take out`)
  writeFileSync(file, changed)
}
