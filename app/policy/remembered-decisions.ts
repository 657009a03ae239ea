/**
 * Remembers decisions that hang on nothing but policy, identity, domain, path and method.
 *
 * Threat: a decision that is remembered for longer than it is true. So whatever reads the clock, the address, a header
 * or the certificate is decided anew each time, and whether a decision did is seen by watching it, not by a list that
 * somebody has to keep: what a condition does not look at cannot have mattered to it.
 */
import { LRUCache } from 'lru-cache'
import { type decide, decideWatched, type OnError } from '../../rbac/decide.ts'
import type { Decision } from '../../rbac/decision.ts'
import type { Identity } from '../../rbac/identity.ts'
import type { PolicySnapshot } from '../../rbac/policy.ts'
import type { Situation } from '../../rbac/situation.ts'
import { createNumbering } from '../numbering.ts'

export interface RememberedDecisionsOptions {
  /** How much may be remembered, in bytes; the longest unused is forgotten first. Default 16 MiB. */
  readonly maxBytes?: number
}

/** What an entry takes beside its key: the decision, and the cache's own book-keeping. */
const entryBytes = 400

/** Gives the very decisions of `decide`. Identities, and lists of who acts, are known by reference, so they must not be changed. */
export function createRememberedDecisions({
  maxBytes = 16 * 1_024 * 1_024,
}: RememberedDecisionsOptions = {}): typeof decide {
  const numberOf = createNumbering<Identity>()
  const numberOfActors = createNumbering<NonNullable<Situation['actors']>>()
  const known = new LRUCache<string, Decision>({
    maxSize: maxBytes,
    sizeCalculation: (_, key) => key.length + entryBytes,
  })
  let knownOf: PolicySnapshot | undefined

  function decideAnew(
    key: string,
    situation: Situation,
    policy: PolicySnapshot,
    onError: OnError | undefined,
  ): Decision {
    const { decision, usesContext } = decideWatched(situation, policy, onError)
    const isFailure = decision.effect === 'deny' && decision.reason === 'evaluation-failed'
    if (!usesContext && !isFailure) known.set(key, freeze(decision))
    return decision
  }

  return (situation, policy, onError) => {
    // With a clock that shows no time nothing is decided, remembered or not.
    if (!Number.isFinite(situation.context.now)) return decideWatched(situation, policy, onError).decision
    if (policy !== knownOf) {
      known.clear()
      knownOf = policy
    }
    const { identity, actors } = situation
    const { domain, action, resource } = situation.request
    // Threat: what is remembered of somebody alone, given to whoever acts for them.
    const who = actors === undefined ? numberOf(identity) : `${numberOf(identity)}/${numberOfActors(actors)}`
    // Lengths first: no two questions have one key.
    const key = `${who} ${domain.length}:${domain}${action.length}:${action}${resource}`
    return known.get(key) ?? decideAnew(key, situation, policy, onError)
  }
}

/** Everybody gets the same object from now on. */
function freeze(decision: Decision): Decision {
  if (decision.shadow !== undefined) Object.freeze(decision.shadow)
  if (decision.effect === 'challenge') {
    Object.freeze(decision.login.acrValues)
    Object.freeze(decision.login.methods)
    Object.freeze(decision.login)
  }
  return Object.freeze(decision)
}
