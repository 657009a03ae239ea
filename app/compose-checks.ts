/** Composition of the check endpoints: fronts, the one use case, and the handoff. */
import type { Config } from '../config/config.ts'
import { decide } from '../rbac/decide.ts'
import { createIdentityHeaders } from './assertion/headers.ts'
import { createAssertionSigner } from './assertion/sign.ts'
import type { SigningKeys } from './assertion/signing-keys.ts'
import type { Clock } from './clock.ts'
import { type Base, canonicalOptions, type Kept, newRequestId, type Policy } from './compose-kept.ts'
import { operationalErrors } from './errors.ts'
import { createAuthRequestFront } from './fronts/auth-request.ts'
import { createChallenge } from './fronts/challenge.ts'
import type { Refusal } from './fronts/check-endpoint.ts'
import { createCheckEndpoint, createDeniedEndpoint, createReservedEndpoint } from './fronts/check-endpoint.ts'
import { createDeniedPages } from './fronts/denied-pages.ts'
import { createForwardAuthFront } from './fronts/forward-auth.ts'
import { createHandoff, reservedPath } from './fronts/handoff.ts'
import { createTrustedProxies } from './fronts/trusted-proxies.ts'
import { createShadowCounter } from './policy/shadow-counter.ts'
import type { CheckRoutes } from './server.ts'
import type { Logger } from './telemetry/logger.ts'
import type { Metrics } from './telemetry/metrics.ts'
import { createVerify, type DecidedQuestion } from './verify.ts'

export function composeChecks(
  { config, clock, logger, metrics, audit }: Base,
  kept: Kept,
  policy: Policy,
  record: (decided: DecidedQuestion) => void,
): CheckRoutes {
  const { url: publicUrl, trustedProxies, webSocketOrigins } = config.server
  const { cookies, authenticator } = kept
  const deniedPages = createDeniedPages(kept.pages, publicUrl)
  const { groupSeparator, ...names } = config.headers
  const settings = {
    trustedProxies: createTrustedProxies(trustedProxies),
    identityHeaderNames: new Set(Object.values(names).map(name => name.toLowerCase())),
    webSocketOrigins: new Set(webSocketOrigins),
  }
  const authRequest = createAuthRequestFront(settings, canonicalOptions(config))
  const forwardAuth = createForwardAuthFront(settings, canonicalOptions(config), deniedPages)
  const onEvaluationError = (error: unknown): void => logger.error({ err: error }, 'policy evaluation failed')
  const countShadow = createShadowCounter(metrics.shadowed)
  const verify = createVerify({
    authenticate: authenticator.authenticate,
    decide: (request, identity, context) => {
      const snapshot = policy.current()
      const decision = decide(request, identity, snapshot, context, onEvaluationError)
      countShadow(snapshot, decision)
      return decision
    },
    identityHeaders: composeIdentityHeaders(config, clock, kept.keys, metrics, logger),
    upstreamCookie: cookies.strip,
    challenge: createChallenge({ publicUrl, issuePending: cookies.issuePending }),
    clearCookie: cookies.clear,
    audit,
    record,
    onDecision: metrics.decided,
    now: clock.now,
  })
  const handoff = createHandoff({
    publicUrl,
    tickets: kept.tickets,
    sessions: kept.sessions,
    authenticate: authenticator.authenticate,
    issueSession: cookies.issueSession,
    deniedPages,
    audit,
  })
  const dependencies = {
    verify,
    handoff,
    pages: kept.pages,
    newRequestId,
    onAliases: metrics.ignoredHeaders,
    onRefused: ({ front, requestId, code, error, clientAddress }: Refusal) => {
      metrics.refused(front, code)
      const address = clientAddress === undefined ? {} : { clientAddress }
      audit.write({ event: 'access.refused', requestId, front, code, ...address })
      const level = operationalErrors[code].status >= 500 ? 'error' : 'debug'
      logger[level]({ requestId, front, code, err: error }, 'subrequest refused')
    },
  }
  return {
    exact: new Map([
      ['/verify/auth-request', createCheckEndpoint(authRequest, dependencies)],
      ['/verify/forward-auth', createCheckEndpoint(forwardAuth, dependencies)],
      [`${reservedPath}/denied`, createDeniedEndpoint(authRequest, dependencies)],
    ]),
    reserved: { prefix: `${reservedPath}/`, endpoint: createReservedEndpoint(authRequest, dependencies) },
  }
}

export function composeIdentityHeaders(
  config: Config,
  clock: Clock,
  keys: SigningKeys,
  metrics: Metrics,
  logger: Logger,
) {
  const { enabled, issuer, lifetimeSeconds } = config.assertion
  const { groupSeparator, ...names } = config.headers
  const [provider, ...others] = config.providers
  return createIdentityHeaders({
    names,
    groupSeparator,
    sign: enabled ? createAssertionSigner({ keys, issuer, lifetimeSeconds, clock }) : () => '',
    ...(provider !== undefined && others.length === 0 ? { bareIssuer: provider.issuer } : {}),
    onGroupsOmitted: (subject, count) => {
      metrics.groupsOmitted()
      logger.warn({ subject, count }, 'groups do not fit into the identity headers and were left out')
    },
  })
}
