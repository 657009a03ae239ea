/**
 * Which of a person's groups one host hears of (`hosts[].groups`). Of those that it does not ask for neither header nor
 * assertion says a word; the policy judges by all of them, as before.
 *
 * Threat: a name that is read as another one. Names are compared as they are, and a `*` stands at the end alone.
 */

/** `undefined` where the host gets all of them. `domain` is canonical. */
export type GroupsFor = (domain: string) => ((groups: readonly string[]) => readonly string[]) | undefined

/** `wantedOn`: names, or the beginnings of names and `*`; the same list for the same host. */
export function createGroupsFor(wantedOn: (domain: string) => readonly string[] | undefined): GroupsFor {
  const known = new WeakMap<readonly string[], (groups: readonly string[]) => readonly string[]>()
  return domain => {
    const wanted = wantedOn(domain)
    if (wanted === undefined) return undefined
    const kept = known.get(wanted) ?? among(wanted)
    known.set(wanted, kept)
    return kept
  }
}

function among(wanted: readonly string[]): (groups: readonly string[]) => readonly string[] {
  const names = new Set(wanted.filter(text => !text.endsWith('*')))
  const beginnings = wanted.filter(text => text.endsWith('*')).map(text => text.slice(0, -1))
  return groups => groups.filter(group => names.has(group) || beginnings.some(text => group.startsWith(text)))
}
