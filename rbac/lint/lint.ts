/**
 * What is probably not meant in a policy that loads. Findings about rows that never decide are sound: without such a
 * row, nobody is let in who was not and nobody is shut out who was let in (tests/policy/lint.test.ts holds them to it).
 */
import { namesIn } from '../actions.ts'
import { certificateRows, describeNoCertificate } from '../asking/certificate-rows.ts'
import { describeEnd, expiringRows, stateOf, usualWarning } from '../asking/expiring.ts'
import { describeNoReturn, findNoReturn, type ReturnHosts } from '../asking/return-hosts.ts'
import { criteriaOf } from '../conditions/condition.ts'
import { isReservedDomain } from '../domains.ts'
import type { PolicySnapshot } from '../policy.ts'
import type { PolicyTexts } from '../policy-rows.ts'
import { canonicaliseHost } from '../request/canonical-host.ts'
import { methodsWithoutPath } from '../request/methods.ts'
import type { Row } from '../row.ts'
import { findChosenNames } from './chosen-names.ts'
import { findConditions, namedIn } from './conditions.ts'
import { createCoverage, isEverything } from './coverage.ts'
import type { Finding, Report } from './finding.ts'
import { findKubernetes } from './kubernetes.ts'
import { foldLists } from './listed-rows.ts'
import { findNearConditions, findNearNames } from './near-names.ts'
import { findPartlyCovered, findPassedBy } from './partly-covered.ts'
import { findPattern } from './patterns.ts'
import { findUnreadable } from './readings.ts'
import { findRoles } from './roles.ts'
import { canApply, holdsAlways } from './satisfiable.ts'
import { createWideRows, findShadowed, findUnreachedDenies } from './shadowed.ts'
import { findSpellings } from './spellings.ts'
import { findUnmet, type KnownTokens } from './unmet-rows.ts'

export interface LintOptions {
  /** Issuers of the configured providers; absent when they are not known. */
  readonly issuers?: readonly string[]
  /** Whether any proxy is trusted to name the client's address; absent when it is not known. */
  readonly hasTrustedProxies?: boolean
  /** Whether a header is named in which proxies pass the client's certificate; absent when it is not known. */
  readonly hasCertificateHeader?: boolean
  /** Is every host below this domain anybody's? */
  readonly isPublicSuffix?: (domain: string) => boolean
  /** What the configuration says of hosts; absent when it is not known. */
  readonly returnHosts?: ReturnHosts
  /** The claims by which clusters call people (`userClaim`), by the names of the clusters; `email` where it is not known. */
  readonly userClaims?: ReadonlyMap<string, string>
  /** Who comes by token or certificate, and where; absent when it is not known. */
  readonly tokens?: KnownTokens
  /** Seconds since the epoch: windows that ended before are over, and those that end soon are named. */
  readonly now?: number
  /** How long before their end rows are named, in seconds. Default: two weeks. */
  readonly expiryWarning?: number
}

/** `texts` are those that the policy was compiled from. In order of file and line. */
export function lintPolicy(
  { rows, roles, casbin }: Pick<PolicySnapshot, 'casbin' | 'roles' | 'rows'>,
  texts: Pick<PolicyTexts, 'conditions'>,
  options: LintOptions = {},
): readonly Finding[] {
  const { findings, report } = createReport()
  const coverage = createCoverage(roles)
  const { members } = coverage
  const wideRows = createWideRows(rows, members)
  findShadowed(rows, wideRows, coverage, report)
  findPartlyCovered(rows, wideRows, coverage, report)
  findPassedBy(rows, coverage, report)
  findUnreachedDenies(rows, coverage, report)
  for (const row of rows) lintRow(row, options, report)
  findUnreadable(rows, report)
  findKubernetes(rows, { coverage, roles, userClaims: options.userClaims ?? new Map() }, report)
  findChosenNames(rows, report)
  findSpellings(rows, roles, report)
  findNearNames(rows, roles, report)
  findNearConditions(namedIn(texts), report)
  lintReturns(rows, options, report)
  lintCertificates(rows, options, report)
  lintUnmet(rows, options, report)
  lintEnds(rows, options, report)
  findRoles(rows, { roles, members }, report)
  findConditions(rows, texts, report)
  lintCasbin(casbin, report)
  return inOrder(foldLists(findings, rows))
}

/** Findings about names alone: what a row means and a provider spells otherwise is missed without a word. */
export function lintNames({
  rows,
  roles,
  casbin,
}: Pick<PolicySnapshot, 'casbin' | 'roles' | 'rows'>): readonly Finding[] {
  const { findings, report } = createReport()
  lintCasbin(casbin, report)
  findSpellings(rows, roles, report)
  findNearNames(rows, roles, report)
  return inOrder(foldLists(findings, rows))
}

/** Found while it was compiled. */
function lintCasbin(casbin: PolicySnapshot['casbin'], report: Report): void {
  for (const { rule, id, ...said } of casbin?.findings ?? []) report(rule, id, said)
}

