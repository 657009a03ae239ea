/** traefik-forward-auth's settings: who may log in, and rules that need no login or other people. */
import { PolicyError } from '../../../rbac/policy-error.ts'
import { addressesIn, domainsIn } from './addresses.ts'
import { type EqualRule, type HostRules, rowsOfEqualRules } from './equal-rules.ts'
import { canonicalHost } from './host-pattern.ts'
import { readIni, type Setting } from './ini-file.ts'
import { type Expression, parseExpression } from './matcher-expression.ts'
import { allOuter, hostsNamed, regionsOf } from './matcher-regions.ts'
import type { FormatOptions } from './options.ts'
import { everyPath, onePath, resourcesWithout } from './paths.ts'
import { reportTemplate } from './report.ts'
import type { ImportedRow } from './rows.ts'
import { hasTemplate } from './templates.ts'

const understood = [
  'default-action',
  'domain',
  'whitelist',
  'match-whitelist-or-domain',
  'url-path',
  'default-provider',
]
/** Settings about cookies, the provider, logs and the way back: they let nobody in and keep nobody out. */
const irrelevant =
  /^(?:log-level|log-format|auth-host|cookie-domains?|insecure-cookie|cookie-(?:name|secret|secure)|csrf-cookie-name|lifetime|logout-redirect|secret|port|client-(?:id|secret)|prompt|providers\.(?:google|oidc|generic-oauth)\.[a-z-]+)$/

/** Throws `PolicyError` for lines that are no settings, and an `Error` when no host is named anywhere. */
export function importTraefikForwardAuth(
  file: { readonly name: string; readonly text: string },
  options: FormatOptions,
): ImportedRow[] {
  const settings = readIni(file)
  const { report } = options
  report.check(
    1,
    'e-mail addresses',
    'they come from the OpenID provider now, count when it has verified them, and their domains have no case',
    'Make it send the claims email and email_verified.',
  )
  report.check(
    1,
    'the command line and the environment',
    'they count there as well, and win over the file',
    'Put what they say into a copy of the file, and import that.',
  )
  const strange = settings.filter(
    ({ key }) => !understood.includes(key) && !key.startsWith('rule.') && !irrelevant.test(key),
  )
  for (const { line, key } of strange)
    report.leftOut(line, key, 'not a setting that is understood', 'Remove it from a copy, and import again.')
  const templates = settings.filter(({ key, value }) => hasTemplate(value) && !irrelevant.test(key))
  for (const { line, value } of templates) reportTemplate(line, value, report)
  if (strange.length + templates.length > 0) {
    report.leftOut(1, 'every row', 'because of the settings that are not understood', 'Write the rows yourself.')
    return []
  }
  const reading: Reading = { ...options, settings, rules: readRules(file.name, settings) }
  const hosts = hostsOf(reading)
  if (hosts.length === 0) throw new Error('--host: name a host that it stands before; no rule does')
  const rows = hosts.flatMap(host => {
    const { rules, rest } = rulesAt(host, reading)
    return [...rowsOfEqualRules({ host, rules, rest }, report), ...ownPathRows(host, reading)]
  })
  if (rows.some(({ subject }) => subject === 'authenticated'))
    report.check(
      1,
      '"authenticated" speaks of machines as well',
      'service accounts and clients are identities here',
      'Name domains of addresses or groups instead where machines can log in.',
    )
  return rows
}

interface Rule {
  /** Of its first setting. */
  readonly line: number
  readonly name: string
  readonly settings: ReadonlyMap<string, string>
}

interface Reading extends FormatOptions {
  readonly settings: readonly Setting[]
  readonly rules: readonly Rule[]
}

const params = ['action', 'rule', 'provider', 'whitelist', 'domains']

/** `rule.<name>.<param>`, of which the last one of a name counts. Throws `PolicyError`. */
function readRules(file: string, settings: readonly Setting[]): readonly Rule[] {
  const rules = new Map<string, { line: number; name: string; settings: Map<string, string> }>()
  const problem = (line: number): PolicyError =>
    new PolicyError([{ file, line, column: 1, message: `expected rule.<name>.<one of ${params.join(', ')}>` }])
  for (const { line, key, value } of settings.filter(setting => setting.key.startsWith('rule.'))) {
    const [, name = '', param = '', ...more] = key.split('.')
    if (name === '' || !params.includes(param) || more.length > 0 || value === '') throw problem(line)
    const rule = rules.get(name) ?? { line, name: `rule ${name}`, settings: new Map<string, string>() }
    rules.set(name, rule)
    rule.settings.set(param, value)
  }
  return [...rules.values()]
}

