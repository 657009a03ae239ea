/** What of an inventory somebody should change. Each finding says about whom, and what to do. */
import { unusedShare } from '../excess/excess.ts'
import type { Severity } from '../finding.ts'
import type { DeadGrant } from '../grant.ts'
import { bindingKey } from '../usage/reason.ts'
import type { Coverage, Credential, InventoriedIdentity, InventoryCode, InventoryFinding } from './identity.ts'
import { hasNoOwner } from './owner.ts'
import type { InventoryChoice, InventorySources } from './sources.ts'

interface Found extends InventorySources {
  readonly identities: readonly InventoriedIdentity[]
  readonly coverage: Coverage
}

export function findingsOf(found: Found, choice: InventoryChoice): readonly InventoryFinding[] {
  const refused = onlyRefused(found)
  const context = { ...choice, coverage: found.coverage, refused }
  return [
    ...found.identities.flatMap(identity => rules.flatMap(rule => rule(identity, context))),
    ...found.grants.dead.flatMap(dangling),
  ]
}

interface Context extends InventoryChoice {
  readonly coverage: Coverage
  readonly refused: ReadonlySet<string>
}

type FindingRule = (identity: InventoriedIdentity, context: Context) => readonly InventoryFinding[]

const finding = (
  code: InventoryCode,
  severity: Severity,
  { id }: InventoriedIdentity,
  sentence: string,
): readonly InventoryFinding[] => [{ code, severity, about: id, sentence }]

const none: readonly InventoryFinding[] = []
const isAccount = ({ kind }: InventoriedIdentity): boolean => kind === 'service-account'
/** Of whom nothing is known but the name. */
const isNotThere = ({ isMissing, isUnread = false }: InventoriedIdentity): boolean => isMissing || isUnread
const hasRights = ({ rights }: InventoriedIdentity): boolean => (rights?.granted ?? 0) > 0
const secondsOfDay = 86_400
const daysSince = (now: number, then: number): number => Math.floor((now - then) / secondsOfDay)

const rules: readonly FindingRule[] = [
  (identity, { now }) => {
    const lasting = identity.credentials.filter(({ expires }) => expires === 'never')
    return lasting.flatMap(({ name, created, lastUsed }) => {
      const age = created === undefined ? 'of unknown age' : `${daysSince(now, created)} days old`
      const use = lastUsed === undefined ? 'not known to be used' : `last used ${daysSince(now, lastUsed)} days ago`
      const severity = identity.hasEverything ? 'critical' : hasRights(identity) ? 'high' : 'medium'
      return finding(
        'long-lived-credential',
        severity,
        identity,
        `${name} is a token that never expires, ${age}, ${use}: ${isAccount(identity) ? 'delete it, and let pods use tokens that are bound to them' : 'delete it, or make one that expires'}.`,
      )
    })
  },
  (identity, { now }) =>
    identity.kind === 'certificate-request'
      ? none
      : identity.credentials.flatMap(one => longLivedCertificate(identity, one, now)),
  identity => {
    if (!isAccount(identity) || identity.name !== 'default') return none
    const users = identity.consumers.filter(({ hasToken }) => hasToken).map(({ workload }) => workload)
    if (users.length === 0 && !hasRights(identity)) return none
    if (!hasRights(identity))
      return finding(
        'default-account-used',
        'low',
        identity,
        `${few(users)} ${users.length === 1 ? 'runs' : 'run'} as the default account with its token: give them accounts of their own, or no token.`,
      )
    return finding(
      'default-account-used',
      'high',
      identity,
      `the default account has ${identity.rights?.granted} rights, which every pod gets that names no account: give them to an account of its own.`,
    )
  },
  (identity, { now, days, coverage }) => {
    // Threat: a log that begins late would call unused what was used before it.
    if (coverage.daysOfLog < days || !hasRights(identity) || identity.isMissing) return none
    const { lastUsed, created } = identity
    if (created !== undefined && daysSince(now, created) < days) return none
    const idle = lastUsed === undefined ? undefined : daysSince(now, lastUsed)
    if (idle !== undefined && idle < days) return none
    const since = idle === undefined ? `not in ${coverage.daysOfLog} days of log` : `for ${idle} days`
    return finding(
      'unused',
      identity.hasEverything ? 'high' : 'medium',
      identity,
      `it has ${identity.rights?.granted} rights and was not used, ${since}: take its bindings away.`,
    )
  },
  identity => {
    const everywhere = identity.consumers
      .filter(one => one.isOnEveryNode && one.hasToken)
      .map(({ workload }) => workload)
    if (everywhere.length === 0 || !hasRights(identity)) return none
    return finding(
      'token-on-every-node',
      identity.hasEverything ? 'critical' : 'medium',
      identity,
      `${few(everywhere)} has its token on every node, so whoever has one node has its ${identity.rights?.granted} rights.`,
    )
  },
  (identity, { coverage }) => {
    const mounted = identity.consumers.filter(({ hasToken }) => hasToken).map(({ workload }) => workload)
    if (!isAccount(identity) || identity.name === 'default' || identity.isMissing) return none
    if (mounted.length === 0) return none
    if (!hasRights(identity))
      return finding(
        'automount-not-needed',
        'low',
        identity,
        `${few(mounted)} ${mounted.length === 1 ? 'gets' : 'get'} its token, and it has no rights of its own: set automountServiceAccountToken to false.`,
      )
    const isIdle = coverage.daysOfLog > 0 && identity.lastUsed === undefined
    return isIdle
      ? finding(
          'automount-not-needed',
          'low',
          identity,
          `${few(mounted)} ${mounted.length === 1 ? 'gets' : 'get'} its token, and it made no call in the log: does it need one?`,
        )
      : none
  },
  (identity, { coverage }) => {
    const knowsWorkloads = !coverage.kindsNotRead.includes('Deployment') || !coverage.kindsNotRead.includes('Pod')
    if (!isAccount(identity) || isNotThere(identity) || !knowsWorkloads || !hasRights(identity)) return none
    if (identity.consumers.length > 0 || identity.lastUsed !== undefined) return none
    return finding(
      'no-consumers',
      'medium',
      identity,
      `nothing runs as it, and it has ${identity.rights?.granted} rights: whoever may make a pod or a token there gets them.`,
    )
  },
  identity => {
    if (!identity.isMissing || identity.consumers.length === 0) return none
    return finding(
      'no-such-account',
      'medium',
      identity,
      `${few(identity.consumers.map(({ workload }) => workload))} names it and it is not there: no pod starts, until somebody makes it.`,
    )
  },
  (identity, { refused }) =>
    refused.has(identity.id)
      ? finding(
          'only-refused',
          'low',
          identity,
          'every call of it in the log was refused: it tries what it may not, or its bindings are lost.',
        )
      : none,
  identity => {
    if (!hasNoOwner(identity) || isNotThere(identity)) return none
    const share = identity.rights === undefined ? 0 : unusedShare(identity.rights)
    const severity = identity.hasEverything ? 'medium' : 'low'
    const what = hasRights(identity)
      ? ` (${identity.rights?.granted} rights, ${Math.floor(share * 100)} % of them unused)`
      : ''
    return finding(
      'no-owner',
      severity,
      identity,
      `nothing ${identity.owner === undefined ? '' : `but ${identity.owner.inferredFrom} `}says whose it is${what}: annotate it with sallyport.dev/owner.`,
    )
  },
]

