/** What a probe is, and what it finds out about one address. */
import type { PolicySnapshot } from '../../../rbac/policy.ts'
import type { Answer } from './exchange.ts'

export interface Target {
  /** As it was given. */
  readonly url: URL
  /** What a stranger gets who simply asks for it. */
  readonly usual: Answer
  /** Other addresses that were given, of the same host, which a stranger may open. */
  readonly openBeside: readonly URL[]
  /** Of the configuration, where there is one. */
  readonly known?: Known
  /** Sends these bytes to the host of the address, and to no other. */
  readonly send: (bytes: string) => Promise<Answer>
}

/** What the operator means to have. */
export interface Known {
  readonly policy: PolicySnapshot
  /** Origin of the auth host. */
  readonly publicUrl: string
  /** Headers that say who is asking. */
  readonly identityHeaders: readonly string[]
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
export const isOpen = ({ usual }: Pick<Target, 'usual'>): boolean => isServed(usual.status)

export const isServed = (status: number): boolean => status >= 200 && status < 300

/** As a browser asks for a page: whoever has to log in is sent there. */
export function browserHead({ url }: Pick<Target, 'url'>, target = `${url.pathname}${url.search}`): string {
  return `GET ${target} HTTP/1.1\r\nHost: ${url.host}\r\nAccept: text/html\r\nSec-Fetch-Mode: navigate\r\n`
}

/** Sends a request with these lines and waits for no other. */
export const ask = (target: Target, start: string, lines: readonly string[] = []): Promise<Answer> =>
  target.send(`${start}${[...lines, 'Connection: close'].join('\r\n')}\r\n\r\n`)

/** Start of a request for the address itself. */
export function head({ url }: Pick<Target, 'url'>, method = 'GET', target = `${url.pathname}${url.search}`): string {
  return `${method} ${target} HTTP/1.1\r\nHost: ${url.host}\r\nAccept: application/json\r\n`
}

export const describeStatus = (status: number): string => (status === 0 ? 'closed without an answer' : String(status))
