/** One call to the admin listener of a running service, with errors that say what to look at. */
import { Option } from 'commander'

/** `--admin`: where a running service listens for its operator. */
export const adminOption = () =>
  new Option('--admin <url>', 'admin listener of the service').default('http://127.0.0.1:9181')

export interface AdminCall {
  readonly method?: 'GET' | 'POST'
  /** Sent as JSON. */
  readonly body?: object
  /** Longer than anything that succeeds, in milliseconds. Default a minute: a load may wait for a database. */
  readonly timeoutMs?: number
  /** Ends it before. */
  readonly signal?: AbortSignal
}

export interface AdminAnswer {
  readonly status: number
  /** `undefined` where it is no JSON. */
  readonly body: unknown
  readonly href: string
}

/** Rejects when nobody answers. */
export async function callAdmin(admin: string, path: string, call: AdminCall = {}): Promise<AdminAnswer> {
  if (!/^https?:\/\//.test(admin) || !URL.canParse(admin)) {
    throw new Error(`expected an address such as http://127.0.0.1:9181, got ${admin}`)
  }
  const { method = 'GET', body, timeoutMs = 60_000 } = call
  const url = new URL(path, admin)
  const response = await fetch(url, {
    method,
    headers: { 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    signal: AbortSignal.any([AbortSignal.timeout(timeoutMs), ...(call.signal === undefined ? [] : [call.signal])]),
  }).catch((cause: unknown) => {
    throw new Error(reasonOf(cause, url, timeoutMs), { cause })
  })
  return { status: response.status, body: await response.json().catch(() => undefined), href: url.href }
}

function reasonOf(cause: unknown, { origin }: URL, timeoutMs: number): string {
  if (cause instanceof Error && cause.name === 'TimeoutError') {
    return `no answer from ${origin} within ${timeoutMs / 1000} s; its log says how far it is`
  }
  return `no answer from ${origin}; is the service running, and is this its admin.listen?`
}

/** The error for an answer that is none of those that were expected. */
export function strangeAnswer({ status, body, href }: AdminAnswer): Error {
  const reason = typeof body === 'object' && body !== null && 'error' in body ? `: ${String(body.error)}` : ''
  return new Error(`${href} answered ${status}${reason}`)
}
