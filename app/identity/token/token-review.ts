/**
 * TokenReview (authentication.k8s.io/v1): the API server says whether a token of a service account still counts, which its keys
 * cannot: the account, or the pod that the token is bound to, may be gone.
 *
 * Threat: a review that answers another question. An API server that knows nothing of audiences answers for its own; so ours has
 * to stand in the answer, `authenticated` has to be `true`, and the account the one that the token names.
 */
import { OperationalError } from '../../errors.ts'
import type { AskedToken, Inquiry } from './inquiry.ts'
import { digestOf, type Questions } from './questions.ts'
import type { Claims } from './read-token.ts'
import { TokenRefused } from './refusal.ts'

export interface TokenReviewOptions {
  /** Of the issuer, for the log. */
  readonly name: string
  readonly countsForMs: number
  /** Posts a TokenReview and gives the text of the answer; rejects when there is none, without a text of the server. */
  readonly post: (body: string) => Promise<string>
  readonly questions: Questions<ReviewStatus>
}

/** `status` of a TokenReview. */
export type ReviewStatus = Readonly<Record<string, unknown>>

export function createTokenReview(options: TokenReviewOptions): Inquiry {
  const { countsForMs, questions } = options
  return {
    countsForMs,
    confirm: async (asked, claims) => {
      const { token, audience, wasGood } = asked
      const key = `${audience} ${digestOf(token)}`
      const status = await questions.ask(key, wasGood ? 'good' : 'signed', () => review(asked, options))
      requireAccount(status, audience, claims)
    },
  }
}

async function review({ token, audience }: AskedToken, { name, post }: TokenReviewOptions): Promise<ReviewStatus> {
  const question = {
    apiVersion: 'authentication.k8s.io/v1',
    kind: 'TokenReview',
    spec: { token, audiences: [audience] },
  }
  let text: string
  try {
    text = await post(JSON.stringify(question))
  } catch (error) {
    throw unavailable(name, error)
  }
  const status = objectIn(parsed(text), 'status')
  if (status === undefined) throw unavailable(name)
  return status
}

/** Threat: the error for what is no JSON, which quotes it. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** Throws `TokenRefused`. */
function requireAccount(status: ReviewStatus, audience: string, claims: Claims): void {
  const { authenticated, audiences } = status
  if (authenticated !== true) throw new TokenRefused('inactive')
  if (!Array.isArray(audiences) || !audiences.includes(audience)) throw new TokenRefused('inactive')
  const user = objectIn(status, 'user')
  const account = objectIn(objectIn(claims, 'kubernetes.io'), 'serviceaccount')
  const isTheSame = user?.username === claims.sub && user?.uid === account?.uid
  if (!isTheSame || !/^system:serviceaccount:[^:]+:[^:]+$/.test(String(user?.username))) {
    throw new TokenRefused('inactive')
  }
}

function objectIn(value: unknown, name: string): Claims | undefined {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined
  const found = (value as Claims)[name]
  return typeof found === 'object' && found !== null && !Array.isArray(found) ? (found as Claims) : undefined
}

const unavailable = (name: string, cause?: unknown): OperationalError =>
  new OperationalError('ERR_ISSUER_UNAVAILABLE', `the API server of ${name} does not say whether the token counts`, {
    cause,
  })
