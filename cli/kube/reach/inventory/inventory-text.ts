/** An inventory as a person reads it, in 80 columns. */
import { unusedShare } from '../../../../rbac/reach/excess/excess.ts'
import { type Severity, severities } from '../../../../rbac/reach/finding.ts'
import type { Inventory, InventoryFinding, NotedTokens } from '../../../../rbac/reach/inventory/identity.ts'
import { isAtLeast } from '../../../../rbac/reach/report/report.ts'
import { printable } from '../../../../spelling/printable.ts'
import { formatTable } from '../../../policy/answer.ts'
import type { Terminal } from '../../../terminal.ts'
import { dayOf } from '../usage-input.ts'
import { wrapped } from '../wrapped.ts'
import { isoOf } from './moments.ts'
import { reachCell, reachSentence } from './reach-words.ts'

type Colors = Terminal['colors']

/** @param least severity of the findings that are shown in full */
export function inventoryText(inventory: Inventory, least: Severity, { colors }: Terminal): string {
  return [tableText(inventory, colors), findingsText(inventory.findings, least, colors), coverageText(inventory)].join(
    '\n',
  )
}

const short = (text: string, widest: number): string => {
  const safe = printable(text)
  return safe.length <= widest
    ? safe
    : `${safe.slice(0, Math.floor(widest / 2) - 1)}…${safe.slice(-Math.ceil(widest / 2))}`
}

function tableText({ identities, coverage: { daysOfLog } }: Inventory, colors: Colors): string {
  const rows = identities.map(one => [
    short(one.id.replace(/^service-account:/, ''), 22),
    short(one.owner === undefined ? '-' : `${one.owner.certainty === 'guess' ? '?' : ''}${one.owner.name}`, 9),
    `${one.consumers.length}`,
    one.hasEverything ? 'all' : `${one.rights?.granted ?? 0}`,
    one.rights === undefined || one.rights.granted === 0 || daysOfLog === 0
      ? '-'
      : `${Math.floor(unusedShare(one.rights) * 100)} %`,
    reachCell(one.reach),
    one.isMissing ? 'missing' : one.isUnread ? 'not read' : one.lastUsed === undefined ? '-' : dayOf(one.lastUsed),
  ])
  const head = ['IDENTITY', 'OWNER', 'USERS', 'RIGHTS', 'UNUSED', 'REACHES', 'LAST USE']
  return formatTable([head, ...rows], (text, column, row) =>
    row === 0
      ? colors.dim(text)
      : (column === 3 && text === 'all') || (column === 5 && text.startsWith('admin'))
        ? colors.red(text)
        : text,
  )
}

const paints: Readonly<Record<InventoryFinding['severity'], keyof Colors>> = {
  critical: 'red',
  high: 'red',
  medium: 'yellow',
  low: 'dim',
}

export const bySeverity = (one: InventoryFinding, other: InventoryFinding): number =>
  severities.indexOf(other.severity) - severities.indexOf(one.severity) ||
  (`${one.about} ${one.code}` < `${other.about} ${other.code}` ? -1 : 1)

/** Of what is less bad only how many there are of each. */
function findingsText(findings: readonly InventoryFinding[], least: Severity, colors: Colors): string {
  const shown = findings.filter(({ severity }) => isAtLeast(severity, least)).sort(bySeverity)
  const low = findings.filter(({ severity }) => !isAtLeast(severity, least))
  const codes = [...new Set(low.map(({ code }) => code))].map(
    code => `${low.filter(one => one.code === code).length} ${code}`,
  )
  const paint = ({ severity }: InventoryFinding, text: string): string =>
    (colors[paints[severity]] as (text: string) => string)(text)
  return [
    ...shown.map(one => {
      const [first = '', ...rest] = wrapped(printable(`${one.severity} ${one.code} ${one.about}: ${one.sentence}`), {
        first: '',
        rest: '    ',
      }).split('\n')
      return [first.replace(one.severity, paint(one, one.severity)), ...rest].join('\n')
    }),
    low.length === 0
      ? ''
      : colors.dim(
          wrapped(`${least === 'medium' ? 'low' : `below ${least}`}: ${codes.join(', ')} (--severity low shows them)`, {
            first: '',
            rest: '    ',
          }),
        ),
  ].join('')
}

export function coverageText({ coverage, identities }: Inventory): string {
  const {
    serviceAccounts: { seen, all },
    withoutOwner,
    missing,
    unread,
    namespacesRead,
    kindsNotRead,
    takenForPeople,
    daysOfLog,
    notedTokens,
  } = coverage
  const kinds = new Map<string, number>()
  for (const { kind } of identities) kinds.set(kind, (kinds.get(kind) ?? 0) + 1)
  const others = [...kinds].filter(([kind]) => kind !== 'service-account').map(([kind, count]) => `${count} ${kind}`)
  const sentences = [
    `${seen} of ${all} service accounts${placesText(namespacesRead)} seen${others.length === 0 ? '' : `, and ${others.join(', ')}`}; ${withoutOwner} without owner.`,
    reachSentence(identities),
    ...(missing > 0 ? [`${missing} are named by bindings or workloads, and are not there.`] : []),
    ...(unread > 0
      ? [`${unread} are named by bindings or workloads where accounts were not read: nothing else is known of them.`]
      : []),
    ...(takenForPeople > 0 ? [`${takenForPeople} users with an address for a name were taken for people.`] : []),
    ...(kindsNotRead.length > 0 ? [`Not read, so nothing is said of them: ${kindsNotRead.join(', ')}.`] : []),
    ...(notedTokens === undefined ? [] : [notedText(notedTokens)]),
    daysOfLog === 0
      ? 'No audit log was read (--audit): of nothing it is known whether it is used.'
      : `The audit log covers ${daysOfLog} ${daysOfLog === 1 ? 'day' : 'days'}.`,
  ]
  return sentences.map(sentence => wrapped(sentence, { first: '', rest: '  ' })).join('')
}

/** Nobody takes them for those of the whole cluster. */
function placesText(namespaces: readonly string[] | undefined): string {
  if (namespaces === undefined) return ''
  return ` of ${namespaces.length === 1 ? 'namespace' : 'namespaces'} ${namespaces.join(', ')}, the only ones that were read,`
}

function notedText({ since, forgotten }: NotedTokens): string {
  const more = forgotten === 0 ? '' : `, and ${forgotten} of them had to make room for others`
  return `The service has noted who comes with a token since ${isoOf(since)}${more}: whoever came before, and not again, is not listed.`
}
