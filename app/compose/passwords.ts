/** Composition of application passwords: present where a host takes them. */
import type { Config } from '../../config/config.ts'
import type { HostSettings } from '../../config/host-settings.ts'
import { networksOf } from '../client-networks.ts'
import { basicChallenge, createBasicPassword, type PasswordAcceptance } from '../identity/basic-password.ts'
import type { LoginPasswords } from '../login/dependencies.ts'
import type { LoginSession } from '../sessions/login-session.ts'
import { createAppPasswords } from '../sessions/passwords/app-passwords.ts'
import { createConfirmations } from '../sessions/passwords/confirmations.ts'
import { createFailureLimit } from '../sessions/passwords/failure-limit.ts'
import { createPasswordHash } from '../sessions/passwords/password-hash.ts'
import { createPasswordTexts } from '../sessions/passwords/password-text.ts'
import { createVerifyPassword, type FailureLimit } from '../sessions/passwords/verify-password.ts'
import type { RecordStore } from '../sessions/record-store.ts'
import type { SessionStore } from '../sessions/session-store.ts'
import { type Base, type Kept, secretsOf } from './kept.ts'

export const takesPasswords = ({ hosts }: Pick<Config, 'hosts'>): boolean =>
  hosts.some(({ passwords }) => passwords === true)

export type Passwords = NonNullable<ReturnType<typeof composePasswords>>

export interface WithPasswords {
  readonly passwords: Passwords | undefined
  readonly ofPasswords: OfPasswords
}

type OfPasswords = ReturnType<typeof composeOfPasswords>

/**
 * What is kept of passwords, also while no host takes them. Threat: what ends them meanwhile, and is forgotten when one
 * takes them again.
 */
export function composeOfPasswords({ config, clock }: Base, { logoutMarks }: Kept, records: RecordStore) {
  const { maxLifetimeSeconds, confirmWithinSeconds } = config.passwords
  const shared = { records, secrets: secretsOf(config), clock }
  return {
    store: createAppPasswords({ ...shared, maxLifetimeSeconds }),
    confirmations: createConfirmations({
      ...shared,
      confirmWithinSeconds,
      marks: logoutMarks,
      providers: namedClaims(config),
    }),
  }
}

/** `isWorker`: the primary counts what fails. */
export function composePasswords(
  base: Base,
  kept: Kept,
  { store: passwords, confirmations }: OfPasswords,
  isWorker: boolean,
) {
  const { config, logger } = base
  if (!takesPasswords(config)) return undefined
  const { failuresPerMinute } = config.passwords
  const texts = createPasswordTexts(secretsOf(config))
  const hash = createPasswordHash()
  const acceptedOn = createAcceptances(base)
  const verify = createVerifyPassword({
    texts,
    passwords,
    confirmations,
    hash,
    ofClient: byClient(createFailureLimit(failuresPerMinute, isWorker, 'password-client')),
    ofHandle: createFailureLimit(failuresPerMinute, isWorker, 'password'),
    onError: error => logger.warn({ err: error }, 'the use of an application password could not be noted'),
  })
  return {
    store: passwords,
    confirmations,
    ofOwners: composeOwners(base, kept, { store: passwords, confirmations, texts, hash, acceptedOn }),
    authenticators: [createBasicPassword({ acceptedOn, verify })],
    challenge: (domain: string) => (acceptedOn(domain) === undefined ? undefined : basicChallenge(domain)),
  }
}

/** What the configuration says of each provider's claims that they are about the person. */
const namedClaims = ({ passwords, providers }: Config) =>
  new Map(
    providers.map(({ name, claims: { groups, email, name: shown } }) => [
      name,
      [groups, email, shown, ...passwords.claims],
    ]),
  )

/** What was said before that may have been asked before a log-out came, by a provider that takes its time. */
const longestAnswerSeconds = 60

/** Sessions that tell of each confirmation of their provider. One that cannot be written confirms nothing. */
export function withConfirmations<S extends Pick<SessionStore, 'update'>>(
  sessions: S,
  { passwords }: WithPasswords,
  onError: (error: unknown) => void,
): S {
  if (passwords === undefined) return sessions
  const { confirm } = passwords.confirmations
  const told = async (login: LoginSession | undefined): Promise<void> => {
    if (login?.verifiedAt === undefined || login.unverified !== undefined) return
    await confirm(login, login.verifiedAt - longestAnswerSeconds).catch(onError)
  }
  return {
    ...sessions,
    async update(sessionId, change) {
      const login = await sessions.update(sessionId, change)
      await told(login)
      return login
    },
  }
}

const byClient = ({ isOver, note }: FailureLimit): FailureLimit => ({
  isOver: address => isOver(networksOf(address).address),
  note: address => note(networksOf(address).address),
})

type AcceptedOn = ReturnType<typeof createAcceptances>

function composeOwners(
  { config }: Base,
  { sessions }: Pick<Kept, 'sessions'>,
  {
    acceptedOn,
    ...parts
  }: Omit<LoginPasswords, 'hostsFor' | 'takes' | 'stands' | 'settings'> & { acceptedOn: AcceptedOn },
): LoginPasswords {
  const takes = (host: string, provider: string): boolean => {
    const acceptance = acceptedOn(host)
    return acceptance?.isLimited === false && (acceptance.providers?.includes(provider) ?? true)
  }
  const named = config.hosts.map(({ host }) => host).filter(host => !host.startsWith('*.'))
  const hasOthers = config.hosts.some(({ host, passwords }) => host.startsWith('*.') && passwords === true)
  return {
    ...parts,
    takes,
    hostsFor: provider => ({ hosts: named.filter(host => takes(host, provider)), hasOthers }),
    stands: async sessionId => (await sessions.find(sessionId)) !== undefined,
    settings: config.passwords,
  }
}

/** The settings of a host are the same object for the same entry, and so is what it takes. */
function createAcceptances({ hostSettings }: Base) {
  const known = new WeakMap<HostSettings, PasswordAcceptance>()
  return (domain: string): PasswordAcceptance | undefined => {
    const settings = hostSettings(domain)
    if (settings.passwords !== true) return undefined
    const found = known.get(settings)
    if (found !== undefined) return found
    const { providers, maxAgeSeconds, maxIdleSeconds } = settings
    const acceptance = Object.freeze({
      providers,
      isLimited: maxAgeSeconds !== undefined || maxIdleSeconds !== undefined,
    })
    known.set(settings, acceptance)
    return acceptance
  }
}
