/**
 * An inventory of a big cluster. It has a process of its own (a file is one): its memory is not what a review before it
 * left behind.
 */
import { expect, test } from 'vitest'
import { excessOf } from '../../rbac/reach/excess/excess.ts'
import { grantsOf } from '../../rbac/reach/grants.ts'
import { inventoryOf } from '../../rbac/reach/inventory/inventory.ts'
import { reachSummaries } from '../../rbac/reach/inventory/reach-summary.ts'
import { reviewOf } from '../../rbac/reach/review.ts'
import { createUsageCollector } from '../../rbac/reach/usage/usage.ts'
import { bigCluster } from './big-cluster.ts'

/** Seconds. Four of a quiet machine; those of one with a load of 20, whose caches are others', were up to 9.4. */
const limit = 20

test('the inventory of 5,000 accounts, with what each identity reaches, within 10 quiet seconds of the processor and 500 MB', () => {
  const objects = bigCluster()
  const before = process.cpuUsage()
  const grants = grantsOf(objects)
  const usage = createUsageCollector().usage()
  const excess = excessOf(objects, grants, usage)
  const reach = reachSummaries(reviewOf(objects).graph)
  const { identities } = inventoryOf({ objects, grants, usage, excess, own: [], reach }, { now: 0, days: 90 })
  const { user, system } = process.cpuUsage(before)
  const [seconds, megabytes] = [(user + system) / 1e6, process.memoryUsage.rss() / 2 ** 20]
  const admins = identities.filter(one => one.reach?.sinks[0]?.sink === 'sink:cluster-admin').length
  process.stdout.write(
    `${identities.length} identities, ${admins} reach cluster-admin: ${seconds.toFixed(1)} s of the processor, ${megabytes.toFixed(0)} MB in all\n`,
  )
  expect(identities.length).toBeGreaterThanOrEqual(5_000)
  expect(seconds).toBeLessThan(limit)
  expect(megabytes).toBeLessThan(500)
}, 300_000)
