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

interface Believed {
  readonly names: ReadonlySet<string>
  /** By the number of characters, which folding leaves as it is: most headers of a browser have another one. */
  readonly hasLength: readonly (boolean | undefined)[]
}

function believedOf(names: readonly string[]): Believed {
  const hasLength: (boolean | undefined)[] = Array.from({ length: Math.max(...names.map(name => name.length)) + 1 })
  for (const { length } of names) hasLength[length] = true
  return { names: new Set(names), hasLength }
}

export function createRefuseSentIdentity(believedOn: BelievedNames): RefuseSentIdentity {
  const known = new WeakMap<readonly string[], Believed>()
  return (domain, rawHeaders) => {
    const names = believedOn(domain)
    if (names === undefined) return
    const believed = known.get(names) ?? believedOf(names)
    known.set(names, believed)
    for (let at = 0; at < rawHeaders.length; at += 2) {
      const sent = rawHeaders[at] as string
      if (believed.hasLength[sent.length] !== true) continue
      const name = folded(sent)
      if (believed.names.has(name))
        throw new OperationalError(
          'ERR_IDENTITY_HEADER_SENT',
          `a client's own ${name} arrived at a host whose application believes it: print the files of the proxy anew (sallyport proxy-config)`,
        )
    }
  }
}
