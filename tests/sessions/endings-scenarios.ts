/** The ways in which a session ends, and whom each of them concerns. */
import type { Watched } from '../../app/sessions/endings/watched.ts'
import { logIn, newId, type Replica } from './endings-fixture.ts'

export interface Person {
  readonly session: string
  readonly subject: string
  readonly provider: string
  readonly providerSession: string
}

export interface Scenario {
  readonly what: string
  /** Ends it at `there`. */
  readonly end: (there: Replica, person: Person) => Promise<unknown>
  readonly tells: readonly Scope[]
}
export type Scope = 'session' | 'subject' | 'provider' | 'all'

const issuer = 'https://idp.example'
const nobody = () => undefined
export const scenarios: readonly Scenario[] = [
  {
    what: 'a log-out',
    end: ({ express }, { session }) => express.destroy(session) as unknown as Promise<unknown>,
    tells: ['session', 'subject'],
  },
  {
    what: 'the end of one session',
    end: ({ sessions }, { session }) => sessions.end(session),
    tells: ['session', 'subject'],
  },
  {
    what: 'the end of a person',
    end: ({ directory }, { subject }) => directory.end({ subject }, nobody),
    tells: ['session', 'subject'],
  },
  {
    what: 'a log-out at the provider, by session',
    end: ({ logout }, { providerSession }) => logout.end({ issuer, providerSession }, nobody),
    tells: ['session', 'subject'],
  },
  {
    what: 'a log-out at the provider, by person',
    end: ({ logout }, { subject }) => logout.end({ issuer, subject }, nobody),
    tells: ['session', 'subject'],
  },
  {
    what: 'the end of a provider',
    end: ({ cutoffs }, { provider }) => cutoffs.cut({ provider }),
    tells: ['session', 'subject', 'provider'],
  },
  {
    what: 'the end of all',
    end: ({ cutoffs }) => cutoffs.cut({ all: true }),
    tells: ['session', 'subject', 'provider', 'all'],
  },
]
export const scopes: readonly Scope[] = ['session', 'subject', 'provider', 'all']

export const watchedOf = (scope: Scope, { session, subject, provider }: Person): Watched =>
  scope === 'all'
    ? { all: true }
    : ({ session: { session }, subject: { subject }, provider: { provider } } as const)[scope]

/** Logs somebody new in. */
export async function somebodyOf(replica: Replica, provider = 'corp'): Promise<Person> {
  const providerSession = newId()
  return { ...(await logIn(replica, { providerSession }, provider)), providerSession }
}
