/**
 * Notes what became of each call of a provider's endpoint, so that the log can say it in one form for all of them:
 *
 *     the token endpoint https://idp.example/token answered 400 application/json invalid_grant
 *     jwks_uri https://idp.example/keys refused the connection (ECONNREFUSED)
 *
 * Threat: an answer holds tokens, or repeats what it was sent: codes, secrets. Of the address only origin and path are
 * noted, of the answer its status, its media type and an error code that looks like one.
 */
import { createCallContext } from './call-context.ts'
import type { OutboundFetch } from './outbound.ts'

/** As it stands in the log. */
export type Endpoint =
  | 'discovery'
  | 'jwks_uri'
  | 'the token endpoint'
  | 'the userinfo endpoint'
  | 'the pushed authorization request endpoint'
  | 'Microsoft Graph'

export interface EndpointCall {
  readonly endpoint: Endpoint
  /** Absent as long as nothing was sent. */
  readonly address?: string
  /** Absent as long as nothing came. */
  readonly answer?: Answered
}

export interface Answered {
  readonly status: number
  /** In lower case; absent where there is none, or none that is well-formed. */
  readonly mediaType?: string
  /** RFC 6749 section 5.2, RFC 6750 section 3; `error.code` of Graph. */
  readonly error?: string
}

type Noted = { -readonly [Name in keyof EndpointCall]: EndpointCall[Name] }

const running = createCallContext<Noted>()
const failed = new WeakMap<Error, EndpointCall>()

/** Runs `call`, whose `fetch` has to be a `notingFetch`. What it rejects with, `callBehind` knows the call of. */
export async function callEndpoint<T>(endpoint: Endpoint, call: () => Promise<T>): Promise<T> {
  const noted: Noted = { endpoint }
  try {
    return await running.run(noted, call)
  } catch (error) {
    for (const cause of errorsIn(error)) if (!failed.has(cause)) failed.set(cause, noted)
    throw error
  }
}

/** The call that an error comes from; where one was made while another was looked at, the inner one. */
export const callBehind = (error: unknown): EndpointCall | undefined =>
  errorsIn(error)
    .map(cause => failed.get(cause))
    .findLast(call => call !== undefined)

/** The call that is being made. */
export const runningCall = (): EndpointCall | undefined => running.get()

/** The same `fetch`, which notes what it is asked and what comes. */
export function notingFetch(fetch: OutboundFetch): OutboundFetch {
  return async (url, init) => {
    const call = running.get()
    if (call === undefined) return fetch(url, init)
    call.address = addressOf(url)
    delete call.answer
    const response = await fetch(url, init)
    const { status } = response
    const mediaType = mediaTypeOf(response)
    const error = status < 400 ? undefined : await errorOf(response, mediaType, sentWith(init as RequestInit))
    call.answer = { status, ...(mediaType !== undefined && { mediaType }), ...(error !== undefined && { error }) }
    return response
  }
}

const longestAddress = 160

/** Without a query, which may hold anything, and without the name and password that an address can have. */
function addressOf(url: string): string {
  const { origin, pathname } = new URL(url)
  const address = `${origin}${pathname}`
  return address.length > longestAddress ? `${address.slice(0, longestAddress)}…` : address
}

function mediaTypeOf({ headers }: Response): string | undefined {
  const [type = ''] = (headers.get('content-type') ?? '').split(';')
  return /^[\w.+-]{1,40}\/[\w.+-]{1,60}$/.test(type.trim()) ? type.trim().toLowerCase() : undefined
}

async function errorOf(response: Response, mediaType: string | undefined, sent: string): Promise<string | undefined> {
  const [, challenged] = /\berror="([^"]*)"/.exec(response.headers.get('www-authenticate') ?? '') ?? []
  const stated = challenged ?? (isJson(mediaType) ? await errorInBody(response.clone()) : undefined)
  if (stated === undefined || stated === '') return undefined
  // Threat: a provider that answers with what it was sent, and a secret that is a plain word.
  return isErrorCode(stated) && !sent.includes(stated) ? stated : `and an error of ${stated.length} characters`
}

const isJson = (mediaType: string | undefined): boolean => /^application\/(?:[\w.-]+\+)?json$/.test(mediaType ?? '')

/** What does not come whole is found out by whoever reads the answer itself. */
async function errorInBody(response: Response): Promise<string | undefined> {
  const body: unknown = await response.json().catch(() => undefined)
  const error = property(body, 'error')
  const code = typeof error === 'string' ? error : property(error, 'code')
  return typeof code === 'string' ? code : undefined
}

/** Words, as all registered codes are (`invalid_grant`), and those of Graph (`Authorization_RequestDenied`). */
const isErrorCode = (text: string): boolean =>
  text.length <= 64 && /^(?:[a-z]+(?:_[a-z]+){0,7}|(?:[A-Z][a-z]+){1,6}(?:_(?:[A-Z][a-z]+){1,6})?)$/.test(text)

function sentWith({ headers, body }: RequestInit): string {
  const authorization = new Headers(headers).get('authorization') ?? ''
  const [, basic = ''] = /^Basic (.+)$/.exec(authorization) ?? []
  const form = body instanceof URLSearchParams ? [...body.values()].join('\n') : ''
  return [authorization, Buffer.from(basic, 'base64').toString(), form].join('\n')
}

function errorsIn(error: unknown): readonly Error[] {
  const chain: Error[] = []
  for (let cause = error; cause instanceof Error && chain.length < 8; cause = cause.cause) chain.push(cause)
  return chain
}

const property = (value: unknown, name: string): unknown =>
  typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined
