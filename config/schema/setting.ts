/** How one setting is declared: its schema, and what the example, the reference and the errors say about it. */
import { z } from 'zod'
import { parseDuration } from './values.ts'

/** A section or a list of sections with its sentence. */
export const section = <S extends z.ZodType>(schema: S, description: string): S => schema.describe(description)

export const text = z.string().min(1)
export const durationExpected = 'a duration such as 30s, 5m, 12h or 30d'

/** What the reference says about a setting beyond its default. */
export interface SettingMeta {
  /** One sentence. */
  readonly description: string
  /** What is expected, as it reads after "expected". */
  readonly expected: string
  /** Value for the example, for settings that have no default. */
  readonly example?: unknown
  /** Never shown. `url`: shown without its password. */
  readonly secret?: 'whole' | 'url'
  /** A path; relative to the directory of the configuration file. */
  readonly isPath?: true
  /** The value is what the named file holds; this is the sibling setting that it stands for. */
  readonly fileOf?: string
  /** What the named file may hold; default `line`. `lines`: one value on each line that is not empty. `text`: as it is. */
  readonly fileHolds?: 'line' | 'lines' | 'text'
  /** What the named file holds is shown to everybody. */
  readonly isPublic?: true
}

export const settingMetas = z.registry<SettingMeta>()

/** Ties the schema of a setting to its description. */
export function setting<S extends z.ZodType>(schema: S, meta: SettingMeta): S {
  const described = schema.describe(meta.description)
  settingMetas.add(described, meta)
  return described
}

/** A text that a parser of config/schema/values.ts turns into its typed value; what the parser throws is the problem reported. */
export const parsed = <T>(parse: (text: string) => T) => z.string().transform(parsing(parse))

/** The same for an input of any type. */
export const parsing =
  <I, T>(parse: (input: I) => T) =>
  (input: I, context: z.core.$RefinementCtx<I>): T => {
    try {
      return parse(input)
    } catch (error) {
      context.addIssue({ code: 'custom', message: error instanceof Error ? error.message : 'it cannot be read' })
      return z.NEVER
    }
  }

/** Length of time; bounds in seconds, both inclusive. */
export const duration = (minimumSeconds: number, maximumSeconds = 3650 * 86_400) =>
  parsed(input => {
    const seconds = parseDuration(input)
    if (seconds < minimumSeconds) throw new RangeError(`the least is ${minimumSeconds}s`)
    if (seconds > maximumSeconds) throw new RangeError(`the most is ${maximumSeconds}s`)
    return seconds
  })
