/** oauth2-proxy's settings (`key = value`): who may log in, which groups, and what needs no login. */
import { canonicalNetwork } from './authelia.ts'
import type { FormatOptions } from './options.ts'
import { pathsByPattern, resourcesWithout } from './paths.ts'
import type { ImportedRow } from './rows.ts'
import { readSettings, type Setting, type Settings } from './settings-file.ts'
import { claimIs, isPlainName } from './subjects.ts'

interface Reading extends FormatOptions {
  /** One of the hosts that it stands before; its settings do not say. */
  readonly host: string
}

const understood = [
  'email_domains',
  'allowed_groups',
  'allowed_group',
  'skip_auth_routes',
  'skip_auth_regex',
  'skip_auth_preflight',
  'authenticated_emails_file',
  'trusted_ips',
  'oidc_groups_claim',
  'upstreams',
]
/** Settings about cookies, the provider, logs and what is passed on: they let nobody in and keep nobody out. */
const irrelevant = new RegExp(
  `^(?:${[
    'provider|provider_display_name|provider_ca_files?|use_system_trust_store|client_id|client_secret(?:_file)?|resource|scope',
    'acr_values|approval_prompt|prompt|code_challenge_method|jwt_key|jwt_key_file|pubjwk_url|login_url|redeem_url|profile_url',
    'validate_url|redirect_url|relative_redirect_url|backend_logout_url|whitelist_domains|encode_state|oidc_issuer_url',
    'oidc_jwks_url|oidc_public_key_files?|skip_oidc_discovery|oidc_roles_claim|oidc_audience_claims?|oidc_extra_audiences?',
    'skip_claims_from_profile_url|insecure_oidc_[a-z_]+|cookie_[a-z_]+|session_[a-z_]+|redis_[a-z_]+|http_address|https_address',
    'tls_[a-z_]+|ssl_[a-z_]+|metrics_[a-z_]+|force_https|reverse_proxy|real_client_ip_header|trusted_proxy_ips?|proxy_prefix',
    'proxy_websockets|upstream_timeout|flush_interval|pass_[a-z_]+|set_[a-z_]+|prefer_email_to_user|basic_auth_password',
    'skip_auth_strip_headers|skip_provider_button|api_routes?|force_json_errors|allow_query_semicolons|display_htpasswd_form',
    'htpasswd_user_groups?|signature_key|banner|footer|custom_[a-z_]+|show_debug_on_error|request_[a-z_]+|auth_logging[a-z_]*',
    'standard_logging[a-z_]*|logging_[a-z_]+|errors_to_info_log|exclude_logging_paths?|silence_ping_logging|ping_[a-z_]+',
    'ready_path|gcp_healthchecks',
  ].join('|')})$`,
)
/** Settings that let in more than the others say: without them the rows are narrower, and still right. */
const admitting = ['htpasswd_file', 'skip_jwt_bearer_tokens', 'extra_jwt_issuers']
/** The claim that an address comes from: with any other one, rows about addresses would mean other people. */
const ofAddresses = ['oidc_email_claim', 'user_id_claim']

function isStrange([key, { values }]: readonly [string, Setting]): boolean {
  if (ofAddresses.includes(key)) return values[0] !== 'email'
  return !understood.includes(key) && !admitting.includes(key) && !irrelevant.test(key)
}

/** Throws `PolicyError` for lines that are no settings. */
export function importOauth2Proxy(file: { name: string; text: string }, options: FormatOptions): ImportedRow[] {
  const settings = readSettings(file)
  const { report } = options
  const strange = [...settings].filter(isStrange)
  for (const [key, { line }] of [...settings].filter(([name]) => admitting.includes(name)))
    report.leftOut(line, key, 'whoever it lets in has no login here', 'See docs/machines.md for programs with tokens.')
  for (const [key, { line }] of strange)
    report.leftOut(
      line,
      key,
      'not a setting that is understood, and it may keep people out',
      'Remove it from a copy if it does not, and import again.',
    )
  report.check(
    1,
    'groups and e-mail addresses',
    'they come from the OpenID provider now; an address counts when it is verified',
    'Make it send the claims.',
  )
  const isComplete = strange.length === 0
  if (!isComplete)
    report.leftOut(
      1,
      'everybody who logs in',
      'because of the settings that are not understood',
      'Write the rows yourself.',
    )
  return options.hosts.flatMap(host => {
    const reading = { ...options, host }
    return [...openRows(settings, reading), ...(isComplete ? personRows(settings, reading) : [])]
  })
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
      'Write the row yourself.',
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

/** An address that fits, and one of the groups where any are set. */
function personRows(settings: Settings, options: Reading): ImportedRow[] {
  const { names, host: domain } = options
  const people = addressSubjects(settings, options)
  const groups = [...(settings.get('allowed_groups')?.values ?? []), ...(settings.get('allowed_group')?.values ?? [])]
  const claim = settings.get('oidc_groups_claim')?.values[0] ?? 'groups'
  const isMember = (): readonly string[] => (groups.length === 0 ? [] : [claimIs(names, claim, groups)])
  return people.flatMap(({ line, subject }) => {
    if (subject !== 'authenticated') return [row(line, { domain, subject, conditions: isMember() })]
    const verified = names.nameOf('verified-email', { claim: { name: 'email_verified', in: [true] } })
    const plain = groups.every(isPlainName) && claim === 'groups' && groups.length > 0
    if (!plain) return [row(line, { domain, subject, conditions: [...isMember(), verified] })]
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
  if (emails === undefined) return ofDomains
  const text = readBeside(emails.values[0] ?? '')
  if (text === undefined)
    report.leftOut(emails.line, 'authenticated_emails_file', 'it cannot be read', 'Copy it here, and import again.')
  const addresses = (text ?? '').split('\n').map(entry => entry.trim())
  const listed = addresses.filter(address => /^[^@\s,"#]+@[^@\s,"]+$/.test(address))
  for (const address of addresses.filter(entry => entry !== '' && !entry.startsWith('#') && !listed.includes(entry)))
    report.leftOut(emails.line, `address ${address}`, 'not one plain address', 'Write the row yourself.')
  return [...ofDomains, ...listed.map(address => ({ line: emails.line, subject: `email:${address}` }))]
}