const lastOf = (settings: readonly Setting[], key: string): Setting | undefined =>
  settings.filter(setting => setting.key === key).at(-1)

function listOf(settings: readonly Setting[], key: string): readonly string[] {
  return settings.filter(setting => setting.key === key).flatMap(({ value }) => value.split(','))
}

function hostsOf({ hosts, rules }: Reading): readonly string[] {
  const named = rules.flatMap(({ settings }) => {
    const expression = parseExpression(settings.get('rule') ?? '')
    return expression === undefined ? [] : hostsNamed(expression)
  })
  return [...new Set([...hosts, ...named.flatMap(name => canonicalHost(name) ?? [])])]
}

function rulesAt(host: string, reading: Reading): Omit<HostRules, 'host'> {
  const { settings, report } = reading
  const people = { whitelist: listOf(settings, 'whitelist'), domains: listOf(settings, 'domain') }
  const line = settings.find(({ key }) => ['whitelist', 'domain', 'default-action'].includes(key))?.line ?? 1
  const action = lastOf(settings, 'default-action')?.value ?? 'auth'
  const rest = { line, name: 'what no rule fits', subjects: subjectsOf(line, { action, ...people }, reading) }
  const rules = reading.rules.flatMap((rule): EqualRule[] => {
    const expression = parseExpression(rule.settings.get('rule') ?? '')
    const regions = readRegions(rule, expression, { host, reading })
    if (regions.outer.length === 0) return []
    const own = {
      whitelist: listIn(rule.settings.get('whitelist')),
      domains: listIn(rule.settings.get('domains')),
    }
    // One of its own replaces both of all.
    const chosen = own.whitelist.length + own.domains.length > 0 ? own : people
    const chosenAction = rule.settings.get('action') ?? 'auth'
    return [
      {
        line: rule.line,
        name: rule.name,
        regions,
        subjects: subjectsOf(rule.line, { action: chosenAction, ...chosen }, reading),
      },
    ]
  })
  const providers = new Set(reading.rules.map(rule => rule.settings.get('provider')).filter(name => name !== undefined))
  if (providers.size > 0)
    report.check(
      1,
      'providers of single rules',
      'an address of any of them was enough there, and is here',
      'Name a provider in the rows if it matters.',
    )
  return { rules, rest }
}

const listIn = (text: string | undefined): readonly string[] => (text === undefined ? [] : text.split(','))

function readRegions(
  rule: Rule,
  expression: Expression | undefined,
  { host, reading }: { readonly host: string; readonly reading: Reading },
): EqualRule['regions'] {
  const { report, isSlashSame = false } = reading
  const regions =
    expression === undefined ? { inner: [], outer: [allOuter] } : regionsOf(expression, { host, isSlashSame })
  if (regions.inner.length === 0 && regions.outer.length > 0)
    report.leftOut(
      rule.line,
      `${rule.name} at ${host}`,
      'it has a matcher that no row can say, exact paths and all, or is no rule',
      'Write the row yourself. An exact path is kept with --with-slash-and-query.',
    )
  return regions
}

interface Choice {
  readonly action: string
  readonly whitelist: readonly string[]
  readonly domains: readonly string[]
}

/** With a list of addresses the domains count only where either is to be enough. */
function subjectsOf(line: number, { action, whitelist, domains }: Choice, reading: Reading): readonly string[] {
  if (action === 'allow') return ['anyone']
  if (action !== 'auth') {
    reading.report.leftOut(line, `action ${action}`, 'neither auth nor allow', 'Correct it, and import again.')
    return []
  }
  if (whitelist.length + domains.length === 0) return ['authenticated']
  const isEither = lastOf(reading.settings, 'match-whitelist-or-domain')?.value === 'true'
  const place = { line, report: reading.report }
  const listed = addressesIn(whitelist, place)
  return whitelist.length > 0 && !isEither ? listed : [...listed, ...domainsIn(domains, place)]
}

/** Its callback and log-out never reached an application, unless by a rule. */
function ownPathRows(host: string, { settings }: Reading): ImportedRow[] {
  const { line, value } = lastOf(settings, 'url-path') ?? { line: 1, value: '/_oauth' }
  const path = value.startsWith('/') ? value : `/${value}`
  const shapes = [path, `${path}/logout`].flatMap(text => onePath(text).outer)
  return shapes.map(shape => ({
    line,
    subject: 'anyone',
    domain: host,
    resource: resourcesWithout(shape, [])?.[0] ?? everyPath.text,
    action: '*',
    conditions: [],
    effect: 'deny',
  }))
}
