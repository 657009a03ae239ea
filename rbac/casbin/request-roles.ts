/**
 * Casbin's roles, with links that hold for one request: from `r.sub` to every name of whoever asks.
 *
 * What Casbin's own role manager answers with the same links in it (tests/casbin), without two of its habits: it makes
 * a table for each domain that anybody asks about and keeps it, and walks a web of roles once for every path through it.
 */
import type { RoleManager } from 'casbin'

/** As in Casbin: how many links a role may be away. */
const mostLinks = 10
const everywhere = ''

type Links = Map<string, Set<string>>

export class RequestRoles implements RoleManager {
  readonly #byDomain = new Map<string, Links>()
  #names: readonly string[] = []

  /** The first is who asks, the others are linked from it in every domain, until the next call. */
  suppose(names: readonly string[]): void {
    this.#names = names
  }

  async addLink(name1: string, name2: string, ...domain: string[]): Promise<void> {
    const links = this.#byDomain.get(domainOf(domain)) ?? new Map<string, Set<string>>()
    this.#byDomain.set(domainOf(domain), links)
    links.set(name1, (links.get(name1) ?? new Set()).add(name2))
  }

  syncedHasLink(name1: string, name2: string, ...domain: string[]): boolean {
    if (name1 === name2) return true
    for (const role of this.#walk(name1, this.#byDomain.get(domainOf(domain)))) if (role === name2) return true
    return false
  }

  /** The nearest first; a name may come again. */
  *#walk(from: string, links: Links | undefined): Iterable<string> {
    const seen = new Set([from])
    let level = [from]
    for (let steps = 0; steps < mostLinks && level.length > 0; steps++) {
      const next: string[] = []
      for (const name of level) {
        for (const role of this.#rolesOf(name, links)) {
          yield role
          if (!seen.has(role)) next.push(role)
          seen.add(role)
        }
      }
      level = next
    }
  }

  /** Every name for which `syncedHasLink` answers yes, the name itself among them, whose links hold in a domain or everywhere. */
  allFrom(name: string, domain: string): ReadonlySet<string> {
    const found = new Set([name])
    for (const links of [this.#byDomain.get(domain), this.#byDomain.get(everywhere)]) {
      for (const one of this.#walk(name, links)) found.add(one)
    }
    return found
  }

  *#rolesOf(name: string, links: Links | undefined): Iterable<string> {
    if (name === this.#names[0]) yield* this.#names.slice(1)
    yield* links?.get(name) ?? []
  }

  async hasLink(name1: string, name2: string, ...domain: string[]): Promise<boolean> {
    return this.syncedHasLink(name1, name2, ...domain)
  }

  async clear(): Promise<void> {
    this.#byDomain.clear()
  }

  async deleteLink(): Promise<void> {
    throw new Error('a policy that is in force does not change')
  }

  async getRoles(name: string, ...domain: string[]): Promise<string[]> {
    return [...(this.#byDomain.get(domainOf(domain))?.get(name) ?? [])]
  }

  async getUsers(): Promise<string[]> {
    return []
  }

  async printRoles(): Promise<void> {}

  async getDomains(): Promise<string[]> {
    return []
  }

  async getAllDomains(): Promise<string[]> {
    return [...this.#byDomain.keys()]
  }
}

function domainOf(domain: readonly string[]): string {
  if (domain.length > 1) throw new Error('a role counts in one domain')
  return domain[0] ?? everywhere
}
