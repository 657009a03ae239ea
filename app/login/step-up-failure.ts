/**
 * What a person reads when a login is not what was asked for: both sides, so that they or their administrator know
 * whether the provider, the account or the rule has to change.
 *
 * Classes and methods are text of policies and providers; whoever makes a page of this escapes it.
 */
import type { LoginWish } from './attempts.ts'
import type { Delivered } from './provider/step-up.ts'

/** What it is about, and how it was wished for or came back. */
type Lines = readonly (readonly [string, string])[]

export interface StepUpReport {
  readonly asked: Lines
  /** Empty when the provider itself said no. */
  readonly delivered: Lines
}

/** @param nowSeconds seconds since the epoch */
export function reportOf(asked: LoginWish, delivered: Delivered | undefined, nowSeconds: number): StepUpReport {
  return { asked: wished(asked), delivered: delivered === undefined ? [] : cameBack(asked, delivered, nowSeconds) }
}

function wished({ maxAgeSeconds, acrValues = [], methods = [] }: LoginWish): Lines {
  return [
    ...(maxAgeSeconds === undefined ? [] : [['Login', ageWished(maxAgeSeconds)] as const]),
    ...methods.map(list => ['Method', list.join(' or ')] as const),
    ...(acrValues.length === 0 ? [] : [['Class', acrValues.join(' or ')] as const]),
  ]
}

function cameBack(asked: LoginWish, delivered: Delivered, nowSeconds: number): Lines {
  const { maxAgeSeconds, acrValues = [], methods = [] } = asked
  const { authTime, amr = [], acr } = delivered
  return [
    ...(maxAgeSeconds === undefined ? [] : [['Login', ageOf(authTime, nowSeconds)] as const]),
    ...(methods.length === 0 ? [] : [['Method', amr.length === 0 ? unsaid : amr.join(' and ')] as const]),
    ...(acrValues.length === 0 ? [] : [['Class', acr ?? unsaid] as const]),
  ]
}

const unsaid = 'not said'

const ageWished = (maxAgeSeconds: number): string =>
  maxAgeSeconds === 0 ? 'now' : `at most ${durationText(maxAgeSeconds)} ago`

function ageOf(authTime: number | undefined, nowSeconds: number): string {
  if (authTime === undefined) return `time ${unsaid}`
  const age = Math.round(nowSeconds - authTime)
  return age < 0 ? `${durationText(-age)} ahead of our clock` : `${durationText(age)} ago`
}

const units = [
  [86_400, 'd'],
  [3600, 'h'],
  [60, 'min'],
  [1, 's'],
] as const

/** The two largest units: exact enough to compare, short enough to read. */
function durationText(seconds: number): string {
  let rest = seconds
  const parts = units.flatMap(([size, unit]) => {
    const count = Math.floor(rest / size)
    rest -= count * size
    return count === 0 ? [] : [`${count} ${unit}`]
  })
  return parts.length === 0 ? '0 s' : parts.slice(0, 2).join(' ')
}
