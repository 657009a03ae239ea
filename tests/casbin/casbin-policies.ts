/** Policies of Casbin's own examples, and questions to them. */
import { readFileSync } from 'node:fs'
import type { CasbinTexts } from '../../rbac/casbin/sources.ts'
import { decide } from '../../rbac/decide.ts'
import { anonymous, type Identity, type User } from '../../rbac/identity.ts'
import { compilePolicy, type PolicySnapshot } from '../../rbac/policy.ts'
import { model } from '../decisions/policies.ts'

const examples = new URL('../../node_modules/casbin/examples/', import.meta.url)

export const example = (name: string): string => readFileSync(new URL(name, examples), 'utf8')

export const host = 'app.example.com'

/** `r.sub` is the plain name of the person, as stock rows have it, and groups have a prefix. */
export const plainNames = ['{sub}', 'email:{email}', 'group:{group}', 'authenticated', 'anyone']

export interface CasbinCase extends Pick<CasbinTexts, 'domains' | 'isSorted'> {
  /** Default `plainNames`; `undefined`: those of the built-in language. */
  readonly subjects?: readonly string[] | undefined
  /** Rows of the built-in language beside it. */
  readonly rows?: string
  readonly providers?: readonly string[]
}

export function compileCase(
  conf: string,
  csv: string,
  { rows = '', providers, ...given }: CasbinCase = {},
): Promise<PolicySnapshot> {
  const { subjects, ...own } = { subjects: plainNames, ...given }
  return compilePolicy({
    model,
    files: [{ name: 'own.csv', text: rows }],
    casbin: {
      model: { name: 'casbin/model.conf', text: conf },
      files: [{ name: 'casbin/policy.csv', text: csv }],
      ...(subjects === undefined ? {} : { subjects }),
      ...own,
    },
    ...(providers === undefined ? {} : { providers }),
  })
}

export const person = (sub: string, more: Partial<User> = {}): User => ({
  kind: 'user',
  subject: `https://idp.example#${sub}`,
  provider: 'corp',
  groups: [],
  claims: {},
  ...more,
})

/** `GET https://host/path`, or with the host of the examples `GET /path`. */
export function ask(policy: PolicySnapshot, identity: Identity | string, question: string) {
  const [action = '', where = ''] = question.split(' ')
  const url = where.startsWith('/') ? `https://${host}${where}` : where
  const { hostname: domain } = new URL(url)
  const resource = url.slice(url.indexOf(domain) + domain.length)
  const who = typeof identity === 'string' ? person(identity) : identity
  const errors: unknown[] = []
  const decision = decide(
    { request: { domain, resource, action, url }, identity: who, context: { now: 1_800_000_000 } },
    policy,
    error => errors.push(error),
  )
  const rule = 'rule' in decision ? decision.rule : undefined
  const reason = decision.effect === 'allow' ? undefined : decision.reason
  return { effect: decision.effect, rule, reason, errors }
}

export { anonymous }
