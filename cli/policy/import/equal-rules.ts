/**
 * Rules of equal priority as rows. Where two of them fit a request either may decide, so that a row allows only what
 * every one that fits allows (docs/adr/0070-where-either-rule-may-decide.md).
 */
import { allInner, commonMethods, type InnerRegion, type Regions } from './matcher-regions.ts'
import { canMeet, type Inner, resourcesWithout, type Shape } from './paths.ts'
import type { Report } from './report.ts'
import type { ImportedRow } from './rows.ts'

export interface EqualRule {
  readonly line: number
  readonly name: string
  /** Subjects of rows, any of which is let in. */
  readonly subjects: readonly string[]
  readonly regions: Regions
}

export interface HostRules {
  readonly host: string
  readonly rules: readonly EqualRule[]
  /** Decides where no rule fits. */
  readonly rest: Omit<EqualRule, 'regions'>
}

export function rowsOfEqualRules({ host, rules, rest }: HostRules, report: Report): ImportedRow[] {
  const all = [...rules, { ...rest, regions: { inner: [allInner], outer: [] } }]
  return all.flatMap(rule => {
    const stricter = rules.filter(other => other !== rule && !letsInAllOf(other.subjects, rule.subjects))
    return rule.regions.inner.flatMap(region =>
      region.paths.flatMap(path => {
        const excluded = excludedFrom(region, path, stricter)
        const resources = resourcesWithout(path, [...region.without, ...excluded.map(({ shape }) => shape)])
        // What no rule fits is decided by no rule: that others are cut out of it is no loss, unless methods are.
        const lost = excluded.filter(({ methods }) => rule.name !== rest.name || methods !== undefined)
        if (lost.length > 0 || resources === undefined) reportLoss(rule, { host, lost, resources }, report)
        return (resources ?? []).flatMap(resource =>
          rule.subjects.map(subject => rowOf(rule.line, { subject, host, resource, methods: region.methods })),
        )
      }),
    )
  })
}

interface Excluded {
  readonly shape: Shape
  readonly methods: readonly string[] | undefined
  readonly by: EqualRule
}

/** What rules that let in fewer people, or others, may decide within a path. */
function excludedFrom(region: InnerRegion, path: Inner, stricter: readonly EqualRule[]): readonly Excluded[] {
  return stricter.flatMap(by =>
    by.regions.outer
      .filter(({ methods }) => commonMethods(methods, region.methods)?.length !== 0)
      .flatMap(({ paths, methods }) =>
        paths.filter(shape => canMeet(path, shape)).map(shape => ({ shape, methods, by })),
      ),
  )
}

interface Loss {
  readonly host: string
  readonly lost: readonly Excluded[]
  readonly resources: readonly string[] | undefined
}

function reportLoss(rule: Omit<EqualRule, 'regions'>, { host, lost, resources }: Loss, report: Report): void {
  const lines = [...new Set(lost.map(({ by }) => by.line))].sort((left, right) => left - right)
  const others = lines.length === 0 ? 'other rules speak' : `line ${lines.join(' and line ')} may decide`
  const say = resources === undefined || resources.length === 0 ? report.leftOut : report.narrower
  say(
    rule.line,
    `${rule.name} at ${host}`,
    `${others} within its paths, for other people, and which rule wins there is left to chance`,
    'Write the rows of those paths yourself.',
  )
}

/** Is everybody of the second in the first? */
export function letsInAllOf(wider: readonly string[], people: readonly string[]): boolean {
  if (wider.includes('anyone')) return true
  return people.every(
    subject =>
      wider.includes(subject) ||
      (wider.includes('authenticated') && subject !== 'anyone') ||
      (subject.startsWith('email:') && wider.includes(`email-domain:${subject.slice(subject.indexOf('@') + 1)}`)),
  )
}

interface RowPlace {
  readonly subject: string
  readonly host: string
  readonly resource: string
  readonly methods: readonly string[] | undefined
}

const rowOf = (line: number, { subject, host, resource, methods }: RowPlace): ImportedRow => ({
  line,
  subject,
  domain: host,
  resource,
  action: methods?.join('|') ?? '*',
  conditions: [],
  effect: 'allow',
})
