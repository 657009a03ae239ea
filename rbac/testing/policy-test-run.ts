/**
 * Runs the test files of a policy against a snapshot (docs/policy.md, "Test files"): the same runner for the command
 * line and for the check before a policy comes into force.
 *
 * Files are read and cases are decided in slices, with a pause that the caller passes in between, so that a service
 * answers requests meanwhile.
 */
import { decidersAsked } from '../asking/asked-deciders.ts'
import { judgeCall } from '../asking/calls/call.ts'
import type { Decision } from '../decision.ts'
import { isKubernetesDomain } from '../domains.ts'
import type { PolicySnapshot } from '../policy.ts'
import { PolicyError, type Problem } from '../policy-error.ts'
import type { AccessRequest } from '../request/access-request.ts'
import { rowText } from '../row-text.ts'
import { differences, type PolicyTestCase, type PolicyTestOptions, parsePolicyTests } from './policy-test.ts'

export interface PolicyTestText {
  readonly name: string
  readonly text: string
}

export interface PolicyTestResult {
  readonly file: string
  /** Counted from 1. */
  readonly line: number
  readonly name: string
  /** `GET https://wiki.example.com/a`. */
  readonly request: string
  readonly decision: Decision
  /** One sentence for each thing that is not as wanted; empty when the case passes. */
  readonly failures: readonly string[]
  /** The deciding row as it stands in its file; only for a case that fails, and absent when no row decided. */
  readonly row?: string
}

export interface RunOptions extends PolicyTestOptions {
  /** Only cases for which this holds; default all. */
  readonly isWanted?: (file: string, name: string) => boolean
  /** Awaited between slices of a few milliseconds' work; the caller decides whether it is time to let others work. */
  readonly pause?: () => Promise<void> | undefined
}

/** Rejects with `PolicyError` when a test file cannot be read, with every problem of every file. */
export async function runPolicyTests(
  policy: PolicySnapshot,
  files: readonly PolicyTestText[],
  options: RunOptions,
): Promise<readonly PolicyTestResult[]> {
  const { isWanted = () => true, pause = () => undefined } = options
  const known = { ...options, deciders: decidersAsked(policy.rows) }
  const results: PolicyTestResult[] = []
  const problems: Problem[] = []
  for (const file of files) {
    const slices = (await isPlainList(file.text, pause)) ? slicesOf(file.text) : [{ text: file.text, firstLine: 1 }]
    for (const slice of slices) {
      await pause()
      for (const test of parseSlice(file.name, slice, known, problems)) {
        if (!isWanted(file.name, test.name)) continue
        await pause()
        results.push(runCase(policy, file.name, test))
      }
    }
  }
  if (problems.length > 0) throw new PolicyError(problems)
  return results
}

function parseSlice(name: string, slice: Slice, options: RunOptions, problems: Problem[]): readonly PolicyTestCase[] {
  try {
    const parsed = parsePolicyTests({ name, text: slice.text }, { ...options, firstLine: slice.firstLine })
    if (parsed.policy === undefined) return parsed.cases
    const message = 'a test file below a policy directory tests that policy; leave out "policy:"'
    problems.push({ file: name, line: 1, column: 1, message })
  } catch (error) {
    if (!(error instanceof PolicyError)) throw error
    problems.push(...error.problems)
  }
  return []
}

function runCase(policy: PolicySnapshot, file: string, test: PolicyTestCase): PolicyTestResult {
  const { name, line, call, identity, actors, context, want } = test
  const errors: unknown[] = []
  const { decision, request } = judgeCall(call, { identity, actors, context }, policy, error => errors.push(error))
  const failures = [...differences(want, decision), ...errors.map(error => `the evaluation failed: ${String(error)}`)]
  const row = failures.length === 0 ? undefined : textOfRow(policy, decision.rule)
  const asked = textOf(test, request)
  return {
    ...{ file, line, name, request: asked, decision, failures },
    ...(row === undefined ? {} : { row }),
  }
}

function textOfRow({ rows, casbin }: PolicySnapshot, rule: string | undefined): string | undefined {
  const own = rows.find(({ id }) => id === rule)
  if (own !== undefined) return rowText(own)
  const brought = casbin?.rows.find(({ id }) => id === rule)
  return brought && ['p', ...brought.fields].join(', ')
}

/** What was asked, and the question of it that decides where that is another one. */
function textOf({ call: { request: first }, asked }: PolicyTestCase, { action, resource }: AccessRequest): string {
  if (!isKubernetesDomain(first.domain)) return `${first.action} ${first.url}`
  return asked === `${action} ${first.domain} ${resource}` ? asked : `${asked}: ${action} ${resource}`
}

const maxReported = 20

/** Why a policy must not come into force: one problem for each case that fails, the first twenty of them. */
export function failedTests(results: readonly PolicyTestResult[]): PolicyError | undefined {
  const failed = results.filter(({ failures }) => failures.length > 0)
  if (failed.length === 0) return undefined
  const problems = failed.slice(0, maxReported).map(({ file, line, name, failures, decision }): Problem => {
    const by = decision.rule === undefined ? '' : `, decided by ${decision.rule}`
    return { file, line, column: 1, message: `test "${name}" failed: ${failures.join('; ')}${by}` }
  })
  const last = problems.at(-1)
  const more = failed.length - problems.length
  if (last !== undefined && more > 0) problems.push({ ...last, message: `and ${more} more tests failed` })
  return new PolicyError(problems)
}

interface Slice {
  readonly text: string
  readonly firstLine: number
}

/** Characters; some five cases. */
const sliceLength = 1_024

/**
 * A list of cases is read a few at a time: a line that starts with `- ` starts one, since whatever belongs to a case is
 * indented. Files of another shape, and files with aliases, are read whole.
 */
async function isPlainList(text: string, pause: NonNullable<RunOptions['pause']>): Promise<boolean> {
  if (!/^(?:\uFEFF)?(?:[ \t]*(?:#.*)?\r?\n)*- /.test(text)) return false
  for (const slice of slicesOf(text)) {
    // No alias is over the end of a slice: the next one starts with a dash.
    if (/^(?:---|\.\.\.|%)|[:\-[,]\s+\*\w/m.test(slice.text)) return false
    await pause()
  }
  return true
}

function* slicesOf(text: string): Generator<Slice> {
  let [start, firstLine, line] = [0, 1, 1]
  for (let end = text.indexOf('\n'); end !== -1; end = text.indexOf('\n', end + 1)) {
    line++
    if (end + 1 - start < sliceLength || !text.startsWith('- ', end + 1)) continue
    // With its line feed: a carriage return alone ends no line.
    yield { text: text.slice(start, end + 1), firstLine }
    start = end + 1
    firstLine = line
  }
  yield { text: text.slice(start), firstLine }
}
