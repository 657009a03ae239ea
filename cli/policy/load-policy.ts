/** Finds a policy the way the documentation says, and compiles it as the service would. */
import { existsSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { createConfiguredSource } from '../../app/policy/configured-source.ts'
import { createPolicyFiles } from '../../app/policy/files.ts'
import type { PolicyTexts } from '../../app/policy/policy-source.ts'
import type { InsecureSetting } from '../../config/checks/insecure.ts'
import type { Config } from '../../config/config.ts'
import { strictClustersOf } from '../../config/direct-clusters.ts'
import { applicationNamesOf, deciderNamesOf, machineNamesOf, writtenHeadersOf } from '../../config/machine-names.ts'
import { compilePolicy, type PolicySnapshot } from '../../rbac/policy.ts'
import { loadChosenConfig } from '../load-config.ts'
import type { Terminal } from '../terminal.ts'

export interface PolicyChoice {
  /** Positional argument: a policy directory. */
  readonly directory?: string
  /** `--config` */
  readonly config?: string
  /** Default: none. */
  readonly allowInsecure?: ReadonlySet<InsecureSetting>
}

export interface LoadedPolicy {
  readonly directory: string
  readonly snapshot: PolicySnapshot
  /** What it was compiled from, and its test files. */
  readonly texts: PolicyTexts
  /** Present when a configuration was found: its providers give issuers their names. */
  readonly config?: Config
}

/** Rejects with `PolicyError` or `ConfigError`. */
export async function loadPolicy(choice: PolicyChoice, terminal: Terminal): Promise<LoadedPolicy> {
  const config = findPolicyConfig(choice, terminal)
  const directory = resolve(terminal.cwd, choice.directory ?? config?.policy.directory ?? 'policy')
  const model = readFileSync(new URL('../../rbac/model.conf', import.meta.url), 'utf8')
  const isConfigured = choice.directory === undefined && config !== undefined
  const source = isConfigured
    ? createConfiguredSource(config.policy, { model, watch: false })
    : createPolicyFiles({ directory, model })
  terminal.progress(() => `reading ${directory}`)
  // Its hosts would seem to have no policy at all.
  if (!isConfigured && config?.policy.casbin !== undefined) {
    terminal.writeError(`${directory}: read alone; hosts that policy.casbin decides about have no policy here\n`)
  }
  const texts = await source.load()
  const providers = config?.providers.map(({ name }) => name)
  const pause = async (): Promise<void> => terminal.progress(() => `compiling ${directory}`)
  const directClusters = config === undefined ? [] : strictClustersOf(config)
  const machines =
    config === undefined
      ? {}
      : {
          ...machineNamesOf(config),
          ...applicationNamesOf(config),
          ...deciderNamesOf(config),
          ...writtenHeadersOf(config),
        }
  const known = { directClusters, ...machines, ...(providers === undefined ? {} : { providers }) }
  const snapshot = await compilePolicy({ ...texts, ...known }, { pause })
  return { directory, snapshot, texts, ...(config === undefined ? {} : { config }) }
}

/** A directory alone is enough; a configuration is read when it is named, or when one is there. */
export function findPolicyConfig(
  { config, directory, allowInsecure = new Set() }: PolicyChoice,
  terminal: Terminal,
): Config | undefined {
  const named = config ?? terminal.env.SALLYPORT_CONFIG
  const isThere = existsSync(resolve(terminal.cwd, 'sallyport.yaml'))
  if (named === undefined && (directory !== undefined || !isThere)) return undefined
  const choice = { ...(named === undefined ? {} : { config: named }), allowInsecure }
  return loadChosenConfig(choice, terminal).config
}
