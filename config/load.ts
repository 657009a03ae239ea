/** File, environment and secret files to one frozen configuration; or every problem at once, each with its place. */
import { dirname, resolve } from 'node:path'
import { checkTogether } from './checks/cross-checks.ts'
import { enforceSecure } from './checks/enforce-secure.ts'
import type { InsecureSetting } from './checks/insecure.ts'
import { type Config, deepFreeze, toConfig } from './config.ts'
import { type ConfigDocument, parseDocument } from './document.ts'
import { type Environment, readEnvironment } from './environment.ts'
import { explainIssue } from './issues.ts'
import { ConfigError, type ConfigProblem, type Place } from './problems.ts'
import { presetValues } from './schema/provider-presets.ts'
import { configSchema } from './schema/schema.ts'
import { isSectionList, type Setting, settings } from './schema/settings.ts'
import { type FileAccess, readSecretFile, valuePathOf } from './secret-files.ts'
import { deleteIn, formatPath, getIn, type Path, setIn, type Tree } from './tree.ts'

export interface LoadOptions extends FileAccess {
  /** Configuration file; without one, the environment has to say everything. */
  readonly file?: string
  /** Where a relative `file` starts, and relative paths when there is no file. Default: the working directory. */
  readonly directory?: string
  readonly env: Environment
  readonly allowInsecure: ReadonlySet<InsecureSetting>
}

/** Where the value of a setting came from. */
export type Origin =
  | { readonly kind: 'default' }
  | { readonly kind: 'preset'; readonly preset: string }
  | ({ readonly kind: 'file' | 'environment' } & Place & { readonly secretFile?: string })

/** One setting as it is in force; the value as an operator would write it. Secrets are in it: see config/show.ts. */
export interface EffectiveSetting {
  readonly setting: Setting
  readonly path: Path
  readonly value: unknown
  readonly origin: Origin
}

export interface LoadedConfig {
  readonly config: Config
  /** Sentences for the log: what was allowed by a flag, and what is unwise. */
  readonly warnings: readonly string[]
  readonly effective: readonly EffectiveSetting[]
}

/** Loads and checks everything. Throws `ConfigError` with all problems. Reads files synchronously, once, at start. */
export function loadConfig(options: LoadOptions): LoadedConfig {
  const start = resolve(options.directory ?? '.')
  const directory = options.file === undefined ? start : dirname(resolve(start, options.file))
  const document = readDocument(options, start)
  // What cannot be read says nothing: everything would be reported as missing.
  if (document.problems.length > 0) throw new ConfigError(document.problems)
  const reading = overlay(document, options)
  const { tree, problems, placeOf } = reading
  const report = (path: Path, message: string, what: 'value' | 'name' = 'value'): void => {
    problems.push({ ...placeOf(path, what), path: formatPath(path), message })
  }

  for (const { path, value, preset } of presetValues(tree)) {
    setIn(tree, path, value)
    reading.origins.set(formatPath(path), { kind: 'preset', preset })
  }
  const warnings = readSecretFiles(reading, { ...options, directory }, report)
  const effective = listEffective(reading)
  for (const { path, message } of checkTogether(tree)) report(path, message)
  // A parser that is generated for each object pays when it is used more than once.
  const parsed = configSchema.safeParse(tree, { jitless: true })
  for (const issue of parsed.error?.issues ?? []) {
    for (const { path, message, isName } of explainIssue(issue, tree)) report(path, message, isName ? 'name' : 'value')
  }
  const security = enforceSecure(tree, options.allowInsecure)
  for (const { path, message } of security.refused) report(path, message)
  if (problems.length > 0 || !parsed.success) throw new ConfigError(inOrder(problems))

  return {
    config: deepFreeze(toConfig(parsed.data, directory)),
    warnings: [...warnings, ...security.warnings.map(finding => `${formatPath(finding.path)}: ${finding.message}`)],
    effective,
  }
}

/**
 * One setting as it is written, whatever the rest says, and where it stands. `undefined` where it is not set. Throws `ConfigError`
 * where the file cannot be read.
 */
export function readSettingAlone(
  options: Omit<LoadOptions, 'allowInsecure'>,
  path: Path,
): { readonly value: unknown; readonly place: Place } | undefined {
  const document = readDocument(options, resolve(options.directory ?? '.'))
  if (document.problems.length > 0) throw new ConfigError(document.problems)
  const { tree, placeOf } = overlay(document, options)
  const value = getIn(tree, path)
  return value === undefined ? undefined : { value, place: placeOf(path) }
}

interface Reading {
  readonly tree: Tree
  readonly problems: ConfigProblem[]
  /** Origin by path, of settings that are not at their default. */
  readonly origins: Map<string, Origin>
  readonly placeOf: (path: Path, what?: 'value' | 'name') => Place
}

