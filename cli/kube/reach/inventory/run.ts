/** Reads a cluster, its log and what Sallyport knows, and prints the inventory. */
import { excessOf, unusedShare } from '../../../../rbac/reach/excess/excess.ts'
import { type Severity, severities } from '../../../../rbac/reach/finding.ts'
import { grantsOf } from '../../../../rbac/reach/grants.ts'
import type { InventoriedIdentity, Inventory } from '../../../../rbac/reach/inventory/identity.ts'
import { inventoryOf, neededKinds } from '../../../../rbac/reach/inventory/inventory.ts'
import { reachSummaries } from '../../../../rbac/reach/inventory/reach-summary.ts'
import { reviewOf } from '../../../../rbac/reach/review.ts'
import { reportError } from '../../../report-error.ts'
import { exitCodes, type Terminal } from '../../../terminal.ts'
import { type InputChoice, readObjects } from '../input.ts'
import { jsonText } from '../json-text.ts'
import { UsageError } from '../listening/usage-error.ts'
import { type PeopleChoice, peopleOptions, readPeople } from '../people-input.ts'
import { problemsText } from '../problems-text.ts'
import { checked } from '../unanswered.ts'
import { hasLog, readUsage, receivedOf, type UsageChoice, usageText } from '../usage-input.ts'
import { inventoryCsv } from './inventory-csv.ts'
import { bySeverity, coverageText, inventoryText } from './inventory-text.ts'
import { isoOf } from './moments.ts'
import { type OwnChoice, ownIdentities } from './own-identities.ts'

export interface InventoryValues extends InputChoice, UsageChoice, OwnChoice, PeopleChoice {
  readonly severity?: Severity
  readonly namespace?: readonly string[]
  readonly csv?: boolean
  readonly json?: boolean
  readonly failOn?: Severity
  /** Seconds since the epoch; the clock if absent. */
  readonly now?: number
}

export async function runInventory(values: InventoryValues, terminal: Terminal): Promise<number> {
  try {
    const isLogRead = hasLog(values, terminal)
    const people = await readPeople(values, terminal)
    const objects = await readObjects(values, terminal)
    const reading = await readUsage(values, terminal)
    const known = await ownIdentities(values, terminal)
    const grants = grantsOf(objects)
    const excess = excessOf(objects, grants, reading.usage)
    const { now = Math.floor(Date.now() / 1000), days } = values
    terminal.progress(() => `reviewing ${objects.bindings.length} bindings`)
    const reach = reachSummaries(reviewOf(objects, peopleOptions(people, objects, now)).graph)
    const all = inventoryOf({ objects, grants, usage: reading.usage, excess, ...known, reach }, { now, days })
    const shown = narrowed(all, values)
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
      terminal.write(inventoryText(shown, terminal) + log + problemsText(objects))
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

const isAtLeast = (one: Severity, other: Severity): boolean => severities.indexOf(one) >= severities.indexOf(other)

/** The coverage stays that of the whole. */
function narrowed(inventory: Inventory, { namespace, severity = 'low' }: InventoryValues): Inventory {
  const isShown = (one: InventoriedIdentity): boolean => namespace?.includes(one.namespace ?? '') !== false
  const identities = inventory.identities.filter(isShown)
  const ids = new Set(identities.map(({ id }) => id))
  const isAbout = (about: string): boolean =>
    namespace === undefined || ids.has(about) || namespace.some(name => about.startsWith(`RoleBinding/${name}/`))
  const findings = inventory.findings.filter(one => isAtLeast(one.severity, severity) && isAbout(one.about))
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
