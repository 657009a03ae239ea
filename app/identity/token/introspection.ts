/**
 * Token introspection (RFC 7662): an OpenID provider says what one of its tokens stands for, or whether it still counts.
 *
 * Threat: an answer that is not clearly a yes. Only `active: true` is one; everything that is no answer is an error, never a no
 * that could be remembered and never a yes.
 */
import { isDeepStrictEqual } from 'node:util'
import { OperationalError } from '../../errors.ts'
import type { AskedToken, Inquiry } from './inquiry.ts'
import { digestOf, type Questions, type Standing } from './questions.ts'
import type { Claims } from './read-token.ts'
import { TokenRefused } from './refusal.ts'

export interface IntrospectionOptions {
  /** Of the issuer, for the log. */
  readonly name: string
  readonly countsForMs: number
  /** Whether JWTs are asked about as well. */
  readonly alsoJwts: boolean
  /**
   * Whether a token whose answer names a client and no `sub` is that client's own. Threat: a provider that leaves `sub` out for
   * people.
   */
  readonly clientsWithoutSubject: boolean
  /** The answer of the provider, any JSON object; rejects when there is none, without a text of the provider. */
  readonly call: (token: string) => Promise<unknown>
  readonly questions: Questions<Claims>
}

export function createIntrospection(options: IntrospectionOptions): Inquiry {
  const { countsForMs, alsoJwts, questions } = options
  const active = ({ token, wasGood }: AskedToken, otherwise: Standing): Promise<Claims> =>
    questions.ask(digestOf(token), wasGood ? 'good' : otherwise, () => askOnce(token, options))
  return {
    countsForMs,
    describe: async asked => withSubject(await active(asked, 'stranger'), options),
    ...(alsoJwts && {
      confirm: async (asked, claims) => {
        const { sub, cnf } = await active(asked, 'signed')
        // Another token than the one whose signature was right.
        if (sub !== undefined && sub !== claims.sub) throw new TokenRefused('inactive')
        // Threat: a token that is bound by what its issuer knows of it, and not by what it says.
        if (cnf !== undefined && !isDeepStrictEqual(cnf, claims.cnf)) throw new TokenRefused('bound')
      },
    }),
  }
}

/** Claims of an active token; rejects with `TokenRefused` for any other. */
async function askOnce(token: string, { name, call }: IntrospectionOptions): Promise<Claims> {
  let answer: unknown
  try {
    answer = await call(token)
  } catch (error) {
    throw unavailable(name, error)
  }
  if (typeof answer !== 'object' || answer === null || Array.isArray(answer)) throw unavailable(name)
  const claims = answer as Claims
  if (claims.active === false) throw new TokenRefused('inactive')
  if (claims.active !== true) throw unavailable(name)
  return claims
}

function withSubject(claims: Claims, { clientsWithoutSubject }: IntrospectionOptions): Claims {
  if (claims.sub !== undefined || !clientsWithoutSubject || Object.hasOwn(claims, 'username')) return claims
  return { ...claims, sub: claims.client_id }
}

const unavailable = (name: string, cause?: unknown): OperationalError =>
  new OperationalError('ERR_ISSUER_UNAVAILABLE', `the issuer ${name} does not say whether the token counts`, { cause })