/** Days that a certificate may have left. */
const mostDays = 90

/** Threat: nobody can take a certificate back, and what it says of groups no binding can change. */
function longLivedCertificate(
  identity: InventoriedIdentity,
  { kind, name, expires }: Credential,
  now: number,
): readonly InventoryFinding[] {
  if (kind !== 'certificate' || typeof expires !== 'number' || expires <= now) return none
  const isMaster = identity.groups?.includes('system:masters') === true
  const days = daysSince(expires, now)
  if (!isMaster && days <= mostDays) return none
  const severity = isMaster ? 'critical' : identity.hasEverything ? 'high' : 'medium'
  const what = isMaster ? 'makes whoever has it system:masters' : 'cannot be taken back'
  return finding(
    'long-lived-certificate',
    severity,
    identity,
    `${name} ${what}, and holds for another ${days} days: ask for expirationSeconds, or give a token instead.`,
  )
}

const few = (names: readonly string[]): string =>
  names.length <= 3 ? names.join(', ') : `${names.slice(0, 3).join(', ')} and ${names.length - 3} more`

function onlyRefused({ excess }: Found): ReadonlySet<string> {
  const all = excess.identities.filter(
    ({ calls, denied, subject }) => calls > 0 && denied === calls && !subject.startsWith('group:'),
  )
  return new Set(all.map(({ subject }) => subject))
}

/** Bindings to nobody, or of nothing. Threat: whoever may make what is missing gets the rights. */
function dangling({ binding, reason, subject }: DeadGrant): readonly InventoryFinding[] {
  const about = bindingKey(binding)
  const role = `${binding.roleRef.kind} ${binding.roleRef.name}`
  const found = (severity: Severity, sentence: string): readonly InventoryFinding[] => [
    { code: 'dangling-binding', severity, about, sentence },
  ]
  if (reason === 'no-such-role')
    return found(
      'medium',
      `it gives ${role}, which is not there: whoever makes that role fills it. Delete the binding.`,
    )
  if (reason === 'no-such-service-account')
    return found(
      'medium',
      `it gives ${role} to ${subject ?? 'an account'}, which is not there: whoever makes that account gets it. Delete the subject.`,
    )
  if (reason === 'subject-without-namespace')
    return found('low', `it gives ${role} to a service account without a namespace, which is nobody.`)
  return reason === 'no-subjects' ? found('low', `it gives ${role} to nobody: delete it.`) : []
}
