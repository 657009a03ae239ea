/** The policy sources that the configuration names, merged in this order: directory, directories, adapter. */
import type { Config } from '../../config/config.ts'
import { createAdapterSource } from './adapter-source.ts'
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
  const { model } = options
  const { adapter } = policy
  const directories = [policy.directory, ...policy.directories]
  const [only] = directories
  if (only !== undefined && directories.length === 1 && adapter === undefined) {
    return createPolicyFiles({ directory: only, model })
  }
  const prefixes = directories.length === 1 ? [] : prefixesOf(directories)
  const named = directories.map((directory, index): NamedSource => {
    const prefix = prefixes[index]
    return { source: createPolicyFiles({ directory, model }), ...(prefix === undefined ? {} : { prefix }) }
  })
  return createMergedSource([...named, ...(adapter === undefined ? [] : [adapterSource(adapter, options)])], model)
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
export const describeSources = ({ directory, directories, adapter }: Config['policy']): readonly string[] => [
  directory,
  ...directories,
  ...(adapter === undefined ? [] : [`adapter ${adapter.module}`]),
]
