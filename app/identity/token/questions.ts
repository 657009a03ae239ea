/**
 * Questions to an issuer about single tokens: how many there may be, and what becomes of them while it does not answer.
 *
 * Threat: tokens are anybody's to make up, and each is a call to somebody else's server. So the same question is asked once for
 * however many wait, only so many are under way, and strangers have their own share: a flood of tokens that were never good
 * leaves the way open for those that were a moment ago. Whoever comes when there is no room is answered with 503, never let in.
 */
import { hash } from 'node:crypto'
import { OperationalError } from '../../errors.ts'

export interface Questions<T> {
  /**
   * Rejects as the question does, or with `ERR_ISSUER_UNAVAILABLE`.
   * @param wasGood whether the issuer vouched for this token before
   */
  readonly ask: (key: string, wasGood: boolean, question: () => Promise<T>) => Promise<T>
}

export interface QuestionsOptions {
  /** Of the issuer, for the log. */
  readonly name: string
  /** Milliseconds of a clock that nobody sets. Default: `performance.now`. */
  readonly now?: () => number
}

/** Under way at once, to one issuer; as many again for tokens that were good. */
export const mostAtOnce = 16
/** About tokens that were not good before, in any second. */
export const mostPerSecond = 50
/** How long an issuer that did not answer is not asked about tokens that were not good before. */
export const silenceMs = 1_000

export function createQuestions<T>({ name, now = () => performance.now() }: QuestionsOptions): Questions<T> {
  const underWay = new Map<string, Promise<T>>()
  const count = { good: 0, new: 0 }
  let failedAt = Number.NEGATIVE_INFINITY
  let secondBegan = Number.NEGATIVE_INFINITY
  let inSecond = 0

  /** Whether there is room for one more; if so it is taken. */
  function takeRoom(kind: keyof typeof count): boolean {
    if (count[kind] >= mostAtOnce) return false
    if (kind === 'new') {
      if (now() - secondBegan >= 1_000) {
        secondBegan = now()
        inSecond = 0
      }
      if (inSecond >= mostPerSecond) return false
      inSecond += 1
    }
    count[kind] += 1
    return true
  }

  async function askOnce(kind: keyof typeof count, question: () => Promise<T>): Promise<T> {
    try {
      return await question()
    } catch (error) {
      if (error instanceof OperationalError) failedAt = now()
      throw error
    } finally {
      count[kind] -= 1
    }
  }

  return {
    async ask(key, wasGood, question) {
      const already = underWay.get(key)
      if (already !== undefined) return already
      // Threat: a token that makes the issuer fail. It may keep strangers out for a moment, never those who are in.
      if (!wasGood && now() - failedAt < silenceMs) throw unavailable(name, 'did not answer a moment ago')
      const kind = wasGood ? 'good' : 'new'
      if (!takeRoom(kind)) throw unavailable(name, 'is asked about too many tokens')
      const asking = askOnce(kind, question).finally(() => underWay.delete(key))
      underWay.set(key, asking)
      return asking
    },
  }
}

const unavailable = (name: string, why: string): OperationalError =>
  new OperationalError('ERR_ISSUER_UNAVAILABLE', `the issuer ${name} ${why}`)

/** Stands for a token where it must not be kept. */
export const digestOf = (token: string): string => hash('sha256', token, 'base64url')
