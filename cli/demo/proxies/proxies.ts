/**
 * Starts a reverse proxy in front of the demo: the real NGINX, Traefik, Caddy, Envoy or HAProxy with the files of deploy/,
 * or the built-in one where none is installed. The tests start them through the same functions.
 */
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Child, startChild } from '../child.ts'
import { isOnPath } from '../executables.ts'
import { repositoryRoot } from '../paths.ts'
import { startBuiltInProxy } from './built-in-proxy.ts'
import type { ProxyTargets } from './proxy-targets.ts'

export const proxyKinds = ['nginx', 'traefik', 'caddy', 'envoy', 'envoy-grpc', 'haproxy', 'built-in'] as const
export type ProxyKind = (typeof proxyKinds)[number]

/** The program that a kind is: two ways to ask are one Envoy. */
export const programOf = (kind: ProxyKind): string => (kind === 'envoy-grpc' ? 'envoy' : kind)

export interface RunningProxy {
  readonly kind: ProxyKind
  /** The process; the built-in proxy has none. */
  readonly child?: Child
  readonly stop: () => Promise<void>
}

/** The first real proxy on the PATH, or the built-in one. */
export function findProxy(): ProxyKind {
  return proxyKinds.find(kind => kind !== 'built-in' && isOnPath(programOf(kind))) ?? 'built-in'
}

/** `directory`: its files; those of deploy/ unless they are a copy that somebody has changed. */
export async function startProxy(
  kind: ProxyKind,
  targets: ProxyTargets,
  directory = join(repositoryRoot, 'deploy', programOf(kind)),
): Promise<RunningProxy> {
  switch (kind) {
    case 'nginx':
      return startNginx(targets, directory)
    case 'traefik':
      return fromChild(kind, startTraefik(targets, directory))
    case 'caddy':
      return fromChild(kind, startCaddy(targets, directory))
    case 'envoy':
    case 'envoy-grpc':
      return startEnvoy(kind, targets, directory)
    case 'haproxy':
      return fromChild(kind, startHaproxy(targets, directory))
    case 'built-in': {
      const stop = await startBuiltInProxy(targets)
      return { kind, stop }
    }
  }
}

function fromChild(kind: ProxyKind, child: Child, cleanUp: () => void = () => undefined): RunningProxy {
  return {
    kind,
    child,
    stop: async () => {
      await child.stop()
      cleanUp()
    },
  }
}

function environmentOf(targets: ProxyTargets): Readonly<Record<string, string>> {
  return {
    PROXY_BIND: targets.bind,
    PROXY_PORT: String(targets.port),
    AUTH_HOST: targets.authHost,
    AUTH_ADDRESS: targets.authAddress,
    GRPC_ADDRESS: targets.grpcAddress ?? '127.0.0.1:9183',
    WIKI_ADDRESS: targets.wikiAddress,
    PAYROLL_ADDRESS: targets.payrollAddress,
    PROVIDER_ADDRESS: targets.providerAddress,
  }
}

function startNginx(targets: ProxyTargets, files: string): RunningProxy {
  // Workers of an NGINX that root started run as another user, who has to reach the temporary files.
  const directory = mkdtempSync(join(tmpdir(), 'sallyport-nginx-'))
  chmodSync(directory, 0o755)
  renderTemplates(join(files, 'templates'), directory, environmentOf(targets))
  const args = ['-p', directory, '-c', join(directory, 'nginx.conf'), '-e', 'stderr', '-g', 'daemon off;']
  const child = startChild({ name: 'nginx', command: 'nginx', args })
  return fromChild('nginx', child, () => rmSync(directory, { recursive: true, force: true }))
}

/** What `envsubst` does with the same files in the official image: known variables are filled in, others stay. */
export function renderTemplates(from: string, to: string, variables: Readonly<Record<string, string>>): void {
  for (const name of readdirSync(from)) {
    if (!name.endsWith('.template')) continue
    const text = readFileSync(join(from, name), 'utf8')
    const rendered = text.replaceAll(/\$\{([A-Z_]+)\}/g, (match, variable: string) => variables[variable] ?? match)
    writeFileSync(join(to, name.replace(/\.template$/, '')), rendered)
  }
}

function startTraefik(targets: ProxyTargets, directory: string): Child {
  const env = {
    ...readEnvFile(join(directory, 'traefik.env')),
    ...environmentOf(targets),
    TRAEFIK_ENTRYPOINTS_WEB_ADDRESS: `${targets.bind}:${targets.port}`,
    TRAEFIK_PROVIDERS_FILE_DIRECTORY: join(directory, 'dynamic'),
  }
  return startChild({ name: 'traefik', command: 'traefik', args: [], env })
}

function readEnvFile(file: string): Readonly<Record<string, string>> {
  const lines = readFileSync(file, 'utf8').split('\n')
  return Object.fromEntries(
    lines.flatMap(line => [...line.matchAll(/^([A-Z][A-Z0-9_]*)=(.*)$/g)].map(match => match.slice(1, 3))),
  )
}

function startCaddy(targets: ProxyTargets, directory: string): Child {
  const args = ['run', '--config', join(directory, 'Caddyfile'), '--adapter', 'caddyfile']
  return startChild({ name: 'caddy', command: 'caddy', args, env: environmentOf(targets) })
}

/** Envoy wants host and port apart, and the folder in which the files of its filters are. */
function startEnvoy(kind: 'envoy' | 'envoy-grpc', targets: ProxyTargets, files: string): RunningProxy {
  const directory = mkdtempSync(join(tmpdir(), 'sallyport-envoy-'))
  const variables = environmentOf(targets)
  const apart = Object.entries(variables).flatMap(([name, value]) => {
    const colon = value.lastIndexOf(':')
    return name.endsWith('_ADDRESS')
      ? [
          [`${name}_HOST`, value.slice(0, colon)],
          [`${name}_PORT`, value.slice(colon + 1)],
        ]
      : []
  })
  const filled = {
    ...variables,
    ...Object.fromEntries(apart),
    ENVOY_FILES: files,
    SALLYPORT_CHECK: kind === 'envoy' ? 'sallyport-check-http.yaml' : 'sallyport-check-grpc.yaml',
  }
  renderTemplates(files, directory, filled)
  // Each has shared memory of its own, and none waits for another one to hand its listeners over.
  const alone = ['--disable-hot-restart', '--concurrency', '2', '--log-level', 'error']
  const child = startChild({ name: 'envoy', command: 'envoy', args: ['-c', join(directory, 'envoy.yaml'), ...alone] })
  return fromChild(kind, child, () => rmSync(directory, { recursive: true, force: true }))
}

/** In the foreground, one process. */
function startHaproxy(targets: ProxyTargets, directory: string): Child {
  const args = ['-db', '-f', join(directory, 'haproxy.cfg')]
  const env = { ...environmentOf(targets), HAPROXY_FILES: directory }
  return startChild({ name: 'haproxy', command: 'haproxy', args, env })
}
