/**
 * Those who act for whoever asks (RFC 8693 section 4.1): what a row denies to any of them is denied.
 *
 * Threat: a row denies a service something, and the service does it with a token that stands for somebody else. Who acts
 * gets no right by that and needs none: what is allowed is decided about the subject alone, and a deny of anybody wins.
 */
import type { Decision, DenyReason } from '../decision.ts'
import type { Machine, User } from '../identity.ts'
import type { PolicySnapshot } from '../policy.ts'
import type { Situation } from '../situation.ts'
import { subjectNameOf } from '../subjects.ts'

/** Of an actor: the decision about them, in the place of whom they act for. */
export type DecideAbout = (actor: Machine | User) => Decision

/** What is no row that is missing, but a row that denies, or a question that cannot be answered. */
export const firmReasons: ReadonlySet<DenyReason> = new Set(['rule-denied', 'path-too-costly', 'evaluation-failed'])

type Denial = Extract<Decision, { readonly effect: 'deny' }>

export interface DeniedActor {
  readonly actor: Machine | User
  readonly decision: Denial
}

/** The first one whom a row denies it. */
export function findDeniedActor(actors: Situation['actors'], decideAbout: DecideAbout): DeniedActor | undefined {
  for (const actor of actors ?? []) {
    const decision = decideAbout(actor)
    if (decision.effect === 'deny' && firmReasons.has(decision.reason)) return { actor, decision }
  }
  return undefined
}

/** The decision about the subject, unless a row denies it to somebody who acts. */
export function heedingActors(
  decision: Decision,
  actors: Situation['actors'],
  policy: Pick<PolicySnapshot, 'rows'>,
  decideAbout: DecideAbout,
): Decision {
  if (actors === undefined || actors.length === 0 || decision.effect !== 'allow') return decision
  const shadow = new Set(decision.shadow)
  const denied = findDeniedActor(actors, actor => {
    const own = decideAbout(actor)
    for (const id of shadowDenies(own, policy)) shadow.add(id)
    return own
  })
  const reported = shadow.size === 0 ? {} : { shadow: [...shadow] }
  return denied === undefined ? { ...decision, ...reported } : { ...denialOf(denied), ...reported }
}

function denialOf({ actor, decision: { reason, rule, revision } }: DeniedActor): Denial {
  return {
    effect: 'deny',
    reason: reason === 'rule-denied' ? 'actor-denied' : reason,
    ...(rule !== undefined && { rule }),
    deniedActor: subjectNameOf(actor),
    revision,
  }
}

/** Of the shadow rows that apply to an actor, those that would deny: one that would allow allows nothing to whoever acts. */
function shadowDenies({ shadow }: Decision, { rows }: Pick<PolicySnapshot, 'rows'>): readonly string[] {
  if (shadow === undefined) return []
  const applied = new Set(shadow)
  return rows.filter(({ id, isDeny }) => isDeny && applied.has(id)).map(({ id }) => id)
}
