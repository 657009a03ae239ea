/**
 * A stranger gets in where the policy says so, and nowhere else.
 *
 * Threat: a site that nobody is asked about, or whose answer nobody heeds: an `auth_request` that was forgotten, an
 * `http-request deny` that is missing. All else looks as it should.
 */
import { explainCall } from '../../../rbac/asking/calls/explain-call.ts'
import { parseCall } from '../../../rbac/asking/calls/parse-call.ts'
import type { ExplainedRow } from '../../../rbac/asking/explained-row.ts'
import { anonymous } from '../../../rbac/identity.ts'
import { ValueError } from '../../../rbac/policy-error.ts'
import type { Answer } from './exchange.ts'
import {
  ask,
  browserHead,
  describeStatus,
  isOfService,
  isServed,
  type Known,
  type Outcome,
  type Probe,
  type Target,
} from './probe.ts'

export const asThePolicySays: Probe = {
  name: 'as-the-policy-says',
  title: 'a stranger gets in where the policy says so',
  docs: 'docs/doctor.md#as-the-policy-says',
  run: async target => {
    if (target.known === undefined) return unknown
    const expected = expectedOf('GET', target.url, target.known)
    if (typeof expected !== 'boolean') return { status: 'not-applicable', why: expected.why }
    const answer = await ask(target, browserHead(target))
    const { status, headers } = answer
    return expected
      ? judgeOpen(target, target.known, { status, location: headers.get('location') })
      : judgeClosed(target, answer)
  },
}

const unknown: Outcome = {
  status: 'not-applicable',
  why: 'what the policy says is not known; name the configuration with --config',
}

/** Whether a stranger may, or why that is not known. */
export function expectedOf(method: string, url: URL, { policy }: Known): boolean | { readonly why: string } {
  try {
    const call = parseCall(`${method} ${url.href}`)
    const context = { now: Math.floor(Date.now() / 1000) }
    const { decision, rows } = explainCall(call, { identity: anonymous, context }, policy)
    if (decision.effect === 'allow') return true
    const conditional = rows.find(isOpenUnderCondition)
    if (conditional === undefined) return false
    return {
      why: `${conditional.rule} opens it under a condition, ${conditional.condition}, which only the service knows`,
    }
  } catch (error) {
    if (!(error instanceof ValueError)) throw error
    return { why: `no rule is about such an address: ${error.message}` }
  }
}

/** Whatever the condition was taken for: the service sees another address of the client, and its headers. */
const isOpenUnderCondition = ({ effect, condition, fields }: ExplainedRow): boolean =>
  effect === 'allow' &&
  condition !== '-' &&
  fields.resource === 'hit' &&
  fields.action === 'hit' &&
  fields.subject === 'hit'

/** What a proxy says by itself of a request that it does not pass on; it may be that of its application all the same. */
const isRefusal = (status: number): boolean => status === 0 || status >= 500 || [400, 403, 429].includes(status)

/** Threat: an application that answers for itself, 401 or 404 or where else it leads, and that nobody asks about. */
function judgeClosed(target: Target, answer: Answer): Outcome {
  const { status } = answer
  if (!isServed(status) && isOfService(answer, target))
    return { status: 'pass', why: `the policy lets no stranger in, and the proxy answers ${describeStatus(status)}` }
  if (isRefusal(status))
    return {
      status: 'not-applicable',
      why: `the answer is ${describeStatus(status)}, and not the service's: the proxy refuses by itself, or the application does; see that the service runs and that this address is refused by nobody else`,
    }
  return {
    status: 'fail',
    why: isServed(status)
      ? `the policy lets no stranger in, and the proxy serves the page (${status}): it does not ask, or does not heed the answer`
      : `the policy lets no stranger in, and the answer is ${status}, which is not the service's (it leads to no login and says no X-Sallyport-Request-Id): the application was reached, or the proxy has no such site`,
    fix: 'look in the proxy for what asks about this site (NGINX: `auth_request`; Traefik: the middleware of its router; Caddy: `forward_auth`; Envoy: the filter `ext_authz`) and for what refuses (HAProxy: `http-request deny`); `sallyport proxy-config` prints both',
  }
}

function judgeOpen(
  target: Target,
  { publicUrl }: Known,
  { status, location = '' }: { readonly status: number; readonly location: string | undefined },
): Outcome {
  const isLogin = location.startsWith(`${new URL(publicUrl).origin}/`)
  if (!isLogin && status !== 401 && status !== 403)
    return { status: 'pass', why: `the policy lets everybody in, and the proxy answers ${describeStatus(status)}` }
  return {
    status: 'fail',
    why: `the policy lets everybody in at ${target.url.pathname}, and a stranger ${isLogin ? 'is sent to log in' : `gets ${status}`}`,
    fix: 'see whether the service has this policy in force (`sallyport policy check`, and its log), and whether an older rule of the proxy asks before it',
  }
}
