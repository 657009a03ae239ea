/** oauth2-proxy's settings (`key = value`): who may log in, which groups, and what needs no login. */
import { canonicalNetwork } from '../authelia.ts'
import type { FormatOptions } from '../options.ts'
import { pathsByPattern, resourcesWithout } from '../paths.ts'
import { type Report, reportTemplate } from '../report.ts'
import type { ImportedRow } from '../rows.ts'
import { isPlainName } from '../subjects.ts'
import { hasTemplate } from '../templates.ts'
import { groupsAlone, isMembership, membershipsIn } from './members.ts'
import { effectOf } from './settings.ts'
import { isSet, readSettings, type Setting, type Settings } from './settings-file.ts'

interface Reading extends FormatOptions {
  /** One of the hosts that it stands before; its settings do not say. */
  readonly host: string
}

/** Throws `PolicyError` for lines that are no settings. */
export function importOauth2Proxy(file: { name: string; text: string }, options: FormatOptions): ImportedRow[] {
  const read = readSettings(file)
  const settings = withoutTemplates(read, options.report)
  const isComplete = sortSettings(read, options.report)
  return options.hosts.flatMap(host => {
    const reading = { ...options, host }
    return [...openRows(settings, reading), ...(isComplete ? personRows(settings, reading) : [])]
  })
}

const isTemplate = ({ values }: Setting): boolean => values.some(hasTemplate)

/** What lets people in has one entry less for each template without a value; what keeps them out is strange then. */
function withoutTemplates(read: Settings, report: Report): Settings {
  return new Map(
    [...read].map(([key, setting]) => {
      const { line, values } = setting
      if (effectOf(key) === 'none' || !isTemplate(setting)) return [key, setting]
      for (const text of values.filter(hasTemplate)) reportTemplate(line, text, report)
      return [key, { line, values: values.filter(value => !hasTemplate(value)) }]
    }),
  )
}

/** Settings of which an entry less is a permission less. */
const lettingIn = [
  'email_domains',
  'authenticated_emails_file',
  'skip_auth_routes',
  'skip_auth_regex',
  'skip_auth_preflight',
  'trusted_ips',
  'upstreams',
]

/** Says what is passed over and what is not understood. Is everything understood that may keep people out? */
function sortSettings(settings: Settings, report: Report): boolean {
  const strange = [...settings].filter(([key, setting]) => isStrange(key, setting, settings))
  for (const [key, { line }] of [...settings].filter(
    ([name, setting]) => effectOf(name) === 'admits' && isSet(setting),
  ))
    report.leftOut(line, key, 'whoever it lets in has no login here', 'See docs/machines.md for programs with tokens.')
  for (const [key, { line }] of strange) {
    if (effectOf(key) === undefined)
      report.leftOut(
        line,
        key,
        'not a setting that is understood, and it may keep people out',
        'Remove it from a copy if it does not, and import again.',
      )
    else
      report.leftOut(
        line,
        key,
        'it keeps people out by what no OpenID provider need tell',
        'Make the provider send that as groups, and write the rows for them.',
      )
  }
  for (const [key, { line }] of [...settings].filter(([name, setting]) => effectOf(name) === 'asks' && isSet(setting)))
    report.check(
      line,
      key,
      'each login asked the provider for it, and a provider may have asked people for more because of it',
      'Add a condition "acr" to the rows that need it.',
    )
  report.check(
    1,
    'groups and e-mail addresses',
    'they come from the OpenID provider now; an address counts when it is verified',
    'Make it send the claims.',
  )
  const without = [...settings].filter(([name]) => effectOf(name) === 'none')
  if (without.length > 0)
    report.passedOver(
      without[0]?.[1].line ?? 1,
      without.map(([name]) => name).join(', '),
      'they let nobody in and keep nobody out',
      'docs/migration/oauth2-proxy.md says where some of them stand here.',
    )
  if (strange.length > 0)
    report.leftOut(
      1,
      'everybody who logs in',
      'because of the settings that are not understood',
      'Write the rows yourself.',
    )
  return strange.length === 0
}

/** May it keep people out in a way that no row does? */
function isStrange(key: string, setting: Setting, settings: Settings): boolean {
  const effect = effectOf(key)
  if (effect === undefined) return true
  if (isTemplate(setting) && !['none', 'admits', 'asks'].includes(effect) && !lettingIn.includes(key)) return true
  if (effect === 'address') return setting.values[0] !== 'email'
  // The one value that means every tenant.
  if (key === 'azure_tenant' && setting.values[0] === 'common') return false
  return effect === 'restricts' && isSet(setting) && !isMembership(key, settings)
}

const row = (line: number, changes: Partial<ImportedRow> & { domain: string }): ImportedRow => ({
  line,
  subject: 'anyone',
  resource: '/**',
  action: '*',
  conditions: [],
  effect: 'allow',
  ...changes,
})

