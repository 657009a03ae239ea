/**
 * What the gateway knows of a call, and what it asks: one function says who is asking and whether they may. Tokens,
 * sessions and policy are behind it; nothing of them is known here.
 */

/** What came, before anything of it is believed. */
export interface GatewayCall {
  /** Ours; the cluster's audit log has it as `auditID`. */
  readonly requestId: string
  /** From the path: a DNS label. Nobody has looked yet whether there is such a cluster. */
  readonly cluster: string
  readonly method: string
  /** What stands behind `/clusters/<name>`, as it came and as the API server will read it: path and query. */
  readonly target: string
  /** `Host` or `:authority`, as it came. */
  readonly host: string
  readonly credentials: Credentials
  readonly upgrade?: UpgradeProtocol
  /** Whom the caller wants to be (`kubectl --as`). */
  readonly impersonate?: Subject
  /** Of the client, as far as trusted proxies vouch for it. */
  readonly clientAddress: string
  /** Other side of the connection: whether what is in the headers can be believed. */
  readonly peerAddress: string
  /** All headers as they came, names and values in turn, without pseudo-headers: for conditions of the policy. */
  readonly rawHeaders: readonly string[]
}

export interface Credentials {
  /** The one `Authorization` header, or what a browser put in its place among the WebSocket protocols. */
  readonly authorization?: string
  readonly cookie?: string
}

export type UpgradeProtocol = 'websocket' | 'spdy'

/** Somebody as Kubernetes knows them. */
export interface Subject {
  readonly user: string
  readonly groups: readonly string[]
  readonly uid?: string
  /** By lower-case key. */
  readonly extra: Readonly<Record<string, readonly string[]>>
}

/** Becomes a `Status` object. */
export interface Refusal {
  /** HTTP, from 400. */
  readonly status: number
  /** One of Kubernetes' reasons where one fits: `Forbidden`, `Unauthorized`, `ServiceUnavailable`. */
  readonly reason: string
  /** A person reads it. No credential, nothing of the inside. */
  readonly message: string
  /** What the person can do, if there is something. */
  readonly advice?: string
}

export interface Admission {
  /** As whom the API server is asked. */
  readonly impersonate: Subject
  /** What is passed on in place of the call's own target: the one reading that was judged. Default: as it came. */
  readonly target?: string
  /**
   * Calls `cut` when this call may not go on, also when that was so before; never after the answer was called. It is
   * asked at once for what is meant to last, and for any other call when it has lasted a quarter of a second.
   */
  onEnd(cut: (why: Refusal) => void): () => void
  /** Called once. */
  finished(outcome: Outcome): void
}

/** What rejects or throws is a refusal: `OperationalError` with its own status and sentence, anything else with 500. */
export type Judge = (call: GatewayCall) => Promise<Admission | Refusal>

/**
 * `complete`: both sides have said all. `client-gone` and `upstream-failed`: one of them went away before that.
 * `cut`: by {@link Admission.onEnd} or because the gateway stops. `refused`: the gateway itself had to, after all.
 */
export type Ending = 'complete' | 'client-gone' | 'upstream-failed' | 'cut' | 'refused'

export interface Outcome {
  /** What the client was answered, 101 for an upgrade; 0 when it was nothing. */
  readonly status: number
  /** Of bodies and streams, without heads. */
  readonly bytesReceived: number
  readonly bytesSent: number
  readonly durationMs: number
  readonly ending: Ending
  /** The reason of the refusal with which it was cut or refused. */
  readonly why?: string
}

export const isRefusal = (verdict: Admission | Refusal): verdict is Refusal => 'status' in verdict
