/** Edits are written once for many findings of a role: whoever is asked for first, each says what it would say alone. */
import { expect, test } from 'vitest'
import { reachDump } from '../../../bench/reach-objects.ts'
import type { ClusterObjects } from '../../../rbac/reach/objects.ts'
import { createReading } from '../../../rbac/reach/reading/reading.ts'
import { pageDataOf } from '../../../rbac/reach/report/page/page-data.ts'
import { reviewOf } from '../../../rbac/reach/review.ts'

const dump = reachDump({ accounts: 60, bindings: 120, roles: 40 })
/** Objects of their own each time, of which nothing is remembered. */
function objects(): ClusterObjects {
  const reading = createReading({ assumesShippedRoles: false })
  reading.addText(`${dump}\n`, 'big.json')
  return reading.finish()
}

test('each finding has the edits that it has where it alone is looked at', () => {
  const all = reviewOf(objects()).findings
  const backwards = [...reviewOf(objects()).findings].reverse()
  const edits = new Map(all.map(one => [one.id, one.edits]))
  expect(all.length).toBeGreaterThan(100)
  expect(new Set([...edits.values()].flat().map(({ patch }) => patch)).size).toBeGreaterThan(50)
  for (const one of backwards) expect(one.edits, one.id).toEqual(edits.get(one.id))
  for (const at of [0, 7, 60, all.length - 1]) {
    const alone = reviewOf(objects()).findings[at]
    expect(alone?.edits).toEqual(edits.get(alone?.id ?? ''))
  }
})

test('the page has the edits and grants of each finding, as the review has them', () => {
  const review = reviewOf(objects())
  const context = {
    from: 'here',
    at: '2026-01-01T00:00:00Z',
    limits: [],
    remarks: [],
    isAll: false,
    bounds: { maxSteps: 8, maxPaths: 50 },
    shown: (text: string) => text,
  }
  const page = pageDataOf(review, review.findings, context)
  for (const [at, { edits, grants }] of page.findings.entries()) {
    const finding = review.findings[at]
    expect(edits.map(one => page.edits[one]).map(one => [one?.object, one?.sentence, one?.patch])).toEqual(
      finding?.edits.map(({ object, sentence, patch = null }) => [object, sentence, patch]),
    )
    const places = finding?.grants.map(({ binding, ruleIndex }) => [binding.name, `rule ${ruleIndex + 1} `])
    for (const [grantAt, [name = '', rule = '']] of (places ?? []).entries()) {
      const text = page.grants[grants[grantAt] ?? -1]
      expect(text).toContain(name)
      expect(text).toContain(rule)
    }
  }
  expect(new Set(page.grants).size).toBe(page.grants.length)
})
