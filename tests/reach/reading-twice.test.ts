/** Objects that come twice, and lists that say of themselves what they are not. */
import { describe, expect, test } from 'vitest'
import type { ClusterObjects } from '../../rbac/reach/objects.ts'
import { createReading, type Reading } from '../../rbac/reach/reading/reading.ts'

function readBy(add: (reading: Reading) => void): ClusterObjects {
  const reading = createReading({ assumesShippedRoles: false })
  add(reading)
  return reading.finish()
}

const told = ({ problems }: ClusterObjects): string[] =>
  problems.map(({ code, object = '', unread = 0, message }) => `${code} ${object} ${unread}: ${message}`)
const node = (name: string) => ({ apiVersion: 'v1', kind: 'Node', metadata: { name } })

describe('M37 a binding that comes again', () => {
  const binding = (role: string, ...users: string[]) => ({
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'RoleBinding',
    metadata: { name: 'b', namespace: 'shop' },
    roleRef: { kind: 'ClusterRole', name: role },
    subjects: users.map(name => ({ kind: 'User', name })),
  })
  const read = (...objects: object[]) =>
    readBy(reading => {
      for (const [at, one] of objects.entries()) reading.addObject(one, { source: 'a.yaml', line: at + 1 })
    })

  test('with another role is refused, as by the API server: what is there stays', () => {
    const objects = read(binding('admin', 'alice'), binding('view', 'bob'))
    expect(objects.bindings).toMatchObject([{ roleRef: { name: 'admin' }, subjects: [{ name: 'alice' }] }])
    expect(told(objects)).toEqual([
      'invalid-object RoleBinding/shop/b 1: roleRef was ClusterRole admin in a.yaml:1, and cannot be changed: that one counts',
    ])
    expect(objects.objectsSeen).toBe(2)
  })

  test('with the same role counts as it comes last', () => {
    const objects = read(binding('admin', 'alice'), binding('admin', 'bob'))
    expect(objects.bindings).toMatchObject([{ subjects: [{ name: 'bob' }] }])
    expect(objects.problems.map(({ code, unread }) => [code, unread])).toEqual([['duplicate', 1]])
  })
})

describe('what a list in JSON says of itself', () => {
  const read = (value: object) =>
    readBy(reading => {
      reading.addText(JSON.stringify(value), 'a.json')
    })

  test('stands in its own fields, and not in those of its metadata', () => {
    const labels = (kind: string) => ({ metadata: { name: 'w', labels: { kind } } })
    const items = [{ metadata: { name: 'a' } }]
    const widget = read({ ...labels('NodeList'), kind: 'Widget', apiVersion: 'v1', items: [node('a')] })
    expect([widget.nodes, widget.others.map(({ kind }) => kind)]).toEqual([[], ['Widget']])
    const list = read({ ...labels('PodList'), kind: 'NodeList', apiVersion: 'v1', items })
    expect(list.nodes.map(({ name }) => name)).toEqual(['a'])
  })
})
