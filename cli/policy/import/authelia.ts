/** Authelia's `access_control`: ordered rules, the first that fits decides. */
import ipaddr from 'ipaddr.js'
import { isMethod } from '../../../rbac/request/methods.ts'
import { hostsNamedIn, readHosts } from './authelia-hosts.ts'
import { compileFirstMatch, type Level, levels, type OrderedRule, type Who } from './first-match.ts'
import { type Located, parseLocated, templatesIn, textsOf } from './located.ts'
import type { ImportOptions } from './options.ts'
import { allPaths, pathsByPattern } from './paths.ts'
import { type Report, reportTemplate } from './report.ts'
import type { ImportedRow } from './rows.ts'
import { bothOf, whoIsInGroup, whoIsUser } from './subjects.ts'

interface Reading extends ImportOptions {
  /** Networks by their name in the file. */
  readonly networks: ReadonlyMap<string, readonly string[]>
  /** Hosts that some rule names as they are. */
  readonly named: readonly string[]
}

const ruleKeys = ['domain', 'domain_regex', 'policy', 'subject', 'networks', 'resources', 'methods', 'query']

/** Throws `PolicyError` for what is no YAML. Takes the whole configuration, or `access_control` alone. */
export function importAuthelia(file: { name: string; text: string }, options: ImportOptions): ImportedRow[] {
  const root = parseLocated(file.name, file.text)
  const access = root.fields?.get('access_control') ?? root
  const { report } = options
  for (const [key, { line }] of access.fields ?? []) {
    if (!['default_policy', 'networks', 'rules'].includes(key))
      report.leftOut(line, key, 'not a key of access_control that is understood', 'Check what it means there.')
  }
  const list = access.fields?.get('rules')
  if (list !== undefined && list.items === undefined && (list.scalar ?? list.template ?? list.fields) !== undefined) {
    const what = list.template === undefined ? 'every rule' : `every rule, which stands in ${list.template}`
    report.leftOut(list.line, what, 'rules are no list', 'Correct it, or render the file first, and import again.')
    return []
  }
  const items = list?.items ?? []
  const reading = { ...options, networks: readNetworks(root, access), named: hostsNamedIn(items) }
  const rules = items.map(item => readRule(item, reading))
  const last = access.fields?.get('default_policy')
  const level = levelOf(last, report) ?? 'deny'
  const rest: OrderedRule = { ...everything, line: last?.line ?? access.line, level }
  report.check(
    access.line,
    'groups and second factors',
    'they come from the OpenID provider now',
    'Make it send the claim "groups", and "mfa" in "amr".',
  )
  if ([...rules, rest].some(rule => rule.level === 'one_factor' || rule.level === 'two_factor'))
    report.check(
      access.line,
      '"authenticated" speaks of machines as well',
      'service accounts and clients are identities here',
      'Name groups instead where machines can log in.',
    )
  return compileFirstMatch([...rules, rest], options.names, report)
}

const everything: OrderedRule = {
  line: 1,
  level: 'deny',
  hosts: { inner: ['*'], outer: ['*'], isKnown: true },
  paths: allPaths,
  methods: { inner: undefined, outer: undefined },
  who: { inner: undefined, outer: undefined },
  conditions: [],
  isOuterOnly: false,
}

function levelOf(value: Located | undefined, report: Report): Level | undefined {
  const level = levels.find(known => known === value?.scalar)
  if (value !== undefined && level === undefined)
    report.leftOut(
      value.line,
      `policy ${String(value.scalar ?? value.template)}`,
      'not a policy that is understood',
      `Expected one of ${levels.join(', ')}.`,
    )
  return level
}

function readRule(item: Located, reading: Reading): OrderedRule {
  const { report } = reading
  const field = (key: string): Located | undefined => item.fields?.get(key)
  let isOuterOnly = false
  const cannot = (line: number, what: string, why: string, advice: string): void => {
    isOuterOnly = true
    report.leftOut(line, what, why, advice)
  }
  for (const [key, { line }] of item.fields ?? []) {
    if (!ruleKeys.includes(key))
      cannot(line, key, 'not a key of a rule that is understood', 'Check what it means there.')
  }
  if (field('query') !== undefined)
    cannot(
      field('query')?.line ?? item.line,
      'query',
      'policy never looks at the query',
      'Move the difference into the path, or judge it in the application.',
    )
  for (const { line, template = '' } of templatesIn(item)) {
    isOuterOnly = true
    reportTemplate(line, template, report)
  }
  const level = levelOf(field('policy'), report)
  if (field('policy') === undefined) cannot(item.line, 'the rule', 'it has no policy', 'Add one.')
  const hosts = readHosts(item, reading)
  const who = readSubjects(field('subject'), reading)
  if (level === 'bypass' && who.outer !== undefined)
    cannot(item.line, 'bypass with subjects', 'nobody is known without a login', 'Use one_factor.')
  const networks = readAddresses(field('networks'), reading)
  if (networks === 'unknown')
    cannot(
      field('networks')?.line ?? item.line,
      'networks',
      'a name or an address in it is not understood',
      'Write addresses such as 10.0.0.0/8.',
    )
  const isEmpty = Array.isArray(networks) && networks.length === 0
  return {
    line: item.line,
    level: level ?? 'deny',
    hosts,
    paths: readPaths(field('resources'), reading),
    methods: readMethods(field('methods'), cannot),
    who,
    conditions:
      networks === 'unknown' || isEmpty ? [] : [reading.names.nameOf('network', { 'source-network': networks })],
    isOuterOnly,
  }
}

