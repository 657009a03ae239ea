/** Small clusters that can be read, and what is found in them: golden files beside them. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { Finding } from '../../rbac/reach/finding.ts'
import { groupsOf } from '../../rbac/reach/findings/findings.ts'
import { nodeText, stepText, toldSteps } from '../../rbac/reach/findings/words.ts'
import { allPaths, waysTo } from '../../rbac/reach/graph/walk.ts'
import { isOpen, reportOf } from '../../rbac/reach/report/report.ts'
import { type Review, reachersOf, reviewOf } from '../../rbac/reach/review.ts'
import { objectsIn } from './plain-objects.ts'

const folder = join(import.meta.dirname, 'clusters')
const names = readdirSync(folder).filter(name => name.endsWith('.yml'))
const review = (name: string): Review => reviewOf(objectsIn(readFileSync(join(folder, name), 'utf8')))

const textOf = ({ move, severity, sentence, path, edits, within }: Finding): string =>
  [
    `${severity} ${move}${within === undefined ? '' : ' (within another)'}: ${sentence}`,
    ...(path.length === 0 ? [] : [`  way: ${toldSteps(path).map(stepText).join(' | ')}`]),
    ...edits.flatMap(({ object, sentence: what, patch }) => [
      `  edit ${object}: ${what}`,
      ...(patch === undefined
        ? []
        : patch
            .trimEnd()
            .split('\n')
            .map(line => `    ${line}`)),
    ]),
  ].join('\n')

describe('a small cluster', () => {
  test.each(names)('%s', async name => {
    const { findings } = review(name)
    const shown = groupsOf(findings).filter(({ first }) => first.within === undefined)
    const folded = findings.length - findings.filter(isOpen).length
    const text = [...shown.map(({ first }) => textOf(first)), `${findings.length} findings, ${folded} folded`, ''].join(
      '\n',
    )
    await expect(text).toMatchFileSnapshot(join(folder, name.replace('.yml', '.findings.txt')))
  })
})

describe('ways', () => {
  test('the shortest goes by the token that can be minted', () => {
    const { graph } = review('storage-driver.yml')
    const ways = waysTo(graph, 'sink:cluster-admin')
    expect(ways.path('service-account:storage/driver')?.map(({ move, to }) => [move, to])).toEqual([
      ['ID09', 'service-accounts:*'],
      ['one-of', 'service-accounts:ops'],
      ['one-of', 'service-account:ops/backup'],
      ['RB05', 'sink:cluster-admin'],
    ])
    expect(ways.distance('service-account:storage/driver')).toBe(2)
    expect(ways.distance('service-account:storage/default')).toBeUndefined()
  })

  test('the reverse: who can eventually become an account, with the way of each', () => {
    const all = reachersOf(review('storage-driver.yml'), 'service-account:storage/default')
    const found = all.filter(({ isExpected }) => !isExpected)
    expect(all.length - found.length).toBe(1) // system:masters
    expect(found.map(({ subject, path }) => [nodeText(subject), path.length])).toEqual([
      ['service account ops/backup', 3],
      ['service account storage/driver', 3],
    ])
  })

  test('a bound role is walked through, and system:masters is found behind it', () => {
    const { graph } = review('into-a-pod.yml')
    expect(
      waysTo(graph, 'sink:system-masters')
        .path('user:bob')
        ?.map(({ move }) => move),
    ).toEqual(['WL05', 'one-of', 'runs-as', 'RB01', 'ID01'])
  })

  test('whoever is in the container can leave it; whoever has the token of its account is not in there', () => {
    const { graph } = review('into-a-pod.yml')
    const ways = waysTo(graph, 'sink:node')
    expect(ways.path('user:bob')?.map(({ move }) => move)).toEqual(['WL05', 'one-of', 'leaves-container'])
    // Its program can.
    expect(ways.path('service-account:payments/silent')?.map(({ move }) => move)).toEqual(['WL19'])
    const minted = reviewOf(
      objectsIn(
        `${readFileSync(join(folder, 'into-a-pod.yml'), 'utf8')}
---
kind: Role
metadata: {name: mint, namespace: payments}
rules: [{apiGroups: [""], resources: [serviceaccounts/token], resourceNames: [silent], verbs: [create]}]
---
kind: RoleBinding
metadata: {name: mint, namespace: payments}
roleRef: {kind: Role, name: mint}
subjects: [{kind: User, name: carol}]
`,
      ),
    )
    expect(waysTo(minted.graph, 'sink:node').path('user:carol')).toBeUndefined()
    // No token of it is mounted: whoever is in the pod is not the account, and gets there by system:masters only.
    expect(waysTo(minted.graph, 'service-account:payments/silent').distance('user:bob')).toBe(5)
    expect(waysTo(minted.graph, 'service-account:payments/silent').distance('user:carol')).toBe(1)
  })

  test('all ways, within bounds that are said', () => {
    const { graph } = review('storage-driver.yml')
    const [from, to] = ['service-account:ops/backup', 'service-account:storage/driver']
    const few = allPaths(graph, from, to, { maxSteps: 8, maxPaths: 2 })
    expect([few.paths.length, few.bound]).toEqual([2, 'paths'])
    const short = allPaths(graph, from, to, { maxSteps: 1, maxPaths: 1_000 })
    expect(short.bound).toBe('steps')
    expect(short.paths.every(path => path[0]?.from === from && path.at(-1)?.to === to)).toBe(true)
    expect(allPaths(graph, to, 'user:nobody', { maxSteps: 8, maxPaths: 2 })).toEqual({ paths: [] })
  })
})

describe('a report', () => {
  test('holds every finding once, in one group, and who is in the sets', () => {
    const made = reportOf(review('storage-driver.yml'))
    expect(made.groups.flatMap(({ findings }) => findings).sort()).toEqual(made.findings.map(({ id }) => id).sort())
    expect(new Set(made.findings.map(({ id }) => id)).size).toBe(made.findings.length)
    expect(made.sets['service-accounts:*']).toEqual([
      'service-account:ops/backup',
      'service-account:ops/default',
      'service-account:storage/default',
      'service-account:storage/driver',
    ])
    expect(made.summary.findings.critical).toBe(2)
    expect(JSON.parse(JSON.stringify(made))).toEqual(made)
  })
})
