/**
 * Which hosts Casbin decides about: those that are configured, else those that its rows name.
 *
 * Threat: a deny of one engine for a host that the other one decides about denies nobody. So a host has one engine, and
 * patterns that meet are refused, whichever is the wider.
 */
import { coveringPatterns, isReservedDomain, parseDomainPattern } from '../domains.ts'
import { type Problem, ValueError } from '../policy-error.ts'
import type { Row } from '../row.ts'
import type { Matcher } from './matcher.ts'
import type { CasbinModel } from './model.ts'
import type { CasbinRows } from './rows.ts'
import type { CasbinTexts } from './sources.ts'

/** Canonical patterns. Adds to `problems`. */
export function readDomains(
  texts: CasbinTexts,
  { request, row, matcher }: CasbinModel,
  loaded: CasbinRows,
  problems: Problem[],
): readonly string[] {
  const report = (message: string): void => void problems.push({ file: texts.model.name, line: 1, column: 1, message })
  const isExact = request.includes('dom') && row.includes('dom') && matcher.comparesDomain
  const { domains } = texts
  if (domains === undefined && !isExact) {
    report('which hosts? Name them in policy.casbin.domains: the matcher does not say r.dom == p.dom for each row')
    return []
  }
  const configured = domains?.flatMap(domain => parsed(domain, report))
  const check = { matcher, configured }
  refuseLinks(check, loaded, problems)
  if (!isExact) {
    refuseLoose(check, loaded, problems)
    return configured ?? []
  }
  const named = new Set<string>()
  for (const one of loaded.rows) {
    const problem = hostProblem(one.domain, configured)
    if (problem === undefined) named.add(one.domain)
    else problems.push(loaded.problemOf(one, 'dom', problem))
  }
  return configured ?? [...named]
}

function parsed(text: string, report: (message: string) => void): string[] {
  try {
    const pattern = parseDomainPattern(text)
    if (!isReservedDomain(pattern)) return [pattern]
    report(`policy.casbin.domains: ${text} is no host, and only hosts are decided by Casbin`)
  } catch (error) {
    if (!(error instanceof ValueError)) throw error
    report(`policy.casbin.domains: ${error.message}`)
  }
  return []
}

interface Check {
  readonly matcher: Matcher
  readonly configured: readonly string[] | undefined
}

/** Where hosts are patterns as well, a row that names one has to name it as requests do. */
function refuseLoose({ matcher, configured }: Check, loaded: CasbinRows, problems: Problem[]): void {
  const compared = matcher.compared.get('dom')
  if (compared === undefined) return
  const isExact = [...compared.by].every(name => name === '==')
  for (const one of loaded.rows) {
    const isHost = isExact ? !compared.texts.has(one.domain) : /^[\w-]+(?:\.[\w-]+)+\.?(?::\d+)?$/.test(one.domain)
    const problem = isHost ? hostProblem(one.domain, configured) : undefined
    if (problem !== undefined) problems.push(loaded.problemOf(one, 'dom', problem))
  }
}

/** Threat: a role that is denied something, given in `WIKI.example.com` or in `*`: it is nobody's, wherever somebody asks. */
function refuseLinks({ matcher, configured }: Check, loaded: CasbinRows, problems: Problem[]): void {
  const isOfHosts = (kind: string): boolean => {
    const calls = matcher.calls.filter(({ name }) => name === kind)
    const isHost = (value: string | undefined): boolean =>
      value === 'r_dom' || (value === 'p_dom' && matcher.comparesDomain)
    return calls.length > 0 && calls.every(({ values }) => isHost(values[2]))
  }
  const kinds = new Set([...new Set(loaded.links.map(({ kind }) => kind))].filter(isOfHosts))
  for (const link of loaded.links) {
    const host = link.fields[2] ?? ''
    const problem = kinds.has(link.kind) ? hostProblem(host, configured) : undefined
    if (problem !== undefined) problems.push(loaded.problemOfLink(link, host.includes('*') ? patternOfRole : problem))
  }
}

/** Casbin would take it by `addNamedDomainMatchingFunc`. */
const patternOfRole =
  'a role counts in the host that is asked about, and no host is called like a pattern; matching functions of role managers are code, and cannot be given: write a line for each host'

/** A row whose host no request can have would be believed to be in force. */
function hostProblem(text: string, configured: readonly string[] | undefined): string | undefined {
  try {
    const host = parseDomainPattern(text)
    if (text.includes('*')) return 'the matcher compares hosts as they are, and no host is called like a pattern'
    if (isReservedDomain(host)) return 'only hosts are decided by Casbin'
    if (host !== text) return `no request has this host as it is written; write ${host}`
    if (configured === undefined || coveringPatterns(host).some(pattern => configured.includes(pattern)))
      return undefined
    return 'this host is not among policy.casbin.domains'
  } catch (error) {
    if (!(error instanceof ValueError)) throw error
    return error.message
  }
}

/** Rows of the built-in language for hosts that Casbin decides about, or may. */
export function refuseOverlap(rows: readonly Row[], domains: readonly string[], problems: Problem[]): void {
  const own = new Set(domains)
  const above = new Set(domains.flatMap(coveringPatterns))
  const told = new Set<string>()
  // A row of a host list is a row for each of its hosts, and a variable is a star by now.
  for (const { id, domain, written } of rows) {
    if (told.has(domain) || !(above.has(domain) || coveringPatterns(domain).some(pattern => own.has(pattern)))) continue
    told.add(domain)
    const colon = id.lastIndexOf(':')
    problems.push({
      file: id.slice(0, colon),
      line: Number(id.slice(colon + 1)),
      column: 1,
      message: `${nameOf(domain, written?.domain)} meets ${meeting(domain, domains)}, which policy.casbin decides about; a host has one engine`,
    })
  }
}

const nameOf = (domain: string, written = domain): string => (written === domain ? domain : `${domain} (${written})`)

const meeting = (domain: string, domains: readonly string[]): string =>
  domains.find(one => coveringPatterns(one).includes(domain) || coveringPatterns(domain).includes(one)) ?? domain
