/**
 * A token for a cluster, out of the cache where it is still good: the one way for every command.
 *
 * Each run asks the auth host whether the session of a kept token still stands, unless that was said within the last two
 * seconds or since this process began: so a session that was revoked is noticed by the next kubectl, and says what to do,
 * which the answer to kubectl itself cannot. Where the auth host does not answer the token is used: the gateway decides.
 */
import type { Cache, Kept, KeptToken } from './cache.ts'
import { type GrantClient, RefusedError, type TokenAnswer } from './grant-client.ts'

/** What the person has to do, in a sentence. */
export class LoginNeededError extends Error {}

export interface Wanted {
  readonly cache: Cache
  readonly client: GrantClient
  /** A cluster's name; absent: what questions about the login are asked with. */
  readonly cluster?: string
  /** How long a kept token has to count still, in milliseconds; default 45 s. */
  readonly shortestMs?: number
  /** When this process began, in milliseconds since the epoch. */
  readonly startedAt: number
  /** For how long it counts that a kept token was said to stand before this process began, in milliseconds; default 2 s. */
  readonly confirmedMs?: number
  /** Called under the lock where nobody is logged in; absent: nobody can be asked. */
  readonly logIn?: () => Promise<TokenAnswer>
}

export const endedAdvice = 'your session has ended: run sallyport kube login'
const nobodyAdvice = 'you are not logged in: run sallyport kube login'
const unansweredAdvice = 'a login was begun before and not finished: run sallyport kube login'

const accountName = 'account'
/** A token that ends sooner is not given out: half a minute is taken off, and a call takes its time. */
const usualShortestMs = 45_000
const usualConfirmedMs = 2_000
/** As long as another process may wait for its person, and a little more. */
const waitMs = 200_000

export async function obtainToken(wanted: Wanted): Promise<KeptToken> {
  const { cache, client } = wanted
  const kept = await cache.read(client.server)
  const found = usableIn(kept, wanted)
  if (found !== undefined) {
    if (isConfirmed(found, wanted)) return found
    const stands = await client.stands(found.token)
    if (stands === undefined) return found
    if (stands) return confirm(found, wanted)
  }
  return cache.withLock(client.server, { waitMs }, () => renew(wanted, found?.token))
}

/** Under the lock: another process may have done it meanwhile. */
async function renew(wanted: Wanted, refused: string | undefined): Promise<KeptToken> {
  const { cache, client, logIn } = wanted
  const kept = await cache.read(client.server)
  const found = usableIn(kept, wanted)
  if (found !== undefined && found.token !== refused && isConfirmed(found, wanted)) return found
  if (kept.refreshToken !== undefined) return refresh(kept, kept.refreshToken, wanted)
  if (kept.isEnded) throw new LoginNeededError(endedAdvice)
  if (logIn === undefined) throw new LoginNeededError(nobodyAdvice)
  // Threat: something that calls kubectl all night and opens a page each time.
  if (kept.unattendedAt !== undefined) throw new LoginNeededError(unansweredAdvice)
  await cache.write(client.server, { ...kept, unattendedAt: Date.now() })
  return keep(await logIn(), kept, wanted)
}

async function refresh(kept: Kept, refreshToken: string, wanted: Wanted): Promise<KeptToken> {
  const { cache, client, cluster } = wanted
  const audience = cluster === undefined ? {} : { audience: cluster }
  try {
    const answer = await client.token({ grant_type: 'refresh_token', refresh_token: refreshToken, ...audience })
    return await keep(answer, kept, wanted)
  } catch (error) {
    if (!(error instanceof RefusedError)) throw error
    if (error.code === 'invalid_target') {
      throw new Error(`${error.message}: sallyport kube clusters shows which there are`, { cause: error })
    }
    if (error.code !== 'invalid_grant') throw error
    await cache.write(client.server, { ...caOf(kept), tokens: {}, isEnded: true })
    throw new LoginNeededError(error.message)
  }
}

/** What a login or a refresh gave, in place of what there was. */
export async function keep(
  answer: TokenAnswer,
  kept: Kept,
  { cache, client, cluster = accountName }: Pick<Wanted, 'cache' | 'client' | 'cluster'>,
): Promise<KeptToken> {
  const now = Date.now()
  const token = { token: answer.accessToken, expiresAt: now + answer.expiresInSeconds * 1000, confirmedAt: now }
  const others = Object.entries(kept.tokens).filter(([, { expiresAt }]) => expiresAt > now)
  await cache.write(client.server, {
    ...caOf(kept),
    refreshToken: answer.refreshToken,
    tokens: { ...Object.fromEntries(others), [cluster]: token },
  })
  return token
}

const caOf = ({ caFile }: Kept) => (caFile === undefined ? {} : { caFile })

function usableIn({ tokens }: Kept, { cluster = accountName, shortestMs = usualShortestMs }: Wanted) {
  const found = Object.hasOwn(tokens, cluster) ? tokens[cluster] : undefined
  return found !== undefined && found.expiresAt - shortestMs > Date.now() ? found : undefined
}

function isConfirmed({ confirmedAt }: KeptToken, { startedAt, confirmedMs = usualConfirmedMs }: Wanted): boolean {
  const age = Date.now() - confirmedAt
  return age >= 0 && (age < confirmedMs || confirmedAt >= startedAt)
}

/** Noted for the others where nobody holds the lock; none waits for that. */
async function confirm(found: KeptToken, { cache, client, cluster = accountName }: Wanted): Promise<KeptToken> {
  const confirmed = { ...found, confirmedAt: Date.now() }
  const note = async (): Promise<void> => {
    const kept = await cache.read(client.server)
    if (kept.tokens[cluster]?.token !== found.token) return
    await cache.write(client.server, { ...kept, tokens: { ...kept.tokens, [cluster]: confirmed } })
  }
  await cache.withLock(client.server, { waitMs: 0 }, note).catch(() => undefined)
  return confirmed
}
