/**
 * A failure as one line for the log.
 *
 * The causes of protocol errors hold what was sent and received: codes, tokens, claims. So only what was noted of the call
 * of an endpoint, the name of the check that failed or else the outermost message, and the codes of the causes
 * (ECONNREFUSED and the like) are taken.
 */
import { causes, property } from './causes.ts'
import { type ConnectionFault, connectionFaultIn } from './connection-fault.ts'
import { type Answered, callBehind, type EndpointCall, runningCall } from './endpoint-call.ts'
import { describeCheck } from './failed-check.ts'

export function describeError(error: unknown): string {
  const call = describeCall(error)
  if (call !== undefined) return call
  let text = messageOf(error)
  for (const cause of causes(error)) {
    if (!(cause instanceof Error)) break
    const code = property(cause, 'code')
    if (typeof code === 'string' && !text.includes(code)) text = `${text} (${code})`
  }
  return shorten(text)
}

/**
 * What became of the call that an error comes from: endpoint, address, and what it answered and what is wrong with that, or
 * how the connection failed. `undefined` for an error before or beside any call.
 */
export function describeCall(error: unknown): string | undefined {
  const call = callBehind(error)
  return call?.address === undefined ? undefined : shorten(describeOutcome(call, error))
}

/** The same while the call is being made: of an answer that has just come. */
export function describeRunningCall(): string | undefined {
  const { endpoint, address, answer } = runningCall() ?? {}
  return address === undefined || answer === undefined ? undefined : `${endpoint} ${address} ${describeAnswer(answer)}`
}

function describeOutcome({ endpoint, address, answer }: EndpointCall, error: unknown): string {
  const fault = connectionFaultIn(error)
  const where = `${endpoint} ${address}`
  // Our own error, made of a description of its cause.
  if (error instanceof Error && error.message.startsWith(`${where} `)) return error.message
  if (answer === undefined) return `${where} ${fault === undefined ? 'did not answer' : faultText(fault)}`
  const answered = `${where} ${describeAnswer(answer)}`
  if (fault !== undefined) return `${answered}, and then ${faultText(fault)}`
  return answer.status >= 300 ? answered : `${answered}: ${messageOf(error)}`
}

const faultText = ({ what, code, hint }: ConnectionFault): string =>
  `${what} (${code})${hint === undefined ? '' : `: ${hint}`}`

const describeAnswer = ({ status, mediaType = 'without a content type', error }: Answered): string =>
  ['answered', status, mediaType, ...(error === undefined ? [] : [error])].join(' ')

/** What stands beside the detail of an error in the log, where its cause tells more. */
export function reasonOf({ message, cause }: Error): { readonly reason?: string } {
  const reason = cause === undefined ? message : describeError(cause)
  return message.includes(reason) ? {} : { reason }
}

/** What openid-client says of every failed check is the same; of text that is no JSON, the message holds a piece. */
function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown failure'
  if (error instanceof SyntaxError) return 'it is no JSON'
  return (error.name === 'ClientError' ? describeCheck(error) : undefined) ?? error.message
}

const tokenLike = /[\w.~+/=-]{20,}/g
const uuid = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

/**
 * What a provider, or whoever made the link, says about an error, for the log. Threat: a text that says a code or a token again.
 * Long words of letters and digits are left out, but not the UUIDs by which providers find an error in their own log.
 */
export const textOfOthers = (text: string): string =>
  shorten(text.replace(tokenLike, word => (/\d/.test(word) && !uuid.test(word) ? '[left out]' : word)))

/** No control characters, no novels. */
export const shorten = (text: string): string =>
  text.replace(/[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/gu, ' ').slice(0, 400)
