/** The same objects in another order give the same review, the same ways and the same inventory, to the last byte. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { parseAllDocuments } from 'yaml'
import { excessOf } from '../../rbac/reach/excess/excess.ts'
import { allPaths } from '../../rbac/reach/graph/walk.ts'
import { inventoryOf } from '../../rbac/reach/inventory/inventory.ts'
import { reachSummaries } from '../../rbac/reach/inventory/reach-summary.ts'
import { createReading } from '../../rbac/reach/reading/reading.ts'
import { reportOf } from '../../rbac/reach/report/report.ts'
import { reachersOf, reviewOf } from '../../rbac/reach/review.ts'
import { createUsageCollector } from '../../rbac/reach/usage/usage.ts'
import { fc } from '../properties.ts'
import { sharedData } from './shared-data.ts'

interface Written {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: { readonly name: string; readonly namespace?: string }
}

const rbac = 'rbac.authorization.k8s.io'
const clusterRole = (name: string, resource: string, verb: string, names?: readonly string[]) => ({
  apiVersion: `${rbac}/v1`,
  kind: 'ClusterRole',
  metadata: { name },
  rules: [
    { apiGroups: [''], resources: [resource], verbs: [verb], ...(names !== undefined && { resourceNames: names }) },
  ],
})
const bind = (name: string, role: string, account: string, namespace?: string) => ({
  apiVersion: `${rbac}/v1`,
  kind: namespace === undefined ? 'ClusterRoleBinding' : 'RoleBinding',
  metadata: { name, ...(namespace !== undefined && { namespace }) },
  roleRef: { apiGroup: rbac, kind: 'ClusterRole', name: role },
  subjects: [{ kind: 'ServiceAccount', namespace: 'shop', name: account }],
})

/** Whatever `start` does next is as near to cluster-admin: three accounts, by three roles and two bindings of each. */
const ties: readonly Written[] = [
  ...['a', 'b', 'c', 'start'].map(name => ({
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata: { namespace: 'shop', name },
  })),
  ...['a', 'b', 'c'].flatMap(name => [
    clusterRole(`mint-${name}`, 'serviceaccounts/token', 'create', [name]),
    bind(`mint-${name}`, `mint-${name}`, 'start'),
    bind(`mint-${name}-again`, `mint-${name}`, 'start', 'shop'),
    bind(`admin-${name}`, 'cluster-admin', name),
  ]),
  clusterRole('exec', 'pods/exec', 'create'),
  bind('exec', 'exec', 'start'),
  { apiVersion: 'example.com/v1', kind: 'Widget', metadata: { name: 'one', namespace: 'shop' } },
  { apiVersion: 'example.com/v1', kind: 'Widget', metadata: { name: 'two', namespace: 'shop' } },
]

/** Everything that is printed of them. */
function printed(objects: readonly Written[]): string {
  const reading = createReading()
  for (const one of objects) {
    const source = `${one.kind}/${one.metadata.namespace ?? ''}/${one.metadata.name}.yaml`
    reading.addObject(one, { source, line: 1 })
  }
  const read = reading.finish()
  const review = reviewOf(read)
  const { grants } = review.facts
  const usage = createUsageCollector().usage()
  const excess = excessOf(read, grants, usage)
  const reach = reachSummaries(review.graph)
  const to = 'sink:cluster-admin'
  return JSON.stringify({
    report: reportOf(review),
    reachers: reachersOf(review, to),
    ways: allPaths(review.graph, 'service-account:shop/start', to, { maxSteps: 4, maxPaths: 5 }),
    grants: grants.subjects.map(subject => grants.of(subject)),
    dead: grants.dead,
    inventory: inventoryOf({ objects: read, grants, usage, excess, own: [], reach }, { now: 0, days: 90 }),
  })
}

function inAnyOrder(objects: readonly Written[], numRuns: number): void {
  const expected = printed(objects)
  const shuffled = fc.shuffledSubarray([...objects], { minLength: objects.length })
  fc.assert(
    fc.property(shuffled, other => printed(other) === expected),
    { numRuns },
  )
}

describe('whatever the order in which they are read', () => {
  test('ways and bindings that are as good as each other', () => {
    inAnyOrder(ties, 60)
    expect(printed(ties)).toContain('ClusterRole mint-a')
  })

  const folder = sharedData('k8s/operators')
  test.skipIf(folder === undefined)('operators as their charts install them', () => {
    const files = ['argo-workflows', 'tekton-pipelines', 'kube-prometheus'].map(name =>
      join(folder ?? '', `${name}.yaml`),
    )
    const objects = files.flatMap(file =>
      parseAllDocuments(readFileSync(file, 'utf8')).flatMap(document => document.toJS() ?? []),
    )
    expect(objects.length).toBeGreaterThan(50)
    inAnyOrder(objects as Written[], 6)
  })
})
