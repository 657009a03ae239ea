/** Composition of what clusters are told of people that judge calls by themselves and trust our tokens. */

import { readFile } from 'node:fs/promises'
import type { DirectCluster } from '../../../config/to-kubernetes.ts'
import { decide as decideNow } from '../../../rbac/decide.ts'
import type { Decision } from '../../../rbac/decision.ts'
import { tokenQuestion } from '../../../rbac/kubernetes/token-question.ts'
import type { Situation } from '../../../rbac/situation.ts'
import { createVouchedHeaders, type SentHeaders } from '../../fronts/vouched-headers.ts'
import { type Admission, type AskingForToken, directAudienceOf, type KnownCluster } from '../../grants/dependencies.ts'
import { fitInToken } from '../../grants/kube-tokens.ts'
import { gatewayFront } from '../../kubernetes/judge.ts'
import { type Impersonation, impersonationOf, NamelessError } from '../../kubernetes/person.ts'
import { describeRefusal } from '../../kubernetes/refusal-text.ts'
import type { Credentials, DecidedQuestion } from '../../verify.ts'
import type { Base, Policy } from '../kept.ts'
import { composeVerify, namesIn } from './kubernetes.ts'

interface DirectParts {
  readonly policy: Policy
  readonly record: (decided: DecidedQuestion) => void
}

export function composeDirectClusters(base: Base, parts: DirectParts): readonly KnownCluster[] {
  const { config, logger } = base
  const onError = (error: unknown): void => logger.error({ err: error }, 'policy evaluation failed')
  const decide = (situation: Situation): Decision => decideNow(situation, parts.policy.current(), onError)
  const asks: Asks = {
    verify: composeVerify(base, parts, decide),
    headersOf: createVouchedHeaders(base.trustedProxies),
  }
  return (config.directClusters?.clusters ?? []).map(cluster => ({
    name: cluster.name,
    userClaim: cluster.userClaim,
    server: cluster.server,
    audience: directAudienceOf(config.server.url, cluster.name),
    direct: {
      certificateAuthority: async () => (cluster.caPath === undefined ? undefined : readFile(cluster.caPath, 'utf8')),
      admit: asking => admit(asking, cluster, asks),
    },
  }))
}

interface Asks {
  readonly verify: ReturnType<typeof composeVerify>
  readonly headersOf: (sent: SentHeaders) => Credentials['headers']
}

/** The policy first, so that a stranger to it learns nothing of names. */
async function admit(
  { login: { identity }, sessionDigest, requestId, clientAddress, ...sent }: AskingForToken,
  cluster: DirectCluster,
  { verify, headersOf }: Asks,
): Promise<Admission> {
  const domain = `kube:${cluster.name}`
  const { action, resource } = tokenQuestion
  const { decision } = await verify(
    {
      front: gatewayFront,
      requestId,
      clientAddress,
      request: { domain, resource, action, url: `${domain}${resource}` },
      cookie: '',
      headers: headersOf(sent),
      isInteractive: false,
      isUpgrade: false,
    },
    { identity, sessionDigest, clearCookie: false },
  )
  if (decision.effect !== 'allow') {
    const sentence = `no token for the cluster ${cluster.name}: ${describeRefusal(identity, tokenQuestion, decision)}`
    return { reason: 'policy', sentence }
  }
  return named(() => impersonationOf(identity, sessionDigest, namesIn(cluster)), identity.groups)
}

/** Threat: `system:masters` among the groups of a provider; with an empty prefix, or one that was left out over there, it counts. */
function named(nameIn: () => Impersonation, groups: readonly string[]): Admission {
  const claimed = groups.find(group => /^system:/i.test(group))
  if (claimed !== undefined) {
    return { reason: 'name', sentence: `names that begin with system: are the cluster's own: ${claimed}` }
  }
  try {
    const { user, groups: prefixed } = nameIn()
    if (fitInToken(prefixed)) return { names: { user, groups: prefixed } }
    return { reason: 'name', sentence: 'you are in more groups than a token holds' }
  } catch (error) {
    if (error instanceof NamelessError) return { reason: 'name', sentence: error.message }
    throw error
  }
}
