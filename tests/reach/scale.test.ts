/** A review of a big cluster, and its page. */
import { expect, test } from 'vitest'
import { pageText } from '../../cli/kube/reach/page/page.ts'
import { groupsOf } from '../../rbac/reach/findings/findings.ts'
import { pageDataOf } from '../../rbac/reach/report/page/page-data.ts'
import { reviewOf } from '../../rbac/reach/review.ts'
import { bigCluster } from './big-cluster.ts'

/** Seconds. Four of a quiet machine; those of one with a load of 20, whose caches are others', were up to 9.4. */
const limit = 20

const context = {
  from: 'here',
  at: '2026-01-01T00:00:00Z',
  limits: [],
  remarks: [],
  isAll: false,
  bounds: { maxSteps: 8, maxPaths: 50 },
  shown: (text: string) => text,
}

test('5,000 accounts, 10,000 bindings and 3,000 roles, and their page, each within 10 quiet seconds of the processor and 500 MB', () => {
  const objects = bigCluster()
  const before = process.cpuUsage()
  const review = reviewOf(objects)
  const { findings, graph } = review
  const groups = groupsOf(findings)
  const { user, system } = process.cpuUsage(before)
  const [seconds, megabytes] = [(user + system) / 1e6, process.memoryUsage.rss() / 2 ** 20]
  // Seconds of its own.
  const beforePage = process.cpuUsage()
  const page = pageText(pageDataOf(review, findings, context))
  const ofPage = process.cpuUsage(beforePage)
  process.stdout.write(
    `${findings.length} findings in ${groups.length} groups, graph ${JSON.stringify(graph.size)}: ${seconds.toFixed(1)} s of the processor, ${megabytes.toFixed(0)} MB in all\n`,
  )
  expect(findings.length).toBeGreaterThan(10_000)
  expect(page.length).toBeGreaterThan(1_000_000)
  expect((ofPage.user + ofPage.system) / 1e6).toBeLessThan(limit)
  // A set is one node: nothing grows with accounts times accounts.
  expect(graph.size.edges).toBeLessThan(100_000)
  expect(seconds).toBeLessThan(limit)
  expect(megabytes).toBeLessThan(500)
}, 300_000)
