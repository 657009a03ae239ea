/**
 * Envoy `ext_authz` over gRPC, as `app/ext-authz/` hands it on: method and target are those of the request, and what only
 * Envoy can have said stands under names that no header has. It has no endpoint on the main listener.
 */
import { isUtf8 } from 'node:buffer'
import type { Identity } from '../../rbac/identity.ts'
import type { AccessRequest, CanonicalOptions } from '../../rbac/request/access-request.ts'
import { OperationalError } from '../errors.ts'
import type { VerifyResult } from '../verify.ts'
import { takenHeader } from './authorization-fate.ts'
import type { Fields, FrontKind, FrontSettings, ParsedSubrequest, Reply, Subrequest } from './front.ts'
import { aliasesOf } from './identity-aliases.ts'
import { admit, createDialectReader, describeSubrequest, readOriginal } from './original-request.ts'
import type { SubrequestHeaders } from './raw-headers.ts'
import { relayedReply } from './relayed-reply.ts'
import { allowReply } from './reply.ts'

const name = 'ext-authz-grpc'
const dialect = [':authority', ':scheme', ':source', ':too-many', 'x-forwarded-proto'] as const
type DialectHeaders = SubrequestHeaders<(typeof dialect)[number] | 'x-forwarded-for'>

const nothing: Fields = Object.freeze([])

export const extAuthzGrpc = {
  name,
  isRoutedHere: false,
  create(settings) {
    const read = createDialectReader(dialect)
    const removed: Fields = Object.freeze([':remove', aliasesOf(settings.identityHeaderNames).join(',')])
    const credentialOf = (result: VerifyResult): Fields => {
      const taken = takenHeader(result, settings)
      return taken === undefined ? nothing : [':remove', taken]
    }
    return {
      name,
      parse: subrequest => {
        const headers = admit(subrequest, read, settings)
        if (headers.first(':too-many') !== undefined) {
          throw new OperationalError('ERR_HEADERS_TOO_LARGE', 'more headers than are read')
        }
        const request = readRequest(subrequest, headers, settings.canonical)
        return { ...describeSubrequest(headers, request, settings), clientAddress: clientOf(headers, settings) }
      },
      render: (result, parsed): Reply => {
        const told = toldOf(result)
        if (result.decision.effect !== 'allow') {
          return { ...relayedReply(result, parsed, settings), told }
        }
        const { status, headers, body } = allowReply(result, cookieOf(result, parsed))
        // A list of its own, frozen: it is written once.
        return { status, headers: [...headers, removed, credentialOf(result)], body, told }
      },
    }
  },
} as const satisfies FrontKind

function readRequest(
  { method, target }: Subrequest,
  headers: DialectHeaders,
  canonical: CanonicalOptions,
): AccessRequest {
  // Envoy writes the header itself, from the connection or from what a trusted balancer says; `:scheme` is a client's own in
  // HTTP/2.
  const scheme = headers.first('x-forwarded-proto') === undefined ? ':scheme' : 'x-forwarded-proto'
  const original = { method, scheme: headers.required(scheme), host: headers.required(':authority'), target }
  return readOriginal(original, canonical)
}

/**
 * Envoy's own word for where the request came from is the last hop. Without it no address is known, whatever a header says
 * that a client may have written.
 */
function clientOf(headers: DialectHeaders, { trustedProxies }: FrontSettings): string | undefined {
  const source = headers.first(':source')
  if (source === undefined) return undefined
  const forwarded = headers.joined('x-forwarded-for', ',')
  return trustedProxies.clientAddress(forwarded === '' ? source : `${forwarded},${source}`)
}

/**
 * Threat: bytes of a cookie of the application that become others on the way, as the message has room for UTF-8 alone. So what
 * is not changed is not said, and what would have to be cannot be passed on.
 */
function cookieOf({ upstreamCookie = '' }: VerifyResult, { cookie }: ParsedSubrequest): Fields {
  if (upstreamCookie === cookie && cookie !== '') return nothing
  if (isUtf8(Buffer.from(upstreamCookie, 'latin1'))) return ['Cookie', upstreamCookie]
  throw new OperationalError('ERR_COOKIE_UNREADABLE', 'a cookie beside ours holds bytes that are no UTF-8')
}

/** For the access log, where Envoy has it as dynamic metadata. */
function toldOf({ requestId, decision, identity }: VerifyResult): Readonly<Record<string, string>> {
  const user = nameOf(identity)
  const told: Record<string, string> = { request_id: requestId, effect: decision.effect }
  if ('reason' in decision) told.reason = decision.reason
  if (user !== undefined) told.user = user
  return told
}

function nameOf(identity: Identity): string | undefined {
  if (identity.kind === 'anonymous') return undefined
  return identity.kind === 'user' ? (identity.email ?? identity.subject) : identity.subject
}
