/** What a probe is, and what it finds out about one address. */
import type { Answer } from './exchange.ts'

export interface Target {
  /** As it was given. */
  readonly url: URL
  /** What a stranger gets who simply asks for it. */
  readonly usual: Answer
  /** Sends these bytes to the host of the address, and to no other. */
  readonly send: (bytes: string) => Promise<Answer>
}

export interface Outcome {
  readonly status: 'pass' | 'fail' | 'not-applicable'
  /** What was seen. */
  readonly why: string
  /** What to change; only where it failed. */
  readonly fix?: string
}

export interface Probe {
  readonly name: string
  /** What holds when it passes. */
  readonly title: string
  /** Page and section that explain it. */
  readonly docs: string
  readonly run: (target: Target) => Promise<Outcome>
}

/** A stranger may open this page. */
export const isOpen = ({ usual }: Pick<Target, 'usual'>): boolean => usual.status >= 200 && usual.status < 300

/** Start of a request for the address itself. */
export function head({ url }: Pick<Target, 'url'>, method = 'GET', target = `${url.pathname}${url.search}`): string {
  return `${method} ${target} HTTP/1.1\r\nHost: ${url.host}\r\nAccept: application/json\r\n`
}

export const describeStatus = (status: number): string => (status === 0 ? 'closed without an answer' : String(status))
