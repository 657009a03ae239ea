/** A Casbin model that somebody brings: the model's file, and its rows from a file or an adapter. */
import { open, realpath, stat } from 'node:fs/promises'
import { basename, dirname } from 'node:path'
import type { CasbinTexts } from '../../rbac/casbin/sources.ts'
import { PolicyError } from '../../rbac/policy-error.ts'
import { fileState } from './directory-state.ts'
import type { PolicySource, PolicyText, PolicyTexts } from './policy-source.ts'
import { watchDirectoryState } from './watch-directory.ts'

export interface CasbinSourceOptions {
  /** Path of the model. */
  readonly model: string
  /** Path of the rows; absent where `adapter` loads them. */
  readonly policy?: string | undefined
  readonly adapter?: PolicySource | undefined
  readonly subjects?: readonly string[] | undefined
  readonly domains?: readonly string[] | undefined
  /** How long the files have to stay as they are before a change counts, in milliseconds. Default 100. */
  readonly settleMs?: number
  /** How often to look without being told, in milliseconds. Default 5000. */
  readonly pollMs?: number
}

/** First in the names of its texts: no rule id is one of a policy directory as well. */
export const casbinPrefix = 'casbin'

const maximumAttempts = 20

/** Everything that `base` loads, and the model beside it: each in one state of its own, a change of any is one of both. */
export function withCasbin(base: PolicySource, options: CasbinSourceOptions): PolicySource {
  const { adapter, settleMs = 100, pollMs = 5000 } = options
  const paths = [options.model, ...(options.policy === undefined ? [] : [options.policy])]
  let loaded: string | undefined

  async function loadCasbin(): Promise<CasbinTexts> {
    const rows = await adapter?.load().catch(inside)
    const { texts, state } = await readSettled(paths, settleMs)
    loaded = state
    const [model, ...files] = texts
    if (model === undefined) throw new Error('a model without a file')
    const { subjects, domains } = options
    return {
      model,
      files: [...files, ...(rows?.files ?? []).map(named)],
      isSorted: adapter !== undefined,
      ...(subjects === undefined ? {} : { subjects }),
      ...(domains === undefined ? {} : { domains }),
    }
  }

  return {
    async load(): Promise<PolicyTexts> {
      const [texts, casbin] = await Promise.allSettled([base.load(), loadCasbin()])
      if (texts.status === 'fulfilled' && casbin.status === 'fulfilled') return { ...texts.value, casbin: casbin.value }
      throw together(
        [texts, casbin].flatMap(({ status, ...rest }) =>
          status === 'rejected' && 'reason' in rest ? [rest.reason] : [],
        ),
      )
    },
    watch(onChange) {
      const state = (): Promise<string> => stateOf(paths)
      const directories = [...new Set(paths.map(path => dirname(path)))]
      const stops = [
        base.watch(onChange),
        ...(adapter === undefined ? [] : [adapter.watch(onChange)]),
        ...directories.map(directory =>
          watchDirectoryState({ directory, settleMs, pollMs, known: loaded, state }, onChange),
        ),
      ]
      return () => {
        for (const stop of stops) stop()
      }
    },
    async close() {
      await Promise.all([base.close?.(), adapter?.close?.()])
    },
  }
}

const named = ({ name, text }: PolicyText): PolicyText => ({ name: `${casbinPrefix}/${name}`, text })

function inside(error: unknown): never {
  if (!(error instanceof PolicyError)) throw error
  throw new PolicyError(error.problems.map(problem => ({ ...problem, file: `${casbinPrefix}/${problem.file}` })))
}

/** The problems of all, so that they are reported together. */
function together(reasons: readonly unknown[]): unknown {
  const problems = reasons.flatMap(reason => (reason instanceof PolicyError ? reason.problems : []))
  return reasons.find(reason => !(reason instanceof PolicyError)) ?? new PolicyError(problems)
}

/** Changes whenever a file does; a link above it that is swapped changes it too. */
async function stateOf(paths: readonly string[]): Promise<string> {
  const states = paths.map(async path => `${await realpath(path)} ${fileState(await stat(path, { bigint: true }))}`)
  return (await Promise.all(states.map(state => state.catch(() => 'missing')))).join('\n')
}

/**
 * Threat: half of a file, or the rows of one revision with the model of another: a deny that is not there yet. So they are
 * read between two equal looks at all of them.
 */
async function readSettled(paths: readonly string[], settleMs: number) {
  for (let attempt = 0; attempt < maximumAttempts; attempt++) {
    const before = await stateOf(paths)
    const texts = await Promise.all(paths.map(readText))
    const state = await stateOf(paths)
    if (state === before) return { texts, state }
    await new Promise(resolve => setTimeout(resolve, settleMs))
  }
  throw problem(paths[0] ?? '', 'the files keep changing while they are read')
}

const problem = (file: string, message: string): PolicyError => new PolicyError([{ file, line: 1, column: 1, message }])

async function readText(path: string): Promise<PolicyText> {
  const bytes = await readBytes(path).catch(() => {
    throw problem(path, 'expected a file that can be read')
  })
  try {
    return named({ name: basename(path), text: new TextDecoder('utf-8', { fatal: true }).decode(bytes) })
  } catch {
    throw problem(path, 'expected text in UTF-8')
  }
}

async function readBytes(path: string): Promise<Buffer> {
  const file = await open(path)
  try {
    return await file.readFile()
  } finally {
    await file.close()
  }
}
