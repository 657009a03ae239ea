/**
 * Whether a call to a cluster may pass, and as whom it is made there.
 *
 * Threat: a call that was judged once goes on for hours: a shell, a watch. So whoever carries it is told when it may not go
 * on: the session has ended, its provider describes the person otherwise, or the policy in force says no by now.
 */
import { isDeepStrictEqual } from 'node:util'
import type { Context } from '../../rbac/context.ts'
import type { Decision } from '../../rbac/decision.ts'
import type { Identity } from '../../rbac/identity.ts'
import { judgeKubernetes, type KubernetesJudgement } from '../../rbac/kubernetes/judge.ts'
import { type KubernetesQuestion, type KubernetesQuestions, questionsOf } from '../../rbac/kubernetes/questions.ts'
import { type RawKubernetesCall, readKubernetesRequest } from '../../rbac/kubernetes/request.ts'
import type { AccessRequest } from '../../rbac/request/access-request.ts'
import type { Situation } from '../../rbac/situation.ts'
import type { EndReason, Watched } from '../sessions/endings/watched.ts'
import type { LoginSession } from '../sessions/login-session.ts'
import type { Authentication, Credentials, VerifyQuestion, VerifyResult } from '../verify.ts'
import type { GatewayCall, Judge, Outcome, Refusal } from './gateway/gateway-call.ts'
import { type Impersonation, impersonationOf, NamelessError, type NamesInCluster } from './person.ts'
import { describeRefusal } from './refusal-text.ts'

/** Who is known by a token, and by which session: a call is judged again by it for as long as it lasts. */
export interface KnownPerson {
  readonly sessionId: string
  readonly sessionDigest: string
  readonly login: LoginSession
}

export interface JudgeDependencies {
  /** By the name that addresses have. */
  readonly clusters: ReadonlyMap<string, NamesInCluster>
  /** `undefined` for a token that is worth nothing here, or whose session does not stand. Rejects when it cannot tell. */
  readonly identify: (token: string, cluster: string) => Promise<KnownPerson | undefined>
  /** Headers as conditions of the policy read them. */
  readonly readHeaders: (rawHeaders: readonly string[]) => Credentials['headers']
  /** The policy in force; it never throws. */
  readonly decide: (situation: Situation) => Decision
  /** The one use case, for the question that the call stands or falls with: decides, writes audit event and metric. */
  readonly verify: (question: VerifyQuestion, known: Authentication) => VerifyResult | Promise<VerifyResult>
  readonly watch: (watched: Watched, onEnd: (why: EndReason) => void) => () => void
  readonly onFinished: (call: FinishedCall) => void
  /** Seconds since the epoch. */
  readonly now: () => number
}

/** The policy's own: written down where it was decided. */
export interface DecidedRefusal extends Refusal {
  readonly isDecided: true
}

/** A call that was let in, when it is over. */
export interface FinishedCall extends Outcome {
  readonly requestId: string
  readonly clientAddress: string
  readonly identity: Identity
  readonly sessionDigest: string
  readonly request: AccessRequest
}

/** Label of metrics and audit events. */
export const gatewayFront = 'kubernetes'

export function createJudge(dependencies: JudgeDependencies): Judge {
  const { clusters, identify, readHeaders, verify, watch, onFinished } = dependencies
  return async call => {
    const names = clusters.get(call.cluster)
    // Threat: strangers find out which clusters there are. A token is for one cluster, and none is for a cluster that is not there.
    const known = names === undefined ? undefined : await knownBy(call, identify)
    if (names === undefined || known === undefined) return nobody
    // Threat: somebody who may do little is taken for whom they ask to be. Nobody asks the policy for this yet.
    if (call.impersonate !== undefined) return refusal(403, 'Forbidden', 'this gateway takes no --as')
    const request = readKubernetesRequest(rawOf(call))
    if (request.kind === 'refused') return refusal(400, 'BadRequest', request.message)
    const { identity } = known.login
    const person = personOf(identity, known.sessionDigest, names)
    if ('status' in person) return person
    const headers = readHeaders(call.rawHeaders)
    const asked = { questions: questionsOf(request), domain: `kube:${call.cluster}`, headers, call }
    const judgement = judge(identity, asked, dependencies)
    const refused = await refusedBy(judgement, known, asked, verify)
    if (refused !== undefined) return refused
    const stands = ({ identity: now }: LoginSession): boolean =>
      judge(now, asked, dependencies).decision.effect === 'allow' &&
      isDeepStrictEqual(personOf(now, known.sessionDigest, names), person)
    return {
      impersonate: person,
      target: request.target,
      onEnd: cut => watch({ session: known.sessionId, stands }, why => cut(endings[why])),
      finished: outcome =>
        onFinished({ ...outcome, ...factsOf(asked, judgement.question), identity, ...digestOf(known) }),
    }
  }
}

