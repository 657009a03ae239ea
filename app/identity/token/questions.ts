/**
 * Questions to an issuer about single tokens: how many there may be, and what becomes of them while it does not answer.
 *
 * Threat: tokens are anybody's to make up, and each is a call to somebody else's server. So the same question is asked once for
 * however many wait, and only so many are under way. Threat: whoever makes them up takes the room of those that are good. So
 * there are shares, by what a stranger cannot make up. Whoever finds no room waits a little; then it is 503, and never a yes.
 */
import { hash } from 'node:crypto'
import { OperationalError } from '../../errors.ts'
import { IssuerFault } from './issuer-fault.ts'
import { createRoom, type Room } from './room.ts'

/**
 * What is known of a token before its issuer is asked: nothing, that the keys of the issuer have signed it, or that the issuer
 * vouched for it before.
 */
export type Standing = 'stranger' | 'signed' | 'good'

export interface Questions<T> {
  /** Rejects as the question does, or with `ERR_ISSUER_UNAVAILABLE`. */
  readonly ask: (key: string, standing: Standing, question: () => Promise<T>) => Promise<T>
}

export interface QuestionsOptions {
  /** Of the issuer, for the log. */
  readonly name: string
  /** Milliseconds of a clock that nobody sets. Default: `performance.now`. */
  readonly now?: () => number
  /** How long a question may wait for room, in milliseconds. Default 3,000. */
  readonly waitMs?: number
}

/** Under way at once, to one issuer, in each share. */
export const mostAtOnce = 16
/** Waiting for that, in each share. */
export const mostWaiting = 256
/** About strangers' tokens, in any second. */
export const mostPerSecond = 50
/** How long an issuer that did not answer is not asked about tokens that were not good before. */
export const silenceMs = 1_000

export function createQuestions<T>(options: QuestionsOptions): Questions<T> {
  const { name, now = () => performance.now(), waitMs = 3_000 } = options
  const underWay = new Map<string, Promise<T>>()
  const room = (): Room => createRoom({ mostAtOnce, mostWaiting, waitMs })
  const rooms: Readonly<Record<Standing, Room>> = { stranger: room(), signed: room(), good: room() }
  const failedAt = { stranger: Number.NEGATIVE_INFINITY, signed: Number.NEGATIVE_INFINITY }
  const mayStrangerAsk = createRate(now)

  /** Threat: a token that makes the issuer fail. It holds back those who are known no better, never those who are. */
  function noteSilence(standing: Standing): void {
    failedAt.stranger = now()
    if (standing !== 'stranger') failedAt.signed = now()
  }

  function requireVoice(standing: Standing): void {
    if (standing === 'good' || now() - failedAt[standing] >= silenceMs) return
    throw unavailable(name, 'did not answer a moment ago')
  }

  async function askOnce(standing: Standing, question: () => Promise<T>): Promise<T> {
    const leave = await rooms[standing].enter()
    if (leave === undefined) throw unavailable(name, 'is asked about too many tokens')
    try {
      // It may have fallen silent meanwhile.
      requireVoice(standing)
      return await question()
    } catch (error) {
      if (isSilence(error)) noteSilence(standing)
      throw error
    } finally {
      leave()
    }
  }

  return {
    async ask(key, standing, question) {
      const already = underWay.get(key)
      if (already !== undefined) return already
      requireVoice(standing)
      if (standing === 'stranger' && !mayStrangerAsk()) throw unavailable(name, 'is asked about too many tokens')
      const asking = askOnce(standing, question).finally(() => underWay.delete(key))
      underWay.set(key, asking)
      return asking
    },
  }
}

/** An answer that cannot be used is one about this token: it holds nobody else back. */
function isSilence(error: unknown): boolean {
  if (!(error instanceof OperationalError) || error.cause === undefined) return false
  return !(error.cause instanceof IssuerFault) || error.cause.isSilence
}

/** Whether there may be one more in this second; if so it is counted. */
function createRate(now: () => number): () => boolean {
  let began = Number.NEGATIVE_INFINITY
  let count = 0
  return () => {
    if (now() - began >= 1_000) {
      began = now()
      count = 0
    }
    if (count >= mostPerSecond) return false
    count += 1
    return true
  }
}

const unavailable = (name: string, why: string): OperationalError =>
  new OperationalError('ERR_ISSUER_UNAVAILABLE', `the issuer ${name} ${why}`)

/** Stands for a token where it must not be kept. */
export const digestOf = (token: string): string => hash('sha256', token, 'base64url')
