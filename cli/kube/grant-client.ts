/** Calls to the grant endpoints of an auth host, with answers as values and errors that say what to do. */
import { readFileSync } from 'node:fs'
import { createOutbound } from '../../app/login/provider/outbound.ts'
import { isLoopback } from '../../config/checks/loopback.ts'

const clientId = 'sallyport-kubectl'
export const deviceGrantType = 'urn:ietf:params:oauth:grant-type:device_code'

export interface TokenAnswer {
  readonly accessToken: string
  readonly refreshToken: string
  readonly expiresInSeconds: number
}

export interface DeviceAnswer {
  readonly deviceCode: string
  readonly userCode: string
  readonly page: string
  readonly completePage: string
  readonly expiresInSeconds: number
  readonly intervalSeconds: number
}

export interface Account {
  readonly sub: string
  readonly email?: string
  readonly name?: string
  readonly groups: readonly string[]
  readonly session: string
  /** Seconds since the epoch. */
  readonly session_ends_at: number
  readonly clusters: readonly AccountCluster[]
  /** PEM; absent where the gateway's certificate is publicly known. */
  readonly certificate_authority?: string
}

export interface AccountCluster {
  readonly name: string
  readonly server: string
  /** Absent for one behind the gateway. */
  readonly access?: 'direct'
  /** PEM, of a cluster without the gateway; absent where its certificate is publicly known. */
  readonly certificate_authority?: string
}

/** The auth host has said no, in a code that programs know and a sentence for people. */
export class RefusedError extends Error {
  readonly code: string
  constructor(code: string, sentence: string) {
    super(sentence)
    this.name = 'RefusedError'
    this.code = code
  }
}

/** Nobody answered, or not in this language. */
export class UnreachableError extends Error {}

/** Nobody answered. */
export class SilentError extends UnreachableError {}

/** It cannot answer now: it is down, or was asked too often. */
export class BusyError extends UnreachableError {
  /** What it said of when to ask again (RFC 9110 section 10.2.3). */
  readonly retryAfterSeconds: number | undefined
  constructor(sentence: string, retryAfterSeconds: number | undefined) {
    super(sentence)
    this.name = 'BusyError'
    this.retryAfterSeconds = retryAfterSeconds
  }
}

export interface GrantClient {
  readonly server: string
  token(form: Readonly<Record<string, string>>): Promise<TokenAnswer>
  device(): Promise<DeviceAnswer>
  revoke(token: string): Promise<void>
  /** Whether the session of an access token stands; `undefined` where nobody can say. */
  stands(accessToken: string): Promise<boolean | undefined>
  account(accessToken: string): Promise<Account>
  close(): Promise<void>
}

const timeoutMs = 20_000

/** An origin; plain http is for this machine alone. */
export function parseServer(text: string): string {
  const url = /^https?:\/\/[^/]/.test(text) && URL.canParse(text) ? new URL(text) : undefined
  if (url === undefined || url.pathname !== '/' || url.search !== '' || url.username !== '') {
    throw new Error(`expected the address of the auth host such as https://auth.example.com, got ${text}`)
  }
  if (url.protocol === 'http:' && !isLoopback(url.hostname)) {
    throw new Error(`expected https, got ${url.origin}: tokens would cross the network in the clear`)
  }
  return url.origin
}

