/** Composition of the deciders outside that conditions ask. */

import { createConsultations } from '../deciders/consultation.ts'
import { createDecider } from '../deciders/decider.ts'
import { faultIn } from '../identity/token/duplicate-names.ts'
import { readCredential } from '../identity/token/key-source.ts'
import type { Outbound } from '../login/provider/outbound.ts'
import type { VerifyDependencies } from '../verify.ts'
import type { Base } from './kept.ts'
import { createWayOut, type WayOut } from './way-out.ts'

type DeciderSettings = Base['config']['policy']['deciders'][number]

export interface Deciders {
  readonly consult: NonNullable<VerifyDependencies['consult']>
  /** For readiness: whether each has answered when it was last asked. */
  readonly probes: readonly {
    readonly name: string
    readonly probe: () => { readonly ok: boolean; readonly detail?: string }
  }[]
  close(): Promise<void>
}

/** For configurations that have some. */
export function composeDeciders({ config, logger, metrics }: Pick<Base, 'config' | 'logger' | 'metrics'>): Deciders {
  const ways = new Set<Outbound>()
  const log = logger.child('deciders')
  const silent = new Set<string>()
  const note = createNotes(silent, log)
  const deciders = config.policy.deciders.map(settings =>
    createDecider({
      name: settings.name,
      shape: settings.shape,
      cacheForMs: settings.cacheForSeconds * 1000,
      post: createPost(settings, createWayOut(settings.caPath, ways)),
      onAsked: (name, outcome, error) => {
        metrics.deciderAsked(name, outcome)
        note(name, outcome, error)
      },
    }),
  )
  return {
    consult: createConsultations(deciders),
    probes: deciders.map(({ name }) => ({
      name: `decider-${name}`,
      probe: () =>
        silent.has(name) ? { ok: false, detail: 'it did not answer when it was last asked' } : { ok: true },
    })),
    close: async () => {
      await Promise.all([...ways].map(way => way.close()))
    },
  }
}

/** One line when a decider falls silent and one when it answers again, however many wait for it. */
function createNotes(silent: Set<string>, log: ReturnType<Base['logger']['child']>) {
  return (decider: string, outcome: string, error: unknown): void => {
    if (outcome === 'failed' && !silent.has(decider)) {
      silent.add(decider)
      log.warn({ decider, err: error }, 'a decider gives no answer; conditions that ask it are unknown')
    } else if ((outcome === 'yes' || outcome === 'no') && silent.delete(decider)) {
      log.info({ decider }, 'a decider answers again')
    }
  }
}

function createPost({ url, timeoutSeconds, tokenPath }: DeciderSettings, way: WayOut) {
  return async (body: string): Promise<string> => {
    const { fetch } = await way()
    const credential = tokenPath === undefined ? undefined : await readCredential(tokenPath)
    const response = await fetch(url, {
      method: 'POST',
      body,
      headers: {
        'Content-Type': 'application/json',
        Accept: 'application/json',
        ...(credential !== undefined && { Authorization: `Bearer ${credential}` }),
      },
      // Threat: who asks for what, and our token, sent on to wherever it says.
      redirect: 'manual',
      signal: AbortSignal.timeout(timeoutSeconds * 1000),
    })
    if (response.status !== 200) {
      await response.body?.cancel()
      throw new Error(`the answer has the status ${response.status}`)
    }
    const text = await response.text()
    // Threat: `{"result":false,"result":true}`, which is a yes to one reader and a no to the next.
    if (isAmbiguous(text)) throw new Error('the answer says something twice, or is nested too deep')
    return text
  }
}

/** What is no JSON is none for whoever reads it, and no word of it stands in an error. */
function isAmbiguous(text: string): boolean {
  try {
    return faultIn(text) !== undefined
  } catch {
    return true
  }
}
