/**
 * Moments before which no session counts: ends all sessions, or all of one provider, with one write.
 *
 * Threat: a provider that was broken into, or a secret that leaked. A million sessions cannot be ended one by one before
 * somebody uses them; so one record says since when a login has to be, and whoever reads a session reads it as well.
 * Sessions that began in the very millisecond of the cut end too, or of which only the second is known. A cut session is never prolonged, so its own record expires
 * before the cutoff does.
 */
import type { Clock } from '../clock.ts'
import type { LoginSession } from './login-session.ts'
import type { RecordStore, StoredRecord, ValueOrPromise } from './record-store.ts'
import { createSeal, digestOf } from './records/seal.ts'
import { parseJson } from './records/sealed-records.ts'
import { untilWritten } from './records/until-written.ts'

export type CutoffScope = { readonly all: true } | { readonly provider: string }

export interface Cutoffs {
  /**
   * Ends every session of the scope that has begun by now, wherever it is kept; durable when it resolves. `provider` is
   * the provider's name in the configuration. Rejects with `ERR_STORE_UNAVAILABLE`.
   */
  cut(scope: CutoffScope): Promise<void>
}

/** Seconds since the epoch; a login from then or before has ended. */
export interface Cut {
  readonly all?: number
  readonly providers: ReadonlyMap<string, number>
}

export interface CutoffReaderOptions {
  readonly records: RecordStore
  /** Master secrets: the first seals, all open. */
  readonly secrets: readonly string[]
}

export interface CutoffsOptions extends CutoffReaderOptions {
  readonly clock: Clock
  /** How long a session can live at most, in seconds: that is how long a cutoff is needed. */
  readonly longestLifetimeSeconds: number
}

const recordId = 'all'
const recordKey = digestOf('cutoff', recordId)
const nothingCut: Cut = { providers: new Map() }

/**
 * What is cut, read for each session that is looked at; a value where the record is at hand. `undefined`: nothing is.
 *
 * A record that does not open is one that is not there, as everywhere: whoever can write the store could as well remove
 * it, and after a change of secrets the sessions from before do not open either. Fails as `RecordStore.get` does.
 */
export function createCutoffReader({ records, secrets }: CutoffReaderOptions): () => ValueOrPromise<Cut | undefined> {
  const seal = createSeal(secrets)
  let known: { readonly record: StoredRecord; readonly cut: Cut | undefined } | undefined
  const open = (record: StoredRecord | undefined): Cut | undefined => {
    if (record === undefined) return undefined
    if (known?.record === record) return known.cut
    const cut = parseCut(parseJson(seal.unseal('cutoff', recordId, record.value)))
    known = { record, cut }
    return cut
  }
  return () => {
    const found = records.get('cutoff', recordKey, known?.record)
    return found instanceof Promise ? found.then(open) : open(found)
  }
}

/** When a login began. */
export type Beginning = Pick<LoginSession, 'startedAt' | 'startedAtMs'>

/** Seconds since the epoch, as exactly as is known. */
export const beganAt = ({ startedAt, startedAtMs }: Beginning): number =>
  startedAtMs === undefined ? startedAt : startedAtMs / 1000

/** Of a part of what is kept of a login. */
export const beginningOf = ({ startedAt, startedAtMs }: Beginning): Beginning =>
  startedAtMs === undefined ? { startedAt } : { startedAt, startedAtMs }

export function isCut(cut: Cut | undefined, login: Beginning, provider: string): boolean {
  if (cut === undefined) return false
  const { all = Number.NEGATIVE_INFINITY, providers } = cut
  return beganAt(login) <= Math.max(all, providers.get(provider) ?? Number.NEGATIVE_INFINITY)
}

export function createCutoffs(options: CutoffsOptions): Cutoffs {
  const { clock, longestLifetimeSeconds, records, secrets } = options
  const seal = createSeal(secrets)

  async function attempt(scope: CutoffScope): Promise<boolean> {
    const stored = await records.get('cutoff', recordKey)
    const before = parseCut(parseJson(stored && seal.unseal('cutoff', recordId, stored.value))) ?? nothingCut
    const now = clock.now() / 1000
    const after = withoutOld(withScope(before, scope, now), now - longestLifetimeSeconds)
    const sealed = seal.seal('cutoff', recordId, Buffer.from(formatCut(after)))
    const expiresAt = clock.now() + longestLifetimeSeconds * 1000
    // A clock behind ours must not take away what another replica has cut.
    const keptUntil = Math.max(expiresAt, stored?.expiresAt ?? 0)
    return stored === undefined
      ? records.add('cutoff', recordKey, sealed, expiresAt)
      : records.replace('cutoff', recordKey, stored.value, { value: sealed, expiresAt: keptUntil })
  }

  return {
    async cut(scope) {
      await untilWritten('the cutoff', async () => ((await attempt(scope)) ? { outcome: true } : undefined))
    },
  }
}

function withScope(cut: Cut, scope: CutoffScope, now: number): Cut {
  if ('all' in scope) return { ...cut, all: Math.max(now, cut.all ?? now) }
  const { provider } = scope
  return {
    ...cut,
    providers: new Map([...cut.providers, [provider, Math.max(now, cut.providers.get(provider) ?? now)]]),
  }
}

/** Names of providers come and go; what can concern no session any more is left out. */
function withoutOld({ all, providers }: Cut, oldest: number): Cut {
  const kept = new Map([...providers].filter(([, moment]) => moment > oldest))
  return { ...(all !== undefined && all > oldest && { all }), providers: kept }
}

const formatCut = ({ all, providers }: Cut): string => JSON.stringify({ all, providers: [...providers] })

function parseCut(value: unknown): Cut | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const { all, providers } = value as { readonly all?: unknown; readonly providers?: unknown }
  const pairs = Array.isArray(providers) ? providers.filter(isPair) : []
  return { ...(isMoment(all) && { all }), providers: new Map(pairs) }
}

const isMoment = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value)
const isPair = (value: unknown): value is [string, number] =>
  Array.isArray(value) && typeof value[0] === 'string' && isMoment(value[1])
