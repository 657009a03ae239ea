/** Rows that an import made, as the three files of a policy: rows, conditions, and tests to go on with. */
import { stringify } from 'yaml'
import { writtenMethods } from '../../../rbac/actions.ts'

export interface ImportedRow {
  /** Line of the original. */
  readonly line: number
  readonly subject: string
  readonly domain: string
  readonly resource: string
  readonly action: string
  /** Names of conditions, each perhaps with `!`; all have to hold. */
  readonly conditions: readonly string[]
  readonly effect: 'allow' | 'deny'
}

export interface ConditionNames {
  /** Name of a criterion; equal ones share a name. */
  readonly nameOf: (prefix: string, criterion: Readonly<Record<string, unknown>>) => string
  /** Of those that some row uses, without its `!`. */
  readonly text: (used: ReadonlySet<string>) => string
}

/** @param there criteria that the policy has, by name: an equal one is used, and no other gets its name */
export function createConditionNames(there: Readonly<Record<string, unknown>> = {}): ConditionNames {
  const names = new Map<string, string>(Object.entries(there).map(([name, value]) => [JSON.stringify(value), name]))
  const criteria = new Map<string, unknown>()
  return {
    nameOf(prefix, criterion) {
      const key = JSON.stringify(criterion)
      const known = names.get(key)
      if (known !== undefined) return known
      const base = prefix.replace(/[^A-Za-z0-9]+/g, '-').replace(/^[^A-Za-z]+|-+$/g, '') || 'condition'
      let name = base
      for (let number = 2; criteria.has(name) || Object.hasOwn(there, name); number++) name = `${base}-${number}`
      names.set(key, name)
      criteria.set(name, criterion)
      return name
    },
    text: used => {
      const written = [...criteria].filter(([name]) => used.has(name))
      return written.length === 0 ? '' : stringify(Object.fromEntries(written))
    },
  }
}

export interface ImportedPolicy {
  readonly csv: string
  /** Empty when no row needs a condition. */
  readonly conditions: string
  readonly tests: string
}

const quoted = (field: string): string => (/[",]|^\s|\s$/.test(field) ? `"${field.replaceAll('"', '""')}"` : field)

export function writePolicy(rows: readonly ImportedRow[], conditions: ConditionNames, origin: string): ImportedPolicy {
  const lines: string[] = [
    `# Converted from ${origin.replace(/[^\x20-\x7e]/g, '?')}; what is missing stands in the report.`,
  ]
  const seen = new Set<string>()
  const used = new Set(rows.flatMap(row => row.conditions.map(name => name.replace(/^!/, ''))))
  let line = 0
  for (const row of rows) {
    const condition = row.conditions.length === 0 ? '-' : [...new Set(row.conditions)].join(' & ')
    const fields = ['p', row.subject, row.domain, row.resource, actionOf(row), condition, row.effect]
    const text = fields.map(quoted).join(', ')
    if (seen.has(text)) continue
    seen.add(text)
    if (row.line !== line) lines.push(`# line ${row.line}`)
    line = row.line
    lines.push(text)
  }
  return { csv: `${lines.join('\n')}\n`, conditions: conditions.text(used), tests: testSkeleton(rows) }
}

/** A method that is in no registry has a spelling of its own. */
const actionOf = ({ action, effect }: ImportedRow): string =>
  action === '*' ? action : writtenMethods(action.split('|'), effect === 'deny')

/** What holds whatever the rows are; the wishes themselves have to be written by somebody who knows them. */
function testSkeleton(rows: readonly ImportedRow[]): string {
  const hosts = [...new Set(rows.map(({ domain }) => hostOf(domain)))]
  const cases = hosts.map(host => ({
    name: `somebody unknown may not write at ${host}`,
    identity: 'anonymous',
    request: `POST https://${host}/not-in-any-rule`,
    want: rows.length === 0 || isOpen(rows, host) ? 'allow' : undefined,
  }))
  const known = cases.filter(({ want }) => want === undefined)
  const written = known.map(one => ({
    ...one,
    want: deniedOutright(rows, hostNameOf(one.request)) ? 'deny' : 'challenge',
  }))
  const comment = '# A start: add a case for every wish that the old rules stood for, then `sallyport policy test`.\n'
  return comment + stringify(written)
}

const hostNameOf = (request: string): string => new URL(request.slice('POST '.length)).hostname

function hostOf(domain: string): string {
  if (domain === '*') return 'any-host.example'
  if (domain.startsWith('{')) return hostOf(wildcardOf(domain))
  return domain.startsWith('*.') ? `any-host${domain.slice(1)}` : domain
}

/** A name in its place is any one. */
const wildcardOf = (domain: string): string => domain.replace(/^\{[^{}]*\}/, '*')

const coversAt = (domain: string, host: string): boolean => covers(wildcardOf(domain), host)

const covers = (domain: string, host: string): boolean =>
  domain === '*' || domain === host || (domain.startsWith('*.') && host.endsWith(domain.slice(1)))

/** Careful guesses: a host where any row speaks of everyone gets no case. */
const isOpen = (rows: readonly ImportedRow[], host: string): boolean =>
  rows.some(({ subject, domain, effect }) => effect === 'allow' && subject === 'anyone' && coversAt(domain, host))

const deniedOutright = (rows: readonly ImportedRow[], host: string): boolean =>
  rows.some(
    ({ subject, domain, effect, resource }) =>
      effect === 'deny' && subject === 'anyone' && resource === '/**' && coversAt(domain, host),
  )
