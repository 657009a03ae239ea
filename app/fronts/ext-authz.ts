/**
 * Envoy `ext_authz` over HTTP, and what is built on it (Gateway API `ExternalAuth`, Envoy Gateway, Istio, Contour): the check
 * is the original request itself, without its body, under a path of its own: `/verify/ext-authz` and the original path.
 * Envoy takes 200 as allow and relays every other answer to the client as it is.
 */
import type { AccessRequest, CanonicalOptions } from '../../rbac/request/access-request.ts'
import { OperationalError } from '../errors.ts'
import type { VerifyResult } from '../verify.ts'
import { takenHeader } from './authorization-fate.ts'
import type { Fields, FrontKind, Subrequest } from './front.ts'
import { aliasesOf } from './identity-aliases.ts'
import { admit, createDialectReader, describeSubrequest, readOriginal } from './original-request.ts'
import type { SubrequestHeaders } from './raw-headers.ts'
import { relayedReply } from './relayed-reply.ts'
import { allowReply } from './reply.ts'

const name = 'ext-authz'
const prefix = `/verify/${name}`
// Not X-Forwarded-Host or -Uri: Envoy passes those on as a client wrote them.
const dialect = ['host', 'x-forwarded-proto'] as const
type DialectHeaders = SubrequestHeaders<(typeof dialect)[number]>

export const extAuthz = {
  name,
  isRoutedHere: false,
  takesPaths: true,
  create(settings) {
    const read = createDialectReader(dialect)
    const usual = removalOfAll(aliasesOf(settings.identityHeaderNames))
    const own = new WeakMap<readonly string[], Removal>()
    const removalOn = (domain: string): Removal => {
      const names = settings.ownHeaderNamesOn?.(domain)
      if (names === undefined) return usual
      const known = own.get(names) ?? removalOfAll(aliasesOf(new Set([...settings.identityHeaderNames, ...names])))
      own.set(names, known)
      return known
    }
    const upstreamOf = (result: VerifyResult): Fields => {
      const { upstreamCookie = '', request } = result
      const removal = removalOn(request.domain)
      const taken = takenHeader(result, settings)
      if (taken === undefined) return upstreamFields(upstreamCookie, removal)
      return withoutCredential(upstreamCookie, removal, taken)
    }
    return {
      name,
      parse: subrequest => {
        const headers = admit(subrequest, read, settings)
        return describeSubrequest(headers, readRequest(subrequest, headers, settings.canonical), settings)
      },
      render: (result, parsed) =>
        result.decision.effect === 'allow'
          ? allowReply(result, upstreamOf(result))
          : relayedReply(result, parsed, settings),
    }
  },
} as const satisfies FrontKind

function readRequest(
  { method, target }: Subrequest,
  headers: DialectHeaders,
  canonical: CanonicalOptions,
): AccessRequest {
  // Threat: a proxy that asks without the original path, whose every request would be judged as one for `/`.
  if (!target.startsWith(`${prefix}/`)) {
    throw new OperationalError('ERR_REQUEST_MALFORMED', 'the original path does not follow that of the endpoint')
  }
  const original = {
    method,
    scheme: headers.required('x-forwarded-proto'),
    host: headers.required('host'),
    target: target.slice(prefix.length),
  }
  return readOriginal(original, canonical)
}

/** What Envoy takes away from the request: with something left of the cookies, and without. */
interface Removal {
  readonly some: Fields
  readonly all: Fields
}

const removalOfAll = (names: readonly string[]): Removal => ({
  some: removalOf(...names),
  all: Object.freeze(['Cookie', '', ...removalOf(...names, 'cookie')]),
})

const removalOf = (...names: readonly string[]): Fields =>
  Object.freeze(['X-Envoy-Auth-Headers-To-Remove', names.join(',')])

/**
 * Envoy puts the first in the place of what was there, and obeys the second last. A Cookie that would be empty is on it:
 * some applications read `Cookie:` as one cookie without a name.
 */
function upstreamFields(cookie: string, removal: Removal): Fields {
  return cookie === '' ? removal.all : ['Cookie', cookie, ...removal.some]
}

/** The same, and the header with the credential. */
function withoutCredential(
  cookie: string,
  { some: [name = '', names = ''] }: Pick<Removal, 'some'>,
  taken: string,
): Fields {
  return ['Cookie', cookie, name, `${names},${taken}${cookie === '' ? ',cookie' : ''}`]
}
