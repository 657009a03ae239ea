/** The query of `/login` as typed values. What we sent out ourselves is strict; `rd` is looked at by the guard alone. */
import type { Request } from 'express'
import { OperationalError } from '../errors.ts'
import { isToken, type LoginIntent, type LoginWish } from './attempts.ts'
import { parseEmail } from './claims/email.ts'

export interface LoginParameters extends LoginWish, Pick<LoginIntent, 'handoff' | 'isAgain' | 'page' | 'loginHint'> {
  /** Unchecked; absent when missing or repeated. */
  readonly rd?: string
  readonly provider?: string
  /** What stood behind `#` in the browser; empty when it was looked for and nothing was there. */
  readonly fragment?: string
}

/** The query exactly as it came, without its question mark. */
export function rawQueryOf(request: Pick<Request, 'originalUrl'>): string {
  const start = request.originalUrl.indexOf('?')
  return start < 0 ? '' : request.originalUrl.slice(start + 1)
}

/** Throws `ERR_REQUEST_MALFORMED` for a value that our own links never hold. */
export function parseLoginParameters(rawQuery: string): LoginParameters {
  const { query, rd } = splitOffReturnTo(rawQuery)
  const handoff = optional(query, 'handoff', isToken)
  const page = optional(query, 'page', isToken)
  const maxAge = optional(query, 'max_age', isSeconds)
  const acr = optional(query, 'acr_values', isAcrList)
  const amr = optional(query, 'amr', isMethodLists)
  const prompt = optional(query, 'prompt', isPrompt)
  const provider = optional(query, 'provider', isProviderName)
  const loginHint = optional(query, 'login_hint', isEmail)
  return {
    ...(rd !== undefined && { rd }),
    ...(page !== undefined && { page }),
    ...(handoff !== undefined && { handoff }),
    ...(maxAge !== undefined && { maxAgeSeconds: Number(maxAge) }),
    ...(acr !== undefined && { acrValues: acr.split(' ') }),
    ...(amr !== undefined && { methods: amr.split(' ').map(list => list.split('|').map(decodeURIComponent)) }),
    ...(prompt !== undefined && { prompt }),
    ...(provider !== undefined && { provider }),
    ...(loginHint !== undefined && { loginHint }),
    ...(query.has('again') && { isAgain: true as const }),
    ...(query.has('fragment') && { fragment: fragmentIn(query) }),
  }
}

/** The address that starts the same login again. */
export function loginPath(parameters: LoginParameters): string {
  const { rd, page, handoff, isAgain, fragment, maxAgeSeconds, acrValues, methods, prompt, provider, loginHint } =
    parameters
  const query = new URLSearchParams()
  if (provider !== undefined) query.set('provider', provider)
  if (loginHint !== undefined) query.set('login_hint', loginHint)
  if (prompt !== undefined) query.set('prompt', prompt)
  if (maxAgeSeconds !== undefined) query.set('max_age', String(maxAgeSeconds))
  if (acrValues !== undefined) query.set('acr_values', acrValues.join(' '))
  if (methods !== undefined) query.set('amr', methods.map(list => list.map(encodeURIComponent).join('|')).join(' '))
  if (handoff !== undefined) query.set('handoff', handoff)
  if (isAgain === true) query.set('again', '1')
  if (fragment !== undefined) query.set('fragment', fragment)
  if (page !== undefined) query.set('page', page)
  if (rd !== undefined) query.set('rd', rd)
  return query.size === 0 ? '/login' : `/login?${query.toString()}`
}

const longestFragment = 1024

/**
 * As browsers write it (URL Standard, fragment percent-encode set): nothing that a header or a page reads otherwise. No
 * login fails because of what is no fragment; it is left out.
 */
export function fragmentIn(query: URLSearchParams): string {
  const [value = '', ...others] = query.getAll('fragment')
  const isFragment = value.length <= longestFragment && /^[!#-;=?-_a-~]*$/.test(value)
  return isFragment && others.length === 0 ? value : ''
}

/**
 * NGINX cannot encode `$request_uri`, so its `rd=https://app/p?a=1&b=2` comes as it is. An unencoded URL therefore
 * takes everything up to the end of the query, and has to be the last parameter.
 */
function splitOffReturnTo(rawQuery: string): { query: URLSearchParams; rd?: string } {
  const unencoded = /(?:^|&)rd=(https?:\/\/.*)$/s.exec(rawQuery)
  const [, rd] = unencoded ?? []
  if (unencoded !== null && rd !== undefined) {
    return { query: new URLSearchParams(rawQuery.slice(0, unencoded.index)), rd }
  }
  const query = new URLSearchParams(rawQuery)
  const [value, ...others] = query.getAll('rd')
  return value === undefined || others.length > 0 ? { query } : { query, rd: value }
}

function optional<T extends string>(
  query: URLSearchParams,
  name: string,
  isValid: (value: unknown) => value is T,
): T | undefined {
  const [value, ...others] = query.getAll(name)
  if (value === undefined) return undefined
  if (others.length > 0 || !isValid(value)) throw new OperationalError('ERR_REQUEST_MALFORMED', `${name} is malformed`)
  return value
}

const matches =
  (pattern: RegExp) =>
  (value: unknown): value is string =>
    typeof value === 'string' && pattern.test(value)
const isSeconds = matches(/^\d{1,9}$/)
const isAcrList = matches(/^[\x21-\x7e]{1,256}(?: [\x21-\x7e]{1,256}){0,9}$/)
/** Lists of encoded names; as many of each as a policy may sensibly hold. */
const isMethodLists = (value: unknown): value is string =>
  isMethodText(value) && value.split(/[ |]/).every(name => canDecode(name))
const isMethodText = matches(/^[\w.!~*'()%-]{1,192}(?:[ |][\w.!~*'()%-]{1,192}){0,31}$/)
const isProviderName = matches(/^[a-z0-9-]{1,64}$/)
const isEmail = (value: unknown): value is string => parseEmail(value) !== undefined
const isPrompt = (value: unknown): value is 'login' | 'none' => value === 'login' || value === 'none'

function canDecode(name: string): boolean {
  try {
    return decodeURIComponent(name) !== ''
  } catch {
    return false
  }
}
