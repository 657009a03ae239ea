/**
 * Whether a call to a cluster may pass, and as whom it is made there.
 *
 * Threat: a call that was judged once goes on for hours: a shell, a watch. So whoever carries it is told when it may not go
 * on: the session has ended, its provider describes the person otherwise, or the policy in force says no by now.
 */
import { isDeepStrictEqual } from 'node:util'
import type { Context } from '../../rbac/context.ts'
import type { Decision } from '../../rbac/decision.ts'
import { headersForConditions } from '../../rbac/header-names.ts'
import type { Identity, Machine, User } from '../../rbac/identity.ts'
import { type AuditedKubernetesCall, factsOfCall, furtherDecisions } from '../../rbac/kubernetes/call-facts.ts'
import { findDenied, judgeKubernetes, type KubernetesJudgement } from '../../rbac/kubernetes/judge.ts'
import { type KubernetesQuestion, type KubernetesQuestions, questionsOf } from '../../rbac/kubernetes/questions.ts'
import { type RawKubernetesCall, readKubernetesRequest } from '../../rbac/kubernetes/request.ts'
import type { AccessRequest } from '../../rbac/request/access-request.ts'
import type { Situation } from '../../rbac/situation.ts'
import type { CredentialFacts, ImpersonationFacts } from '../audit/access-event.ts'
import type { EndReason, Watched } from '../sessions/endings/watched.ts'
import type { LoginSession } from '../sessions/login-session.ts'
import type { ValueOrPromise } from '../sessions/record-store.ts'
import type { Authentication, Credentials, VerifyQuestion, VerifyResult } from '../verify.ts'
import type { GatewayCall, Judge, Outcome, Refusal, Subject } from './gateway/gateway-call.ts'
import { createOwnNames, NamelessError, type NamesInCluster } from './person.ts'
import { describeRefusal } from './refusal-text.ts'
import { type SomebodyElse, somebodyElse } from './somebody-else.ts'
import { anotherToken, endingsOfToken, type KnownWorkload, watchedToken, workloadInCluster } from './workload.ts'

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
  readonly identify: (token: string, cluster: string) => ValueOrPromise<KnownPerson | KnownWorkload | undefined>
  /** Whether a token seems to be one of a workload: says what is advised, and nothing more. Absent: none is. */
  readonly isOfWorkload?: (token: string | undefined) => boolean
  /** Headers as conditions of the policy read them. */
  readonly readHeaders: (sent: Pick<GatewayCall, 'rawHeaders' | 'peerAddress'>) => Credentials['headers']
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
  /** Of a person's. */
  readonly sessionDigest?: string
  /** Of a workload's. */
  readonly credential?: CredentialFacts
  readonly request: AccessRequest
  /** Whom the person asked to be judged as. */
  readonly impersonation?: ImpersonationFacts
  readonly kubernetes: AuditedKubernetesCall
}

/** Label of metrics and audit events. */
export const gatewayFront = 'kubernetes'

