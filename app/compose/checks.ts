/** Composition of the check endpoints: fronts, the one use case, and the handoff. */

import { createHostHeaderSettings, haveOwnHeaders } from '../../config/host-settings.ts'
import { hostHeaderNames } from '../../config/schema/header-presets.ts'
import { decide } from '../../rbac/decide.ts'
import {
  type Authorize,
  createAuthorization,
  createRememberedTokens,
  roomForAuthorization,
} from '../assertion/authorization.ts'
import { createExtraClaims } from '../assertion/extra-claims.ts'
import { createIdentityHeaders } from '../assertion/headers.ts'
import { createGroupsFor } from '../assertion/host-groups.ts'
import { createHostHeaders, type HostHeadersFor } from '../assertion/host-headers.ts'
import { createRememberedHeaders } from '../assertion/remembered-headers.ts'
import { createAssertionSigner } from '../assertion/sign.ts'
import type { SigningKeys } from '../assertion/signing-keys.ts'
import { OperationalError } from '../errors.ts'
import { createChallenge } from '../fronts/challenge.ts'
import { createCheckEndpoint } from '../fronts/check-endpoint.ts'
import { createDeniedPages } from '../fronts/denied-pages.ts'
import { createExecutor, type Executor } from '../fronts/executor.ts'
import { createFormPages } from '../fronts/form-pages.ts'
import type { FrontKind } from '../fronts/front.ts'
import { createFrontRoutes } from '../fronts/front-routes.ts'
import { createHandoff } from '../fronts/handoff.ts'
import { aliasesOf } from '../fronts/identity-aliases.ts'
import { createRefusalReport } from '../fronts/refusal-report.ts'
import { createRefuseSentIdentity } from '../fronts/sent-identity.ts'
import { createReplyWriter } from '../fronts/write-reply.ts'
import { audienceOf } from '../grants/dependencies.ts'
import type { KubeTokens } from '../grants/kube-tokens.ts'
import type { CheckRoutes } from '../listener/server.ts'
import { findClaim } from '../login/claims/identity-of-claims.ts'
import { createShadowCounter } from '../policy/shadow-counter.ts'
import { createVerify, type DecidedQuestion, type VerifyDependencies } from '../verify.ts'
import type { Deciders } from './deciders.ts'
import { composeCertificates, composeIsBound, type Identification } from './identity.ts'
import { type Base, canonicalOptions, type Kept, newRequestId, type Policy } from './kept.ts'
import type { WithPasswords } from './passwords.ts'

/** What is asked, by whom it is asked, and who hears of it. */
interface CheckInputs {
  readonly policy: Policy
  /** Gets every question with its decision. */
  readonly record: (decided: DecidedQuestion) => void
  readonly fronts: readonly FrontKind[]
  /** Present where there are clusters. */
  readonly tokens: KubeTokens | undefined
  /** Present where conditions may ask deciders outside. */
  readonly deciders: Deciders | undefined
}

export interface Checks {
  /** Of the fronts that are asked on the main listener. */
  readonly routes: CheckRoutes
  /** For a front that is asked elsewhere. */
  readonly executorOf: (kind: FrontKind) => Executor
}

