/**
 * One decider outside: what it has said of a question, for as long as that counts, and how many questions there may be.
 *
 * Threat: every path that somebody makes up is another question to somebody else's server. So the same question is asked once
 * for however many wait, only so many are under way, and nobody who is not logged in takes the room of those who are.
 */
import { hash } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import { type Asked, answerIn, questionText, type Shape } from './messages.ts'

/** `full`: there was no room to ask. `failed`: no answer, or none that can be read. */
export type AskOutcome = 'yes' | 'no' | 'failed' | 'full'

export interface DeciderOptions {
  readonly name: string
  readonly shape: Shape
  /** For how long an answer counts, in milliseconds; 0: it is asked each time. */
  readonly cacheForMs: number
  /** Gives the body of an answer with status 200; rejects otherwise, in time, and without a word of the answer. */
  readonly post: (body: string) => Promise<string>
  /** Milliseconds of a clock that nobody sets. Default: `performance.now`. */
  readonly now?: () => number
  /** Each question that was put; `error` for one that failed. */
  readonly onAsked: (name: string, outcome: AskOutcome, error?: unknown) => void
}

export interface Decider {
  readonly name: string
  /** Of equal key for what is told alike. */
  readonly questionOf: (asked: Asked) => Question
  /** What it has said, where that still counts. */
  readonly known: (question: Question) => boolean | undefined
  /** Never rejects: `undefined` where there is no answer. */
  readonly ask: (question: Question) => Promise<boolean | undefined>
}

export interface Question {
  readonly key: string
  readonly body: string
  readonly isOfNobody: boolean
}

/** Under way at once: about who is logged in, and about nobody. */
export const mostAtOnce = { somebody: 128, nobody: 16 } as const
/** Answers that are kept; a question of a long path is no longer than its digest. */
const mostKept = 50_000

export function createDecider(options: DeciderOptions): Decider {
  const { name, shape, cacheForMs, post, now = () => performance.now(), onAsked } = options
  const answers = new LRUCache<string, { readonly answer: boolean; readonly until: number }>({ max: mostKept })
  const underWay = new Map<string, Promise<boolean | undefined>>()
  const count = { somebody: 0, nobody: 0 }

  async function put({ key, body }: Question, room: keyof typeof count): Promise<boolean | undefined> {
    count[room] += 1
    const askedAt = now()
    try {
      const answer = answerIn(shape, await post(body))
      // It may be as old as the question.
      if (cacheForMs > 0) answers.set(key, { answer, until: askedAt + cacheForMs })
      onAsked(name, answer ? 'yes' : 'no')
      return answer
    } catch (error) {
      onAsked(name, 'failed', error)
      return undefined
    } finally {
      count[room] -= 1
      underWay.delete(key)
    }
  }

  return {
    name,
    questionOf(asked) {
      const body = questionText(shape, asked)
      return { key: hash('sha256', body, 'base64url'), body, isOfNobody: asked.identity.kind === 'anonymous' }
    },
    known({ key }) {
      const found = answers.get(key)
      return found !== undefined && now() < found.until ? found.answer : undefined
    },
    async ask(question) {
      const already = underWay.get(question.key)
      if (already !== undefined) return already
      const room = question.isOfNobody ? 'nobody' : 'somebody'
      if (count[room] >= mostAtOnce[room]) {
        onAsked(name, 'full')
        return undefined
      }
      const asking = put(question, room)
      underWay.set(question.key, asking)
      return asking
    },
  }
}
