/** Composition of bearer tokens: whose are believed, where their keys come from, and which host takes which. */
import type { Config } from '../../config/config.ts'
import type { HostSettings } from '../../config/host-settings.ts'
import type { User } from '../../rbac/identity.ts'
import { permits } from '../../rbac/tokens/scope.ts'
import type { Authenticator } from '../identity/authenticators.ts'
import { createBearerToken, type HostAcceptance } from '../identity/bearer-token.ts'
import { createExchangedToken } from '../identity/exchanged-token.ts'
import type { LookAtSession } from '../identity/login-token.ts'
import { createIssuerKeys } from '../identity/token/issuer-keys.ts'
import { createKeySource, type FetchText } from '../identity/token/key-source.ts'
import { TokenRefused } from '../identity/token/refusal.ts'
import type { TrustedIssuer } from '../identity/token/verify-token.ts'
import { findClaim, parseUser } from '../login/claims/identity-of-claims.ts'
import type { Outbound } from '../login/provider/outbound.ts'
import { ownIssuer } from '../sessions/exchanged-tokens.ts'
import { composeInquiry } from './inquiries.ts'
import type { Base, Kept } from './kept.ts'
import { composeOwnIssuer, composeProofs, composeTokenCertificates } from './own-issuer.ts'
import { createWayOut, fetchText, type WayOut } from './way-out.ts'

type IssuerSettings = NonNullable<Config['machines']>['issuers'][number]
type ProviderSettings = Config['providers'][number]

export interface Machines {
  readonly authenticators: readonly Authenticator[]
  /** All whose tokens may be believed. */
  readonly issuers: readonly TrustedIssuer[]
  readonly takesTokens: (domain: string) => boolean
  close(): Promise<void>
}

interface KeptForTokens extends Pick<Kept, 'keys' | 'exchanged'> {
  /** What sessions are worth, for tokens that were made from one. */
  readonly ofSession: LookAtSession
}

/** For configurations that take tokens. */
export function composeMachines(base: Base, kept: KeptForTokens): Machines {
  const { config, clock, metrics } = base
  const { acceptedOn, close, issuers } = composeTrust(base)
  const certificateIn = composeTokenCertificates(base)
  const hasOwnHeaders = config.hosts.some(({ bearerHeader }) => bearerHeader !== undefined)
  return {
    authenticators: [
      ...composeExchanged(base, kept, acceptedOn),
      createBearerToken({ acceptedOn, hasOwnHeaders, clock, certificateIn, onRefused: metrics.tokenRefused }),
    ],
    issuers,
    takesTokens: domain => acceptedOn(domain) !== undefined,
    close,
  }
}

/** Whose tokens are believed. */
export interface Trust {
  readonly issuers: readonly TrustedIssuer[]
  /** `undefined` for a host that takes no tokens. */
  readonly acceptedOn: (domain: string) => HostAcceptance | undefined
  close(): Promise<void>
}

type TrustBase = Pick<Base, 'config' | 'clock' | 'logger' | 'hostSettings'>

/** `ownFetch`: in place of what reads keys across the network. */
export function composeTrust(base: TrustBase, ownFetch?: FetchText): Trust {
  const ways = new Set<Outbound>()
  const { issuers: settings = [] } = base.config.machines ?? {}
  const wayTo = (caPath: string | undefined) => createWayOut(caPath, ways)
  const fetchFor = (caPath: string | undefined): FetchText => ownFetch ?? fetchText(wayTo(caPath))
  const issuers = new Map(settings.map(one => [one.name, composeIssuer(base, one, { fetchFor, wayTo })]))
  return {
    issuers: [...issuers.values()],
    acceptedOn: createAcceptances(base, issuers),
    close: async () => {
      await Promise.all([...ways].map(way => way.close()))
    },
  }
}