export function composeChecks(
  base: Base,
  kept: Kept & WithPasswords,
  { authenticate, sessionCookie, machines }: Identification,
  { deciders, policy, record, fronts, tokens }: CheckInputs,
): Checks {
  const { config, clock, logger, metrics, audit, trustedProxies } = base
  const { url: publicUrl, webSocketOrigins } = config.server
  const { cookies } = kept
  const deniedPages = createDeniedPages(kept.pages, publicUrl)
  const { groupSeparator, ...names } = config.headers
  const hostHeaders = composeHostHeaders(base)
  const ownHeaderNamesOn = hostHeaders && ((domain: string) => hostHeaders(domain)?.names)
  const settings = {
    trustedProxies,
    identityHeaderNames: new Set([...Object.values(names), ...hostHeaderNames(config)].map(name => name.toLowerCase())),
    ...(ownHeaderNamesOn && { ownHeaderNamesOn }),
    webSocketOrigins: new Set(webSocketOrigins),
    canonical: canonicalOptions(config),
    deniedPages,
    formPages: createFormPages(kept.pages, publicUrl),
    tokenHeaderOn: (domain: string) => base.hostSettings(domain).bearerHeader,
  }
  const onEvaluationError = (error: unknown): void => logger.error({ err: error }, 'policy evaluation failed')
  const countShadow = createShadowCounter(metrics.shadowed)
  const verify = createVerify({
    authenticate: base.story.authenticate(authenticate),
    ...composeCertificates(base),
    ...(deciders !== undefined && { consult: deciders.consult }),
    decide: situation => decide(situation, policy.current(), onEvaluationError),
    identityHeaders: composeAnswerHeaders(base, kept, { tokens, hostHeaders }),
    upstreamCookie: cookies.strip,
    challenge: createChallenge({
      publicUrl,
      keepAddress: kept.addresses.keep,
      issuePending: cookies.issuePending,
      takesTokens: machines.takesTokens,
      ...(kept.passwords !== undefined && { passwordChallenge: kept.passwords.challenge }),
    }),
    clearCookie: cookies.clear,
    requireAudit: composeAuditGuard(base),
    audit: base.auditFile.writeAccess,
    record,
    onDecision: (front, decision, durationMicroseconds) => {
      countShadow(policy.current(), decision)
      metrics.decided(front, decision, durationMicroseconds)
    },
    now: clock.now,
  })
  const isBound = composeIsBound(base)
  const handoff = createHandoff({
    publicUrl,
    tickets: kept.tickets,
    sessions: kept.sessions,
    visited: kept.directory.visited,
    authenticate: sessionCookie.authenticate,
    identify: authenticate,
    issuePending: cookies.issuePending,
    issueSession: cookies.issueSession,
    rememberedSeconds: kept.rememberedSeconds,
    ...(isBound !== undefined && { isBound }),
    deniedPages,
    audit,
  })
  const onRefused = createRefusalReport({ audit, logger, count: metrics.refused })
  const write = createReplyWriter()
  const dependencies = {
    verify,
    handoff,
    pages: kept.pages,
    newRequestId,
    ...(ownHeaderNamesOn && { refuseSentIdentity: createRefuseSentIdentity(ownHeaderNamesOn) }),
    onAliases: metrics.ignoredHeaders,
    onRefused,
  }
  const routes = createFrontRoutes(fronts, settings, dependencies, (execute, front) =>
    createCheckEndpoint(base.story.arrivals(execute, front), {
      write,
      onUnwritten: (requestId, error) => onRefused({ front, requestId, code: 'ERR_INTERNAL', error }),
    }),
  )
  return {
    routes,
    executorOf: kind => base.story.arrivals(createExecutor(kind.create(settings), dependencies), kind.name),
  }
}

/** A disk that is full is a decision of the operator: refuse what cannot be recorded, or go on, count and complain. */
export function composeAuditGuard({ config, auditFile }: Base): () => void {
  if (config.audit.whenFull === 'warn') return () => undefined
  return () => {
    if (!auditFile.hasRoom())
      throw new OperationalError('ERR_AUDIT_UNAVAILABLE', 'audit events wait and no more can be kept')
  }
}

/** Where no host has headers of its own, checks do not even ask. */
function composeHostHeaders({ config, hostSettings }: Base): HostHeadersFor | undefined {
  if (!haveOwnHeaders(config)) return undefined
  return createHostHeaders(createHostHeaderSettings(config, hostSettings), findClaim)
}

interface AnswerInputs {
  readonly tokens: KubeTokens | undefined
  readonly hostHeaders: HostHeadersFor | undefined
}

function composeAnswerHeaders(base: Base, kept: Kept, { tokens, hostHeaders }: AnswerInputs) {
  const headersOf = composeIdentityHeaders(base, kept.keys, hostHeaders)
  const make: VerifyDependencies['identityHeaders'] = ({ identity, sessionDigest }, request) =>
    headersOf(identity, request, sessionDigest)
  const authorize = composeAuthorization(base, kept, tokens)
  if (authorize === undefined) return make
  return ((authentication, request) =>
    authorize(make(authentication, request), authentication, request)) satisfies VerifyDependencies['identityHeaders']
}

