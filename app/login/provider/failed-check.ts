/**
 * Which check of a provider's answer has failed, for the log: the claim or member, what was expected and what shape came.
 *
 * Threat: the errors of openid-client and jose carry the whole answer: codes, tokens, claims. Only names, numbers of seconds
 * and shapes are taken; the value of a claim only where everybody knows it, and the text of an error only of these two
 * libraries, which put names into theirs and no values. The text of a failed `JSON.parse` holds a piece of what it was given.
 */

import { ClientError } from 'openid-client'
import { shapeOf } from '../claims/shape.ts'
import { causes } from './causes.ts'

/** `undefined` for an error that is about no check. */
export function describeCheck(error: unknown): string | undefined {
  const chain = causes(error)
  const about = chain.find(cause => isObject(cause) && isObject(facts(cause)))
  if (about !== undefined) return describeFacts(about)
  // Status and media type are noted with the call.
  if (chain.some(isAnswer)) return 'expected 200 and JSON'
  const texts = chain.filter(isOfLibraries).map(({ message }) => message)
  return texts.length === 0 ? undefined : texts.at(-1)
}

/** Who issued a token and for whom stands in the configuration of both sides. */
const publicClaims = new Set(['iss', 'aud', 'azp', 'issuer'])

interface Facts {
  readonly claims?: unknown
  readonly body?: unknown
  readonly header?: unknown
  readonly claim?: unknown
  readonly attribute?: unknown
  readonly expected?: unknown
  readonly now?: unknown
  readonly tolerance?: unknown
}

/** openid-client puts them into the cause, jose beside the message. */
function facts(error: object): Facts | undefined {
  // At discovery the outer error has them.
  if (!isOfLibraries(error) && !(error instanceof ClientError)) return undefined
  const { cause, claim, payload: claims } = error as { cause?: unknown; claim?: unknown; payload?: unknown }
  if (typeof claim === 'string' && isObject(claims)) return { claim, claims }
  return isObject(cause) && ['claims', 'body', 'header'].some(name => Object.hasOwn(cause, name)) ? cause : undefined
}

function describeFacts(error: unknown): string {
  const { message } = error as Error
  const { claims, body, header, claim, attribute, expected, now, tolerance } = facts(error as object) ?? {}
  const name = [claim, attribute, namedIn(message)].find(known => typeof known === 'string')
  if (name === undefined) return message
  const holder = [claims, body, header].find(isObject) ?? {}
  const value = Object.hasOwn(holder, name) ? holder[name] : undefined
  if (isObject(claims) && typeof now === 'number' && typeof value === 'number') {
    return describeMoment(name, value, { now, tolerance: Number(tolerance), claims })
  }
  const kind = isObject(claims) ? 'claim' : 'member'
  if (!publicClaims.has(name)) return `the ${kind} ${name}: ${message}; received ${shapeOf(value)}`
  const wanted = expected === undefined ? '' : `, expected ${short(expected)}`
  return `the ${kind} ${name}: ${message}${wanted}; received ${value === undefined ? 'none' : short(value)}`
}

interface Moment {
  /** Seconds since the epoch. */
  readonly now: number
  /** Seconds. */
  readonly tolerance: number
  readonly claims: Record<string, unknown>
}

/** The token has just been made, so what `iat` is off by is what the clocks differ by. */
function describeMoment(name: string, value: number, { now, tolerance, claims }: Moment) {
  const off = Math.round(Math.abs(now - value))
  const where = value > now ? `${off} s ahead of our clock` : `${off} s behind our clock`
  const { iat } = claims
  const apart = typeof iat === 'number' && iat !== value ? Math.round(iat - now) : value > now ? off : 0
  const side = apart > 0 ? 'ahead of' : 'behind'
  const clocks = Math.abs(apart) > tolerance ? `; the provider's clock is ${Math.abs(apart)} s ${side} ours` : ''
  return `the claim ${name} is ${where}, ${tolerance} s are allowed${clocks}`
}

/** The class is one of several copies of undici. */
const isAnswer = (value: unknown): boolean =>
  isObject(value) && typeof value.status === 'number' && isObject(value.headers) && 'get' in value.headers

/** The name in quotes that stands last: `"response" body "access_token" property must be a string`. */
const namedIn = (message: string): string | undefined =>
  [...message.matchAll(/"([\w.-]{1,64})"/g)].map(([, name]) => name).at(-1)

const libraries = /^(?:OperationProcessingError|UnsupportedOperationError|JO\w+|JW\w+)$/

const isOfLibraries = (error: unknown): error is Error => error instanceof Error && libraries.test(error.name)

const short = (value: unknown): string => {
  const text = typeof value === 'string' || Array.isArray(value) ? JSON.stringify(value) : shapeOf(value)
  return text.length > 80 ? `${text.slice(0, 80)}…` : text
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
