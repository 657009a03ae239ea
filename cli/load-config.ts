/** Finds the configuration the way the documentation says, and loads it from the disk. */
import { existsSync, readFileSync, statSync } from 'node:fs'
import { resolve } from 'node:path'
import type { InsecureSetting } from '../config/checks/insecure.ts'
import { type LoadedConfig, type LoadOptions, loadConfig } from '../config/load.ts'
import type { Terminal } from './terminal.ts'

export interface ConfigChoice {
  /** `--config` */
  readonly config?: string
  readonly allowInsecure: ReadonlySet<InsecureSetting>
}

/** Throws `ConfigError` with every problem. */
export function loadChosenConfig(choice: ConfigChoice, terminal: Terminal): LoadedConfig {
  const file = findFile(choice.config, terminal.env, terminal.cwd)
  return loadConfig({ ...readingOf(file, terminal), allowInsecure: choice.allowInsecure })
}

/** How the loader reads a file, or the environment alone. */
export const readingOf = (file: string | undefined, { env, cwd }: Terminal): Omit<LoadOptions, 'allowInsecure'> => ({
  ...(file === undefined ? {} : { file }),
  directory: cwd,
  env,
  readFile: path => readFileSync(path, 'utf8'),
  fileMode: path => statSync(path).mode,
})

/** As {@link loadChosenConfig}, for what a configuration may say and need not: no file where none is named and none is there. */
export function findThere(chosen: string | undefined, { env, cwd }: Terminal): string | undefined {
  const file = findFile(chosen, env, cwd)
  const isNamed = chosen !== undefined || Boolean(env.SALLYPORT_CONFIG)
  return file !== undefined && (isNamed || existsSync(resolve(cwd, file))) ? file : undefined
}

/** `--config`, else SALLYPORT_CONFIG, else ./sallyport.yaml; or no file at all, when the environment says enough. */
function findFile(chosen: string | undefined, env: Terminal['env'], cwd: string): string | undefined {
  const named = chosen ?? (env.SALLYPORT_CONFIG || undefined)
  if (named !== undefined) return named
  const isInEnvironment = env.SALLYPORT_SERVER_URL !== undefined
  return isInEnvironment && !existsSync(resolve(cwd, 'sallyport.yaml')) ? undefined : 'sallyport.yaml'
}