function readDocument(options: Omit<LoadOptions, 'allowInsecure'>, start: string): ConfigDocument {
  if (options.file === undefined) return { tree: {}, problems: [], positionOf: () => undefined }
  try {
    return parseDocument(options.file, options.readFile(resolve(start, options.file)))
  } catch {
    const message =
      'expected a configuration file that can be read; `sallyport config example` prints one to start from'
    throw new ConfigError([{ source: options.file, path: '', message }])
  }
}

/** Lays the environment over the file. A setting and its `…File` form are one: the environment's replaces the file's. */
function overlay(document: ConfigDocument, options: Pick<LoadOptions, 'env' | 'file'>): Reading {
  const tree: Tree = document.tree
  for (const [name, value] of Object.entries(tree)) if (value === null) tree[name] = isSectionList([name]) ? [] : {}
  if (tree.server === undefined) tree.server = {}
  const origins = new Map<string, Origin>()
  const inFile = options.file ?? 'environment'
  for (const { path } of settingsIn(tree)) {
    origins.set(formatPath(path), { kind: 'file', source: inFile, ...document.positionOf(path) })
  }
  const { entries, problems } = readEnvironment(options.env)
  for (const { name, path, setting } of entries) {
    for (const twin of twinsOf(setting, path)) deleteIn(tree, twin)
    origins.set(formatPath(path), { kind: 'environment', source: `environment ${name}` })
  }
  for (const { path, value } of entries) setIn(tree, path, value)
  const placeOf: Reading['placeOf'] = (path, what) => {
    const own = origins.get(formatPath(path))
    const around = own ?? origins.get(formatPath(path.slice(0, -1)))
    if (around?.kind === 'environment') return { source: around.source }
    return { source: inFile, ...(own?.kind === 'file' ? position(own) : document.positionOf(path, what)) }
  }
  return { tree, problems, origins, placeOf }
}

const position = ({ line, column }: Place) => (line === undefined || column === undefined ? {} : { line, column })

/** The other form of a setting that can be given as itself or as a file. */
function twinsOf(setting: Setting, path: Path): Path[] {
  if (setting.fileOf !== undefined) return [valuePathOf(setting, path)]
  const twin = settings.find(other => other.fileOf === path.at(-1) && isSibling(other.path, setting.path))
  return twin === undefined ? [] : [[...path.slice(0, -1), String(twin.path.at(-1))]]
}

const isSibling = (left: Path, right: Path): boolean => formatPath(left.slice(0, -1)) === formatPath(right.slice(0, -1))

/** Every known setting with the path that it has in this tree: of a list of sections, once per entry. */
function pathsOf(tree: Tree): { setting: Setting; path: Path }[] {
  return settings.flatMap(setting => {
    const list = setting.path.indexOf(0)
    if (list < 0) return [{ setting, path: setting.path }]
    const entries = getIn(tree, setting.path.slice(0, list))
    return Array.from({ length: Array.isArray(entries) ? entries.length : 0 }, (_, index) => ({
      setting,
      path: setting.path.map(step => (step === 0 ? index : step)),
    }))
  })
}

const settingsIn = (tree: Tree) => pathsOf(tree).filter(({ path }) => getIn(tree, path) !== undefined)

function readSecretFiles(
  reading: Reading,
  options: FileAccess & { readonly directory: string },
  report: (path: Path, message: string) => void,
): string[] {
  const warnings: string[] = []
  for (const { setting, path } of settingsIn(reading.tree)) {
    if (setting.fileOf === undefined) continue
    const target = valuePathOf(setting, path)
    if (getIn(reading.tree, target) !== undefined) continue
    const name = getIn(reading.tree, path)
    const { problem, warning } = readSecretFile(reading.tree, setting, path, options)
    const origin = reading.origins.get(formatPath(path))
    if (problem !== undefined) report(path, problem)
    else if (origin !== undefined && 'source' in origin) {
      reading.origins.set(formatPath(target), { ...origin, secretFile: String(name) })
    }
    if (warning !== undefined) warnings.push(`${formatPath(path)}: ${warning}`)
  }
  return warnings
}

function listEffective({ tree, origins }: Reading): EffectiveSetting[] {
  return pathsOf(tree).flatMap(({ setting, path }): EffectiveSetting[] => {
    const value = getIn(tree, path) ?? setting.default
    if (value === undefined || isLeftOut(tree, path) || setting.fileOf !== undefined) return []
    return [{ setting, path, value, origin: origins.get(formatPath(path)) ?? { kind: 'default' } }]
  })
}

/** Whether the setting's section is not there and need not be: its defaults hold for nobody. */
function isLeftOut(tree: Tree, path: Path): boolean {
  const [name = ''] = path
  if (tree[name] !== undefined) return false
  return settings.some(setting => setting.path[0] === name && setting.isRequired)
}

/** The same thing is not said twice, and what stands first in the file comes first. */
function inOrder(problems: readonly ConfigProblem[]): ConfigProblem[] {
  const unique = new Map(problems.map(problem => [`${problem.source} ${problem.path} ${problem.message}`, problem]))
  return [...unique.values()].sort((a, b) => (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0))
}
