/** What a decision knows beside the request and the identity. */
import type { Identity } from './identity.ts'
import type { AccessRequest } from './request/access-request.ts'

/** Facts that belong neither to the request nor to the identity. An absent fact is unknown, never false. */
export interface Context {
  /** Seconds since the epoch. The caller's clock; the core has none. */
  readonly now: number
  /** The client's address in text form; absent when no trusted proxy vouched for one that parses. */
  readonly clientAddress?: string | undefined
  /**
   * Value of a request header by its lower-case name; `undefined` when the request has none, `null` when it has several, of which
   * one may be the client's own. Absent when whoever sent the headers is no trusted proxy. Read only by conditions.
   */
  readonly header?: ((name: string) => string | null | undefined) | undefined
  /**
   * What an application that asks says under this name, of the object, of what is to be done with it, or of the circumstances;
   * `undefined` when it says nothing. Absent: nobody has said anything that is believed. Read only by conditions.
   */
  readonly property?: ((of: SaidOf, name: string) => unknown) | undefined
  /**
   * The client certificate that the proxy verified. `null`: the connection is known to have none. Absent: this front
   * carries no certificate information.
   */
  readonly clientCertificate?: ClientCertificate | null | undefined
  /**
   * What a decider outside says of whoever asks for this; `undefined`: it has not been asked, or gave no answer. Absent: nobody is
   * asked. Read only by conditions.
   */
  readonly answerOf?: ((decider: string, about: AskedAbout) => boolean | undefined) | undefined
}

/** What a decider outside is asked: may this identity do this? Nothing about the login, the hour or the headers. */
export interface AskedAbout {
  readonly identity: Identity
  /** Absent where it is asked what holds wherever somebody goes. */
  readonly request?: Pick<AccessRequest, 'domain' | 'resource' | 'action'> | undefined
}

export type SaidOf = 'resource' | 'action' | 'context'

export interface ClientCertificate {
  /** SHA-256 over the DER form, lower-case hexadecimal without colons. */
  readonly fingerprint: string
  readonly sanDns: readonly string[]
  readonly sanEmail: readonly string[]
  readonly sanUri: readonly string[]
}
