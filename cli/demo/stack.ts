/**
 * The whole demo as one thing that starts and stops: identity provider, two applications, a reverse proxy, and
 * Sallyport as a user runs it. The tests of the proxies start the same stack.
 */

import { randomBytes } from 'node:crypto'
import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import type { Server } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { stringify } from 'yaml'
import { freshSecret } from '../secret.ts'
import { createDemoApp } from './app.ts'
import { request } from './browser.ts'
import { type Child, startChild } from './child.ts'
import { commandFile, repositoryRoot } from './paths.ts'
import { freePort, listen, loopback } from './ports.ts'
import { createDemoProvider } from './provider/provider.ts'
import { type ProxyKind, type RunningProxy, startProxy } from './proxies/proxies.ts'
import type { ProxyTargets } from './proxies/proxy-targets.ts'

export interface StackOptions {
  readonly proxy: ProxyKind
  /** Port of the reverse proxy. */
  readonly port: number
  /** Address of a Redis; without it sessions are in the embedded store. */
  readonly redisUrl?: string
  /** Directory of the policy; the demo's own if absent. */
  readonly policyDirectory?: string
  /** Writes other files for the proxy than those of deploy/, and says in which directory they are. */
  readonly proxyFiles?: (targets: ProxyTargets) => Promise<string>
  /** How many processes Sallyport is. Default 1. */
  readonly workers?: number
  /** Addresses of what stands in the place of the two applications. */
  readonly applications?: { readonly wiki: string; readonly payroll: string }
  /** File that audit events are appended to; among the last lines of Sallyport if absent. */
  readonly auditFile?: string
  /** Entries of `hosts`. Default none. */
  readonly hosts?: readonly Readonly<Record<string, unknown>>[]
  /** How the provider answers a login. Default `query`. */
  readonly responseMode?: 'query' | 'form_post'
  readonly onProgress?: (step: string) => void
}

export interface Stack {
  readonly proxy: RunningProxy
  readonly sallyport: Child
  readonly port: number
  /** `http://<name>.localhost:<port>`; names are auth, wiki, payroll, idp. */
  readonly origin: (name: string) => string
  /** `host:port` of Sallyport itself, behind the proxy. */
  readonly authAddress: string
  readonly adminAddress: string
  /** Resolves with what happened when a part ends that should not. */
  readonly died: Promise<string>
  readonly stop: () => Promise<void>
}

/** Something did not start; `log` holds the last lines of its output. */
export class StackError extends Error {
  readonly log: string
  constructor(message: string, log: string) {
    super(message)
    this.name = 'StackError'
    this.log = log
  }
}

export const providerName = 'demo'
export const clientId = 'sallyport'
/** A process that ends is noticed at once; this only ends what hangs, and a loaded machine may take its time. */
const START_TIMEOUT_MS = 120_000

export async function startStack(options: StackOptions): Promise<Stack> {
  if (!existsSync(commandFile)) throw new StackError('Sallyport is not built yet: run `npm run build` first.', '')
  const undo: (() => Promise<unknown> | unknown)[] = []
  const stop = async (): Promise<void> => {
    for (const step of undo.splice(0).reverse()) await step()
  }
  try {
    return await startParts(options, undo, stop)
  } catch (error) {
    await stop()
    throw error
  }
}

