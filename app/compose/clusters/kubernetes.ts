/** Composition of the gateway to Kubernetes clusters: present where `kubernetes` is configured. */
import type { Config } from '../../../config/config.ts'
import { decide as decideNow } from '../../../rbac/decide.ts'
import type { Decision } from '../../../rbac/decision.ts'
import type { Situation } from '../../../rbac/situation.ts'
import { impersonatedOf, subjectName } from '../../audit/access-event.ts'
import { createVouchedHeaders } from '../../fronts/vouched-headers.ts'
import { audienceOf } from '../../grants/dependencies.ts'
import { type KubeTokens, type KubeTokenVerdict, usernameOf } from '../../grants/kube-tokens.ts'
import { createClusterTokenLogin } from '../../identity/cluster-token.ts'
import { createKubeTokenLogin } from '../../identity/kube-token.ts'
import { createJudge, type FinishedCall, gatewayFront, type JudgeDependencies } from '../../kubernetes/judge.ts'
import { calledBy, type NamesInCluster } from '../../kubernetes/person.ts'
import { parseEmail } from '../../login/claims/email.ts'
import { findClaim } from '../../login/claims/identity-of-claims.ts'
import { createShadowCounter } from '../../policy/shadow-counter.ts'
import type { SessionEndings } from '../../sessions/endings/session-endings.ts'
import {
  type Authentication,
  createVerify,
  type DecidedQuestion,
  type VerifyDependencies,
  type VerifyQuestion,
} from '../../verify.ts'
import { composeAuditGuard } from '../checks.ts'
import type { Base, Kept, Policy } from '../kept.ts'
import type { Login } from '../login.ts'
import { composeOwnIssuer } from '../own-issuer.ts'
import { accessTo } from './cluster-access.ts'
import { composeGateway } from './gateway.ts'
import { composeStanding } from './grants.ts'

interface GatewayParts {
  readonly kept: Kept
  readonly login: Login
  readonly policy: Policy
  readonly tokens: KubeTokens
  readonly endings: Pick<SessionEndings, 'watch'>
  readonly record: (decided: DecidedQuestion) => void
}

/** The word of calls to clusters, in metrics. */
export const callFront = gatewayFront

type Kubernetes = NonNullable<Config['kubernetes']>
type Cluster = Kubernetes['clusters'][number]

/** Throws when a certificate, a key or a token cannot be used. */
export function composeKubernetes(base: Base, kubernetes: Kubernetes, parts: GatewayParts) {
  const { config, logger, audit, metrics } = base
  const { certificatePath: certificate, keyPath: key } = kubernetes.tls
  return composeGateway({
    tls: { certificate, key },
    clusters: kubernetes.clusters.map(cluster => ({ name: cluster.name, access: accessTo(cluster) })),
    judge: composeJudge(base, kubernetes, parts),
    trustedProxies: config.server.trustedProxies,
    logger: logger.child('kubernetes'),
    meter: metrics.gateway,
    onRefused: ({ requestId, why, clientAddress, call }) => {
      const { status, message } = why
      logger[status >= 500 ? 'error' : 'info']({ requestId, cluster: call?.cluster, status, message }, 'call refused')
      if ('isDecided' in why) return
      const code = codes[status] ?? 'ERR_INTERNAL'
      audit.write({ event: 'access.refused', requestId, front: gatewayFront, code, clientAddress })
    },
  })
}

/** Of those refusals that no decision was made for. */
const codes: Readonly<Record<number, string>> = {
  400: 'ERR_REQUEST_MALFORMED',
  401: 'ERR_KUBE_TOKEN_INVALID',
  403: 'ERR_KUBE_CALL_FORBIDDEN',
  404: 'ERR_ENDPOINT_UNKNOWN',
  503: 'ERR_STORE_UNAVAILABLE',
}

