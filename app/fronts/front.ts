/**
 * Contract of a front: how one proxy protocol asks (`parse`) and wants to be answered (`render`).
 *
 * A front reads only the headers of its own dialect; a header of another dialect is a client's attempt to be believed.
 */
import type { AccessRequest, CanonicalOptions } from '../../rbac/request/access-request.ts'
import type { VerifyResult } from '../verify.ts'
import type { DeniedPages } from './denied-pages.ts'
import type { FormPages } from './form-pages.ts'
import type { SubrequestHeaders } from './raw-headers.ts'
import type { TrustedProxies } from './trusted-proxies.ts'

/** What the proxy sent us, before anything is believed; however it arrived. */
export interface Subrequest {
  readonly method: string
  /** Request target as received. */
  readonly target: string
  /** Names and values alternating, as received, so that a repeated header is seen. */
  readonly rawHeaders: readonly string[]
  /** Address of the TCP peer. */
  readonly peerAddress: string
}

/** What a front understood of the subrequest. */
export interface ParsedSubrequest {
  readonly request: AccessRequest
  /** Absent when no trusted hop vouched for an address that parses. */
  readonly clientAddress: string | undefined
  /** All Cookie headers of the original request, joined by `; `; empty when there are none. */
  readonly cookie: string
  /** A person is waiting in front of a browser: a login page would be seen. */
  readonly isInteractive: boolean
  /** So is one who has sent a form: they read a page, but a redirect would lose what they typed. */
  readonly isForm: boolean
  /** The connection may become something else than one request with one answer, such as a WebSocket. */
  readonly isUpgrade: boolean
  readonly headers: SubrequestHeaders
}

/** Header fields: names and values alternating. A list that is frozen costs less to write again. */
export type Fields = readonly string[]

export interface Reply {
  readonly status: number
  /** All but the length of the body. */
  readonly headers: readonly Fields[]
  readonly body: string
  /** What a proxy may write into its log, by name; only where its protocol has room for it. No credential. */
  readonly told?: Readonly<Record<string, string>>
}

export interface Front {
  readonly name: string
  /** Throws `OperationalError` for a subrequest that must be answered with 400, 403 or 414. */
  readonly parse: (subrequest: Subrequest) => ParsedSubrequest
  readonly render: (result: VerifyResult, parsed: ParsedSubrequest) => Reply
}

export interface FrontSettings {
  readonly trustedProxies: TrustedProxies
  /** Lower-case names of the identity headers, which no client may name in `Connection`. */
  readonly identityHeaderNames: ReadonlySet<string>
  /** Lower-case names of what a host has beside them. Default: none has any. */
  readonly ownHeaderNamesOn?: (domain: string) => readonly string[] | undefined
  /** Origins that may open a WebSocket on a host other than their own. */
  readonly webSocketOrigins: ReadonlySet<string>
  readonly canonical: CanonicalOptions
  readonly deniedPages: DeniedPages
  readonly formPages: FormPages
  /** Lower-case name of the header in which a host takes tokens, where that is one of its own. Default: none has one. */
  readonly tokenHeaderOn?: (domain: string) => string | undefined
}

/** One file of this folder, and one line of the table in `fronts.ts`. */
export interface FrontKind {
  /** Lower-case letters and dashes: the last segment of the endpoint's path, the metrics' label, the word in audit events. */
  readonly name: string
  /** The proxy sends `/.sallyport/*` of the applications' hosts to us, and fetches the denial page. At most one front does. */
  readonly isRoutedHere: boolean
  /** The original path follows that of the endpoint: all paths below it are its own. Default: it has the one path alone. */
  readonly takesPaths?: boolean
  readonly create: (settings: FrontSettings) => Front
}
