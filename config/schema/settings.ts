/** The flat list of all settings, read out of the schema, with the environment name that follows from each path. */
import { z } from 'zod'
import { formatPath, type Path } from '../tree.ts'
import { configSchema } from './schema.ts'
import { type SettingMeta, settingMetas } from './setting.ts'

/** How the text of an environment variable becomes a value. */
type SettingKind = 'text' | 'boolean' | 'number' | 'list'

export interface Setting extends SettingMeta {
  /** Path in the file; `0` stands for any entry of a list of sections. */
  readonly path: Path
  /** `SALLYPORT_SERVER_URL`; `_0_` stands for any entry of a list of sections. */
  readonly environment: string
  readonly kind: SettingKind
  /** Its section cannot do without it. */
  readonly isRequired: boolean
  /** As it would be written in the file; absent when there is none. */
  readonly default?: unknown
}

export interface Section {
  readonly path: Path
  readonly description: string
}

/** `['server', 'trustedProxies']` -> `SALLYPORT_SERVER_TRUSTED_PROXIES` */
const environmentName = (path: Path): string =>
  ['SALLYPORT', ...path.map(step => String(step).replace(/[A-Z]/g, '_$&').toUpperCase())].join('_')

interface Unwrapped {
  readonly schema: z.core.$ZodType
  readonly default?: unknown
}

/** Takes off defaults and options, keeping the default; of a transformation, the side that the operator writes. */
function unwrap(schema: z.core.$ZodType): Unwrapped {
  if (schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault) {
    return { ...unwrap(schema.def.innerType), default: schema.def.defaultValue }
  }
  if (schema instanceof z.ZodExactOptional) return unwrap(schema.def.innerType)
  if (schema instanceof z.ZodPipe) return unwrap(schema.def.in)
  return { schema }
}

function kindOf(schema: z.core.$ZodType): SettingKind {
  if (schema instanceof z.ZodArray) return 'list'
  if (schema instanceof z.ZodBoolean) return 'boolean'
  return schema instanceof z.ZodNumber ? 'number' : 'text'
}

function collect(schema: z.core.$ZodType, path: Path, found: { settings: Setting[]; sections: Section[] }): void {
  const meta = settingMetas.get(schema as z.ZodType)
  const inner = unwrap(schema)
  if (meta !== undefined) {
    const { schema: bare, ...fallback } = inner
    const isRequired = !('default' in fallback) && !(schema instanceof z.ZodExactOptional)
    const environment = environmentName(path)
    found.settings.push({ ...meta, ...fallback, path, environment, kind: kindOf(bare), isRequired })
    return
  }
  const description = z.globalRegistry.get(schema as z.ZodType)?.description
  if (description !== undefined) found.sections.push({ path, description })
  if (inner.schema instanceof z.ZodArray) collect(inner.schema.element, [...path, 0], found)
  if (inner.schema instanceof z.ZodObject) {
    for (const [name, member] of Object.entries(inner.schema.shape)) collect(member, [...path, name], found)
  }
}

const found = { settings: [] as Setting[], sections: [] as Section[] }
collect(configSchema, [], found)

/** In the order of the schema. */
export const settings: readonly Setting[] = found.settings
export const sections: readonly Section[] = found.sections

/** Where lists of sections stand, such as `providers` and `kubernetes.clusters`. None stands within another. */
export const sectionLists: readonly Path[] = [
  ...new Map(
    settings
      .filter(({ path }) => path.includes(0))
      .map(({ path }) => path.slice(0, path.indexOf(0)))
      .map(path => [formatPath(path), path]),
  ).values(),
]

export const isSectionList = (path: Path): boolean => sectionLists.some(list => formatPath(list) === formatPath(path))

/** `['providers']` -> `SALLYPORT_PROVIDERS` */
export const listEnvironment = (path: Path): string => environmentName(path)

const byPath = new Map(settings.map(setting => [formatPath(setting.path), setting]))

/** The setting that a path in a file speaks of, whatever the index of its entry. */
export const settingAt = (path: Path): Setting | undefined =>
  byPath.get(formatPath(path.map(step => (typeof step === 'number' ? 0 : step))))

/** Names that may stand below a section. */
export function namesBelow(path: Path): readonly string[] {
  const prefix = path.map(step => (typeof step === 'number' ? 0 : step))
  const names = settings
    .filter(setting => prefix.every((step, index) => setting.path[index] === step))
    .map(setting => setting.path[prefix.length])
  return [...new Set(names.filter(name => typeof name === 'string'))]
}
