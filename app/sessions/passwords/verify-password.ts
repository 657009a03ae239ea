/**
 * Whether a text is an application password that counts now, on this host, and whose.
 *
 * Threat: a stranger who finds out which handles there are, or who makes every check slow. What was not made here costs one
 * MAC (password-text.ts) and reads nothing. What was, and stands, costs one memory-hard hash. What stands no longer costs none:
 * whoever has it had it from us, and with many of those they would fill the queue of the hashes for everybody; the answer
 * is one for all. That a hash fitted is remembered for a minute by the digest of the text, and only that: the record is
 * read each time. Nothing is remembered of what failed but how often.
 */
import { hash as digest } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import type { User } from '../../../rbac/identity.ts'
import { OperationalError } from '../../errors.ts'
import type { AppPasswords, StoredPassword } from './app-passwords.ts'
import type { Confirmations } from './confirmations.ts'
import type { PasswordHash } from './password-hash.ts'
import type { PasswordTexts } from './password-text.ts'

export interface GivenPassword {
  readonly user: string
  readonly text: string
  /** Canonical host of the request. */
  readonly domain: string
  readonly clientAddress: string | undefined
}

/** `detail` is for the log. */
export type PasswordVerdict =
  | { readonly kind: 'person'; readonly person: User; readonly handle: string }
  | { readonly kind: 'refused'; readonly detail: string }
  | { readonly kind: 'asleep'; readonly detail: string }

/** Rejects with `ERR_STORE_UNAVAILABLE`, `ERR_PASSWORDS_BUSY` and `ERR_TOO_MANY_REQUESTS`. */
export type VerifyPassword = (given: GivenPassword) => Promise<PasswordVerdict>

/** Counts what failed, for one name. */
export interface FailureLimit {
  /** Whether more have failed than may. */
  isOver(name: string): Promise<boolean>
  note(name: string): Promise<void>
}

export interface VerifyPasswordOptions {
  readonly texts: Pick<PasswordTexts, 'handleIn'>
  readonly passwords: Pick<AppPasswords, 'find' | 'used'>
  readonly confirmations: Pick<Confirmations, 'personOf'>
  readonly hash: Pick<PasswordHash, 'fits'>
  /** Per client. */
  readonly ofClient: FailureLimit
  /** Per handle, of passwords that were made here and do not count any more: a stranger cannot use up somebody's. */
  readonly ofHandle: FailureLimit
  /** A use could not be noted. */
  readonly onError: (error: unknown) => void
}

const rememberedMs = 60_000
const mostRemembered = 10_000

export function createVerifyPassword(options: VerifyPasswordOptions): VerifyPassword {
  const { texts, passwords, confirmations, hash, ofClient, ofHandle, onError } = options
  /** Digest of the text: the hash that it fitted. */
  const fitted = new LRUCache<string, string>({ max: mostRemembered, ttl: rememberedMs, ttlResolution: 0 })
  const underWay = new Map<string, Promise<boolean>>()

  async function stands({ handle, hash: stored }: StoredPassword, name: string, text: string): Promise<boolean> {
    if (fitted.get(name) === stored) return true
    if (!(await fits(name, text, stored))) return false
    // Threat: a password that is revoked while it waits for its hash.
    return (await passwords.find(handle))?.hash === stored
  }

  /** Checks that come at once share one hash. `name`: digest of the text. */
  function fits(name: string, text: string, stored: string): Promise<boolean> {
    const key = `${name} ${stored}`
    const known = underWay.get(key)
    if (known !== undefined) return known
    const work = hash
      .fits(text, stored)
      .then(isFit => {
        if (isFit) fitted.set(name, stored)
        return isFit
      })
      .finally(() => underWay.delete(key))
    underWay.set(key, work)
    return work
  }

  async function refuse(limit: FailureLimit, name: string, detail: string): Promise<PasswordVerdict> {
    await limit.note(name)
    return { kind: 'refused', detail }
  }

  return async ({ user, text, domain, clientAddress }) => {
    const client = clientAddress ?? ''
    const handle = texts.handleIn(text)
    if (handle === undefined) {
      if (await ofClient.isOver(client)) throw tooMany('one client')
      return refuse(ofClient, client, 'it was not made here')
    }
    const name = digest('sha256', text, 'base64url')
    // With several workers the primary counts: one that worked a moment ago does not ask it.
    if (!fitted.has(name) && (await ofHandle.isOver(handle))) throw tooMany(`the password ${handle}`)
    const password = await passwords.find(handle)
    if (password === undefined || !(await stands(password, name, text))) {
      fitted.delete(name)
      return refuse(ofHandle, handle, `${handle} was revoked, has expired or is another one`)
    }
    if (!password.hosts.includes(domain)) return refuse(ofHandle, handle, `${handle} is for other hosts`)
    const person = await confirmations.personOf(password.subject)
    if (person === undefined) return { kind: 'asleep', detail: `nothing confirms the person of ${handle}` }
    if (!isNameOf(user, person, password)) return refuse(ofHandle, handle, `the user name is not that of ${handle}`)
    void passwords.used(handle, clientAddress).catch(onError)
    return { kind: 'person', person, handle }
  }
}

const tooMany = (whose: string) =>
  new OperationalError('ERR_TOO_MANY_REQUESTS', `too many passwords of ${whose} have failed`)

/** Threat: one person's name beside another's password, of which the log or the application believes the name. */
const isNameOf = (user: string, { email }: User, { handle }: StoredPassword): boolean =>
  user === handle || (email !== undefined && user.toLowerCase() === email.toLowerCase())