export function createJudge(dependencies: JudgeDependencies): Judge {
  const { clusters, identify, isOfWorkload = () => false, readHeaders, verify, watch, onFinished } = dependencies
  const callerOf = createCallers()
  return async call => {
    const names = clusters.get(call.cluster)
    // Threat: strangers find out which clusters there are. A token is for one cluster, and none is for a cluster that is not there.
    const known = names === undefined ? undefined : await knownBy(call, identify)
    if (names === undefined || known === undefined) return isOfWorkload(tokenOf(call)) ? noWorkload : nobody
    const request = readKubernetesRequest(rawOf(call))
    if (request.kind === 'refused') return refusal(400, 'BadRequest', request.message)
    const caller = callerOf(known, names, call.impersonate)
    if ('status' in caller) return caller
    const headers = readHeaders(call)
    const asked = { questions: questionsOf(request), domain: `kube:${call.cluster}`, headers, call }
    const verdict = judge(caller, asked, dependencies)
    const kubernetes = Object.freeze({ ...factsOfCall(request, call.cluster), ...furtherDecisions(verdict) })
    const refused = await refusedBy(verdict, { caller, asked, kubernetes }, verify)
    if (refused !== undefined) return refused
    const isAllowed = (again: Caller | Refusal): boolean =>
      !('status' in again) &&
      judge(again, asked, dependencies).decision.effect === 'allow' &&
      isDeepStrictEqual(again.sent, caller.sent)
    const watched = (): Watched => {
      if (!('login' in known)) return watchedToken(known, () => isAllowed(caller))
      const stands = (login: LoginSession) => isAllowed(callerOf({ ...known, login }, names, call.impersonate))
      return { session: known.sessionId, stands }
    }
    const { requestId, clientAddress } = call
    return {
      impersonate: caller.sent,
      target: request.target,
      // Most calls are over before anybody watches.
      onEnd: cut => watch(watched(), why => cut(('login' in known ? endings : endingsOfToken)[why])),
      finished: outcome =>
        onFinished({
          ...outcome,
          requestId,
          clientAddress,
          request: requestFor(verdict.question, asked.domain),
          kubernetes,
          identity: caller.person,
          ...caller.by,
          ...writtenOf(caller),
        }),
    }
  }
}

const refusal = (status: number, reason: string, message: string, advice?: string): Refusal => ({
  status,
  reason,
  message,
  ...(advice !== undefined && { advice }),
})

const loginAgain = 'run: sallyport kube login'

/** No identity, no call: what the policy allows anybody is meant for people in front of pages. */
const nobody = refusal(401, 'Unauthorized', 'no token of a session that stands came along', loginAgain)

/** The same for whoever came with what seems to be a token of `POST /token`: nobody sits there who could log in. */
const noWorkload = refusal(401, 'Unauthorized', 'the token does not count at this cluster, or no longer', anotherToken)

const endings: Readonly<Record<EndReason, Refusal>> = {
  ended: refusal(401, 'Unauthorized', 'your session has ended', loginAgain),
  expired: refusal(401, 'Unauthorized', 'your session is over', loginAgain),
  withdrawn: refusal(403, 'Forbidden', 'you may not do this any more: your groups, or the policy, have changed'),
  unknown: refusal(503, 'ServiceUnavailable', 'whether your session still stands cannot be told', 'try again'),
}

const tokenOf = ({ credentials }: Pick<GatewayCall, 'credentials'>): string | undefined =>
  /^bearer +([^\s]+)$/i.exec(credentials.authorization ?? '')?.[1]

