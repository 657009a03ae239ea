/**
 * `ask: change-window`: a decider outside says yes, one of those that the configuration names (docs/policy.md, "Asking somebody
 * else"; docs/adr/0078-somebody-else-decides-too.md). False where it says no, unknown where it has not answered.
 *
 * Threat: a policy that names an address. Whoever may write a row could then have this service call any server of its
 * network, and send it who asks for what. So an address stands in the configuration alone. Threat: of somebody whose groups or
 * address nobody has told, a decider says what it says of somebody without any. So it is not asked about them.
 */
import type { Identity } from '../identity.ts'
import { ValueError } from '../policy-error.ts'
import { parseText } from './arguments.ts'
import type { Criterion } from './condition.ts'

const deciderName = /^[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?$/

export function ask(value: unknown): Criterion {
  const asks = parseText(value, 'the name of a decider of the configuration')
  if (!deciderName.test(asks))
    throw new ValueError('expected a name of lower-case letters, digits and dashes, at most 40')
  return {
    type: 'ask',
    asks,
    test: ({ context, identity, request }) =>
      isTold(identity) ? context.answerOf?.(asks, { identity, request }) : undefined,
  }
}

const isTold = (identity: Identity): boolean => identity.kind !== 'user' || identity.untold === undefined
