/** The judge of the gateway over a policy that the test writes: no sockets, no sessions, every decision written down. */
import { readImpersonation } from '../../app/kubernetes/gateway/arriving/asked-impersonation.ts'
import type { Admission, GatewayCall, Refusal } from '../../app/kubernetes/gateway/gateway-call.ts'
import { createJudge, type FinishedCall } from '../../app/kubernetes/judge.ts'
import { calledBy } from '../../app/kubernetes/person.ts'
import { parseEmail } from '../../app/login/claims/email.ts'
import type { LoginSession } from '../../app/sessions/login-session.ts'
import type { Authentication, VerifyQuestion, VerifyResult } from '../../app/verify.ts'
import { decide } from '../../rbac/decide.ts'
import type { Identity, User } from '../../rbac/identity.ts'
import type { PolicySnapshot } from '../../rbac/policy.ts'

export interface Written {
  readonly question: VerifyQuestion
  readonly known: Authentication
  readonly decision: VerifyResult['decision']
}

export interface JudgedWorldOptions {
  readonly policy: PolicySnapshot
  readonly person: User
  readonly userClaim?: string
  readonly groupPrefix?: string
}

/** Seconds since the epoch. */
export const now = 1_800_000_000

export function createJudgedWorld(options: JudgedWorldOptions) {
  const { userClaim = 'email', groupPrefix = 'sallyport:' } = options
  let { policy, person } = options
  const written: Written[] = []
  const finished: FinishedCall[] = []
  let stands: ((login: LoginSession) => boolean) | undefined
  const userOf = (identity: Identity): string | undefined => {
    if (identity.kind !== 'user') return undefined
    return { email: identity.email, sub: identity.subject }[userClaim] ?? String(identity.claims[userClaim])
  }
  const login = (): LoginSession => ({ identity: person }) as LoginSession
  const judge = createJudge({
    clusters: new Map([
      ['prod', { groupPrefix, userClaim, userOf, calledBy: user => calledBy(user, userClaim, parseEmail) }],
    ]),
    identify: async () => ({ sessionId: 'secret', sessionDigest: 'digest', login: login() }),
    readHeaders: () => ({ only: () => undefined, any: () => undefined }),
    decide: situation => decide(situation, policy),
    verify(question, known) {
      const { request } = question
      const decision = decide({ request, identity: known.identity, context: { now } }, policy)
      written.push({ question, known, decision })
      return { decision } as VerifyResult
    },
    watch(watched) {
      stands = 'session' in watched ? watched.stands : undefined
      return () => undefined
    },
    onFinished: call => finished.push(call),
    now: () => now,
  })

  /** `headers`: names and values in turn, as kubectl sends them. */
  async function ask(call: string, headers: readonly string[] = []): Promise<Admission | Refusal> {
    const [method = '', target = ''] = call.split(' ')
    const impersonate = readImpersonation(headers)
    if (impersonate !== undefined && 'status' in impersonate) return impersonate
    const asked: GatewayCall = {
      requestId: 'r',
      cluster: 'prod',
      method,
      target,
      host: 'k8s.example.com',
      credentials: { authorization: 'Bearer t' },
      clientAddress: '192.0.2.7',
      peerAddress: '192.0.2.7',
      rawHeaders: headers,
      ...(impersonate !== undefined && { impersonate }),
    }
    return judge(asked)
  }

  return {
    ask,
    written,
    finished,
    /** Whether the last call that was let in may go on. */
    stands: (): boolean | undefined => stands?.(login()),
    change(to: { readonly policy?: PolicySnapshot; readonly person?: User }): void {
      policy = to.policy ?? policy
      person = to.person ?? person
    },
  }
}
