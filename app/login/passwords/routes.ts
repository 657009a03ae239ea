/**
 * Below `/session/passwords`: a person makes an application password, which is shown once, and revokes them.
 *
 * Threat: an unattended desk, or a stolen session, that becomes access for months. So one is made from a recent login only,
 * and it ends with what ends all sessions of a person. As with log-out only a form of this site does anything.
 */
import type { Request, RequestHandler } from 'express'
import type { PasswordEnd } from '../../audit/event.ts'
import { type Clock, isAhead } from '../../clock.ts'
import { OperationalError } from '../../errors.ts'
import type { PasswordsOverview } from '../../pages/passwords.ts'
import type { LoginSession } from '../../sessions/login-session.ts'
import type { ListedPassword } from '../../sessions/passwords/app-passwords.ts'
import { auditFields, type Exchange, redirect, sendPage } from '../arrival.ts'
import { loginOf } from '../browser/session-middleware.ts'
import type { LoginDependencies, LoginPasswords, LoginRecords } from '../dependencies.ts'
import { leadToLogin, requireOwnForm, sessionPath } from '../logout/own-form.ts'
import { readForm } from './form.ts'

type Dependencies = LoginDependencies & { readonly passwords: LoginPasswords }

const daySeconds = 86_400

/** What the page of sessions shows to whoever has this login. */
export async function overviewOf(
  login: LoginSession,
  { clock, publicUrl, passwords }: Dependencies,
): Promise<PasswordsOverview> {
  const { freshLoginSeconds, lifetimeSeconds, maxLifetimeSeconds } = passwords.settings
  const { subject, provider } = login.identity
  const form = {
    ...passwords.hostsFor(provider),
    days: Math.max(Math.floor(lifetimeSeconds / daySeconds), 1),
    mostDays: mostDaysOf(maxLifetimeSeconds),
  }
  return {
    ...(await listOf(subject, passwords)),
    loginUrl: `/login?rd=${encodeURIComponent(publicUrl + sessionPath)}&max_age=${Math.floor(freshLoginSeconds)}`,
    ...(isFresh(login, freshLoginSeconds, clock) && { form }),
  }
}

async function listOf(
  subject: string,
  { store }: LoginPasswords,
): Promise<Pick<PasswordsOverview, 'list' | 'hasMore'>> {
  const { passwords: list, hasMore } = await store.ofPerson(subject)
  return { list, hasMore }
}

/** The body has been parsed as a form. */
export function createMakePasswordRoute(dependencies: Dependencies): RequestHandler {
  const { clock, pages, passwords } = dependencies
  const { settings } = passwords
  return async (request, response) => {
    const exchange = { request, response }
    const login = requireOwnForm(exchange, dependencies)
    if (login === undefined) return leadToLogin(response, dependencies)
    // The page offers another login.
    if (!isFresh(login, settings.freshLoginSeconds, clock)) return redirect(response, sessionPath)
    const { subject, provider, email } = login.identity
    const { name, hosts, days } = readForm(request.body, mostDaysOf(settings.maxLifetimeSeconds))
    if (!hosts.every(host => passwords.takes(host, provider))) {
      throw new OperationalError('ERR_PASSWORD_UNMADE', 'a host takes no passwords of this person')
    }
    await requireAtMost(settings.perPerson - 1, subject, passwords)
    const now = Math.floor(clock.now() / 1000)
    const expiresAt = now + Math.min(days * daySeconds, Math.floor(settings.maxLifetimeSeconds))
    const { handle, text } = await make({ name, hosts, expiresAt, login }, request, passwords)
    const fields = { ...auditFields(exchange), subject, email, session: dependencies.sessionDigest(request.sessionID) }
    const made = { handle, hosts, expiresAt: new Date(expiresAt * 1000).toISOString() }
    dependencies.audit.write({ event: 'password.made', ...fields, ...made })
    const shown = { now, user: email ?? handle, password: text, handle, name, hosts, expiresAt }
    sendPage(response, 200, pages(response.req).passwordMade(shown))
  }
}

