/** The call and the message of a check over gRPC, as Envoy makes them. */
import { authorizationDefinition } from '../../app/ext-authz/authorization.ts'
import { messageField, messageOf, textField } from '../../app/ext-authz/proto-writer.ts'
import { browserHeaders, type RequestFacts } from '../browser-request.ts'

export const checkDefinition = authorizationDefinition

/** The same request as every other case has, in a `CheckRequest` with `encode_raw_headers`. */
export function checkMessage(facts: RequestFacts): Buffer {
  const { host, path } = facts
  const pseudo = [
    [':authority', host],
    [':path', path],
    [':method', 'GET'],
    [':scheme', 'https'],
  ] as const
  const browser = browserHeaders(facts).filter(
    ([name]) => !/^(host|connection|x-forwarded-(method|host|uri))$/i.test(name),
  )
  const headers = [...pseudo, ...browser].map(([name, value]) =>
    messageField(1, [textField(1, name.toLowerCase()), textField(3, value)]),
  )
  const http = [
    textField(2, 'GET'),
    textField(4, path),
    textField(5, host),
    textField(6, 'https'),
    textField(10, 'HTTP/1.1'),
    messageField(13, headers),
  ]
  const source = messageField(1, [messageField(1, [messageField(1, [textField(2, '192.0.2.7')])])])
  return messageOf([messageField(1, [source, messageField(4, [messageField(2, http)])])])
}
