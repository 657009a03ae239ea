/** Asks the provider of a login about it again, a bounded number of calls at a time. */
import type { Clock } from '../../clock.ts'
import { OperationalError } from '../../errors.ts'
import type { AskProvider, ProviderAnswer } from '../../sessions/verification/verify-session.ts'
import { createConfirmation } from './confirm-login.ts'
import type { Providers } from './providers.ts'
import { createSlots, type Slots } from './slots.ts'

/** Calls to one provider at a time: after an outage every session is to be verified, and it should not bring the next. */
const mostCalls = 32

export function createAskProvider(providers: Pick<Providers, 'find' | 'list'>, clock: Clock): AskProvider {
  const slots = new Map<string, Slots>(providers.list.map(({ name }) => [name, createSlots(mostCalls)]))
  return async (login, tokens, keep) => {
    const { provider: name } = login.identity
    const found = await providers.find(name).catch(explain)
    if (!('strategy' in found)) return found
    const ask = () => createConfirmation(found, clock)(login, tokens, keep)
    return slots.get(name)?.run(ask) ?? ask()
  }
}

/** A provider that is not configured any more stands by nobody; one that was never reached may yet do so. */
function explain(error: unknown): ProviderAnswer {
  if (!(error instanceof OperationalError)) throw error
  const { code, message: detail } = error
  return code === 'ERR_PROVIDER_UNKNOWN' ? { kind: 'refused', code, detail } : { kind: 'unavailable', code, detail }
}
