/**
 * Ordered rules, of which the first that fits decides, as rows, where any row that denies wins and rows that allow add
 * up.
 *
 * Each rule is known from two sides: `inner` fits no more than the original, `outer` no less. A row allows only the
 * inner side of its rule, without the outer side of every earlier rule that asks for more: cut out of its paths where
 * that can be said, else shut by a row that denies, else the row is left out.
 */
import { canMeet, type Inner, resourcesWithout, type Shape } from './paths.ts'
import type { Report } from './report.ts'
import type { ConditionNames, ImportedRow } from './rows.ts'

/** What a rule asks for, from the least permission to the most. */
export const levels = ['deny', 'two_factor', 'one_factor', 'bypass'] as const
export type Level = (typeof levels)[number]

export interface Who {
  readonly subject: string
  readonly conditions: readonly string[]
}

export interface OrderedRule {
  readonly line: number
  readonly level: Level
  readonly hosts: {
    readonly inner: readonly string[]
    readonly outer: readonly string[]
    readonly isKnown: boolean
    /** Domains of rows that allow, by the pattern among `inner` whose hosts they speak of, and are bound to who asks. */
    readonly bound?: ReadonlyMap<string, string>
    /** Of hosts that no pattern of rows names: whether one host may be among them. Absent: every one may. */
    readonly mayFit?: (host: string) => boolean
  }
  readonly paths: { readonly inner: readonly Inner[]; readonly outer: readonly Shape[] }
  /** Methods; `undefined`: every one. */
  readonly methods: { readonly inner: readonly string[] | undefined; readonly outer: readonly string[] | undefined }
  /** `undefined`: everyone. */
  readonly who: { readonly inner: readonly Who[] | undefined; readonly outer: readonly Who[] | undefined }
  /** Facts of the request that have to hold. */
  readonly conditions: readonly string[]
  /** A part of the rule cannot be said at all: nothing is allowed by it. */
  readonly isOuterOnly: boolean
}

const rank = (level: Level): number => levels.indexOf(level)

export function compileFirstMatch(rules: readonly OrderedRule[], names: ConditionNames, report: Report): ImportedRow[] {
  const guards = new Set<OrderedRule>()
  const allowed = new Map<OrderedRule, ImportedRow[]>()
  const mfa = (): string => names.nameOf('mfa', { 'authentication-method': ['mfa'] })
  for (const [index, rule] of rules.entries()) {
    if (rule.level === 'deny' || rule.isOuterOnly) continue
    const rows = rule.hosts.inner.flatMap(host => {
      const cut = cutFor(rule, host, rules.slice(0, index), report)
      for (const guard of cut?.guards ?? []) guards.add(guard)
      return cut === undefined ? [] : allowRows(rule, host, cut, { mfa, report })
    })
    allowed.set(rule, rows)
  }
  return rules.flatMap((rule, index) => {
    if (!guards.has(rule)) return allowed.get(rule) ?? []
    const before = rules.slice(0, index)
    const spared = before.filter(first => isBeforeAll(first, rule))
    reportLosses(
      rule,
      before.filter(first => !spared.includes(first)),
      report,
    )
    return [...(allowed.get(rule) ?? []), ...denyRows(rule, spared, mfa)]
  })
}

interface Cut {
  readonly level: Level
  readonly excluded: readonly Shape[]
  readonly guards: readonly OrderedRule[]
}

/** What earlier rules take away from a rule at one host; `undefined` when nothing of it can be kept. */
function cutFor(rule: OrderedRule, host: string, earlier: readonly OrderedRule[], report: Report): Cut | undefined {
  let level = rule.level
  const excluded: Shape[] = []
  const guards: OrderedRule[] = []
  const stricter = earlier.filter(other => meets(other, rule, host) && asksForMore(other, rule.level))
  for (const other of stricter) {
    const isCuttable = isAboutPathsOnly(other) && other.hosts.outer.some(pattern => covers(pattern, host))
    const isSimpleDeny =
      other.level === 'deny' && !earlier.slice(0, earlier.indexOf(other)).some(first => canLose(first, other))
    if (isCuttable && canCut(rule, other) && !(isSimpleDeny && other.hosts.isKnown && !coversAllPaths(other))) {
      excluded.push(...other.paths.outer)
      continue
    }
    if (!other.hosts.isKnown) {
      report.leftOut(
        rule.line,
        `${rule.level} at ${host}`,
        `line ${other.line} comes first and speaks of hosts that no row can name`,
        'Name the hosts of that line, and import again.',
      )
      return undefined
    }
    if (level === 'bypass' && (other.level !== 'deny' || other.who.outer !== undefined)) {
      level = 'one_factor'
      report.narrower(
        rule.line,
        `bypass at ${host} asks for a login`,
        `line ${other.line} comes first, asks for a login, and no row can leave it out here`,
        'Name the open hosts and paths one by one.',
      )
    }
    if (rank(other.level) < rank(level)) guards.push(other)
  }
  return { level, excluded, guards }
}

const coversAllPaths = ({ paths }: OrderedRule): boolean =>
  paths.outer.some(({ kind, text }) => kind === 'prefix' && text === '/')

