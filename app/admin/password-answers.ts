/** What the admin listener answers about application passwords, by the store of this process. Calls and answers are data. */
import type { AuditLog } from '../audit/event.ts'
import type { AppPasswords, ListedPassword } from '../sessions/passwords/app-passwords.ts'

export type PasswordSelector = { readonly password: string } | { readonly subject: string }

/** Of a person all at once, of everybody page by page. */
export type PasswordFilter =
  | { readonly subject: string }
  | { readonly all: true; readonly after?: string; readonly limit: number }

export type PasswordsCall =
  | { readonly kind: 'list-passwords'; readonly of: PasswordFilter }
  /** `by`: who asks for it, as the caller says. */
  | { readonly kind: 'revoke-passwords'; readonly selector: PasswordSelector; readonly by: string }

const off =
  'no host of this service takes application passwords, and none of these lets anybody in: there is "passwords: true" in no entry of hosts'

/** Status and body of the answer. */
interface PasswordsAnswer {
  readonly status: number
  readonly body: object
}

export type PasswordStore = Pick<AppPasswords, 'list' | 'ofPerson' | 'revoke' | 'revokeAll'>

export interface PasswordAnswersOptions {
  readonly passwords: PasswordStore
  /** Whether some host takes them. Those that were made before are kept all the same, and count when one does again. */
  readonly areTaken: boolean
  readonly audit: Pick<AuditLog, 'write'>
  readonly newRequestId: () => string
}

/** Rejects as the store does. */
export async function answerPasswords(call: PasswordsCall, options: PasswordAnswersOptions): Promise<PasswordsAnswer> {
  const { passwords, areTaken, newRequestId } = options
  const note = areTaken ? {} : { note: off }
  if (call.kind === 'list-passwords') {
    const page = 'subject' in call.of ? await passwords.ofPerson(call.of.subject) : await passwords.list(call.of)
    return { status: 200, body: { ...page, passwords: page.passwords.map(describePassword), ...note } }
  }
  const { selector, by } = call
  const requestId = newRequestId()
  const revoked =
    'subject' in selector
      ? await passwords.revokeAll(selector.subject)
      : [await passwords.revoke(selector.password)].filter(one => one !== undefined)
  recordRevoked(revoked, { by, requestId }, options)
  if (revoked.length === 0 && 'password' in selector) {
    return { status: 404, body: { error: 'no password with this handle can be used' } }
  }
  return { status: 200, body: { revoked: revoked.length, requestId, ...note } }
}

export function recordRevoked(
  revoked: readonly ListedPassword[],
  { by, requestId }: { readonly by: string; readonly requestId: string },
  { audit }: Pick<PasswordAnswersOptions, 'audit'>,
): void {
  for (const { handle, subject } of revoked) {
    audit.write({ event: 'password.revoked', requestId, subject, handle, cause: 'admin', by })
  }
}

/** Moments as text. */
function describePassword(password: ListedPassword): object {
  const { createdAt, expiresAt, lastUsedAt, ...rest } = password
  const used = lastUsedAt === undefined ? {} : { lastUsedAt: momentOf(lastUsedAt) }
  return { ...rest, createdAt: momentOf(createdAt), expiresAt: momentOf(expiresAt), ...used }
}

const momentOf = (seconds: number): string => new Date(seconds * 1000).toISOString()
