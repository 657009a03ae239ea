/**
 * The last word before a policy comes into force: its own test files, run in slices between which requests are answered.
 */
import { locksOut } from '../../rbac/asking/lock-out.ts'
import type { PolicySnapshot } from '../../rbac/policy.ts'
import { PolicyError } from '../../rbac/policy-error.ts'
import { failedTests, runPolicyTests } from '../../rbac/testing/policy-test-run.ts'
import type { Clock } from '../clock.ts'
import type { PolicyTexts } from './policy-source.ts'

export interface PolicyTrialOptions {
  /** Clock of cases that name no time. */
  readonly clock: Clock
  /** Issuer of people whose case names none. */
  readonly issuer?: string
  /** Provider of identities whose case names none. */
  readonly provider?: string
  /** Longest stretch of work without a pause, in milliseconds. Default 5. */
  readonly sliceMs?: number
}

export type PolicyTrial = (
  snapshot: PolicySnapshot,
  texts: PolicyTexts,
  inForce?: PolicySnapshot,
  isForced?: boolean,
) => Promise<void>

/**
 * Rejects with `PolicyError` that names file, line and case of each test that fails; and, unless it is forced, for a
 * policy that would lock out of the console everybody whom the one in force lets in.
 */
export function createPolicyTrial(options: PolicyTrialOptions): PolicyTrial {
  const { clock, sliceMs = 5, ...defaults } = options
  return async (snapshot, { tests = [], files }, inForce, isForced = false) => {
    if (!isForced && inForce !== undefined && locksOut(snapshot, inForce)) throw lockOutProblem(files[0]?.name)
    const now = Math.floor(clock.now() / 1000)
    const results = await runPolicyTests(snapshot, tests, { ...defaults, now, pause: createPause(sliceMs) })
    const error = failedTests(results)
    if (error !== undefined) throw error
  }
}

function lockOutProblem(file = 'policy'): PolicyError {
  const message = 'nobody could open the console any more; `sallyport policy reload --force` loads it all the same'
  return new PolicyError([{ file, line: 1, column: 1, message }])
}

/** Pauses until other work of the event loop is done, once the work since the last pause took `sliceMs`. */
function createPause(sliceMs: number): () => Promise<void> | undefined {
  let started = performance.now()
  return () => {
    if (performance.now() - started < sliceMs) return undefined
    return new Promise(resolve =>
      setImmediate(() => {
        started = performance.now()
        resolve()
      }),
    )
  }
}
