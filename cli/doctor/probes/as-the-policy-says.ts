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
import {
  ask,
  browserHead,
  describeStatus,
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
    const expected = expectedOf(target.url, target.known)
    if (typeof expected !== 'boolean') return { status: 'not-applicable', why: expected.why }
    const { status, headers } = await ask(target, browserHead(target))
    return expected
      ? judgeOpen(target, target.known, { status, location: headers.get('location') })
      : judgeClosed(status)
  },
}

const unknown: Outcome = {
  status: 'not-applicable',
  why: 'what the policy says is not known; name the configuration with --config',
}

/** Whether a stranger may, or why that is not known. */
function expectedOf(url: URL, { policy }: Known): boolean | { readonly why: string } {
  try {
    const call = parseCall(`GET ${url.href}`)
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

function judgeClosed(status: number): Outcome {
  if (!isServed(status))
    return { status: 'pass', why: `the policy lets no stranger in, and the proxy answers ${describeStatus(status)}` }
  return {
    status: 'fail',
    why: `the policy lets no stranger in, and the proxy serves the page (${status}): it does not ask, or does not heed the answer`,
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
