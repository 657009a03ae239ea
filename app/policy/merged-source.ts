/**
 * Several sources as one, in a stated order: rows of the first come before rows of the second, conditions are known to
 * all rows. Each source is read in one consistent state of its own; a change of any is a change of the whole.
 */
import { basename } from 'node:path'
import { PolicyError } from '../../rbac/policy-error.ts'
import type { PolicySource, PolicyText, PolicyTexts } from './policy-source.ts'

export interface NamedSource {
  /** Put before the names of its texts, `ops/wiki.csv:3`; absent for a source whose names are its own. */
  readonly prefix?: string
  readonly source: PolicySource
  /** Hosts, where rows of the source may only narrow what others allow. Such a source has a prefix. */
  readonly narrows?: readonly string[]
}

/** `sources` is not empty. */
export function createMergedSource(sources: readonly NamedSource[], model: string): PolicySource {
  return {
    async load() {
      const texts = await loadAll(sources)
      const conditions = texts.flatMap(({ conditions: some }) => some ?? [])
      const files = texts.flatMap(text => text.files)
      const tests = texts.flatMap(({ tests: some }) => some ?? [])
      const optional = { ...(conditions.length === 0 ? {} : { conditions }), ...(tests.length === 0 ? {} : { tests }) }
      return { model, files, ...optional }
    },
    watch(onChange) {
      const stops = sources.map(({ source }) => source.watch(onChange))
      return () => {
        for (const stop of stops) stop()
      }
    },
    async close() {
      await Promise.all(sources.map(({ source }) => source.close?.()))
    },
  }
}

/** Every source is read, so that the problems of all are reported together. */
async function loadAll(sources: readonly NamedSource[]): Promise<PolicyTexts[]> {
  const readings = await Promise.allSettled(sources.map(loadNamed))
  const failures = readings.flatMap(reading => (reading.status === 'rejected' ? [reading.reason as unknown] : []))
  const unexpected = failures.find(failure => !(failure instanceof PolicyError))
  if (unexpected !== undefined) throw unexpected
  const problems = failures.flatMap(failure => (failure instanceof PolicyError ? failure.problems : []))
  if (problems.length > 0) throw new PolicyError(problems)
  return readings.flatMap(reading => (reading.status === 'fulfilled' ? [reading.value] : []))
}

async function loadNamed({ prefix, source, narrows }: NamedSource): Promise<PolicyTexts> {
  if (prefix === undefined) return source.load()
  const inside = (name: string): string => (name.startsWith('/') ? name : `${prefix}/${name}`)
  try {
    const { model, files, conditions, tests } = await source.load()
    const owner = narrows === undefined ? {} : { owner: { name: prefix, hosts: narrows } }
    const named = (text: PolicyText): PolicyText => ({ ...text, name: inside(text.name), ...owner })
    const some = conditions === undefined ? {} : { conditions: [conditions].flat().map(named) }
    return { model, files: files.map(named), ...some, ...(tests === undefined ? {} : { tests: tests.map(named) }) }
  } catch (error) {
    if (!(error instanceof PolicyError)) throw error
    throw new PolicyError(error.problems.map(problem => ({ ...problem, file: inside(problem.file) })))
  }
}

/**
 * The name of each directory for rule ids: its last part. Throws `PolicyError` when two are called the same, because a
 * rule id would then name two rows.
 */
export function prefixesOf(directories: readonly string[]): readonly string[] {
  const names = directories.map(directory => basename(directory))
  const repeated = directories.filter((_, index) => names.indexOf(names[index] ?? '') < index)
  if (repeated.length === 0) return names
  const message = 'another policy directory has the same name; rule ids need a name of its own for each'
  throw new PolicyError(repeated.map(file => ({ file, line: 1, column: 1, message })))
}