export function createGrantClient(server: string, caFile: string | undefined): GrantClient {
  const ca = caFile === undefined ? {} : { certificateAuthority: readFileSync(caFile, 'utf8') }
  const outbound = createOutbound({ timeoutMs, ...ca })

  async function call(path: string, init: object): Promise<Response> {
    try {
      return await outbound.fetch(`${server}${path}`, { redirect: 'manual', ...init })
    } catch (cause) {
      throw new SilentError(`no answer from ${server}: ${reasonOf(cause)}`, { cause })
    }
  }

  async function post(path: string, form: Readonly<Record<string, string>>): Promise<Answer> {
    const body = new URLSearchParams({ client_id: clientId, ...form }).toString()
    const headers = { 'content-type': 'application/x-www-form-urlencoded', accept: 'application/json' }
    return read(await call(path, { method: 'POST', headers, body }), server)
  }

  const get = (path: string, accessToken: string): Promise<Response> =>
    call(path, { headers: { authorization: `Bearer ${accessToken}`, accept: 'application/json' } })

  return {
    server,
    async token(form) {
      const answer = await post('/kube/token', form)
      return {
        accessToken: textIn(answer, 'access_token'),
        refreshToken: textIn(answer, 'refresh_token'),
        expiresInSeconds: numberIn(answer, 'expires_in'),
      }
    },
    async device() {
      const answer = await post('/kube/device', {})
      return {
        deviceCode: textIn(answer, 'device_code'),
        userCode: textIn(answer, 'user_code'),
        page: textIn(answer, 'verification_uri'),
        completePage: textIn(answer, 'verification_uri_complete'),
        expiresInSeconds: numberIn(answer, 'expires_in'),
        intervalSeconds: numberIn(answer, 'interval'),
      }
    },
    revoke: async token => void (await post('/kube/revoke', { token })),
    async stands(accessToken) {
      const status = await get('/kube/session', accessToken).then(
        async response => {
          await response.body?.cancel()
          return response.status
        },
        () => 0,
      )
      if (status === 200) return true
      return status === 401 ? false : undefined
    },
    account: async accessToken => (await read(await get('/kube/userinfo', accessToken), server)) as unknown as Account,
    close: () => outbound.close(),
  }
}

type Answer = Readonly<Record<string, unknown>>

/** Of the auth host, or of a proxy in front of it. */
const busyStatuses: ReadonlySet<number> = new Set([429, 502, 503, 504])

/** Of `Retry-After`, which may be a date as well. */
function secondsIn(text: string | null): number | undefined {
  if (text === null) return undefined
  const seconds = /^\d{1,6}$/.test(text) ? Number(text) : (Date.parse(text) - Date.now()) / 1000
  return Number.isFinite(seconds) && seconds > 0 ? Math.ceil(seconds) : undefined
}

async function read(response: Response, server: string): Promise<Answer> {
  const text = await response.text()
  const body = parseObject(text)
  if (response.ok && body !== undefined) return body
  if (busyStatuses.has(response.status)) {
    const said = body?.error_description ?? `${server} answered ${response.status}`
    throw new BusyError(printable(said), secondsIn(response.headers.get('retry-after')))
  }
  if (body !== undefined && typeof body.error === 'string') {
    throw new RefusedError(body.error, printable(body.error_description ?? body.error))
  }
  if (response.status === 404) {
    throw new UnreachableError(
      `${server} knows no logins of command lines: is kubernetes, or machines.exchange.people, configured there?`,
    )
  }
  throw new UnreachableError(`${server} answered ${response.status}; is it the address of the auth host?`)
}

function parseObject(text: string): Answer | undefined {
  try {
    const found: unknown = JSON.parse(text)
    return typeof found === 'object' && found !== null ? (found as Answer) : undefined
  } catch {
    return undefined
  }
}

function textIn(answer: Answer, name: string): string {
  const value = answer[name]
  if (typeof value !== 'string') throw new UnreachableError(`the answer has no ${name}`)
  return value
}

function numberIn(answer: Answer, name: string): number {
  const value = answer[name]
  if (typeof value !== 'number') throw new UnreachableError(`the answer has no ${name}`)
  return value
}

/** Threat: an answer that writes to the terminal by itself. */
const printable = (value: unknown): string =>
  String(value)
    .replaceAll(/[^\x20-\x7e]/g, '?')
    .slice(0, 300)

function reasonOf(cause: unknown): string {
  const inner = cause instanceof Error && cause.cause instanceof Error ? cause.cause : cause
  const code = inner instanceof Error && 'code' in inner ? String(inner.code) : ''
  if (/CERT|SELF_SIGNED|VERIFY/.test(code))
    return `its certificate is not known here (${code}); --ca-file names who vouches for it`
  return code === '' ? 'the connection failed' : code
}
