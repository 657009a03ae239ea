/**
 * A module that the configuration names: a Casbin adapter or a watcher that an operator has installed.
 *
 * Threat: naming a module is running its code. Only a package name, found from the directory of the configuration file,
 * or an absolute path is taken: nothing that depends on where the process happens to stand, and no address.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { isAbsolute, join } from 'node:path'
import { pathToFileURL } from 'node:url'

export interface OperatorModule {
  /** A package name such as `casbin-pg-adapter`, or an absolute path. */
  readonly module: string
  /** Name of the export; the default export, or the only one that fits, if absent. */
  readonly export?: string
  /** What its factory gets: a list is its arguments in order, anything else the only one. */
  readonly options?: unknown
}

const packageName = /^(?:@[a-z0-9][\w.-]*\/)?[a-z0-9][\w.-]*(?:\/[\w-][\w.-]*)*$/i

/**
 * Constructs what the module offers: by the static or plain function `factory`, else by calling or constructing the
 * export. `method` is what the result must have. Rejects with a sentence that names the module.
 */
export async function constructOperatorModule(
  options: OperatorModule & { readonly from: string; readonly factory: string; readonly method: string },
): Promise<object> {
  const { module, from, factory, method } = options
  const exported = await importFrom(module, from)
  giveFiles(exported)
  const target = chooseExport(exported, options)
  const given = options.options
  const parameters = Array.isArray(given) ? given : given === undefined ? [] : [given]
  const built: unknown = await construct(target, factory, method, parameters)
  if (hasMethod(built, method)) return built
  throw new Error(`${module}: expected ${factory} to give an object with ${method}()`)
}

async function importFrom(module: string, from: string): Promise<Readonly<Record<string, unknown>>> {
  if (!isAbsolute(module) && !packageName.test(module)) {
    throw new Error(`${module}: expected the name of a package or an absolute path`)
  }
  let file: string
  try {
    file = createRequire(join(from, 'sallyport.yaml')).resolve(module)
  } catch {
    throw new Error(`${module}: not found from ${from}; install it there`)
  }
  // `fs` and its like resolve to themselves.
  if (!isAbsolute(file)) throw new Error(`${module}: expected a package, not a module of Node itself`)
  return import(pathToFileURL(file).href)
}

/** Casbin's own `FileAdapter` reads by what its enforcers give it, and here there is none. */
function giveFiles(exported: Readonly<Record<string, unknown>>): void {
  const give = exported.setDefaultFileSystem
  if (typeof give === 'function') give({ readFileSync, writeFileSync })
}

function chooseExport(
  exported: Readonly<Record<string, unknown>>,
  { module, export: name, factory, method }: OperatorModule & { readonly factory: string; readonly method: string },
): unknown {
  // A CommonJS module that was compiled from TypeScript carries its default export one level down.
  const inner = isObject(exported.default) ? exported.default : {}
  const all: Readonly<Record<string, unknown>> = { ...inner, ...exported, default: inner.default ?? exported.default }
  if (name !== undefined) {
    if (all[name] === undefined) throw new Error(`${module}: it has no export ${name}`)
    return all[name]
  }
  const [first] = [all.default, all, ...Object.values(all)].filter(
    value => hasMethod(value, factory) || hasMethod(value, method),
  )
  const chosen = first ?? all.default
  if (chosen === undefined) throw new Error(`${module}: expected a default export, or one with ${factory}()`)
  return chosen
}

async function construct(target: unknown, factory: string, method: string, parameters: readonly unknown[]) {
  if (hasMethod(target, factory)) return target[factory]?.(...parameters)
  if (typeof target !== 'function') return hasMethod(target, method) ? target : undefined
  const isClass = /^class\b/.test(Function.prototype.toString.call(target))
  return isClass ? Reflect.construct(target, parameters) : target(...parameters)
}

type Methods = Readonly<Record<string, (...parameters: readonly unknown[]) => unknown>>

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  (typeof value === 'object' && value !== null) || typeof value === 'function'

/** Whether the value can be asked for this. */
export const hasMethod = (value: unknown, name: string): value is Methods =>
  isObject(value) && typeof value[name] === 'function'
