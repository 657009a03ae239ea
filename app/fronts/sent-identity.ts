/**
 * Refuses a request whose client says itself who is asking, on hosts whose application believes it.
 *
 * Threat: a proxy that was not printed anew since the host has such headers, and passes a client's own on: `X-WEBAUTH-USER: admin`
 * is a login to Grafana. Files that are up to date drop these names before they ask, so that a check never sees one.
 */
import { OperationalError } from '../errors.ts'

/** Lower-case names that a host's application believes; `undefined` where none beside the usual. The same list for the same host. */
export type BelievedNames = (domain: string) => readonly string[] | undefined

/** Throws `ERR_IDENTITY_HEADER_SENT`. */
export type RefuseSentIdentity = (domain: string, rawHeaders: readonly string[]) => void

/** `X_WEBAUTH_USER` and `X.WebAuth.User` are the same to many applications. */
const folded = (name: string): string => name.toLowerCase().replace(/[^a-z0-9]/g, '-')

export function createRefuseSentIdentity(believedOn: BelievedNames): RefuseSentIdentity {
  const known = new WeakMap<readonly string[], ReadonlySet<string>>()
  return (domain, rawHeaders) => {
    const names = believedOn(domain)
    if (names === undefined) return
    const believed = known.get(names) ?? new Set(names)
    known.set(names, believed)
    for (let at = 0; at < rawHeaders.length; at += 2) {
      const name = folded(rawHeaders[at] as string)
      if (believed.has(name))
        throw new OperationalError(
          'ERR_IDENTITY_HEADER_SENT',
          `a client's own ${name} arrived at a host whose application believes it: print the files of the proxy anew (sallyport proxy-config)`,
        )
    }
  }
}