function createReport(): { readonly findings: Finding[]; readonly report: Report } {
  const findings: Finding[] = []
  const report: Report = (rule, id, { message, advice, severity }) => {
    const colon = id.lastIndexOf(':')
    const place = { file: id.slice(0, colon), line: Number(id.slice(colon + 1)) }
    findings.push({ rule, severity: severity ?? 'warning', ...place, message, advice })
  }
  return { findings, report }
}

function inOrder(findings: Finding[]): readonly Finding[] {
  const order = (left: string, right: string): number => (left < right ? -1 : Number(left > right))
  return findings.sort((left, right) => order(left.file, right.file) || left.line - right.line)
}

function lintRow(row: Row, options: LintOptions, report: Report): void {
  const { id, when, isDeny, condition, subject, resource } = row
  if (!canApply(when, isDeny, { now: options.now, isNoPreflight: !row.fitsAction('OPTIONS') })) {
    report('condition-never-true', id, {
      message: `"${condition}" never lets this row apply`,
      advice: 'remove the row, or correct it',
    })
  }
  const pattern = findPattern(resource)
  if (pattern?.isNever === true) report('pattern-never-matches', id, pattern)
  else if (pattern !== undefined) report('odd-pattern', id, { ...pattern, severity: 'note' })
  const issuer = subject.startsWith('user:') ? subject.slice('user:'.length, subject.indexOf('#')) : undefined
  const isForeign = options.issuers?.every(known => !subject.startsWith(`user:${known}#`)) ?? false
  if (issuer !== undefined && isForeign) {
    report('unknown-issuer', id, {
      message: `no configured provider is the issuer ${issuer}`,
      advice: 'compare with providers.issuer',
    })
  }
  if (options.hasTrustedProxies === false && [...criteriaOf(when)].some(({ type }) => type === 'source-network')) {
    const message = `"${condition}" asks for the client's address, and no proxy is trusted to name it`
    report('network-without-proxies', id, { message, advice: 'name your proxies in server.trustedProxies' })
  }
  lintMethods(row, report)
  lintHost(row, options, report)
}

function lintMethods({ id, action, domain }: Row, report: Report): void {
  if (isReservedDomain(domain)) return
  const idle = namesIn(action, domain).filter(name => methodsWithoutPath.has(name))
  if (idle.length === 0) return
  report('method-without-path', id, {
    message: `no request has the method ${idle.join(', ')}: it asks for no path`,
    advice: 'leave it out',
  })
}

function lintHost(row: Row, { isPublicSuffix }: LintOptions, report: Report): void {
  const { id, domain, isDeny } = row
  if (isDeny) return
  if (isOpenToEverybody(row)) {
    report('open-to-everybody', id, {
      message: `anybody may do anything on every host that ${domain} covers, also on those that come later`,
      advice: 'name the hosts, or say with methods, a path or a condition what is open',
    })
  } else if (domain === '*')
    report('wide-host', id, {
      message: '"*" allows on every host there is',
      advice: 'name the hosts',
      severity: 'note',
    })
  else if (domain.startsWith('*.') && isPublicSuffix?.(canonicaliseHost(domain.slice(2), () => true)) === true) {
    report('wide-host', id, {
      message: `${domain} covers hosts of unrelated owners`,
      advice: 'name the domain that is yours',
    })
  }
}

const isOpenToEverybody = ({ subject, domain, resource, except, action, when, isShadow }: Row): boolean =>
  subject === 'anyone' &&
  !isShadow &&
  domain.startsWith('*') &&
  action === '*' &&
  isEverything(resource) &&
  except === undefined &&
  holdsAlways(when)

/** Where some hosts are named, a row for all of them may well be meant for those. */
function lintReturns(rows: readonly Row[], { returnHosts }: LintOptions, report: Report): void {
  if (returnHosts === undefined) return
  for (const row of findNoReturn(rows, returnHosts)) {
    const { message, advice } = describeNoReturn(row)
    report('no-return', row.id, { message, advice, severity: row.isPartly ? 'note' : undefined })
  }
}

function lintCertificates(rows: readonly Row[], { hasCertificateHeader }: LintOptions, report: Report): void {
  if (hasCertificateHeader !== false) return
  for (const row of certificateRows({ rows })) {
    const { message, advice } = describeNoCertificate(row)
    report('certificate-without-header', row.id, { message, advice })
  }
}

function lintUnmet(rows: readonly Row[], { tokens }: LintOptions, report: Report): void {
  if (tokens === undefined) return
  for (const { rule, id, ...said } of findUnmet(rows, tokens)) report(rule, id, said)
}

/** What allows and ends was meant to; what denies opens something when it does. Rows that are over never apply, which is said. */
function lintEnds(rows: readonly Row[], { now, expiryWarning = usualWarning }: LintOptions, report: Report): void {
  if (now === undefined) return
  for (const expiring of expiringRows(rows)) {
    if (stateOf(expiring, now, expiryWarning) !== 'soon') continue
    const { id, isDeny } = expiring.row
    report('row-ends-soon', id, { ...describeEnd(expiring, now), severity: isDeny ? undefined : 'note' })
  }
}
