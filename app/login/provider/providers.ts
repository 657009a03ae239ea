/**
 * The configured providers, each discovered in the background until it answers.
 *
 * A provider that is down must not keep the service from starting: sessions that exist go on, logins get a clear page,
 * readiness says which provider is missing.
 */
import { OperationalError } from '../../errors.ts'
import { type BusyProviderError, busyIn } from './busy-provider.ts'
import { describeError } from './describe-error.ts'
import { type DiscoveredProvider, type DiscoveryOptions, discoverProvider, type ProviderSettings } from './discovery.ts'
import type { Outbound, OutboundFetch } from './outbound.ts'
import { createPresence } from './provider-presence.ts'

export interface ProviderStatus {
  readonly name: string
  readonly issuer: string
  /** Discovered at least once; logins are possible. */
  readonly ready: boolean
  /** Why the last try failed; absent after one that did not. */
  readonly lastError?: string
}

/** The way to a provider. */
export interface WayToProvider {
  readonly fetch: OutboundFetch
  /** Calls that show the certificate of a client; called once for each provider that wants one. */
  readonly withCertificate?: Outbound['withCertificate']
}

export interface ProvidersOptions extends Omit<DiscoveryOptions, 'clientFetch'>, WayToProvider {
  readonly settings: readonly ProviderSettings[]
  /** The way to a provider with an authority of its own (`ca`, in PEM), which vouches for no other. */
  readonly wayWith?: (ca: string) => WayToProvider
  /** Wait after the first failure, doubled up to the maximum. Default 1,000 ms. */
  readonly firstRetryMs?: number
  /** Default 60,000 ms. */
  readonly maxRetryMs?: number
  /** How often metadata is read again, in case endpoints move. Default one hour. */
  readonly refreshMs?: number
}

/** What people choose by. */
export interface ListedProvider {
  readonly name: string
  readonly label: string
  readonly emailDomains: readonly string[]
}

export interface Providers {
  /** In the order of the configuration. */
  readonly list: readonly ListedProvider[]
  /**
   * Tries once more if the provider is not ready. Rejects with `ERR_PROVIDER_UNKNOWN` or `ERR_PROVIDER_UNAVAILABLE`.
   */
  find(name: string): Promise<DiscoveredProvider>
  /** The same before a browser is sent there: rejects also when the provider, heard of before, is silent now. */
  findForLogin(name: string): Promise<DiscoveredProvider>
  status(): readonly ProviderStatus[]
  /** Resolves when the first try of every provider has ended, well or not. */
  start(): Promise<void>
  stop(): void
}

/** A login while the provider is down makes a try of its own, but not more often than this. */
const MIN_RETRY_MS = 1000

export function createProviders(options: ProvidersOptions): Providers {
  const connections = new Map(options.settings.map(settings => [settings.name, createConnection(settings, options)]))
  const connectionTo = (name: string): Connection => {
    const connection = connections.get(name)
    if (connection === undefined) throw new OperationalError('ERR_PROVIDER_UNKNOWN', 'no provider of this name')
    return connection
  }
  return {
    list: options.settings.map(({ name, label = name, emailDomains = [] }) => ({ name, label, emailDomains })),
    find: async name => connectionTo(name).find(),
    findForLogin: async name => connectionTo(name).findForLogin(),
    status: () => [...connections.values()].map(connection => connection.status()),
    start: async () => {
      await Promise.all([...connections.values()].map(connection => connection.start()))
    },
    stop: () => {
      for (const connection of connections.values()) connection.stop()
    },
  }
}

interface Connection {
  find(): Promise<DiscoveredProvider>
  findForLogin(): Promise<DiscoveredProvider>
  status(): ProviderStatus
  start(): Promise<void>
  stop(): void
}

function createConnection(settings: ProviderSettings, options: ProvidersOptions): Connection {
  const { name, issuer } = settings
  let provider: DiscoveredProvider | undefined
  let lastError: string | undefined
  let busy: BusyProviderError | undefined
  let lastTriedAt = Number.NEGATIVE_INFINITY
  let running: Promise<void> | undefined
  const way = wayTo(settings, options)
  const discoveryOptions = { ...options, fetch: way.fetch, ...clientFetchOf(settings, way) }
  const presence = createPresence({ ...options, name, issuer, fetch: discoveryOptions.clientFetch ?? way.fetch })

  const discover = async () => {
    try {
      provider = await discoverProvider(settings, discoveryOptions)
      if (lastError !== undefined) options.logger.info({ provider: name, issuer }, 'provider is reachable again')
      lastError = undefined
      presence.note()
    } catch (error) {
      busy = busyIn(error)
      lastError = describeError(busy ?? error)
      options.logger.warn({ provider: name, issuer, reason: lastError }, 'provider discovery failed')
    }
    lastTriedAt = options.clock.now()
  }
  /** Whoever asks while a try runs waits for that one. */
  const attempt = (): Promise<void> => {
    running ??= discover().finally(() => {
      running = undefined
    })
    return running
  }
  const repeat = createRepeater(attempt, () => lastError === undefined, options)
  const find = async (): Promise<DiscoveredProvider> => {
    if (provider !== undefined) return provider
    if (running !== undefined || Math.abs(options.clock.now() - lastTriedAt) >= MIN_RETRY_MS) await attempt()
    if (provider !== undefined) return provider
    throw busy ?? new OperationalError('ERR_PROVIDER_UNAVAILABLE', lastError ?? `provider ${name} is not reachable`)
  }
  return {
    find,
    findForLogin: async () => {
      const found = await find()
      await presence.require()
      return found
    },
    status: () => {
      const reason = lastError ?? presence.lastError()
      return { name, issuer, ready: provider !== undefined, ...(reason !== undefined && { lastError: reason }) }
    },
    start: repeat.start,
    stop: repeat.stop,
  }
}

/** Threat: a provider with an authority of its own that is asked by way of all the others. */
function wayTo({ name, ca }: ProviderSettings, { fetch, withCertificate, wayWith }: ProvidersOptions): WayToProvider {
  if (ca === undefined) return { fetch, ...(withCertificate !== undefined && { withCertificate }) }
  if (wayWith === undefined) throw new Error(`there is no way to ${name} with an authority of its own`)
  return wayWith(ca)
}

/** Connections outlive a discovery, so those with a certificate are made once. */
function clientFetchOf(settings: ProviderSettings, way: WayToProvider): Pick<DiscoveryOptions, 'clientFetch'> {
  const { clientAuthentication, clientCertificate: certificate, clientKey: key } = settings
  if (clientAuthentication !== 'tls_client_auth' || certificate === undefined || key === undefined) return {}
  const clientFetch = way.withCertificate?.({ certificate, key })
  return clientFetch === undefined ? {} : { clientFetch }
}

/** Runs a task at once and then for ever: soon again after a failure, ever more slowly, and now and then after that. */
function createRepeater(task: () => Promise<void>, isWell: () => boolean, options: ProvidersOptions) {
  const { firstRetryMs = 1000, maxRetryMs = 60_000, refreshMs = 3_600_000 } = options
  let timer: NodeJS.Timeout | undefined
  let isStopped = false
  let delayMs = firstRetryMs
  const run = async (): Promise<void> => {
    await task()
    if (isStopped) return
    timer = setTimeout(run, isWell() ? refreshMs : delayMs)
    timer.unref()
    delayMs = isWell() ? firstRetryMs : Math.min(delayMs * 2, maxRetryMs)
  }
  const stop = () => {
    isStopped = true
    clearTimeout(timer)
  }
  return { start: run, stop }
}
