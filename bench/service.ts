/** The built service as an operator runs it, with sessions in its store. */
import type { ChildProcess } from 'node:child_process'
import { resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'
import type { Resources } from './resources.ts'
import { type Core, nodeCommand, startPinned, stop } from './roles.ts'
import { createServiceFolder, type FolderOptions, type ServiceFolder } from './service-folder.ts'

export interface ProcessOptions {
  /** Default `server`. */
  readonly core?: Core
  /** Options of Node, such as `--cpu-prof`. */
  readonly nodeOptions?: readonly string[]
}

export interface ServiceProcess {
  readonly port: number
  readonly adminPort: number
  /** 0 where no cluster is configured. */
  readonly gatewayPort: number
  /** 0 where Envoy does not ask over gRPC. */
  readonly envoyPort: number
  readonly pid: number
  /** SIGTERM, and wait: for a profile that is written at the end. */
  readonly stop: () => Promise<void>
}

export interface BenchService extends ServiceProcess {
  readonly folder: ServiceFolder
  /** `name=value` of Alice's session on the wiki; of the first of several. */
  readonly cookie: string
}

export async function startService(
  options: FolderOptions & ProcessOptions,
  resources: Resources,
): Promise<BenchService> {
  const folder = await createServiceFolder(options, resources)
  const started = await startServiceProcess(folder.configFile, options, resources)
  // Of several workers the one that speaks first has no admin listener.
  if (started.adminPort !== 0) await untilReady(started)
  return { ...started, folder, cookie: folder.planted[0]?.cookie ?? '' }
}

/** Resolves when it listens. Rejects with its log when it ends instead. */
export async function startServiceProcess(
  configFile: string,
  { core = 'server', nodeOptions = [] }: ProcessOptions,
  resources: Resources,
): Promise<ServiceProcess> {
  const program = resolve('dist/cli/main.js')
  const command = [...nodeCommand, ...nodeOptions, program, 'serve', '--config', configFile]
  const child = startPinned(core, command, { stderr: 'pipe' })
  resources.add(() => stop(child))
  const ports = await listeningPorts(child)
  const { main: port, admin: adminPort, gateway: gatewayPort, envoy: envoyPort } = ports
  return { port, adminPort, gatewayPort, envoyPort, pid: child.pid ?? 0, stop: () => stop(child) }
}

const mostAttempts = 600

/** It listens before its store is connected. Throws after a minute. */
export async function untilReady({ adminPort }: Pick<ServiceProcess, 'adminPort'>): Promise<void> {
  for (let attempt = 0; attempt < mostAttempts; attempt += 1) {
    const { ok } = await fetch(`http://127.0.0.1:${adminPort}/readyz`)
    if (ok) return
    await delay(100)
  }
  throw new Error('the service listens and does not get ready')
}

/** The service says on its log where it listens. */
function listeningPorts(child: ChildProcess): Promise<{ main: number; admin: number; gateway: number; envoy: number }> {
  return new Promise((resolve, reject) => {
    const log: string[] = []
    if (child.stderr === null) throw new Error('the log of the service cannot be read')
    createInterface({ input: child.stderr }).on('line', line => {
      if (log.length < 100) log.push(line)
      const { msg, main, admin, gateway = 0, envoy = 0 } = parseLine(line)
      if (msg !== 'listening' || typeof main !== 'number' || typeof admin !== 'number') return
      resolve({ main, admin, gateway: Number(gateway), envoy: Number(envoy) })
    })
    child.once('exit', code => reject(new Error(`the service ended with ${code}:\n${log.join('\n')}`)))
  })
}

function parseLine(line: string): Record<string, unknown> {
  try {
    return JSON.parse(line)
  } catch {
    return {}
  }
}