function composeJudge(base: Base, { url, clusters }: Kubernetes, parts: GatewayParts) {
  const { clock, logger } = base
  const { kept, login, tokens, endings, policy } = parts
  const onError = (error: unknown): void => logger.error({ err: error }, 'policy evaluation failed')
  const decide = (situation: Situation): Decision => decideNow(situation, policy.current(), onError)
  const standing = composeStanding(base, kept, login)
  return createJudge({
    clusters: new Map(clusters.map(cluster => [cluster.name, namesIn(cluster)])),
    ...withWorkloads(
      base,
      kept,
      createKubeTokenLogin({
        read(token, cluster) {
          const verdict = tokens.verify(token, audienceOf(url, cluster))
          return verdict instanceof Promise ? verdict.then(sessionIn) : sessionIn(verdict)
        },
        standing: sessionId => standing(sessionId, 'person'),
        digest: kept.sessions.digest,
      }),
    ),
    readHeaders: createVouchedHeaders(base.trustedProxies),
    decide,
    verify: composeVerify(base, parts, decide),
    watch: endings.watch,
    onFinished: composeFinished(base),
    now: () => Math.floor(clock.now() / 1000),
  })
}

const sessionIn = (verdict: KubeTokenVerdict): string | undefined => (verdict.isValid ? verdict.sessionId : undefined)

/** Workloads come with tokens of `POST /token`, where there is one; whatever seems to be such a token is asked about as one alone. */
function withWorkloads(
  base: Base,
  kept: Kept,
  person: JudgeDependencies['identify'],
): Pick<JudgeDependencies, 'identify' | 'isOfWorkload'> {
  if (base.config.machines?.exchange === undefined) return { identify: person, isOfWorkload: () => false }
  const own = composeOwnIssuer(base, kept)
  const workloads = createClusterTokenLogin({ own, tokens: kept.exchanged, clock: base.clock })
  return {
    isOfWorkload: token => token !== undefined && workloads.isOurs(token),
    async identify(token, cluster) {
      if (!workloads.isOurs(token)) return person(token, cluster)
      const bearer = await workloads.identify(token, cluster)
      return bearer === undefined ? undefined : { ...bearer, name: subjectName(bearer.workload) }
    },
  }
}

export const namesIn = ({ groupPrefix, userClaim }: Pick<Cluster, 'groupPrefix' | 'userClaim'>): NamesInCluster => ({
  groupPrefix,
  userClaim,
  userOf: identity => (identity.kind === 'user' ? usernameOf(identity, userClaim, findClaim) : undefined),
  calledBy: user => calledBy(user, userClaim, parseEmail),
})

interface KnownQuestion extends VerifyQuestion {
  readonly known?: Authentication
}

/** The use case of the fronts, for somebody who is known already and gets nothing but a yes or a no. */
export function composeVerify(
  base: Base,
  { policy, record }: Pick<GatewayParts, 'policy' | 'record'>,
  decide: (situation: Situation) => Decision,
  consult?: VerifyDependencies['consult'],
) {
  const { metrics, auditFile, clock } = base
  const countShadow = createShadowCounter(metrics.shadowed)
  const verify = createVerify({
    authenticate: (question: KnownQuestion) => {
      const { known } = question
      if (known === undefined) throw new Error('a call is judged before it is known whose it is')
      return known
    },
    ...(consult !== undefined && { consult }),
    decide,
    identityHeaders: () => [],
    upstreamCookie: () => '',
    challenge: () => ({ loginUrl: '' }),
    clearCookie: () => '',
    requireAudit: composeAuditGuard(base),
    audit: auditFile.writeAccess,
    record,
    onDecision: (front, decision, durationMicroseconds) => {
      countShadow(policy.current(), decision)
      metrics.decided(front, decision, durationMicroseconds)
    },
    now: clock.now,
  })
  return (question: VerifyQuestion, known: Authentication) => {
    countShadow(policy.current(), { shadow: question.kubernetes?.shadow })
    const asked: KnownQuestion = { ...question, known }
    return verify(asked)
  }
}

function composeFinished({ audit }: Base) {
  return (call: FinishedCall): void => {
    const { requestId, clientAddress, identity, sessionDigest, credential, request, kubernetes, impersonation } = call
    if (identity.kind === 'anonymous') return
    const { status, bytesReceived, bytesSent, durationMs, ending, why } = call
    audit.write({
      event: 'call.finished',
      requestId,
      clientAddress,
      subject: identity.subject,
      session: sessionDigest,
      ...(identity.kind === 'machine' && { machine: subjectName(identity) }),
      ...credential,
      domain: request.domain,
      resource: request.resource,
      action: request.action,
      kubernetes,
      status,
      bytesReceived,
      bytesSent,
      durationMilliseconds: Math.round(durationMs),
      ending,
      ...(why !== undefined && { why }),
      ...(impersonation !== undefined && impersonatedOf(impersonation)),
    })
  }
}
