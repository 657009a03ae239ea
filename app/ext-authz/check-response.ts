/**
 * A reply as `envoy.service.auth.v3.CheckResponse` (check-response in ext-authz.proto names its fields).
 *
 * Threat: a reply that Envoy takes for an allow without being one. The status is OK for a reply with 200 alone, and nothing
 * here has it for a default.
 */
import type { Fields, Reply } from '../fronts/front.ts'
import { type Field, headerField, messageField, messageOf, numberField, textField } from './proto-writer.ts'

/** `google.rpc.Code`, by the status of HTTP; what is not here is `UNKNOWN`. */
const codes: Readonly<Record<number, number>> = {
  200: 0,
  302: 16,
  400: 3,
  401: 16,
  403: 7,
  404: 5,
  414: 3,
  431: 3,
  503: 14,
}
const unknown = 2

/** For the application, beside what the proxy itself is told. */
const notForUpstream: ReadonlySet<string> = new Set(['cache-control', 'set-cookie', 'x-sallyport-request-id'])

export function writeCheckResponse(reply: Reply): Buffer {
  const { status } = reply
  return messageOf([
    messageField(1, [numberField(1, codes[status] ?? unknown)]),
    status === 200 ? allowed(reply) : denied(reply),
    ...(reply.told === undefined ? [] : [messageField(4, Object.entries(reply.told).map(structEntry))]),
  ])
}

/** `OkHttpResponse`. */
function allowed({ headers }: Reply): Field {
  const parts: Field[] = []
  for (const fields of headers) parts.push(upstreamPart(fields))
  return messageField(3, parts)
}

/** Of lists that are frozen: most are the same for thousands of answers. */
const written = new WeakMap<Fields, Field>()

function upstreamPart(fields: Fields): Field {
  const known = written.get(fields)
  if (known !== undefined) return known
  const parts: Field[] = []
  for (let at = 0; at < fields.length; at += 2) {
    const [name = '', value = ''] = [fields[at]?.toLowerCase(), fields[at + 1]]
    if (name === 'set-cookie') parts.push(messageField(6, appended(name, value)))
    else if (name === toRemove) for (const one of value.split(',')) parts.push(textField(5, one))
    else if (!notForUpstream.has(name)) parts.push(upstreamHeader(name, value))
  }
  const part = parts.join('')
  if (Object.isFrozen(fields)) written.set(fields, part)
  return part
}

/** A field of ours, which never goes out: names of headers that Envoy takes away from the request. */
export const toRemove = ':remove'

/** In the place of what was there; a header that would be empty is taken away, so that nothing is left of a client's own. */
const upstreamHeader = (name: string, value: string): Field =>
  value === '' ? textField(5, name) : messageField(2, [headerValue(name, value), overwrite])

/** What a client sent and goes on, such as the rest of its cookies, goes on byte for byte. Envoy does not read `raw_value` here. */
const headerValue = (name: string, value: string): Field => messageField(1, [textField(1, name), headerField(2, value)])

/** `append_action: OVERWRITE_IF_EXISTS_OR_ADD`. */
const overwrite = numberField(3, 2)
/** `append: true`, for an Envoy that knows no `append_action`; that one has to append by default. */
const append = messageField(2, [numberField(1, 1)])

/** A second cookie must not replace the first, nor one of the application's. */
const appended = (name: string, value: string): Field[] => [headerValue(name, value), append]

/** `DeniedHttpResponse`: goes to the client as it is. */
function denied({ status, headers, body }: Reply): Field {
  const parts = [messageField(1, [numberField(1, status)])]
  for (const fields of headers) {
    for (let at = 0; at < fields.length; at += 2) {
      const [name = '', value = ''] = [fields[at]?.toLowerCase(), fields[at + 1]]
      // Envoy leaves out of a denial what is marked to be appended, and keeps every one of several that are not.
      const header = headerValue(name, value)
      parts.push(messageField(2, name === 'set-cookie' ? [header] : [header, overwrite]))
    }
  }
  return messageField(2, body === '' ? parts : [...parts, textField(3, body)])
}

/** An entry of `google.protobuf.Struct`, a text. */
const structEntry = ([name, value]: readonly [string, string]): Field =>
  messageField(1, [textField(1, name), messageField(2, [textField(3, value)])])
