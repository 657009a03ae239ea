/**
 * Ends a circle of logins that this side does not see: each one delivers what was asked, and the check that sent the
 * person here wants another all the same.
 *
 * A rule that wants a login of the last five seconds, two conditions of which each login meets the other one, replicas
 * whose clocks differ: without a person in between browsers and a provider would go round for ever.
 */
import type { Request } from 'express'
import { digestOf, type LoginIntent, type LoginWish, wishOf } from './attempts.ts'

/** The second login may bring back what the one in between has lost; a third one will not help. */
const MOST_ROUNDS = 2
/** From one login to the next of the same circle, however slow provider and application are. */
const WINDOW_SECONDS = 60
/** A circle of more different wishes is not believed in. */
const MOST_REMEMBERED = 8

interface Round {
  /** Digest of where it leads, and of what was asked for. */
  readonly of: string
  /** When it ended, seconds since the epoch. */
  readonly at: number
}

declare module 'express-session' {
  interface SessionData {
    stepUpRounds: readonly Round[]
  }
}

type Wanted = LoginWish & Pick<LoginIntent, 'returnTo'>

/** Whether anything of the login is asked for that a provider might not deliver. */
export const isStepUp = ({ maxAgeSeconds, acrValues = [], methods = [] }: LoginWish): boolean =>
  maxAgeSeconds !== undefined || acrValues.length > 0 || methods.length > 0

/** The logins that have just ended. To be read before the session gets a new id. */
export function recentRounds(request: Request, nowSeconds: number): readonly Round[] {
  return (request.session.stepUpRounds ?? []).filter(({ at }) => Math.abs(nowSeconds - at) <= WINDOW_SECONDS)
}

/** A login has ended as asked, after those of `before`. */
export function noteRound(wanted: Wanted, before: readonly Round[], request: Request, nowSeconds: number): void {
  if (!isStepUp(wanted)) return
  const round = { of: nameOf(wanted), at: Math.floor(nowSeconds) }
  request.session.stepUpRounds = [...before, round].slice(-MOST_REMEMBERED)
}

/** Whether to stop. The count begins again then: whoever goes on from the page does so with a click. */
export function isCircle(wanted: Wanted, request: Request, nowSeconds: number): boolean {
  const name = nameOf(wanted)
  if (recentRounds(request, nowSeconds).filter(round => round.of === name).length < MOST_ROUNDS) return false
  delete request.session.stepUpRounds
  return true
}

function nameOf(wanted: Wanted): string {
  const { prompt: _prompt, ...wish } = wishOf(wanted)
  return digestOf(JSON.stringify([wanted.returnTo, wish]))
}
