/** Vouch's `config.yml`: who may log in, at every host that it stands before. */
import { addressesIn, domainsIn } from './addresses.ts'
import { type Located, parseLocated, templatesIn, textsOf } from './located.ts'
import type { FormatOptions } from './options.ts'
import { reportTemplate } from './report.ts'
import type { ImportedRow } from './rows.ts'
import { claimIs, whoIsInGroup } from './subjects.ts'

const understood = ['domains', 'whitelist', 'teamwhitelist', 'allowallusers', 'publicaccess']
/** Settings about cookies, tokens, headers, logs and where it listens: they let nobody in and keep nobody out. */
const irrelevant =
  /^(?:loglevel|listen|port|socket_mode|socket_group|document_root|writetimeout|readtimeout|idletimeout|tls|jwt|cookie|headers|session|test_urls?|testing|post_logout_redirect_uris)$/

/** Its reader takes keys in any case. */
type Fields = ReadonlyMap<string, Located>
const fieldsOf = (value: Located | undefined): Fields =>
  new Map([...(value?.fields ?? [])].map(([key, field]) => [key.toLowerCase(), field]))

/** Throws `PolicyError` for what is no YAML. */
export function importVouch(
  file: { readonly name: string; readonly text: string },
  options: FormatOptions,
): ImportedRow[] {
  const root = fieldsOf(parseLocated(file.name, file.text))
  const vouch = fieldsOf(root.get('vouch'))
  const { report } = options
  report.check(
    1,
    'names, addresses and teams',
    'they come from the OpenID provider now; names are taken for addresses, which count when it has verified them',
    'Make it send the claims email, email_verified and that of the teams.',
  )
  report.check(
    1,
    'VOUCH_ and OAUTH_ in the environment',
    'they count there as well, and win over the file',
    'Put what they say into a copy of the file, and import that.',
  )
  for (const [key, value] of vouch)
    if (understood.includes(key))
      for (const { line, template = '' } of templatesIn(value)) reportTemplate(line, template, report)
  const strange = [...vouch].filter(([key]) => !understood.includes(key) && !irrelevant.test(key))
  for (const [key, { line }] of strange)
    report.leftOut(line, key, 'not a setting that is understood', 'Remove it from a copy, and import again.')
  if (vouch.get('publicaccess')?.scalar === true) return publicRows(vouch, options)
  if (strange.length > 0) {
    report.leftOut(1, 'everybody who logs in', 'because of what is not understood', 'Write the rows yourself.')
    return []
  }
  const people = peopleOf(vouch, fieldsOf(root.get('oauth')), options)
  return hostsServed(vouch, options).flatMap(host => people.map(person => rowOf(host, person)))
}

interface People {
  readonly line: number
  readonly subject: string
  readonly conditions: readonly string[]
}

const rowOf = (domain: string, { line, subject, conditions }: People): ImportedRow => ({
  line,
  subject,
  domain,
  resource: '/**',
  action: '*',
  conditions,
  effect: 'allow',
})

/** Everybody passes, at hosts of any name; who has logged in is only told. */
function publicRows(vouch: Fields, { hosts }: FormatOptions): ImportedRow[] {
  const line = vouch.get('publicaccess')?.line ?? 1
  return hosts.map(host => rowOf(host, { line, subject: 'anyone', conditions: [] }))
}

/** Its cookie is worth nothing at a host that is not in or below one of its domains, unless all users are allowed. */
function hostsServed(vouch: Fields, { hosts, report }: FormatOptions): readonly string[] {
  const domains = textsOf(vouch.get('domains')) ?? []
  if (vouch.get('allowallusers')?.scalar === true) return hosts
  return hosts.filter(host => {
    const isServed = domains.some(domain => host === domain || host.endsWith(`.${domain}`))
    const line = vouch.get('domains')?.line ?? 1
    if (!isServed)
      report.leftOut(line, host, 'not below one of vouch.domains', 'Add the domain there if it was served.')
    return isServed
  })
}

/** The first of these that is set decides alone. */
function peopleOf(vouch: Fields, oauth: Fields, options: FormatOptions): readonly People[] {
  const { report } = options
  const all = vouch.get('allowallusers')
  if (all?.scalar === true) return everybody(all.line, options)
  const [names, teams, domains] = ['whitelist', 'teamwhitelist', 'domains'].map(key => listAt(vouch, key, options))
  if (names !== undefined) return namedPeople(names, options)
  if (teams !== undefined) return teamPeople(teams, oauth, options)
  if (domains === undefined) return everybody(1, options)
  report.narrower(
    domains.line,
    'addresses below the domains',
    'a row names one domain of addresses, and none below it',
    'Add a row for each domain that is meant.',
  )
  const subjects = domainsIn(domains.texts, { line: domains.line, report })
  return subjects.map(subject => ({ line: domains.line, subject, conditions: [] }))
}

interface List {
  readonly line: number
  readonly texts: readonly string[]
}

/** `undefined` when it is absent or empty. What holds no texts lets nobody in. */
function listAt(vouch: Fields, key: string, { report }: FormatOptions): List | undefined {
  const value = vouch.get(key)
  if (value === undefined || value.items?.length === 0) return undefined
  const texts = textsOf(value)
  if (texts === undefined) report.leftOut(value.line, key, 'expected a list of texts', 'Correct it, and import again.')
  return { line: value.line, texts: texts ?? [] }
}

function everybody(line: number, { report }: FormatOptions): readonly People[] {
  report.check(
    line,
    '"authenticated" speaks of machines as well',
    'service accounts and clients are identities here',
    'Name groups instead where machines can log in.',
  )
  return [{ line, subject: 'authenticated', conditions: [] }]
}

/** Names are compared with a claim where it is known, and are addresses otherwise. */
function namedPeople({ line, texts }: List, { names, report, usernameClaim }: FormatOptions): readonly People[] {
  if (usernameClaim !== undefined)
    return [{ line, subject: 'authenticated', conditions: [claimIs(names, usernameClaim, texts)] }]
  return addressesIn(texts, { line, report }).map(subject => ({ line, subject, conditions: [] }))
}

function teamPeople({ line, texts }: List, oauth: Fields, { names, report }: FormatOptions): readonly People[] {
  const claim = oauth.get('team_whitelist_claim')?.scalar
  if (typeof claim !== 'string' || claim === '') {
    report.leftOut(
      line,
      'teamWhitelist',
      'its teams come from no claim, but from the interface of one provider',
      'Make the provider send them in a claim, name it as oauth.team_whitelist_claim, and import again.',
    )
    return []
  }
  const groups = texts.map(whoIsInGroup)
  if (claim === 'groups' && groups.every(group => group !== undefined))
    return groups.map(({ subject }) => ({ line, subject, conditions: [] }))
  return [{ line, subject: 'authenticated', conditions: [claimIs(names, claim, texts)] }]
}