function openRows(settings: Settings, options: Reading): ImportedRow[] {
  const routes = ['skip_auth_routes', 'skip_auth_regex'].flatMap(key => {
    const { line, values } = settings.get(key) ?? { line: 1, values: [] }
    return values.flatMap(route => routeRows({ key, line, route }, options))
  })
  const preflight = settings.get('skip_auth_preflight')
  return [...routes, ...preflightRows(preflight, settings, options), ...trustedRows(settings, options)]
}

/** A proxy that asks about a request asks with GET: only where the settings name an application did a preflight pass. */
function preflightRows(
  preflight: Setting | undefined,
  settings: Settings,
  { host: domain, report }: Reading,
): ImportedRow[] {
  if (preflight?.values[0] !== 'true') return []
  const isProxy = settings.get('upstreams')?.values.some(upstream => /^https?:/.test(upstream)) === true
  if (isProxy) return [row(preflight.line, { domain, action: 'OPTIONS' })]
  report.leftOut(
    preflight.line,
    'skip_auth_preflight',
    'without an upstream it only answers checks, which a preflight never passed',
    'Write a row for anyone and OPTIONS, where the application answers it.',
  )
  return []
}

/** `METHOD=^/path`, or the pattern alone; `METHOD!=` is everything else. */
function routeRows(
  { key, line, route }: { readonly key: string; readonly line: number; readonly route: string },
  { host: domain, report, isSlashSame }: Reading,
): ImportedRow[] {
  const withMethods = key === 'skip_auth_routes' ? /^([A-Z-]+(?:\|[A-Z-]+)*)=([\s\S]*)$/.exec(route) : null
  const [, methods, pattern] = withMethods ?? [undefined, undefined, route]
  const resources = pathsByPattern(pattern ?? '', { isSlashSame }).inner.flatMap(
    shape => resourcesWithout(shape, []) ?? [],
  )
  if (resources.length === 0)
    report.leftOut(
      line,
      `${key} ${route}`,
      'no resource fits exactly those paths, trailing slashes and all',
      'Choose --with-slash-and-query if a path with a slash at its end may pass too, or write the row yourself.',
    )
  return resources.map(resource => row(line, { domain, resource, action: methods ?? '*' }))
}

function trustedRows(settings: Settings, { host: domain, names, report }: Reading): ImportedRow[] {
  const trusted = settings.get('trusted_ips')
  if (trusted === undefined) return []
  const networks = trusted.values.map(canonicalNetwork)
  const known = networks.filter(network => network !== undefined)
  if (known.length < networks.length)
    report.leftOut(trusted.line, 'trusted_ips', 'an address is not understood', 'Write addresses such as 10.0.0.0/8.')
  if (known.length === 0) return []
  return [row(trusted.line, { domain, conditions: [names.nameOf('network', { 'source-network': known })] })]
}

/** An address that fits, and membership where any is asked for. */
function personRows(settings: Settings, options: Reading): ImportedRow[] {
  const { names, host: domain } = options
  const people = addressSubjects(settings, options)
  const members = membershipsIn(settings)
  const isMember = (): readonly string[] => members.map(({ name, criterion }) => names.nameOf(name, criterion))
  return people.flatMap(({ line, subject }) => {
    if (subject !== 'authenticated') return [row(line, { domain, subject, conditions: isMember() })]
    const verified = names.nameOf('verified-email', { claim: { name: 'email_verified', in: [true] } })
    const groups = groupsAlone(members)
    if (groups === undefined) return [row(line, { domain, subject, conditions: [...isMember(), verified] })]
    return groups.map(group => row(line, { domain, subject: `group:${group}`, conditions: [verified] }))
  })
}

interface Addressed {
  readonly line: number
  readonly subject: string
}

function addressSubjects(settings: Settings, { report, readBeside }: Reading): Addressed[] {
  const { line, values } = settings.get('email_domains') ?? { line: 1, values: [] }
  const ofDomains = values.flatMap(name => {
    if (name === '*') return [{ line, subject: 'authenticated' }]
    if (isPlainName(name) && !/[@*\s]|^\./.test(name)) return [{ line, subject: `email-domain:${name}` }]
    report.leftOut(line, `email_domains ${name}`, 'a row names one domain of addresses', 'Name each domain.')
    return []
  })
  const emails = settings.get('authenticated_emails_file')
  if (emails === undefined || !isSet(emails)) return ofDomains
  const text = readBeside(emails.values[0] ?? '')
  if (text === undefined)
    report.leftOut(emails.line, 'authenticated_emails_file', 'it cannot be read', 'Copy it here, and import again.')
  const addresses = (text ?? '').split('\n').map(entry => entry.trim())
  const listed = addresses.filter(address => /^[^@\s,"#]+@[^@\s,"]+$/.test(address))
  for (const address of addresses.filter(entry => entry !== '' && !entry.startsWith('#') && !listed.includes(entry)))
    report.leftOut(emails.line, `address ${address}`, 'not one plain address', 'Write the row yourself.')
  return [...ofDomains, ...listed.map(address => ({ line: emails.line, subject: `email:${address}` }))]
}
