/** The configuration as the rest of the service sees it: typed, in seconds, with absolute paths, frozen. */
import { resolve } from 'node:path'
import { toListenPlace } from './schema/listen-place.ts'
import type { ParsedSettings } from './schema/schema.ts'
import { toAuthzen } from './to-authzen.ts'
import { toEnvoy } from './to-envoy.ts'
import { toHost } from './to-host.ts'
import { toClusters } from './to-kubernetes.ts'
import { toMachines } from './to-machines.ts'
import { toPasswords } from './to-passwords.ts'
import { toProvider } from './to-provider.ts'
import { toSessions } from './to-sessions.ts'
import { isTree } from './tree.ts'

type DeepReadonly<T> = T extends readonly (infer Item)[]
  ? readonly DeepReadonly<Item>[]
  : T extends object
    ? { readonly [K in keyof T]: DeepReadonly<T[K]> }
    : T

/** Everything that is set; see config/schema/schema.ts for what each means. Durations in seconds, fractions possible. */
export type Config = DeepReadonly<ReturnType<typeof toConfig>>

/** Renames and resolves; decides nothing. `directory` is where relative paths start. */
export function toConfig(parsed: ParsedSettings, directory: string) {
  const { requestTimeout, shutdownTimeout, socketMode: _mode, socketOwner: _owner, ...server } = parsed.server
  const { lifetime, rotateEvery, ...assertion } = parsed.assertion
  const { attemptLifetime, keepFragment, logoutRateLimit, rateLimit, returnTo } = parsed.login
  return {
    server: {
      ...server,
      listen: toListenPlace(parsed.server),
      requestTimeoutSeconds: requestTimeout,
      shutdownTimeoutSeconds: shutdownTimeout,
    },
    admin: { listen: toListenPlace(parsed.admin), hosts: parsed.admin.hosts },
    providers: parsed.providers.map(toProvider),
    sessions: toSessions(parsed.sessions, directory),
    policy: toPolicy(parsed.policy, directory),
    assertion: {
      ...assertion,
      issuer: assertion.issuer ?? parsed.server.url,
      lifetimeSeconds: lifetime,
      rotateEverySeconds: rotateEvery,
    },
    headers: parsed.headers,
    canonical: parsed.canonical,
    login: {
      returnTo,
      keepFragment,
      attemptLifetimeSeconds: attemptLifetime,
      requestsPerMinute: rateLimit,
      logoutsPerMinute: logoutRateLimit,
    },
    pages: parsed.pages,
    audit: { ...parsed.audit, destination: toDestination(parsed.audit.destination, directory) },
    log: parsed.log,
    ...(parsed.envoy === undefined ? {} : { envoy: toEnvoy(parsed.envoy, directory) }),
    ...(parsed.kubernetes === undefined ? {} : toClusters(parsed.kubernetes, directory)),
    ...(parsed.machines === undefined ? {} : { machines: toMachines(parsed.machines, directory) }),
    ...(parsed.authzen === undefined ? {} : { authzen: toAuthzen(parsed.authzen) }),
    passwords: toPasswords(parsed.passwords),
    hosts: parsed.hosts.map(toHost),
  }
}

function toPolicy(
  { adapter, casbin, deciders, directories, narrowedBy, ...policy }: ParsedSettings['policy'],
  directory: string,
) {
  const loading = toAdapter(adapter, directory)
  const model = toCasbin(casbin, directory)
  return {
    ...policy,
    directory: resolve(directory, policy.directory),
    /** After `directory`, in this order. */
    directories: directories.map(path => resolve(directory, path)),
    deciders: deciders.map(({ timeout, cacheFor, caFile, tokenFile, ...rest }) => ({
      ...rest,
      timeoutSeconds: timeout,
      cacheForSeconds: cacheFor,
      ...(caFile !== undefined && { caPath: resolve(directory, caFile) }),
      ...(tokenFile !== undefined && { tokenPath: resolve(directory, tokenFile) }),
    })),
    narrowedBy: narrowedBy.map(({ hosts, ...owned }) => ({ hosts, directory: resolve(directory, owned.directory) })),
    ...(loading === undefined ? {} : { adapter: loading }),
    ...(model === undefined ? {} : { casbin: model }),
  }
}

function toAdapter({ watcher, timeout, pollEvery, ...rest }: ParsedSettings['policy']['adapter'], directory: string) {
  const named = toModule(rest)
  const watched = toModule(watcher)
  if (named === undefined) return undefined
  const seconds = { timeoutSeconds: timeout, pollEverySeconds: pollEvery }
  return { ...named, ...seconds, from: directory, ...(watched === undefined ? {} : { watcher: watched }) }
}

function toCasbin({ model, policy, adapter, ...names }: ParsedSettings['policy']['casbin'], directory: string) {
  if (model === undefined) return undefined
  const loading = toAdapter(adapter, directory)
  return {
    ...names,
    model: resolve(directory, model),
    /** Exactly one of this and `adapter` is there. */
    ...(policy === undefined ? {} : { policy: resolve(directory, policy) }),
    ...(loading === undefined ? {} : { adapter: loading }),
  }
}

function toModule({ optionsFile: _file, module, ...rest }: ParsedSettings['policy']['adapter']['watcher']) {
  return module === undefined ? undefined : { module, ...rest }
}

function toDestination(destination: string, directory: string) {
  if (destination === 'stdout' || destination === 'stderr') return { kind: destination } as const
  return { kind: 'file' as const, path: resolve(directory, destination) }
}

export function deepFreeze<T>(value: T): DeepReadonly<T> {
  if (Array.isArray(value)) value.forEach(deepFreeze)
  else if (isTree(value)) Object.values(value).forEach(deepFreeze)
  return Object.freeze(value) as DeepReadonly<T>
}