/** What cannot be counted is too many. */
async function requireAtMost(most: number, subject: string, { settings, store }: LoginPasswords): Promise<void> {
  const { passwords, hasMore } = await store.ofPerson(subject)
  if (passwords.length <= most && !hasMore) return
  throw new OperationalError('ERR_PASSWORD_UNMADE', `somebody has ${settings.perPerson} passwords already`)
}

interface Wanted extends Pick<ListedPassword, 'name' | 'hosts' | 'expiresAt'> {
  readonly login: LoginSession
}

/** Threat: an end of all sessions that overtakes this. It ends the session first, so whoever comes second sees the other. */
async function make(wanted: Wanted, request: Request, passwords: LoginPasswords) {
  const { confirmations, hash, settings, stands, store, texts } = passwords
  const minted = texts.mint()
  const { handle, text } = minted
  const hashed = await hash.hash(text)
  await confirmations.begin(wanted.login, wanted.expiresAt)
  const isKept = await store.add({ ...wanted, handle, hash: hashed })
  if (isKept && (await stands(request.sessionID))) {
    // Threat: many forms at once, of which each counted before the others had added theirs. The last one to add sees all.
    const counted = requireAtMost(settings.perPerson, wanted.login.identity.subject, passwords)
    await counted.catch(async error => {
      await store.revoke(handle)
      throw error
    })
    return minted
  }
  await store.revoke(handle)
  throw new OperationalError('ERR_LOGIN_LOGGED_OUT', 'the session has ended while a password was made')
}

/** The body has been parsed as a form. */
export function createRevokePasswordRoute(dependencies: Dependencies): RequestHandler {
  return async (request, response) => {
    const exchange = { request, response }
    const login = requireOwnForm(exchange, dependencies)
    if (login === undefined) return leadToLogin(response, dependencies)
    const { password } = request.body as { readonly password?: unknown }
    const { store } = dependencies.passwords
    const revoked = typeof password === 'string' ? await store.revoke(password, login.identity.subject) : undefined
    if (revoked === undefined) throw new OperationalError('ERR_ENDPOINT_UNKNOWN', 'this person has no such password')
    recordEnds([revoked], 'owner', exchange, dependencies)
    redirect(response, sessionPath)
  }
}

/** The body has been parsed as a form. */
export function createRevokeAllRoute(dependencies: Dependencies): RequestHandler {
  return async (request, response) => {
    const exchange = { request, response }
    const login = requireOwnForm(exchange, dependencies)
    if (login === undefined) return leadToLogin(response, dependencies)
    await revokeAllOf(login, 'owner', exchange, dependencies)
    redirect(response, sessionPath)
  }
}

export async function revokeAllOf(
  { identity }: LoginSession,
  cause: PasswordEnd,
  exchange: Exchange,
  dependencies: LoginDependencies,
): Promise<void> {
  recordEnds(await dependencies.revokeAllPasswords(identity.subject), cause, exchange, dependencies)
}

function recordEnds(
  revoked: readonly ListedPassword[],
  cause: PasswordEnd,
  exchange: Exchange,
  { audit }: LoginRecords,
): void {
  const fields = { ...auditFields(exchange), email: loginOf(exchange.request)?.identity.email, cause }
  for (const { handle, subject } of revoked) {
    audit.write({ event: 'password.revoked', ...fields, subject, handle })
  }
}

const mostDaysOf = (maxLifetimeSeconds: number): number => Math.max(Math.floor(maxLifetimeSeconds / daySeconds), 1)

/** Providers need not say when the login was; then it was when they sent the person here. */
function isFresh({ identity, startedAt }: LoginSession, freshLoginSeconds: number, clock: Clock): boolean {
  if (freshLoginSeconds === 0) return true
  const since = identity.authTime ?? startedAt
  // Threat: a clock that was set back, by which a login of yesterday stays fresh until tomorrow.
  return clock.now() / 1000 - since <= freshLoginSeconds && !isAhead(since, clock)
}
