/** Rows that a person has to log in for, on hosts to which no login leads back (docs/policy.md, "Logins lead back"). */
import { coveringPatterns, isReservedDomain } from '../domains.ts'
import type { Row } from '../row.ts'

/** What the configuration says of hosts. */
export interface ReturnHosts {
  /** Hosts that it names, each for itself. */
  readonly named: readonly string[]
  /** What it says of tickets for a host or for a pattern such as `*.example.com`; `undefined` for nothing. */
  readonly tickets: (domain: string) => boolean | undefined
  /** The domain whose hosts share one session cookie. */
  readonly cookieDomain?: string | undefined
}

export interface NoReturnRow {
  readonly id: string
  readonly domain: string
  /** Hosts are kept out (`tickets: false`), or not named by anybody. */
  readonly cause: 'kept-out' | 'not-named'
  /** Some named host lies below the pattern: logins lead back to that one. */
  readonly isPartly: boolean
}

/** In order of load. */
export function findNoReturn(rows: readonly Row[], hosts: ReturnHosts): readonly NoReturnRow[] {
  const domains = new Set(rows.map(({ domain }) => domain))
  const named = new Set([...domains, ...hosts.named].filter(isHost))
  // Of the hosts once: rows are many more, and most of them have nothing to say.
  const causes = new Map<string, NoReturnRow['cause']>()
  for (const domain of domains) {
    const cause = causeOf(domain, named, hosts)
    if (cause !== undefined) causes.set(domain, cause)
  }
  if (causes.size === 0) return []
  const covered = new Set([...named].flatMap(host => coveringPatterns(host)))
  return rows.filter(needsLogin).flatMap(({ id, domain }): NoReturnRow[] => {
    const cause = causes.get(domain)
    return cause === undefined ? [] : [{ id, domain, cause, isPartly: cause === 'not-named' && covered.has(domain) }]
  })
}

/** `undefined`: logins lead back. */
function causeOf(domain: string, named: ReadonlySet<string>, hosts: ReturnHosts): NoReturnRow['cause'] | undefined {
  const said = domain === '*' ? undefined : hosts.tickets(domain)
  if (said === false) return 'kept-out'
  return said === true || named.has(domain) || sharesCookie(domain, hosts) ? undefined : 'not-named'
}

const isHost = (domain: string) => !domain.startsWith('*') && !isReservedDomain(domain)

/** Machines and everybody come without a login; the console, clusters and tokens have no host. */
const needsLogin = ({ isDeny, isShadow, subject, domain }: Row): boolean =>
  !isDeny &&
  !isShadow &&
  !/^(?:anyone$|service-account:|client:|certificate:)/.test(subject) &&
  !isReservedDomain(domain)

const sharesCookie = (domain: string, { cookieDomain }: ReturnHosts): boolean =>
  cookieDomain !== undefined && domain.startsWith('*.') && `.${domain.slice(2)}`.endsWith(`.${cookieDomain}`)

/** What is wrong, and what to do about it. */
export function describeNoReturn({ domain, cause, isPartly }: NoReturnRow): { message: string; advice: string } {
  if (cause === 'kept-out') {
    return {
      message: `logins never lead back to ${domain}: hosts says tickets: false`,
      advice: 'remove one of the two',
    }
  }
  const which = isPartly ? `only to the hosts of ${domain} that are named` : `to no host of ${domain}: none is named`
  const mark = domain === '*' ? '' : `, or, if every host below is yours, hosts: [{ host: "${domain}", tickets: true }]`
  return { message: `logins lead back ${which}`, advice: `write a row or an entry of hosts for each host${mark}` }
}
