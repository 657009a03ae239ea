/**
 * Lists of hosts: `h, shops, de.shop.example.com fr.shop.example.com`, and rows of `@shops` (docs/policy.md, "Lists of hosts").
 *
 * A row of a list is one row for each of its hosts, all with the id of their line: so that whatever answers about rows
 * knows hosts alone. No two hosts of a list overlap, so that a request meets at most one of them.
 */
import { coveringPatterns, isReservedDomain, parseDomainPattern } from '../domains.ts'
import { type Problem, ValueError } from '../policy-error.ts'
import type { PolicyLine } from '../policy-lines.ts'
import { unknownName } from '../unknown-name.ts'

export interface HostLists {
  readonly add: (line: PolicyLine) => void
  /** The hosts of `@<name>`; the text alone for any other domain. Throws `ValueError`. */
  readonly hostsOf: (domain: string) => readonly string[]
}

export const isList = (domain: string): boolean => domain.startsWith('@')

const listName = /^[a-z0-9](?:[a-z0-9-]{0,98}[a-z0-9])?$/

export function createHostLists(problems: Problem[]): HostLists {
  const lists = new Map<string, Map<string, string>>()
  const report = (line: PolicyLine, field: number, message: string): void => {
    problems.push({ file: line.file, line: line.line, column: line.columnOf(field), message })
  }
  const addHost = (line: PolicyLine, list: Map<string, string>, text: string): void => {
    try {
      const host = parseListed(text)
      const known = list.get(host) ?? overlapping(host, list)
      if (known === undefined) list.set(host, `${line.file}:${line.line}`)
      else report(line, 2, `${text} is in the list already, by ${known}`)
    } catch (error) {
      if (!(error instanceof ValueError)) throw error
      report(line, 2, error.message)
    }
  }
  return {
    add(line) {
      const [, name = '', hosts = ''] = line.fields
      const texts = hosts.split(/\s+/).filter(text => text !== '')
      if (line.fields.length !== 3 || texts.length === 0) {
        report(line, 0, 'expected 3 fields (h, list, hosts apart by spaces)')
      } else if (!listName.test(name)) {
        report(line, 1, 'the name of a list holds lower-case letters, digits and dashes, at most 100')
      } else {
        const list = lists.get(name) ?? new Map<string, string>()
        lists.set(name, list)
        for (const text of texts) addHost(line, list, text)
      }
    },
    hostsOf(domain) {
      if (!isList(domain)) return [domain]
      const list = lists.get(domain.slice(1))
      if (list === undefined) throw new ValueError(unknownName('list of hosts', domain.slice(1), [...lists.keys()]))
      return [...list.keys()]
    },
  }
}

/** Threat: `*`, or a cluster, in a list that somebody takes for a few hosts. */
function parseListed(text: string): string {
  const host = parseDomainPattern(text)
  if (host === '*' || isReservedDomain(host)) throw new ValueError(`a list holds hosts, and ${text} is none`)
  return host
}

/** Where a host of the list is given that has hosts in common with this one. */
function overlapping(host: string, list: ReadonlyMap<string, string>): string | undefined {
  const wider = coveringPatterns(host.replace(/^\*/, 'x')).find(pattern => list.has(pattern))
  if (wider !== undefined) return list.get(wider)
  if (!host.startsWith('*')) return undefined
  return [...list].find(([other]) => other.replace(/^\*/, 'x').endsWith(host.slice(1)))?.[1]
}