/** Nobody who has not logged in gets past a rule with subjects: it asks for a login before it can say whether it fits. */
const asksForMore = (other: OrderedRule, level: Level): boolean =>
  rank(other.level) < rank(level) || (level === 'bypass' && other.who.outer !== undefined)

const isAboutPathsOnly = ({ methods, who, conditions }: OrderedRule): boolean =>
  methods.outer === undefined && who.outer === undefined && conditions.length === 0

const canCut = (rule: OrderedRule, other: OrderedRule): boolean =>
  rule.paths.inner.every(inner => resourcesWithout(inner, other.paths.outer) !== undefined)

function meets(other: OrderedRule, rule: OrderedRule, host: string): boolean {
  const hasMethod = ({ outer }: OrderedRule['methods']): boolean =>
    outer === undefined ||
    rule.methods.inner === undefined ||
    outer.some(method => rule.methods.inner?.includes(method))
  const mayFit = host.includes('*') || other.hosts.mayFit?.(host) !== false
  return (
    mayFit &&
    other.hosts.outer.some(pattern => covers(pattern, host) || covers(host, pattern)) &&
    other.paths.outer.some(shape => rule.paths.inner.some(inner => canMeet(inner, shape))) &&
    hasMethod(other.methods)
  )
}

/** Is every host of the second pattern one of the first? */
export function covers(pattern: string, host: string): boolean {
  if (pattern === '*' || pattern === host) return true
  return (
    pattern.startsWith('*.') &&
    host !== '*' &&
    host.replace(/^\*/, '').endsWith(pattern.slice(1)) &&
    host !== pattern.slice(2)
  )
}

function allowRows(
  rule: OrderedRule,
  host: string,
  { level, excluded }: Cut,
  { mfa, report }: { readonly mfa: () => string; readonly report: Report },
): ImportedRow[] {
  const everyone: Who = { subject: level === 'bypass' ? 'anyone' : 'authenticated', conditions: [] }
  const factor = level === 'two_factor' ? [mfa()] : []
  const resources = rule.paths.inner.flatMap(inner => {
    const rest = resourcesWithout(inner, excluded)
    if (rest === undefined)
      report.leftOut(
        rule.line,
        `${rule.level} at ${host}`,
        'earlier lines take paths away from it, and no pattern can say what is left',
        'Write the row yourself.',
      )
    return rest ?? []
  })
  return (rule.who.inner ?? [everyone]).flatMap(who =>
    resources.map(resource => ({
      line: rule.line,
      subject: who.subject,
      domain: rule.hosts.bound?.get(host) ?? host,
      resource,
      action: rule.methods.inner?.join('|') ?? '*',
      conditions: [...who.conditions, ...rule.conditions, ...factor],
      effect: 'allow' as const,
    })),
  )
}

/**
 * Whether the first rule decides about all that the second speaks of wherever one condition holds, and so the second never does:
 * a second factor that is asked for outside of a network alone.
 */
function isBeforeAll(first: OrderedRule, second: OrderedRule): boolean {
  const { inner, bound } = first.hosts
  const coversHost = (host: string): boolean => inner.some(one => covers(one, host) && bound?.has(one) !== true)
  return (
    !first.isOuterOnly &&
    first.conditions.length === 1 &&
    first.methods.inner === undefined &&
    first.who.inner === undefined &&
    first.paths.inner.some(({ kind, text }) => kind === 'prefix' && text === '/') &&
    second.hosts.outer.every(coversHost)
  )
}

function denyRows(rule: OrderedRule, spared: readonly OrderedRule[], mfa: () => string): ImportedRow[] {
  const everyone: Who = { subject: rule.level === 'deny' ? 'anyone' : 'authenticated', conditions: [] }
  const factor = rule.level === 'two_factor' ? [`!${mfa()}`] : []
  const beside = [...new Set(spared.flatMap(({ conditions }) => conditions))]
  if (beside.some(condition => rule.conditions.includes(condition))) return []
  const outside = beside.map(condition => `!${condition}`)
  return (rule.who.outer ?? [everyone]).flatMap(who =>
    rule.hosts.outer.flatMap(domain =>
      rule.paths.outer.map(shape => ({
        line: rule.line,
        subject: who.subject,
        domain,
        resource: resourcesWithout(shape, [])?.[0] ?? '/**',
        action: rule.methods.outer?.join('|') ?? '*',
        conditions: [...who.conditions, ...rule.conditions, ...factor, ...outside],
        effect: 'deny' as const,
      })),
    ),
  )
}

/** Would a row that denies the second take something away from the first? */
const canLose = (first: OrderedRule, second: OrderedRule): boolean =>
  rank(first.level) > rank(second.level) && first.hosts.inner.some(host => meets(second, first, host))

function reportLosses(rule: OrderedRule, earlier: readonly OrderedRule[], report: Report): void {
  if (rule.level === 'two_factor') {
    report.narrower(
      rule.line,
      'whoever has one factor is denied, not asked for the second',
      'later, wider lines would let them in, and only a row that denies can hold them off',
      'Name the hosts of the wider lines one by one, and import again.',
    )
  }
  for (const first of earlier.filter(candidate => canLose(candidate, rule))) {
    report.narrower(
      first.line,
      `${first.level} gives way where line ${rule.line} fits as well`,
      'here a row that denies wins over every row that allows',
      `Narrow the row of line ${rule.line}.`,
    )
  }
}
