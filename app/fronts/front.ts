/**
 * Contract of a front: how one proxy protocol asks (`parse`) and wants to be answered (`render`).
 *
 * A front reads only the headers of its own dialect; a header of another dialect is a client's attempt to be believed.
 */
import type { AccessRequest } from '../../rbac/access-request.ts'
import type { FrontName, VerifyResult } from '../verify.ts'
import type { SubrequestHeaders } from './raw-headers.ts'

/** The HTTP request that the proxy sent us, before anything is believed. */
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
  readonly headers: SubrequestHeaders
}

/** Header fields: names and values alternating. A list that is frozen costs less to write again. */
export type Fields = readonly string[]

export interface Reply {
  readonly status: number
  /** All but the length of the body. */
  readonly headers: readonly Fields[]
  readonly body: string
}

export interface Front {
  readonly name: FrontName
  /** Throws `OperationalError` for a subrequest that must be answered with 400, 403 or 414. */
  readonly parse: (subrequest: Subrequest) => ParsedSubrequest
  readonly render: (result: VerifyResult, parsed: ParsedSubrequest) => Reply
}
