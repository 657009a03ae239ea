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

/**
 * Whether the service gave this answer, and nobody behind the proxy: it says the id of the request, or sends whoever asks to its
 * login. An application that has a login of its own answers 401 as well.
 */
export function isOfService({ headers }: Answer, { known }: Pick<Target, 'known'>): boolean {
  if (headers.has('x-sallyport-request-id')) return true
  const location = headers.get('location')
  if (location === undefined || !URL.canParse(location)) return false
  const { origin, pathname, searchParams } = new URL(location)
  return known === undefined
    ? pathname === '/login' && (searchParams.has('rd') || searchParams.has('page'))
    : origin === new URL(known.publicUrl).origin
}

/** A stranger is kept from this page, as far as can be seen: there is something to get past. */
export const isKept = (target: Pick<Target, 'usual' | 'known'>): boolean =>
  isOfService(target.usual, target) || [401, 403].includes(target.usual.status)

/** Why a page is none that a stranger is kept from, for probes that need one. */
export const notKept = ({ usual }: Pick<Target, 'usual'>): Outcome => ({
  status: 'not-applicable',
  why: isServed(usual.status)
    ? 'everybody may open this page; name one as well that asks for a login'
    : `a stranger gets ${describeStatus(usual.status)} here, neither the page nor a login; name one that asks for a login`,
})

/** Envoy refuses a call of gRPC with 200 and the status within (gRPC over HTTP/2, "Responses"). */
const isRefusedCall = ({ headers }: Answer): boolean => (headers.get('grpc-status') ?? '0') !== '0'

/**
 * What two answers to the same question have in common: without the path that was asked for, which a page may show, and without
 * numbers and ids, which proxies make anew for each request.
 */
export function commonText({ body }: Pick<Answer, 'body'>, path: string): string {
  const text = inCapitals(body).replaceAll(inCapitals(path), '')
  return text.replace(/[\w-]{16,}|\d+/g, '')
}

/** Servers write escapes in capitals. */
const inCapitals = (text: string): string => text.replace(/%[0-9a-f]{2}/gi, code => code.toUpperCase())

/** Whether whoever got this of a page that is kept from them has reached the application, which may have sent them on. */
export const isPast = (answer: Answer, target: Pick<Target, 'known'>): boolean =>
  (isServed(answer.status) && !isRefusedCall(answer)) ||
  answer.status === 101 ||
  (answer.status >= 300 && answer.status < 400 && !isOfService(answer, target))

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