type Cannot = Report['leftOut']

function readPaths(value: Located | undefined, { report, isSlashSame }: Reading): OrderedRule['paths'] {
  if (value === undefined) return allPaths
  const patterns = textsOf(value)
  if (patterns === undefined || patterns.length === 0) return { inner: [], outer: allPaths.outer }
  const sets = patterns.map(pattern => ({ pattern, set: pathsByPattern(pattern, { isSlashSame }) }))
  for (const { pattern, set } of sets) {
    if (set.inner.length === 0)
      report.leftOut(
        value.line,
        `resource ${pattern}`,
        'it depends on the query or a trailing slash, or is not understood',
        'Write "^/path([/?].*)?$" there, or choose --with-slash-and-query if those may pass too.',
      )
    else if (!set.isExact)
      report.narrower(
        value.line,
        `resource ${pattern}`,
        'what is the same path with and without a trailing slash here stays shut',
        'Add the path itself as a row if it may be seen.',
      )
  }
  return { inner: sets.flatMap(({ set }) => set.inner), outer: sets.flatMap(({ set }) => set.outer) }
}

function readMethods(value: Located | undefined, cannot: Cannot): OrderedRule['methods'] {
  if (value === undefined) return { inner: undefined, outer: undefined }
  const methods = textsOf(value)?.map(method => method.toUpperCase())
  if (methods?.every(isMethod))
    return methods.length === 0 ? { inner: undefined, outer: undefined } : { inner: methods, outer: methods }
  cannot(value.line, 'methods', 'a method is letters and dashes only', 'Write the row yourself.')
  return { inner: [], outer: undefined }
}

/** A list of alternatives, each one name or a list of names that all have to fit. */
function readSubjects(value: Located | undefined, reading: Reading): OrderedRule['who'] {
  if (value === undefined) return { inner: undefined, outer: undefined }
  const alternatives = (value.items ?? [value]).map(item =>
    (item.items ?? [item]).map(({ scalar }) => String(scalar ?? '')),
  )
  const inner: Who[] = []
  const outer: Who[] = []
  for (const alternative of alternatives) {
    const known = alternative.map(name => whoOf(name, reading))
    const whole = known.reduce<Who | undefined>(
      (left, right) => left && right && bothOf(left, right, reading.names, reading),
      { subject: 'authenticated', conditions: [] },
    )
    if (whole !== undefined) inner.push(whole)
    else {
      const advice = 'Give --username-claim for user names, or write the row yourself.'
      reading.report.leftOut(value.line, `subject ${alternative.join(' and ')}`, 'no row can name it', advice)
    }
    outer.push(whole ?? known.find(who => who !== undefined) ?? { subject: 'authenticated', conditions: [] })
  }
  return { inner, outer }
}

function whoOf(text: string, reading: Reading): Who | undefined {
  if (text.startsWith('group:')) return whoIsInGroup(text.slice('group:'.length))
  if (text.startsWith('user:')) return whoIsUser(text.slice('user:'.length), reading.names, reading)
  return undefined
}

function readNetworks(root: Located, access: Located): ReadonlyMap<string, readonly string[]> {
  const networks = new Map<string, readonly string[]>()
  for (const item of access.fields?.get('networks')?.items ?? []) {
    const addresses = textsOf(item.fields?.get('networks'))
    const name = item.fields?.get('name')?.scalar
    if (typeof name === 'string' && addresses !== undefined) networks.set(name, addresses)
  }
  for (const [name, value] of root.fields?.get('definitions')?.fields?.get('network')?.fields ?? []) {
    const addresses = textsOf(value)
    if (addresses !== undefined) networks.set(name, addresses)
  }
  return networks
}

function readAddresses(value: Located | undefined, { networks }: Reading): readonly string[] | 'unknown' {
  const texts = textsOf(value)?.flatMap(text => networks.get(text) ?? [text])
  const canonical = texts?.map(canonicalNetwork)
  if (canonical === undefined || (value !== undefined && canonical.length === 0)) return 'unknown'
  const known = canonical.filter(network => network !== undefined)
  return known.length === canonical.length ? known : 'unknown'
}

/** The network with no bits beyond its prefix. */
export function canonicalNetwork(text: string): string | undefined {
  const [base = '', suffix] = text.split('/')
  if (!ipaddr.IPv4.isValidFourPartDecimal(base) && !(base.includes(':') && ipaddr.IPv6.isValid(base))) return undefined
  if (suffix === undefined) return base
  try {
    const kind = base.includes(':') ? ipaddr.IPv6 : ipaddr.IPv4
    return `${kind.networkAddressFromCIDR(text).toString()}/${suffix}`
  } catch {
    return undefined
  }
}