/** Threat: a cookie that a browser adds by itself. Only a token that a program shows is looked at. */
async function knownBy(
  { credentials, cluster }: GatewayCall,
  identify: JudgeDependencies['identify'],
): Promise<KnownPerson | KnownWorkload | undefined> {
  const token = tokenOf({ credentials })
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

/** Who calls, and as whom the API server is asked. */
interface Caller {
  readonly person: User | Machine
  /** What said so, for what is written down. */
  readonly by: Pick<Authentication, 'sessionDigest' | 'credential'>
  readonly sent: Subject
  /** Whom they ask to be judged as. */
  readonly other?: SomebodyElse
}

type CallerOf = (known: KnownPerson | KnownWorkload, names: NamesInCluster, asked?: Subject) => Caller | Refusal

function createCallers(): CallerOf {
  const ownNamesOf = createOwnNames()
  const callerOf: (...of: Parameters<CallerOf>) => Caller = (known, names, asked) => {
    if ('workload' in known) {
      // Threat: rows that deny a workload would have to hold for whoever it asks to be.
      if (asked !== undefined) throw new NamelessError('a workload is judged as itself, and as nobody else')
      return { person: known.workload, by: { credential: known.credential }, sent: workloadInCluster(known) }
    }
    const { sessionDigest, login } = known
    const { identity } = login
    const own = ownNamesOf(identity, sessionDigest, names)
    const person = { person: identity, by: { sessionDigest } }
    if (asked === undefined) return { ...person, sent: own }
    const other = somebodyElse(asked, identity, own, names)
    return { ...person, sent: other.sent, other }
  }
  return (...of) => {
    try {
      return callerOf(...of)
    } catch (error) {
      if (error instanceof NamelessError) return refusal(403, 'Forbidden', error.message)
      throw error
    }
  }
}

/** What is written down of whom somebody asks to be judged as. */
const writtenOf = ({ person, other, sent: { user, groups } }: Caller) =>
  other === undefined ? {} : { impersonation: { by: person, user, groups } }

interface Asked {
  readonly questions: KubernetesQuestions
  readonly domain: string
  readonly headers: Credentials['headers']
  readonly call: Pick<GatewayCall, 'requestId' | 'clientAddress'>
}

interface Verdict extends KubernetesJudgement {
  /** Whom the policy was asked about. */
  readonly identity: User | Machine
}

/**
 * Threat: somebody to whom a row denies something does it under another name. Who asks to be judged as somebody else has to
 * be allowed each of the names, and what a row denies them stays denied; the rest is up to whom they ask to be.
 */
function judge(
  { person, other }: Caller,
  { questions, domain, headers, call: { clientAddress } }: Asked,
  { decide, now }: Pick<JudgeDependencies, 'decide' | 'now'>,
): Verdict {
  // Threat: kubectl speaks to us itself, and writes what a row would believe. Of who is no trusted proxy no header is known.
  const header = headers.areVouchedFor === false ? undefined : headersForConditions(headers)
  const context: Context = { now: now(), header, clientAddress }
  const askAbout = (identity: User | Machine) => (question: KubernetesQuestion) =>
    decide({ request: requestFor(question, domain), identity, context })
  if (other === undefined) return { identity: person, ...judgeKubernetes(questions, askAbout(person)) }
  const lent = judgeKubernetes(other.questions, askAbout(person))
  const refused = lent.decision.effect === 'allow' ? findDenied(questions, askAbout(person)) : lent
  if (refused !== undefined) return { identity: person, ...refused }
  return { identity: other.identity, ...judgeKubernetes(questions, askAbout(other.identity)) }
}

const requestFor = ({ action, resource }: KubernetesQuestion, domain: string): AccessRequest => ({
  domain,
  resource,
  action,
  url: `${domain}${resource}`,
})

interface Judged {
  readonly caller: Caller
  readonly asked: Asked
  readonly kubernetes: AuditedKubernetesCall
}

/**
 * The question that was found to be the one that counts is decided once more, where it is written down; before it, each
 * name that the person may be judged as.
 */
async function refusedBy(
  { question, decision: first, identity }: Verdict,
  { caller, asked, kubernetes }: Judged,
  verify: JudgeDependencies['verify'],
): Promise<DecidedRefusal | undefined> {
  const { person, other } = caller
  const decideAndWrite = async (about: KubernetesQuestion, whom: User | Machine): Promise<Decision> => {
    const known: Authentication = { identity: whom, ...caller.by, clearCookie: false, ...writtenOf(caller) }
    const { call, domain, headers } = asked
    const { requestId, clientAddress } = call
    const request = requestFor(about, domain)
    const facts = { requestId, clientAddress, request, kubernetes, front: gatewayFront, cookie: '', headers }
    return (await verify({ ...facts, isInteractive: false, isUpgrade: false }, known)).decision
  }
  for (const name of identity === person ? [] : (other?.questions ?? [])) {
    const decision = await decideAndWrite(name, person)
    if (decision.effect !== 'allow') return decided(describeRefusal(person, name, decision))
  }
  const decision = await decideAndWrite(question, identity)
  // Another policy may have come into force in between: then both have to let it pass.
  if (first.effect === 'allow' && decision.effect === 'allow') return undefined
  const refused = decision.effect === 'allow' ? first : decision
  if (identity !== person) return decided(describeRefusal(person, question, refused, caller.sent.user))
  const isOwn = other !== undefined && question.action !== 'impersonate'
  return decided(describeRefusal(person, question, refused), isOwn ? 'nobody is freed of it by --as' : undefined)
}

const decided = (message: string, advice?: string): DecidedRefusal => ({
  ...refusal(403, 'Forbidden', message, advice),
  isDecided: true,
})
