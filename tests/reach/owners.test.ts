/** Whose an identity is, by what says so, and how sure that is. */
import { expect, test } from 'vitest'
import { managerIn } from '../../rbac/reach/inventory/managers.ts'
import { hasNoOwner, ownerOf } from '../../rbac/reach/inventory/owner.ts'
import { createReading } from '../../rbac/reach/reading/reading.ts'

const account = (metadata: object) => {
  const reading = createReading()
  const place = { source: 'test' }
  reading.addObject(
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'a', namespace: 'b', ...metadata } },
    place,
  )
  const [read] = reading.finish().serviceAccounts
  if (read === undefined) throw new Error('it was not read')
  return read
}
const fields = (...managers: readonly object[]) => ({ managedFields: managers })
const plain = { annotations: {}, labels: {} }

test.each([
  [[{ manager: 'helm' }], 'Helm', 'helm'],
  [[{ manager: 'kubectl-client-side-apply' }], 'somebody with kubectl', 'kubectl-client-side-apply'],
  [[{ manager: 'kubectl-edit' }, { manager: 'argocd-controller' }], 'Argo CD', 'argocd-controller'],
  [[{ manager: 'kustomize-controller' }], 'Flux', 'kustomize-controller'],
  [[{ manager: 'kube-controller-manager' }, { manager: 'robot' }], 'program robot', 'robot'],
])('managedFields %j are a guess: %s', (managers, name, manager) => {
  const owner = ownerOf(account(fields(...managers)), plain)
  expect(owner).toEqual({ name, inferredFrom: `managedFields manager ${manager}`, certainty: 'guess' })
  expect(hasNoOwner({ owner })).toBe(true)
})

test('what the cluster itself wrote, and a status, say nothing', () => {
  expect(ownerOf(account(fields({ manager: 'kube-controller-manager' })), plain)).toBeUndefined()
  expect(ownerOf(account(fields({ manager: 'helm', subresource: 'status' })), plain)).toBeUndefined()
  expect(managerIn([])).toBeUndefined()
})

test('everything else goes before it, and is surer', () => {
  const managed = fields({ manager: 'helm' })
  const of = (metadata: object, namespace: object = {}) =>
    ownerOf(account({ ...managed, ...metadata }), { ...plain, ...namespace })
  expect(of({ annotations: { 'sallyport.dev/owner': 'alice' } })).toMatchObject({ name: 'alice', certainty: 'stated' })
  expect(of({ labels: { 'app.kubernetes.io/managed-by': 'Helm' } })).toMatchObject({ certainty: 'likely' })
  expect(of({ ownerReferences: [{ kind: 'App', name: 'x' }] })).toMatchObject({ name: 'App/x', certainty: 'likely' })
  expect(of({}, { labels: { team: 'payments' } })).toMatchObject({ name: 'payments', certainty: 'likely' })
})

test('a manager is a text that anybody chooses: it is cut, and there are few', () => {
  const many = Array.from({ length: 200 }, (_, at) => ({ manager: `${at}`.padEnd(4000, 'x') }))
  const { managers = [] } = account(fields(...many, { manager: 7 }, { manager: '' }))
  expect(managers).toHaveLength(20)
  expect(managers.every(name => name.length === 128)).toBe(true)
})
