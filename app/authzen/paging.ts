/**
 * Pages of what a search finds, in the order of its names.
 *
 * A token holds where the last page ended and for which question, signed: nothing is kept for it. Threat: a token of another
 * question, of another asker or of another policy, by which a page is left out or comes twice. It is of no use there.
 */
import { hash, timingSafeEqual } from 'node:crypto'
import type { QuestionDependencies } from './dependencies.ts'
import { malformed } from './fault.ts'
import { type Fields, fieldsOf, own } from './message.ts'

const mostOnPage = 100
const tokenSeconds = 300
const longestToken = 4_096

export interface AskedPage {
  readonly limit: number
  /** Name of the last one of the page before; absent on the first. */
  readonly after?: string
}

/** Everything that a page belongs to. */
export interface PageOf {
  readonly asker: string
  readonly revision: string
  /** The question without its page. */
  readonly message: Fields
  readonly wanted: string
}

type Means = Pick<QuestionDependencies, 'sign' | 'clock'>

/** Throws `QuestionFault`. `next_token` is what the examples of the drafts send back in place of `token`. */
export function pageOf(message: Fields, of: PageOf, means: Means): AskedPage {
  const asked = own(message, 'page')
  if (asked === undefined) return { limit: mostOnPage }
  const page = fieldsOf(asked, 'page')
  const limit = limitOf(own(page, 'limit'))
  const token = own(page, 'token') ?? own(page, 'next_token')
  if (token === undefined || token === '') return { limit }
  return { limit, after: afterOf(token, of, means) }
}

function limitOf(value: unknown): number {
  if (value === undefined) return mostOnPage
  const isLimit = typeof value === 'number' && Number.isInteger(value) && value >= 1
  return isLimit ? Math.min(value, mostOnPage) : malformed('page.limit: expected a whole number, at least 1')
}

const secondsOf = ({ clock }: Means): number => Math.floor(clock.now() / 1000)

function afterOf(token: unknown, of: PageOf, means: Means): string {
  const refuse = (): never => malformed('page.token: it is of another question, or too old: ask again from the start')
  if (typeof token !== 'string' || token.length > longestToken) return refuse()
  const [body = '', mac = '', ...more] = token.split('.')
  if (more.length > 0 || !isEqual(mac, means.sign(`${digestOf(of)}.${body}`))) return refuse()
  const { after, until } = JSON.parse(Buffer.from(body, 'base64url').toString()) as { after: string; until: number }
  const now = secondsOf(means)
  return now <= until && now >= until - tokenSeconds ? after : refuse()
}

const isEqual = (one: string, other: string): boolean => {
  const [left, right] = [Buffer.from(one), Buffer.from(other)]
  return left.length === right.length && timingSafeEqual(left, right)
}

export function nextToken(after: string, of: PageOf, means: Means): string {
  const until = secondsOf(means) + tokenSeconds
  const body = Buffer.from(JSON.stringify({ after, until })).toString('base64url')
  return `${body}.${means.sign(`${digestOf(of)}.${body}`)}`
}

function digestOf({ asker, revision, message, wanted }: PageOf): string {
  const { page: _page, ...question } = message
  return hash('sha256', JSON.stringify([asker, revision, wanted, sorted(question)]), 'base64url')
}

/** The same question may come with its names in another order. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted)
  if (typeof value !== 'object' || value === null) return value
  return Object.entries(value)
    .map(([name, item]) => [name, sorted(item)] as const)
    .sort(([one], [other]) => (one < other ? -1 : 1))
}
