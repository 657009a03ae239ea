/** Where a Redis is and how it is spoken to, without anything of it reaching a log that is secret. */

/** One server of several that share user, password and TLS. */
export interface RedisAddress {
  readonly host: string
  readonly port: number
}

/** PEM texts. */
export interface RedisTls {
  /** Authorities that may vouch for the server; default: those of Node. */
  readonly ca?: string
  /** With `key`: who we are. */
  readonly certificate?: string
  readonly key?: string
  /** The name that the certificate of each server must have; default: the host that it is reached by. */
  readonly serverName?: string
}

export interface RedisAccess {
  /** `redis://` or `rediss://`, with user, password and database number as far as needed. */
  readonly url: string
  readonly tls?: RedisTls
}

export const defaultPort = 6379

export const formatAddress = ({ host, port }: RedisAddress) => `${host.includes(':') ? `[${host}]` : host}:${port}`

/** The host and the port of a URL that `createRedactor` has taken. */
export function addressIn(url: string): RedisAddress {
  const { hostname, port } = new URL(url)
  return { host: hostname.replace(/^\[|\]$/g, ''), port: port === '' ? defaultPort : Number(port) }
}

/** The same user, password and database on another server. */
export function urlAt(url: string, address: RedisAddress): string {
  const other = new URL(url)
  other.host = formatAddress(address)
  return other.href
}

/**
 * Errors as they may be logged. Threat: a server without HELLO quotes its arguments, and so the password, in its reply,
 * and a URL that does not parse is quoted by the error about it.
 */
export function createRedactor(url: string, passwords: readonly string[] = []): (cause: unknown) => Error {
  const parsed = URL.canParse(url) ? new URL(url) : undefined
  if (parsed === undefined || !['redis:', 'rediss:'].includes(parsed.protocol)) {
    throw new Error('the Redis URL cannot be read: it must begin with redis:// or rediss://')
  }
  if (!/^\/?\d*$/.test(parsed.pathname)) throw new Error('the Redis URL cannot be read: its path is no database number')
  const secrets = [decodePassword(parsed.password), parsed.password, ...passwords].filter(Boolean)
  return cause => {
    const error: NodeJS.ErrnoException = cause instanceof Error ? cause : new Error(String(cause))
    // A refused connection to a name with several addresses is an AggregateError: a code without a message.
    const text = error.message || error.code || error.name
    const redacted = new Error(secrets.reduce((rest, secret) => rest.replaceAll(secret, '***'), text))
    redacted.name = error.name
    return redacted
  }
}

function decodePassword(password: string): string {
  try {
    return decodeURIComponent(password)
  } catch {
    throw new Error('the Redis URL cannot be read: its password is not percent-encoded')
  }
}
