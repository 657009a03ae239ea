/**
 * Traefik `forwardAuth`, Caddy `forward_auth`, HAProxy auth-request: the original request is in
 * X-Forwarded-{Method,Proto,Host,Uri}. The proxy relays every answer that is not 2xx to the client as it is.
 */
import type { AccessRequest, CanonicalOptions } from '../../rbac/request/access-request.ts'
import type { FrontKind } from './front.ts'
import { admit, createDialectReader, describeSubrequest, readOriginal } from './original-request.ts'
import type { SubrequestHeaders } from './raw-headers.ts'
import { relayedReply } from './relayed-reply.ts'
import { allowReply } from './reply.ts'

const dialect = ['x-forwarded-host', 'x-forwarded-method', 'x-forwarded-proto', 'x-forwarded-uri'] as const
type DialectHeaders = SubrequestHeaders<(typeof dialect)[number]>

export const forwardAuth = {
  name: 'forward-auth',
  isRoutedHere: false,
  create(settings) {
    const read = createDialectReader(dialect)
    return {
      name: 'forward-auth',
      parse: subrequest => {
        const headers = admit(subrequest, read, settings)
        return describeSubrequest(headers, readRequest(headers, settings.canonical), settings)
      },
      render: (result, parsed) =>
        result.decision.effect === 'allow'
          ? // The proxy puts this in the place of the client's Cookie header, so that ours never reaches the application.
            // It is sent when empty, too: an absent header would leave the client's in place on some proxies.
            allowReply(result, ['Cookie', result.upstreamCookie ?? ''])
          : relayedReply(result, parsed, settings),
    }
  },
} as const satisfies FrontKind

function readRequest(headers: DialectHeaders, options: CanonicalOptions): AccessRequest {
  const original = {
    method: headers.required('x-forwarded-method'),
    scheme: headers.required('x-forwarded-proto'),
    host: headers.required('x-forwarded-host'),
    target: headers.required('x-forwarded-uri'),
  }
  return readOriginal(original, options)
}
