/** Finds the configuration the way the documentation says, and loads it from the disk. */
import { existsSync, readFileSync, statSync } from 'node:fs'
import { resolve } from 'node:path'
import type { InsecureSetting } from '../config/checks/insecure.ts'
import { type LoadedConfig, loadConfig } from '../config/load.ts'
import type { Terminal } from './terminal.ts'

export interface ConfigChoice {
  /** `--config` */
  readonly config?: string
  readonly allowInsecure: ReadonlySet<InsecureSetting>
}

/** Throws `ConfigError` with every problem. */
export function loadChosenConfig(choice: ConfigChoice, { env, cwd }: Terminal): LoadedConfig {
  const file = findFile(choice.config, env, cwd)
  return loadConfig({
    ...(file === undefined ? {} : { file }),
    directory: cwd,
    env,
    allowInsecure: choice.allowInsecure,
    readFile: path => readFileSync(path, 'utf8'),
    fileMode: path => statSync(path).mode,
  })
}

/** `--config`, else SALLYPORT_CONFIG, else ./sallyport.yaml; or no file at all, when the environment says enough. */
function findFile(chosen: string | undefined, env: Terminal['env'], cwd: string): string | undefined {
  const named = chosen ?? (env.SALLYPORT_CONFIG || undefined)
  if (named !== undefined) return named
  const isInEnvironment = env.SALLYPORT_SERVER_URL !== undefined
  return isInEnvironment && !existsSync(resolve(cwd, 'sallyport.yaml')) ? undefined : 'sallyport.yaml'
}
