/**
 * Answers of a Casbin model that somebody brought, kept with whom they are about: its enforcer looks at every row of a host,
 * and reads nothing but policy, identity, host, path and method.
 *
 * Threat: the answer about somebody who has changed since, or whose names are supposed for a moment. So only what is
 * frozen is kept, and nothing of whom not every name is told. Threat: ever new paths fill the memory.
 */
import type { CasbinPolicy } from '../casbin/sources.ts'
import type { Identity } from '../identity.ts'
import { isFixed } from './known-names.ts'

type Decide = CasbinPolicy['decide']
type Answer = ReturnType<Decide>

export interface KeptAnswersOptions {
  /** Default 8 MiB. */
  readonly maxBytes?: number
}

/** Bytes of an entry beside its key. */
const entryBytes = 400

/** Of one policy: each has its own. */
export function keepAnswers(decide: Decide, { maxBytes = 8 * 1_024 * 1_024 }: KeptAnswersOptions = {}): Decide {
  let known = new WeakMap<Identity, Map<string, Answer>>()
  let bytes = 0
  const keep = (identity: Identity, key: string, answer: Answer): void => {
    bytes += entryBytes + 2 * key.length
    if (bytes > maxBytes) {
      known = new WeakMap()
      bytes = 0
    }
    const answers = known.get(identity) ?? new Map<string, Answer>()
    known.set(identity, answers.set(key, answer))
  }
  return question => {
    const { request, identity } = question
    if (!isFixed(identity) || 'untold' in identity) return decide(question)
    const { domain, action, resource } = request
    // Lengths first: no two questions have one key.
    const key = `${domain.length}:${domain}${action.length}:${action}${resource}`
    const kept = known.get(identity)?.get(key)
    if (kept !== undefined) return kept
    const answer = decide(question)
    keep(identity, key, answer)
    return answer
  }
}
