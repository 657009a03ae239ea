/** What leads from the auth host to an application's host. */

/** Hands a login session from the auth host to one application's host. Lives a minute and works once. */
export interface HandoffTicket {
  readonly sessionId: string
  /** Canonical host (no port) that may redeem it. */
  readonly domain: string
  /** Where the browser goes afterwards; checked when the attempt was made. */
  readonly returnTo: string
  /** base64url SHA-256 of the nonce in the browser's pending cookie on that host: only that browser may redeem. */
  readonly nonceHash: string
  /** The browser had no such cookie when the ticket before this one came. */
  readonly isAgain?: true
}
