/** Counts the shadow rows that would have applied, by what each would have done. */
import type { Decision } from '../../rbac/decision.ts'
import type { RowEffect } from '../../rbac/row.ts'

/** What a shadow row would do if it were enforced. */
export type ShadowEffect = Extract<RowEffect, `shadow-${string}`>

interface RowsOfRevision {
  readonly revision?: string
  readonly rows: readonly { readonly id: string; readonly effect: RowEffect }[]
}

/** Only in the revision that made the decision its ids mean what they say: in another one, they are not counted. */
export function createShadowCounter(
  count: (effect: ShadowEffect) => void,
): (
  snapshot: RowsOfRevision,
  decision: { readonly shadow?: Decision['shadow'] | undefined; readonly revision?: string },
) => void {
  const effectsOf = new WeakMap<RowsOfRevision, ReadonlyMap<string, ShadowEffect>>()
  return (snapshot, { shadow = [], revision = snapshot.revision }) => {
    if (shadow.length === 0 || revision !== snapshot.revision) return
    const effects = effectsOf.get(snapshot) ?? shadowEffectsOf(snapshot)
    effectsOf.set(snapshot, effects)
    for (const id of shadow) {
      const effect = effects.get(id)
      if (effect !== undefined) count(effect)
    }
  }
}

function shadowEffectsOf({ rows }: RowsOfRevision): ReadonlyMap<string, ShadowEffect> {
  const effects = new Map<string, ShadowEffect>()
  for (const { id, effect } of rows) {
    if (effect === 'shadow-allow' || effect === 'shadow-deny') effects.set(id, effect)
  }
  return effects
}
