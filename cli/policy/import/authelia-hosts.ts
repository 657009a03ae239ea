/** Hosts of Authelia's rules: names, names below one, names with a person or group in them, and regular expressions. */
import { RE2JS } from 're2js'
import { covers, type OrderedRule } from './first-match.ts'
import { canonicalHost, hostsSpeltBy } from './host-pattern.ts'
import { type Located, textsOf } from './located.ts'
import type { ImportOptions } from './options.ts'
import type { Report } from './report.ts'

interface Reading extends ImportOptions {
  readonly named: readonly string[]
}

type Hosts = OrderedRule['hosts']

/** Hosts that any of the rules names as they are. */
export function hostsNamedIn(rules: readonly Located[]): readonly string[] {
  const texts = rules.flatMap(({ fields }) => rawTextsOf(fields?.get('domain')))
  const hosts = texts.map(canonicalHost).filter(host => host !== undefined && !host.includes('*'))
  return [...new Set(hosts)] as readonly string[]
}

/** With the text around templates that have no value. */
const rawTextsOf = (value: Located | undefined): readonly string[] =>
  (value === undefined ? [] : (value.items ?? [value])).map(({ scalar, template }) => String(template ?? scalar ?? ''))

export function readHosts(item: Located, { report, named, usernameClaim }: Reading): Hosts {
  const [domain, pattern] = [item.fields?.get('domain'), item.fields?.get('domain_regex')]
  const isOpen = item.fields?.get('policy')?.scalar === 'bypass'
  // Nobody is known yet where no login is asked for, so no name is anybody's.
  const domains = readDomains(domain, { line: domain?.line ?? item.line, report, usernameClaim, isOpen })
  const patterns = textsOf(pattern)
  if (domains === undefined) return unknownHosts(pattern === undefined ? testOfDomains(rawTextsOf(domain)) : undefined)
  const spelt = patterns?.map(readHostPattern) ?? []
  const all = spelt.flatMap(hosts => hosts ?? [])
  const [inner, outer] = [
    [...domains.inner, ...all],
    [...domains.outer, ...all],
  ]
  const isPatternKnown = pattern === undefined || (spelt.length > 0 && !spelt.includes(undefined))
  // A wildcard of the same rule says more than a name below it.
  const bound = new Map([...domains.bound].filter(([wildcard]) => !inner.includes(wildcard)))
  if (isPatternKnown && outer.length > 0) return { inner: [...inner, ...bound.keys()], outer, bound, isKnown: true }
  const free = (patterns ?? []).filter((_text, index) => spelt[index] === undefined)
  const meant = named.filter(host => free.some(text => isSurelyFitting(text, host)))
  const [say, why] =
    meant.length > 0
      ? [report.narrower, `it is meant for those of the hosts that some rule names, here ${meant.join(', ')}`]
      : [report.leftOut, 'no row can hold a pattern of hosts that does more than spell some out']
  say(pattern?.line ?? item.line, 'domain_regex', why, 'Write the hosts, or *.example.com.')
  const fits = hostTest(patterns ?? [])
  return {
    ...unknownHosts(fits && (host => domains.outer.some(one => covers(one, host)) || fits(host))),
    inner: [...inner, ...meant.filter(host => !inner.includes(host))],
  }
}

const unknownHosts = (mayFit: Hosts['mayFit']): Hosts => ({
  inner: [],
  outer: ['*'],
  isKnown: false,
  ...(mayFit === undefined ? {} : { mayFit }),
})

interface Domains extends Pick<Hosts, 'inner' | 'outer'> {
  readonly bound: ReadonlyMap<string, string>
}

interface DomainOptions {
  readonly line: number
  readonly report: Report
  readonly usernameClaim: string | undefined
  readonly isOpen: boolean
}

/** `undefined` when one of them is no host that a row can name. */
function readDomains(domain: Located | undefined, options: DomainOptions): Domains | undefined {
  const { line, report } = options
  const outer: string[] = []
  const inner: string[] = []
  const bound = new Map<string, string>()
  const texts = textsOf(domain)
  if (texts === undefined) report.leftOut(line, 'domain', 'not only texts that have a value', 'Correct it.')
  if (texts === undefined) return undefined
  for (const text of texts) {
    const [variable] = /^\{(?:user|group)\}(?=\.)/.exec(text) ?? []
    const host = canonicalHost(variable === undefined ? text : `*${text.slice(variable.length)}`)
    if (host === undefined) {
      report.leftOut(line, `domain ${text}`, 'no row can name these hosts', 'Write the hosts one by one.')
      return undefined
    }
    outer.push(host)
    const name = variable === undefined ? undefined : variableOf(variable, options)
    if (variable === undefined) inner.push(host)
    else if (name === undefined)
      report.leftOut(
        line,
        `domain ${text}`,
        'no row can compare this host with a name',
        'Give --username-claim for user names, or write a row for each.',
      )
    else bound.set(host, `${name}${host.slice(1)}`)
  }
  return { inner, outer, bound }
}

function variableOf(variable: string, { usernameClaim, isOpen }: DomainOptions): string | undefined {
  if (isOpen) return undefined
  if (variable === '{group}') return variable
  return usernameClaim !== undefined && /^\w+$/.test(usernameClaim) ? `{claim:${usernameClaim}}` : undefined
}

/** What stands beside templates, stars and names of people has to be in a host that is meant. */
function testOfDomains(texts: readonly string[]): Hosts['mayFit'] {
  if (texts.length === 0) return undefined
  const patterns = texts.map(text =>
    text
      .split(/\uE000\d+\uE001|\*|\{(?:user|group)\}/)
      .map(part => RE2JS.quote(part))
      .join('.*'),
  )
  return hostTest(patterns.map(text => `^${text}$`))
}

/** Whether one host may be meant by patterns that name none; `undefined` when one of them cannot be read. */
function hostTest(patterns: readonly string[]): Hosts['mayFit'] {
  try {
    const expressions = patterns.map(pattern => RE2JS.compile(pattern, RE2JS.CASE_INSENSITIVE))
    return patterns.length === 0 ? undefined : host => expressions.some(one => one.matcher(host).find())
  } catch {
    return undefined
  }
}

/** A pattern with a person or a group in it is meant for that host only when they ask. */
function isSurelyFitting(pattern: string, host: string): boolean {
  if (/\(\?P?</.test(pattern)) return false
  try {
    return RE2JS.compile(pattern).matcher(host).find()
  } catch {
    return false
  }
}

function readHostPattern(pattern: string): readonly string[] | undefined {
  const hosts = hostsSpeltBy(pattern)
  return hosts?.every(host => canonicalHost(host) === host) ? hosts : undefined
}
