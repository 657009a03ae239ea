/**
 * The last word before a policy comes into force: it is held against a plain Casbin enforcer, and its own test files are run,
 * in slices between which requests are answered.
 */
import { type Disagreement, holdAgainstCasbin } from '../../rbac/asking/held-against-casbin.ts'
import { locksOut } from '../../rbac/asking/lock-out.ts'
import type { PolicySnapshot } from '../../rbac/policy.ts'
import { PolicyError } from '../../rbac/policy-error.ts'
import type { CanonicalOptions } from '../../rbac/request/access-request.ts'
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
  /** How addresses of cases are read: as those of requests. */
  readonly canonical?: CanonicalOptions
  /** Draws the requests that are put to the policy and to Casbin. Default `Math.random`. */
  readonly random?: () => number
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
  const { clock, random = Math.random, sliceMs = 5, ...defaults } = options
  return async (snapshot, { tests = [], files }, inForce, isForced = false) => {
    if (!isForced && inForce !== undefined && locksOut(snapshot, inForce)) throw lockOutProblem(files[0]?.name)
    const now = Math.floor(clock.now() / 1000)
    const questions = inForce === undefined ? drawnAtStart(snapshot) : drawnAtReload
    const { disagreement } = await holdAgainstCasbin(snapshot, { questions, random, now, pause: createPause(sliceMs) })
    if (disagreement !== undefined) throw disagreementProblem(disagreement, files[0]?.name)
    const results = await runPolicyTests(snapshot, tests, { ...defaults, now, pause: createPause(sliceMs) })
    const error = failedTests(results)
    if (error !== undefined) throw error
  }
}

/** Five for each row, as far as a start is not delayed by it: it says as much in ten starts. */
const drawnAtStart = ({ rows }: PolicySnapshot): number => Math.min(Math.max(5 * rows.length, 50), 200)
const drawnAtReload = 2_000

/** Nothing is wrong with the rows. Threat: a fault of ours lets somebody in, or a deny does not apply, and nobody hears of it. */
function disagreementProblem({ situation, decision, isAllowed }: Disagreement, file = 'policy'): PolicyError {
  const { request, identity } = situation
  const who = identity.kind === 'anonymous' ? 'nobody' : JSON.stringify(identity)
  const rule = decision.rule === undefined ? '' : ` by ${decision.rule}`
  const other = isAllowed === undefined ? 'fails' : isAllowed ? 'allows' : 'does not allow, or by another row'
  const message = `a fault of this program: ${request.action} ${request.url} of ${who} would be ${decision.effect}${rule}, and Casbin ${other}`
  return new PolicyError([{ file, line: 1, column: 1, message }])
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