/** Before those of others: whatever is ours is answered for by us. Without an exchange there are none. */
function composeExchanged(
  base: Base,
  kept: KeptForTokens,
  acceptedOn: (domain: string) => HostAcceptance | undefined,
): readonly Authenticator[] {
  const { clock, config, metrics } = base
  const { exchange } = config.machines ?? {}
  if (exchange === undefined) return []
  const own = composeOwnIssuer(base, kept)
  const onRefused = metrics.tokenRefused
  const proofs = composeProofs(base, kept)
  const certificateIn = composeTokenCertificates(base)
  const { exchanged: tokens } = kept
  // Threat: a token out of a login that goes on for its minutes when people may have none any more.
  const ofSession = exchange.people ? kept.ofSession : undefined
  const looks = { proofs, certificateIn, permits, ofSession }
  return [createExchangedToken({ acceptedOn, own, tokens, ...looks, clock, onRefused })]
}

/** The settings of a host are the same object for the same entry, and so is what it takes. */
function createAcceptances({ config, hostSettings }: TrustBase, issuers: ReadonlyMap<string, TrustedIssuer>) {
  const known = new WeakMap<HostSettings, HostAcceptance>()
  const looksAtCertificate = config.server.clientCertificateHeader !== undefined
  return (domain: string): HostAcceptance | undefined => {
    const settings = hostSettings(domain)
    const { bearerFrom, bearerAudience: audience, bearerHeader: header, ...demands } = settings
    if (bearerFrom === undefined) return undefined
    const found = known.get(settings)
    if (found !== undefined) return found
    const taken = bearerFrom.flatMap(name => issuers.get(name) ?? [])
    const takesOwn = bearerFrom.includes(ownIssuer)
    const { providers, maxAgeSeconds, maxIdleSeconds } = demands
    const people = { providers, maxAgeSeconds, maxIdleSeconds }
    const acceptance = Object.freeze({ issuers: taken, takesOwn, audience, header, looksAtCertificate, ...people })
    known.set(settings, acceptance)
    return acceptance
  }
}

/** Where questions to an issuer go out, by the authority of this file or those that Node knows. */
interface Ways {
  readonly fetchFor: (caPath: string | undefined) => FetchText
  readonly wayTo: (caPath: string | undefined) => WayOut
}

function composeIssuer(
  { config, clock, logger }: TrustBase,
  settings: IssuerSettings,
  { fetchFor, wayTo }: Ways,
): TrustedIssuer {
  const { keys: source, provider: providerName, introspection: _asked, review: _reviewed, ...rest } = settings
  const log = logger.child('machines')
  const fetch = fetchFor('caPath' in source ? source.caPath : undefined)
  const provider = config.providers.find(({ name }) => name === providerName)
  return {
    ...rest,
    keys: createIssuerKeys({
      name: settings.name,
      read: createKeySource(source, settings.issuer, fetch),
      onError: error =>
        log.warn({ err: error, issuer: settings.name }, 'keys could not be read again; the last ones count'),
    }),
    ...composeInquiry(settings, wayTo),
    ...(provider !== undefined && { personOf: claims => personOf(claims, provider, clock.now()) }),
  }
}

/**
 * As at a login, by the same code. Threat: an access token that leaves out the groups, which an ID token has; a row that denies
 * one of them would not apply. Threat: the same of the address, or of whether it is verified. Many people have no groups and are
 * said to be in none; nobody is said to have no address, so whoever comes without one may have any.
 */
function personOf(claims: Readonly<Record<string, unknown>>, provider: ProviderSettings, nowMs: number): User {
  const { groups = 'groups' } = provider.claims
  if (findClaim(claims, groups) === undefined)
    throw new TokenRefused('groups', `have the provider put ${groups} into it`)
  try {
    const policy = { ...provider, provider: provider.name }
    const { user } = parseUser({ idToken: claims }, policy, Math.floor(nowMs / 1000))
    return user.email === undefined ? { ...user, untold: ['email'] } : user
  } catch (error) {
    throw new TokenRefused('claim', undefined, { cause: error })
  }
}
