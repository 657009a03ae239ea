/** What a change does to reach before it is made: what it closes, and what it opens. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { type Change, changedBy } from '../../rbac/reach/change/change.ts'
import { comparisonWith } from '../../rbac/reach/change/reach-effect.ts'
import { createReading } from '../../rbac/reach/reading/reading.ts'
import { isOpen, reportOf } from '../../rbac/reach/report/report.ts'
import { reviewOf } from '../../rbac/reach/review.ts'
import { sharedData } from './shared-data.ts'

const changeIn = (text: string): Change => {
  const reading = createReading({ assumesShippedRoles: false })
  reading.addText(text, 'edit.yaml')
  const { problems, ...objects } = reading.finish()
  expect(problems).toEqual([])
  return { objects, removed: [] }
}

const dump = sharedData('k8s/cluster-dump')

describe.skipIf(dump === undefined)('over the shared dump', () => {
  const reading = createReading()
  for (const file of readdirSync(dump ?? import.meta.dirname).filter(name => name.endsWith('.json')))
    reading.addText(readFileSync(join(dump ?? '', file), 'utf8'), file)
  const objects = reading.finish()

  test('M18: each edit that a review prints closes every finding that it is for, and opens none', () => {
    const before = reviewOf(objects)
    const compare = comparisonWith(before)
    const byId = new Map(before.findings.map(one => [one.id, one]))
    const closing = new Map<string, string[]>()
    const note = (patches: readonly string[], ids: readonly string[]): void => {
      const key = patches.join('---\n')
      if (patches.length > 0) closing.set(key, [...(closing.get(key) ?? []), ...ids])
    }
    for (const { findings, edits } of reportOf(before, before.findings.filter(isOpen)).groups) {
      note(
        edits.flatMap(({ patch }) => patch ?? []),
        findings,
      )
      for (const id of findings) note(byId.get(id)?.edits.flatMap(({ patch }) => patch ?? []) ?? [], [id])
    }
    for (const [patches, ids] of closing) {
      const { objects: changed, writtenBack, isNew } = changedBy(objects, changeIn(patches))
      expect({ writtenBack, isNew }).toEqual({ writtenBack: [], isNew: [] })
      const after = reviewOf(changed)
      const left = new Set(after.findings.map(({ id }) => id))
      expect(ids.filter(id => left.has(id))).toEqual([])
      const { opens, sinks } = compare(after)
      expect([ids[0], opens.map(({ id }) => id), sinks.flatMap(({ gained }) => gained)]).toEqual([ids[0], [], []])
    }
    const closed = new Set([...closing.values()].flat())
    process.stdout.write(
      `${closing.size} edits close ${closed.size} of ${before.findings.filter(isOpen).length} open findings\n`,
    )
    expect(closed.size).toBeGreaterThan(300)
    // What is left has no YAML: a workload is to be changed, or a binding to be deleted.
    const without = before.findings.filter(one => isOpen(one) && !closed.has(one.id))
    expect([...new Set(without.map(({ move }) => move))].sort()).toEqual(['RB07', 'RB09', 'WL19'])
  }, 900_000)
})
