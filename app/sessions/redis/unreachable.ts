/** Why there is no connection to a server, in words for an operator: which server, what was said, and what to look at. Pure. */

interface Place {
  /** `host:port` */
  readonly address: string
  readonly isTls: boolean
}

/** What the errors of node-redis, of Node and of Redis itself begin with or hold, and where the fault mostly is. */
const hints: readonly (readonly [RegExp, (place: Place) => string])[] = [
  [/^WRONGPASS/, () => 'the user or the password in sessions.url is not the one that it knows'],
  [/^NOAUTH/, () => 'it wants a password, and there is none in sessions.url'],
  [/^NOPERM/, () => 'its user may not do what is needed: docs/stores.md has the list'],
  [/ECONNREFUSED/, () => 'nothing listens there'],
  [/ENOTFOUND|EAI_AGAIN/, () => 'its name cannot be resolved'],
  [/EHOSTUNREACH|ENETUNREACH|ETIMEDOUT/, () => 'no way leads there from here'],
  [
    /certificate|altnames|ERR_TLS_/i,
    () => 'its certificate is not believed: sessions.tls names authority and server name',
  ],
  [
    /^Connection timeout|wrong version number|packet length too long/i,
    ({ isTls }) =>
      isTls ? 'it may speak no TLS: then sessions.url begins with redis://' : 'it takes connections and says nothing',
  ],
  [
    /^Socket closed unexpectedly|ECONNRESET/,
    ({ isTls }) =>
      isTls ? 'it has closed the connection' : 'it may want TLS: then sessions.url begins with rediss://',
  ],
]

/** `error` with the address before and a hint behind; the same name. `error` must hold no secret. */
export function unreachable(error: Error, place: Place): Error {
  const hint = hints.find(([form]) => form.test(error.message))?.[1](place)
  const described = new Error(
    `${place.address} cannot be used: ${error.message}${hint === undefined ? '' : ` (${hint})`}`,
  )
  described.name = error.name
  return described
}
