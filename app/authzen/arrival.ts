/**
 * One request of an application: what it is, and who asks.
 *
 * Threat: a body that two readers take differently, or that costs more to read than to send. So it is short, UTF-8, JSON with each
 * name once, and nested no deeper than anything that is meant.
 */
import type { IncomingHttpHeaders } from 'node:http'
import { isIP } from 'node:net'
import { forPrograms, isOfPage } from '../program-endpoint.ts'
import type { Arrival, Asker, Asking, QuestionDependencies } from './dependencies.ts'
import { malformed, QuestionFault } from './fault.ts'
import { type Fields, isFields } from './message.ts'

const askedIdForm = /^[\x21-\x7e](?:[\x20-\x7e]{0,254}[\x21-\x7e])?$/

/**
 * What the caller calls its question; it is said again, whatever the answer is (section "Request Identification"). Throws
 * `QuestionFault` for what cannot be said again.
 */
export function askedIdIn(headers: IncomingHttpHeaders): string | undefined {
  const given = headers['x-request-id']
  if (given === undefined) return undefined
  if (typeof given === 'string' && askedIdForm.test(given)) return given
  throw new QuestionFault(400, 'X-Request-ID has to be one line of at most 256 printable characters')
}

/** Threat: what stands in an address is in every log on the way. And a page, for whose browser these addresses are not. */
export function requireProgram(target: string, headers: IncomingHttpHeaders): void {
  if (target.includes('?')) throw new QuestionFault(400, 'nothing may stand behind the path: send JSON')
  if (isOfPage({ headers })) throw new QuestionFault(400, forPrograms)
}

/**
 * The address of whoever asks, as Express finds it for pages: the last one, seen from here, for which no trusted proxy stands. Of what
 * is no address nothing is known.
 */
export function clientIn(
  forwardedFor: string | undefined,
  peerAddress: string | undefined,
  isTrusted: (address: string) => boolean,
): string | undefined {
  let client = peerAddress
  if (forwardedFor !== undefined && client !== undefined && isTrusted(client)) {
    for (const hop of forwardedFor.split(',').reverse()) {
      const address = hop.replace(/^ +| +$/g, '')
      if (address === '') continue
      client = address
      if (!isTrusted(client)) break
    }
  }
  return client !== undefined && isIP(client) !== 0 ? client : undefined
}

/** Throws `QuestionFault`. */
export function messageOf(
  body: Buffer,
  { 'content-type': type = '' }: IncomingHttpHeaders,
  { faultIn }: Pick<QuestionDependencies, 'faultIn'>,
): Fields {
  if (!/^application\/json\s*(?:;\s*charset="?utf-8"?\s*)?$/i.test(type))
    malformed('the content type has to be application/json')
  if (body.length === 0) malformed('a question is missing: the body is empty')
  const [text, message] = parse(body)
  const fault = faultIn(text)
  if (fault !== undefined) malformed(fault)
  return isFields(message) ? message : malformed('a question has to be a JSON object')
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

function parse(body: Buffer): [text: string, message: unknown] {
  try {
    const text = utf8.decode(body)
    return [text, JSON.parse(text)]
  } catch {
    return malformed('the body is not JSON in UTF-8')
  }
}

/** Rejects with `QuestionFault` and operational errors: before a question is read, it is known who asks it. */
export async function askingOf(arrival: Arrival, dependencies: QuestionDependencies): Promise<Asking> {
  dependencies.requireAudit()
  const { requestId, clientAddress, askedId } = arrival
  return { asker: await askerOf(arrival, dependencies), from: { requestId, clientAddress }, askedId }
}

/** Nobody asks without a name, wherever they ask from. */
async function askerOf(
  arrival: Arrival,
  { authenticate, nameOf }: Pick<QuestionDependencies, 'authenticate' | 'nameOf'>,
): Promise<Asker> {
  const authentication = await authenticate(arrival)
  const { identity } = authentication
  if (identity.kind === 'machine') return { identity, authentication, name: nameOf(identity) }
  throw new QuestionFault(401, 'say who asks: Authorization: Bearer, or a client certificate that counts here')
}
