/** Requests whose decision hangs on what deciders outside say: decided again when they have been asked. */
import type { Context } from '../rbac/context.ts'
import type { Decision } from '../rbac/decision.ts'
import type { Situation } from '../rbac/situation.ts'

/** What deciders outside say of one request. */
export interface Consultation {
  readonly answerOf: NonNullable<Context['answerOf']>
  /** Something was looked for that has not been asked yet. */
  readonly isOpen: () => boolean
  /** Asks for it; afterwards there is an answer, or it is known that there is none. Never rejects. */
  readonly settle: () => Promise<void>
  /** Nothing more will be asked: from now on `answerOf` gives what was said, for whoever explains the decision. */
  readonly close: () => void
}

/** An answer may be what lets another row be looked at, so it is asked until nothing is open: each thing once. */
export async function decideAnswered(
  situation: Situation,
  consultation: Consultation,
  decide: (situation: Situation) => Decision,
): Promise<Decision> {
  for (;;) {
    await consultation.settle()
    const decision = decide(situation)
    if (!consultation.isOpen()) return decision
  }
}