/** Where no host wants such a header, checks do not even ask. */
function composeAuthorization(base: Base, kept: Kept, tokens: KubeTokens | undefined): Authorize | undefined {
  const { clock, config, hostSettings, logger } = base
  const { hosts, kubernetes, headers } = config
  if (hosts.every(({ authorization }) => authorization === undefined)) return undefined
  return createAuthorization({
    wantedOn: domain => hostSettings(domain).authorization,
    assertionName: headers.assertion,
    clusterToken: createRememberedTokens({
      make({ sessionId, login }, cluster, application) {
        // config/checks/hosts-checks.ts has made sure of it.
        if (tokens === undefined || kubernetes === undefined) throw new Error('there are no clusters')
        const audience = audienceOf(kubernetes.url, cluster)
        const sessionEndsAt = kept.endOf(login)
        return tokens.issue({ sessionId, login, audience, userClaim: 'sub', sessionEndsAt, application }).token
      },
      currentKey: kept.keys.current,
      keepMs: (kubernetes?.tokenLifetimeSeconds ?? 0) * 1000 * reusedShare,
      clock,
    }),
    onTooLong: subject =>
      logger.warn({ subject }, 'a token for a cluster does not fit beside the identity headers and was left out'),
  })
}

/** The share of the life of an assertion or a token for which it is given out again; the rest is the application's. */
const reusedShare = 1 / 4

/** Whether this is the first time for a host, as far as a thousand hosts can be told apart. */
function onceFor(): (host: string) => boolean {
  const told = new Set<string>()
  return host => {
    if (told.has(host)) return false
    if (told.size >= 1_000) told.clear()
    told.add(host)
    return true
  }
}

/** Envoy is told to take aliases away (app/fronts/ext-authz.ts), each with a comma. */
const roomForAliases = (names: readonly string[] = []): number => aliasesOf(names).join(',').length

function composeIdentityHeaders(
  { config, clock, metrics, logger, hostSettings }: Base,
  keys: SigningKeys,
  hostHeaders: HostHeadersFor | undefined,
) {
  const { enabled, issuer, lifetimeSeconds } = config.assertion
  const { groupSeparator, ...names } = config.headers
  const [provider, ...others] = config.providers
  const warnFor = onceFor()
  const warnOfClaims = onceFor()
  const make = createIdentityHeaders({
    names,
    groupSeparator,
    sign: enabled ? createAssertionSigner({ keys, issuer, lifetimeSeconds, clock }) : () => '',
    ...(provider !== undefined && others.length === 0 ? { bareIssuer: provider.issuer } : {}),
    ...(hostHeaders && { hostHeaders }),
    extraClaims: createExtraClaims({ wantedOn: domain => hostSettings(domain).assertionClaims, find: findClaim }),
    onClaimsOmitted: (subject, claims, host) => {
      if (warnOfClaims(host))
        logger.warn(
          { host, subject, claims },
          'claims that the host asks for (assertionClaims, claimHeaders) were left out: they do not fit (1 KB together, and less beside many groups), or are no text, number, truth value or list of texts. Said once for a host',
        )
    },
    roomBeside: (domain, assertion) =>
      roomForAuthorization(hostSettings(domain).authorization, assertion) +
      roomForAliases(hostHeaders?.(domain)?.names),
    groupsFor: createGroupsFor(domain => hostSettings(domain).groups),
    onGroupsOmitted: (subject, count, host) => {
      metrics.groupsOmitted()
      if (warnFor(host))
        logger.warn(
          { host, subject, count },
          'groups do not fit into the identity headers and were left out, all of them: name those that the host needs in hosts[].groups. Said once for a host; sallyport_groups_omitted_total counts',
        )
    },
  })
  const keepMs = lifetimeSeconds * 1000 * reusedShare
  return createRememberedHeaders({ make, currentKey: enabled ? keys.current : () => keys, keepMs, clock })
}
