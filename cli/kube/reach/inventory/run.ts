/** Reads a cluster, its log and what Sallyport knows, and prints the inventory. */
import { excessOf, unusedShare } from '../../../../rbac/reach/excess/excess.ts'
import type { Severity } from '../../../../rbac/reach/finding.ts'
import { grantsOf, subjectsOf } from '../../../../rbac/reach/grants.ts'
import type { InventoriedIdentity, Inventory } from '../../../../rbac/reach/inventory/identity.ts'
import { inventoryOf, neededKinds } from '../../../../rbac/reach/inventory/inventory.ts'
import { reachSummaries } from '../../../../rbac/reach/inventory/reach-summary.ts'
import type { ClusterObjects } from '../../../../rbac/reach/objects.ts'
import { isAtLeast } from '../../../../rbac/reach/report/report.ts'
import { reviewOf } from '../../../../rbac/reach/review.ts'
import type { SubjectId } from '../../../../rbac/reach/subject.ts'
import { bindingKey } from '../../../../rbac/reach/usage/reason.ts'
import { reportError } from '../../../report-error.ts'
import { exitCodes, type Terminal } from '../../../terminal.ts'
import { versionOf } from '../filters.ts'
import { type InputChoice, readObjects } from '../input.ts'
import { jsonText } from '../json-text.ts'
import { UsageError } from '../listening/usage-error.ts'
import { type PeopleChoice, peopleOptions, readPeople } from '../people-input.ts'
import { problemsText } from '../problems-text.ts'
import { subjectIdOf } from '../review-names.ts'
import { checked } from '../unanswered.ts'
import { hasLog, readUsage, receivedOf, type UsageChoice, usageText } from '../usage-input.ts'
import { inventoryCsv } from './inventory-csv.ts'
import { bySeverity, coverageText, inventoryText } from './inventory-text.ts'
import { isoOf } from './moments.ts'
import { type OwnChoice, ownIdentities } from './own-identities.ts'

export interface InventoryValues extends InputChoice, UsageChoice, OwnChoice, PeopleChoice {
  readonly severity?: Severity
  readonly subject?: string
  readonly namespace?: readonly string[]
  readonly serverVersion?: string
  readonly csv?: boolean
  readonly json?: boolean
  readonly failOn?: Severity
  /** Seconds since the epoch; the clock if absent. */
  readonly now?: number
}

export async function runInventory(values: InventoryValues, terminal: Terminal): Promise<number> {
  try {
    const isLogRead = hasLog(values, terminal)
    const subject = values.subject === undefined ? undefined : subjectIdOf(values.subject)
    const people = await readPeople(values, terminal)
    const objects = await readObjects(values, terminal)
    const reading = await readUsage(values, terminal)
    const known = await ownIdentities(values, terminal)
    const grants = grantsOf(objects)
    const excess = excessOf(objects, grants, reading.usage)
    const { now = Math.floor(Date.now() / 1000), days } = values
    terminal.progress(() => `reviewing ${objects.bindings.length} bindings`)
    const options = { ...peopleOptions(people, objects, now), ...versionOf(values) }
    const reach = reachSummaries(reviewOf(objects, options).graph)
    const all = inventoryOf({ objects, grants, usage: reading.usage, excess, ...known, reach }, { now, days })
    const shown = narrowed(all, { ...values, subject }, objects)
    if (values.json === true)
      terminal.write(
        jsonText(
          { ...documentOf(shown), log: reading.usage.counts, received: reading.received, problems: objects.problems },
          2,
        ),
      )
    else if (values.csv === true) {
      terminal.write(inventoryCsv(shown))
      terminal.writeError(coverageText(shown) + receivedOf(reading) + problemsText(objects))
    } else {
      const log = isLogRead ? usageText(reading, days) : ''
      terminal.write(inventoryText(shown, values.severity ?? 'medium', terminal) + log + problemsText(objects))
    }
    const { failOn } = values
    const isBad = failOn !== undefined && shown.findings.some(({ severity }) => isAtLeast(severity, failOn))
    return failOn === undefined
      ? exitCodes.ok
      : checked(objects, { option: '--fail-on', isBad, needed: neededKinds }, terminal)
  } catch (error) {
    const code = reportError(error, terminal)
    return error instanceof UsageError ? exitCodes.usage : code
  }
}

interface Narrowing {
  readonly namespace?: readonly string[]
  readonly subject: SubjectId | undefined
}

/** The coverage stays that of the whole. */
function narrowed(inventory: Inventory, { namespace, subject }: Narrowing, { bindings }: ClusterObjects): Inventory {
  const isOf = (id: string): boolean => subject === undefined || id === subject
  const isShown = (one: InventoriedIdentity): boolean =>
    namespace?.includes(one.namespace ?? '') !== false && isOf(one.id)
  const named = new Set(
    bindings.flatMap(one => (subject !== undefined && subjectsOf(one).has(subject) ? [bindingKey(one)] : [])),
  )
  const identities = inventory.identities.filter(isShown)
  const ids = new Set(identities.map(({ id }) => id))
  const isThere = (about: string): boolean =>
    namespace === undefined || namespace.some(name => about.startsWith(`RoleBinding/${name}/`))
  const isAbout = (about: string): boolean =>
    ids.has(about) || (isThere(about) && (subject === undefined || named.has(about)))
  const findings = inventory.findings.filter(({ about }) => isAbout(about))
  return { ...inventory, identities, findings }
}

const documentOf = ({ identities, findings, coverage }: Inventory): object => ({
  schema: 'sallyport.dev/kube-inventory/v1',
  coverage: coverageOf(coverage),
  identities: identities.map(({ created, lastUsed, credentials, rights, ...one }) => ({
    ...one,
    ...(rights !== undefined && {
      rights: { ...rights, ...(coverage.daysOfLog > 0 && { unusedShare: unusedShare(rights) }) },
    }),
    ...moment('created', created),
    ...moment('lastUsed', lastUsed),
    credentials: credentials.map(({ created: made, lastUsed: used, expires, ...credential }) => ({
      ...credential,
      ...moment('created', made),
      ...moment('lastUsed', used),
      ...(typeof expires === 'string' ? { expires } : moment('expires', expires)),
    })),
  })),
  findings: [...findings].sort(bySeverity),
})

const coverageOf = ({ notedTokens, ...coverage }: Inventory['coverage']): object => ({
  ...coverage,
  ...(notedTokens !== undefined && {
    notedTokens: { ...notedTokens, ...moment('since', notedTokens.since) },
  }),
})

const moment = (key: string, seconds: number | undefined): object =>
  seconds === undefined ? {} : { [key]: isoOf(seconds) }
