/**
 * Which tokens, passwords and certificates of programs were seen, by whom and when last: in memory, since this process
 * serves. Tokens are signed and kept nowhere, so that to see one is the only way to know of it. Never the credential itself.
 */
import type { Access, CredentialFacts } from '../audit/access-event.ts'

/** Data alone: it goes from worker to primary. */
export interface Sighting {
  readonly credential: CredentialFacts['credential']
  /** Name of its issuer in the configuration; `sallyport` for what was made here. */
  readonly issuer: string
  /** As rows name him: `client:corp/ci`, `user:https://idp.example.com#alice`. */
  readonly name: string
  /** Who acts for him, by an exchanged token; the first one first. */
  readonly actors: readonly string[]
  /** `jti`, handle or fingerprint of the one that was seen last; absent where it has none. */
  readonly lastId?: string
  /** Where it was used last, at most eight hosts. */
  readonly hosts: readonly string[]
  /** Seconds since the epoch. */
  readonly firstSeen: number
  readonly lastSeen: number
  readonly allowed: number
  /** By the policy. What was refused as no valid token never gets here. */
  readonly denied: number
}

export interface Sightings {
  /** Seconds since the epoch: before it nothing was noted. */
  readonly since: number
  readonly seen: readonly Sighting[]
  /** How many had to make room for others. */
  readonly forgotten: number
}

export interface MachineSightings {
  /** On the way of every request: sessions are passed over, everything else is one look into a map. */
  readonly note: (access: Access) => void
  readonly list: () => Sightings
}

export interface MachineSightingsOptions {
  /** Milliseconds since the epoch. */
  readonly now: () => number
  /** As rows name somebody. */
  readonly nameOf: (identity: Exclude<Access['authentication']['identity'], { kind: 'anonymous' }>) => string
  /** How many are kept: those that were seen last. Default 10,000. */
  readonly keep?: number
}

type Entry = { -readonly [Key in keyof Sighting]: Sighting[Key] }

const mostHosts = 8
const none: readonly string[] = []

export function createMachineSightings({ now, nameOf, keep = 10_000 }: MachineSightingsOptions): MachineSightings {
  const since = Math.floor(now() / 1000)
  const entries = new Map<string, Entry>()
  let forgotten = 0

  function entryOf({ authentication }: Access, credential: CredentialFacts, seconds: number): Entry | undefined {
    const { identity } = authentication
    if (identity.kind === 'anonymous') return undefined
    const { credential: kind, credentialIssuer: issuer, credentialActors: actors = none } = credential
    const name = nameOf(identity)
    const key = JSON.stringify([kind, issuer, name, ...actors])
    const known = entries.get(key)
    if (known?.lastSeen === seconds) return known
    // Whoever was seen last stands last, and the first makes room.
    entries.delete(key)
    const made = { credential: kind, issuer, name, actors, hosts: none, allowed: 0, denied: 0 }
    const entry: Entry = known ?? { ...made, firstSeen: seconds, lastSeen: seconds }
    entries.set(key, entry)
    if (entries.size > keep) {
      const [oldest] = entries.keys()
      entries.delete(oldest as string)
      forgotten += 1
    }
    return entry
  }

  return {
    note(access) {
      const { credential } = access.authentication
      if (credential === undefined) return
      const seconds = Math.floor(now() / 1000)
      const entry = entryOf(access, credential, seconds)
      if (entry === undefined) return
      entry.lastSeen = seconds
      if (access.decision.effect === 'allow') entry.allowed += 1
      else entry.denied += 1
      if (credential.credentialId !== undefined) entry.lastId = credential.credentialId
      const { domain } = access.question.request
      if (!entry.hosts.includes(domain)) entry.hosts = [...entry.hosts.slice(1 - mostHosts), domain]
    },
    list: () => ({ since, seen: [...entries.values()].map(entry => ({ ...entry })), forgotten }),
  }
}

/** Of several processes as if they were one: from the moment on at which all of them noted. */
export function mergedSightings(all: readonly Sightings[]): Sightings {
  const merged = new Map<string, Sighting>()
  for (const one of all.flatMap(({ seen }) => seen)) {
    const key = JSON.stringify([one.credential, one.issuer, one.name, ...one.actors])
    const known = merged.get(key)
    merged.set(key, known === undefined ? one : together(known, one))
  }
  return {
    since: Math.max(...all.map(({ since }) => since)),
    seen: [...merged.values()],
    forgotten: all.reduce((sum, { forgotten }) => sum + forgotten, 0),
  }
}

function together(one: Sighting, other: Sighting): Sighting {
  const [earlier, later] = one.lastSeen <= other.lastSeen ? [one, other] : [other, one]
  return {
    ...earlier,
    ...later,
    hosts: [...new Set([...earlier.hosts, ...later.hosts])].slice(-mostHosts),
    firstSeen: Math.min(one.firstSeen, other.firstSeen),
    allowed: one.allowed + other.allowed,
    denied: one.denied + other.denied,
  }
}
