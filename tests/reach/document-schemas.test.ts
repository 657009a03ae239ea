/** What `kube excess --json` and `kube inventory --json` print is what their schemas say, field by field. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pc from 'picocolors'
import { afterAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { excessSchema, inventorySchema } from '../../cli/kube/reach/document-schemas.ts'
import { runCli } from '../../cli/program.ts'
import { auditEvent } from './audit-events.ts'
import { sharedData } from './shared-data.ts'

const directory = mkdtempSync(join(tmpdir(), 'sallyport-schemas-'))
afterAll(() => rmSync(directory, { recursive: true, force: true }))

async function documentOf(...args: readonly string[]): Promise<unknown> {
  const out: string[] = []
  const terminal = {
    write: (text: string) => void out.push(text),
    writeError: () => undefined,
    progress: (text: () => string) => void text(),
    colors: pc.createColors(false),
    env: {},
    cwd: directory,
  }
  await runCli(['kube', ...args, '--json'], { version: '0', terminal })
  return JSON.parse(out.join(''))
}

// What zod takes is the same JSON Schema, which it knows by another type.
const checks = (schema: object) => z.fromJSONSchema(schema as Parameters<typeof z.fromJSONSchema>[0])
const [excess, inventory] = [checks(excessSchema), checks(inventorySchema)]

const rules = [
  { apiGroups: ['', 'apps'], resources: ['pods', 'deployments'], verbs: ['get', '*'], resourceNames: ['core'] },
  { nonResourceURLs: ['/metrics'], verbs: ['get'] },
]
const rbac = 'rbac.authorization.k8s.io'
const metadata = (name: string, more: object = {}) => ({ name, creationTimestamp: '2026-01-01T00:00:00Z', ...more })
const objects = [
  { apiVersion: `${rbac}/v1`, kind: 'ClusterRole', metadata: metadata('reader'), rules },
  {
    apiVersion: `${rbac}/v1`,
    kind: 'ClusterRoleBinding',
    metadata: metadata('readers'),
    roleRef: { apiGroup: rbac, kind: 'ClusterRole', name: 'reader' },
    subjects: [
      { kind: 'ServiceAccount', namespace: 'shop', name: 'web' },
      { kind: 'User', apiGroup: rbac, name: 'machine' },
    ],
  },
  {
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata: metadata('web', {
      namespace: 'shop',
      annotations: { 'eks.amazonaws.com/role-arn': 'arn:aws:iam::1:role/shop', 'sallyport.dev/owner': 'alice' },
    }),
  },
  {
    apiVersion: 'v1',
    kind: 'Secret',
    type: 'kubernetes.io/service-account-token',
    metadata: metadata('web-token', {
      namespace: 'shop',
      annotations: { 'kubernetes.io/service-account.name': 'web' },
      labels: { 'kubernetes.io/legacy-token-last-used': '2026-03-01' },
    }),
  },
  {
    apiVersion: 'v1',
    kind: 'Secret',
    type: 'bootstrap.kubernetes.io/token',
    metadata: metadata('bootstrap-token-abcdef', { namespace: 'kube-system' }),
  },
  { apiVersion: 'example.com/v1', kind: 'Thing', metadata: metadata('thing') },
]
const web = { user: 'system:serviceaccount:shop:web' }
const log = [
  auditEvent({ ...web, verb: 'get', resource: 'pods', namespace: 'shop', name: 'core', at: '2026-03-01T00:00:00Z' }),
  auditEvent({ ...web, verb: 'list', resource: 'nodes', at: '2026-03-02T00:00:00Z' }),
]
writeFileSync(join(directory, 'objects.json'), JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects }))
writeFileSync(join(directory, 'audit.log'), `${log.map(event => JSON.stringify(event)).join('\n')}\nno json\n`)

const dump = sharedData('k8s/cluster-dump')
const inputs = [['objects.json'], ...(dump === undefined ? [] : [[dump]])]
const audit = ['--audit', 'audit.log']

describe.each(inputs)('of %s', from => {
  test('excess', async () => {
    const document = await documentOf('excess', '--from', from, ...audit, '--all')
    expect(excess.safeParse(document).error).toBeUndefined()
  })

  test.each([[[]], [audit]])('inventory, with %j', async more => {
    const document = await documentOf('inventory', '--from', from, ...more)
    expect(inventory.safeParse(document).error).toBeUndefined()
  })
})

describe('a document with a field that nobody described', () => {
  type Any = Record<string, unknown>
  /** A copy for each object within, with one field more. */
  function* widened(value: unknown): Generator<unknown> {
    if (typeof value !== 'object' || value === null) return
    if (!Array.isArray(value)) yield { ...value, unknown: true }
    for (const [key, one] of Object.entries(value))
      for (const other of widened(one))
        yield Array.isArray(value) ? value.with(Number(key), other) : { ...(value as Any), [key]: other }
  }

  test.each([
    ['excess', excess, ['excess', ...audit, '--all']],
    ['inventory', inventory, ['inventory', ...audit]],
  ] as const)('is no %s', async (_, schema, args) => {
    const document = await documentOf(...args, '--from', 'objects.json')
    const all = [...widened(document)]
    expect(all.length).toBeGreaterThan(20)
    const passing = all.filter(one => schema.safeParse(one).success)
    expect(passing.length).toBe(0)
  })

  test('nor is one that has lost one', async () => {
    const { coverage: _, ...rest } = (await documentOf('inventory', '--from', 'objects.json')) as Any
    expect(inventory.safeParse(rest).success).toBe(false)
  })
})