async function startParts(
  options: StackOptions,
  undo: (() => Promise<unknown> | unknown)[],
  stop: () => Promise<void>,
): Promise<Stack> {
  const { port, onProgress = () => undefined } = options
  const origin = (name: string): string => `http://${name}.localhost:${port}`
  const serve = async (server: Server): Promise<string> => {
    const address = `${loopback}:${await listen(server)}`
    undo.push(() => {
      server.closeAllConnections()
      server.close()
    })
    return address
  }

  onProgress('identity provider and applications')
  const clientSecret = randomBytes(24).toString('base64url')
  const providerAddress = await serve(await createDemoProvider(providerOptions(origin, clientSecret)))
  const wikiAddress = options.applications?.wiki ?? (await serve(createDemoApp({ name: 'wiki' })))
  const payrollAddress = options.applications?.payroll ?? (await serve(createDemoApp({ name: 'payroll' })))
  const authAddress = `${loopback}:${await freePort()}`
  const adminAddress = `${loopback}:${await freePort()}`
  const grpcAddress = `${loopback}:${await freePort()}`

  onProgress(`reverse proxy (${options.proxy})`)
  const targets = {
    bind: loopback,
    port,
    authHost: 'auth.localhost',
    authAddress,
    grpcAddress,
    wikiAddress,
    payrollAddress,
    providerAddress,
  }
  const proxy = await startProxy(options.proxy, targets, await options.proxyFiles?.(targets))
  undo.push(() => proxy.stop())
  await waitFor(`${origin('idp')}/.well-known/openid-configuration`, proxy.child, options.proxy)

  onProgress('Sallyport')
  const directory = mkdtempSync(join(tmpdir(), 'sallyport-demo-'))
  // It holds secrets and sessions: gone at the end, however that comes.
  const forget = (): void => rmSync(directory, { recursive: true, force: true })
  process.once('exit', forget)
  undo.push(() => {
    process.off('exit', forget)
    forget()
  })
  const config = writeConfig(
    directory,
    configuration(options, { origin, authAddress, adminAddress, grpcAddress, directory, clientSecret }),
  )
  const args = [commandFile, 'serve', '--config', config]
  const sallyport = startChild({ name: 'sallyport', command: process.execPath, args })
  undo.push(() => sallyport.stop(12_000))
  await waitFor(`http://${adminAddress}/readyz`, sallyport, 'Sallyport')

  const died = Promise.race([sallyport, ...(proxy.child === undefined ? [] : [proxy.child])].map(child => child.died))
  return { proxy, sallyport, port, origin, authAddress, adminAddress, died, stop }
}

function providerOptions(origin: (name: string) => string, clientSecret: string) {
  return {
    issuer: origin('idp'),
    clientId,
    clientSecret,
    redirectUris: [`${origin('auth')}/callback/${providerName}`],
    postLogoutRedirectUris: [`${origin('auth')}/signed-out`],
  }
}

interface Place {
  readonly origin: (name: string) => string
  readonly authAddress: string
  readonly adminAddress: string
  readonly grpcAddress: string
  readonly directory: string
  readonly clientSecret: string
}

/** What a user would write into sallyport.yaml. */
function configuration(options: StackOptions, place: Place): unknown {
  const store =
    options.redisUrl === undefined
      ? { store: 'lmdb', path: join(place.directory, 'data') }
      : { store: 'redis', url: options.redisUrl }
  return {
    server: { url: place.origin('auth'), listen: place.authAddress, workers: options.workers ?? 1 },
    admin: { listen: place.adminAddress },
    ...(options.proxy === 'envoy-grpc' && { envoy: { listen: place.grpcAddress } }),
    providers: [
      {
        name: providerName,
        label: 'Demo identity provider',
        issuer: place.origin('idp'),
        clientId,
        clientSecret: place.clientSecret,
        scopes: ['profile', 'email', 'groups'],
        responseMode: options.responseMode ?? 'query',
      },
    ],
    sessions: { ...store, secret: freshSecret() },
    policy: { directory: options.policyDirectory ?? join(repositoryRoot, 'deploy/demo/policy') },
    ...(options.auditFile !== undefined && { audit: { destination: options.auditFile } }),
    login: { rateLimit: 10_000 },
    hosts: options.hosts ?? [],
  }
}

/** The file holds secrets: only its owner may read it. */
function writeConfig(directory: string, content: unknown): string {
  chmodSync(directory, 0o700)
  const file = join(directory, 'sallyport.yaml')
  writeFileSync(file, stringify(content), { mode: 0o600 })
  return file
}

/** Until the address answers 200; fails at once when the process ends before. */
export async function waitFor(url: string, child: Child | undefined, name: string): Promise<void> {
  let death: string | undefined
  child?.died.then(message => {
    death = message
  })
  const deadline = Date.now() + START_TIMEOUT_MS
  let last = 'no answer'
  while (Date.now() < deadline) {
    if (death !== undefined) throw new StackError(death, child?.lastLines() ?? '')
    try {
      const response = await request(url)
      if (response.status === 200) return
      last = `status ${response.status}: ${response.body.slice(0, 500)}`
    } catch (error) {
      last = error instanceof Error ? error.message : String(error)
    }
    await sleep(60)
  }
  throw new StackError(
    `${name} did not become ready within ${START_TIMEOUT_MS / 1000} s (${last})`,
    child?.lastLines() ?? '',
  )
}