const digestOf = ({ sessionDigest }: KnownPerson) => ({ sessionDigest })

const refusal = (status: number, reason: string, message: string, advice?: string): Refusal => ({
  status,
  reason,
  message,
  ...(advice !== undefined && { advice }),
})

const loginAgain = 'run: sallyport kube login'

/** No identity, no call: what the policy allows anybody is meant for people in front of pages. */
const nobody = refusal(401, 'Unauthorized', 'no token of a session that stands came along', loginAgain)

const endings: Readonly<Record<EndReason, Refusal>> = {
  ended: refusal(401, 'Unauthorized', 'your session has ended', loginAgain),
  expired: refusal(401, 'Unauthorized', 'your session is over', loginAgain),
  withdrawn: refusal(403, 'Forbidden', 'you may not do this any more: your groups, or the policy, have changed'),
  unknown: refusal(503, 'ServiceUnavailable', 'whether your session still stands cannot be told', 'try again'),
}

/** Threat: a cookie that a browser adds by itself. Only a token that a program shows is looked at. */
async function knownBy(
  { credentials, cluster }: GatewayCall,
  identify: JudgeDependencies['identify'],
): Promise<KnownPerson | undefined> {
  const token = /^bearer +([^\s]+)$/i.exec(credentials.authorization ?? '')?.[1]
  return token === undefined || credentials.cookie !== undefined ? undefined : identify(token, cluster)
}

/** As the API server will be sent it. */
const rawOf = ({ method, target, upgrade, rawHeaders }: GatewayCall): RawKubernetesCall => ({
  method,
  target,
  upgrades: upgrade === undefined ? [] : [upgrade === 'spdy' ? 'SPDY/3.1' : 'websocket'],
  contentTypes: valuesOf(rawHeaders, 'content-type'),
})

const valuesOf = (rawHeaders: readonly string[], name: string): readonly string[] =>
  rawHeaders.filter((_, place) => place % 2 === 1 && rawHeaders[place - 1]?.toLowerCase() === name)

function personOf(identity: Identity, session: string, names: NamesInCluster): Impersonation | Refusal {
  try {
    return impersonationOf(identity, session, names)
  } catch (error) {
    if (error instanceof NamelessError) return refusal(403, 'Forbidden', error.message)
    throw error
  }
}

interface Asked {
  readonly questions: KubernetesQuestions
  readonly domain: string
  readonly headers: Credentials['headers']
  readonly call: Pick<GatewayCall, 'requestId' | 'clientAddress'>
}

function judge(
  identity: Identity,
  { questions, domain, headers, call: { clientAddress } }: Asked,
  { decide, now }: Pick<JudgeDependencies, 'decide' | 'now'>,
): KubernetesJudgement {
  const context: Context = { now: now(), header: name => headers.any(name), clientAddress }
  return judgeKubernetes(questions, question => decide({ request: requestFor(question, domain), identity, context }))
}

const requestFor = ({ action, resource }: KubernetesQuestion, domain: string): AccessRequest => ({
  domain,
  resource,
  action,
  url: `${domain}${resource}`,
})

const factsOf = ({ call, domain }: Asked, question: KubernetesQuestion) => ({
  requestId: call.requestId,
  clientAddress: call.clientAddress,
  request: requestFor(question, domain),
})

/** The question that was found to be the one that counts is decided once more, where it is written down. */
async function refusedBy(
  { question, decision: first }: KubernetesJudgement,
  { login: { identity }, sessionDigest }: KnownPerson,
  asked: Asked,
  verify: JudgeDependencies['verify'],
): Promise<DecidedRefusal | undefined> {
  const known: Authentication = { identity, sessionDigest, clearCookie: false }
  const { headers } = asked
  const facts = { ...factsOf(asked, question), front: gatewayFront, cookie: '', headers, isInteractive: false }
  const { decision } = await verify(facts, known)
  // Another policy may have come into force in between: then both have to let it pass.
  if (first.effect === 'allow' && decision.effect === 'allow') return undefined
  const refused = decision.effect === 'allow' ? first : decision
  return { ...refusal(403, 'Forbidden', describeRefusal(identity, question, refused)), isDecided: true }
}
