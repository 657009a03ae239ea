/** The policy sources that the configuration names, merged in this order: directory, directories, adapter, narrowedBy. */
import type { Config } from '../../config/config.ts'
import { createAdapterSource } from './adapter-source.ts'
import { casbinPrefix, withCasbin } from './casbin-source.ts'
import { createPolicyFiles } from './files.ts'
import { createMergedSource, type NamedSource, prefixesOf } from './merged-source.ts'
import type { PolicySource } from './policy-source.ts'

export interface ConfiguredSourceOptions {
  /** The built-in Casbin model. */
  readonly model: string
  /** Without, nothing stays open after a load: for commands that look once. */
  readonly watch: boolean
}

/** Throws `PolicyError` when two directories have the same name. */
export function createConfiguredSource(policy: Config['policy'], options: ConfiguredSourceOptions): PolicySource {
  const base = createBuiltInSource(policy, options)
  if (policy.casbin === undefined) return base
  // Rule ids of the model begin with its prefix, and those of a directory of that name would too.
  const directories = [policy.directory, ...policy.directories, ...policy.narrowedBy.map(({ directory }) => directory)]
  if (directories.length > 1) prefixesOf([casbinPrefix, ...directories])
  const { adapter, ...casbin } = policy.casbin
  return withCasbin(base, {
    ...casbin,
    ...(adapter === undefined ? {} : { adapter: adapterSource(adapter, options).source }),
  })
}

function createBuiltInSource(policy: Config['policy'], options: ConfiguredSourceOptions): PolicySource {
  const { model } = options
  const { adapter } = policy
  const given = [policy.directory, ...policy.directories]
  const directories = [...given, ...policy.narrowedBy.map(({ directory }) => directory)]
  const [only] = directories
  if (only !== undefined && directories.length === 1 && adapter === undefined) {
    return createPolicyFiles({ directory: only, model })
  }
  const prefixes = directories.length === 1 ? [] : prefixesOf(directories)
  const named = directories.map((directory, index): NamedSource => {
    const prefix = prefixes[index]
    const hosts = policy.narrowedBy[index - given.length]?.hosts
    return {
      source: createPolicyFiles({ directory, model }),
      ...(prefix === undefined ? {} : { prefix }),
      ...(hosts === undefined ? {} : { narrows: hosts }),
    }
  })
  const [own, narrowing] = [named.slice(0, given.length), named.slice(given.length)]
  const stored = adapter === undefined ? [] : [adapterSource(adapter, options)]
  return createMergedSource([...own, ...stored, ...narrowing], model)
}

function adapterSource(
  { watcher, from, timeoutSeconds, pollEverySeconds, ...adapter }: NonNullable<Config['policy']['adapter']>,
  { model, watch }: ConfiguredSourceOptions,
): NamedSource {
  const source = createAdapterSource({
    adapter,
    ...(watcher === undefined || !watch ? {} : { watcher }),
    from,
    model,
    timeoutMs: timeoutSeconds * 1000,
    pollMs: pollEverySeconds * 1000,
  })
  return { source }
}

/** For people: where the rows come from, in order of load. Holds no options, which may hold a password. */
export const describeSources = (policy: Config['policy']): readonly string[] => [
  policy.directory,
  ...policy.directories,
  ...(policy.adapter === undefined ? [] : [`adapter ${policy.adapter.module}`]),
  ...policy.narrowedBy.map(({ directory, hosts }) => `${directory} narrows ${hosts.join(', ')}`),
  ...(policy.casbin === undefined ? [] : [`casbin ${policy.casbin.model}`]),
]
