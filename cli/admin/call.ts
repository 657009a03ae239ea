/** One call to the admin listener of a running service, with errors that say what to look at. */
import { request } from 'node:http'
import { text as readText } from 'node:stream/consumers'
import type { AdminPlace } from './place.ts'

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
export async function callAdmin(admin: AdminPlace, path: string, call: AdminCall = {}): Promise<AdminAnswer> {
  const { socket, origin } = addressOf(admin)
  const { timeoutMs = 60_000 } = call
  const url = new URL(path, origin)
  const asked = {
    ...call,
    signal: AbortSignal.any([AbortSignal.timeout(timeoutMs), ...(call.signal ? [call.signal] : [])]),
  }
  const { status, text } = await (socket === undefined ? overPort(url, asked) : overSocket(socket, url, asked)).catch(
    (cause: unknown) => {
      throw new Error(reasonOf(cause, { ...admin, ...(socket === undefined && { url: url.origin }) }, timeoutMs), {
        cause,
      })
    },
  )
  return { status, body: jsonIn(text), href: socket === undefined ? url.href : `${admin.url}${path}` }
}

/** On a Unix socket it is this machine, under the name that is this machine's. */
function addressOf({ url }: AdminPlace): { readonly origin: string; readonly socket?: string } {
  const socket = /^unix:(\/.+)$/.exec(url)?.[1]
  if (socket !== undefined) return { origin: 'http://localhost', socket }
  if (/^https?:\/\//.test(url) && URL.canParse(url)) return { origin: url }
  throw new Error(`expected an address such as http://127.0.0.1:9181 or unix:/run/sallyport/admin.sock, got ${url}`)
}

interface Answered {
  readonly status: number
  readonly text: string
}

const sent = ({ method = 'GET', signal }: AdminCall) => ({
  method,
  headers: { 'content-type': 'application/json' },
  ...(signal === undefined ? {} : { signal }),
})

async function overPort(url: URL, call: AdminCall): Promise<Answered> {
  const response = await fetch(url, { ...sent(call), ...(call.body && { body: JSON.stringify(call.body) }) })
  return { status: response.status, text: await response.text() }
}

/** What `fetch` cannot: it knows no sockets. */
function overSocket(socketPath: string, { pathname, search }: URL, call: AdminCall): Promise<Answered> {
  return new Promise((resolve, reject) => {
    const options = { socketPath, path: pathname + search, host: 'localhost', ...sent(call) }
    const asking = request(options, response => {
      readText(response).then(text => resolve({ status: response.statusCode ?? 0, text }), reject)
    })
    asking.on('error', error => reject(call.signal?.aborted === true ? call.signal.reason : error))
    asking.end(call.body && JSON.stringify(call.body))
  })
}

function jsonIn(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function reasonOf(cause: unknown, { url, source }: AdminPlace, timeoutMs: number): string {
  if (cause instanceof Error && cause.name === 'TimeoutError') {
    return `no answer from ${url} within ${timeoutMs / 1000} s; its log says how far it is`
  }
  const advice =
    source === '--admin'
      ? 'is this its admin.listen?'
      : 'does this name its configuration? --config or --admin says another'
  return `no answer from ${url} (${source}): ${whyOf(cause)}; is the service running, and ${advice}`
}

/** `fetch` has what happened as a cause, of several addresses as a list. */
function whyOf(cause: unknown): string {
  const error = cause instanceof TypeError ? cause.cause : cause
  const { code, message } = error as NodeJS.ErrnoException
  if (code === 'EACCES') return 'this account may not open it'
  if (code === 'ENOENT') return 'there is no such file'
  return code === 'ECONNREFUSED' ? 'nothing listens there' : (code ?? message)
}

/** The error for an answer that is none of those that were expected. */
export function strangeAnswer({ status, body, href }: AdminAnswer): Error {
  const reason = typeof body === 'object' && body !== null && 'error' in body ? `: ${String(body.error)}` : ''
  return new Error(`${href} answered ${status}${reason}`)
}
