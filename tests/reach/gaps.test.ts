/** What other tools miss, by reading their rules: each gap is a case of ours. */
import { describe, expect, test } from 'vitest'
import { moves } from '../../rbac/reach/moves/table.ts'
import { reviewOf } from '../../rbac/reach/review.ts'
import { objectsIn } from './plain-objects.ts'
import { movesBy } from './witnesses.ts'

const idsBy = (text: string): string[] => [...new Set(movesBy(text, moves).map(({ move }) => move))].sort()
const rbac = 'rbac.authorization.k8s.io'

describe('gaps of other tools', () => {
  test('none knows the users that there are: a binding to one who left waits for the next of that name', () => {
    const objects = objectsIn(`
kind: Role
metadata: {name: reader, namespace: payments}
rules: [{apiGroups: [""], resources: [pods], verbs: [get]}]
---
kind: RoleBinding
metadata: {name: readers, namespace: payments}
roleRef: {kind: Role, name: reader}
subjects: [{kind: User, name: alice}, {kind: User, name: mallory}, {kind: User, name: 'system:kube-proxy'}]
`)
    expect(reviewOf(objects).moves).toEqual([])
    const { moves: found } = reviewOf(objects, { knownUsers: new Set(['alice']) })
    expect(found.map(({ move, subject, namespace }) => [move, subject, namespace])).toEqual([
      ['ID18', 'user:mallory', 'payments'],
    ])
  })

  test('rbac-police looks for bind on bindings; it is asked on the role', () => {
    expect(idsBy(`bind clusterroles.${rbac} + create clusterrolebindings.${rbac}`)).toContain('RB01')
    expect(idsBy(`bind clusterrolebindings.${rbac}`)).toEqual([])
  })

  test('rbac-tool and KubeHound look for Deployments outside the group apps', () => {
    expect(idsBy('create deployments.apps @payments')).toEqual(['WL02'])
    expect(idsBy('create deployments @payments')).toEqual([])
    expect(idsBy('create jobs.batch @payments')).toEqual(['WL02'])
  })

  test('rbac-tool counts get on Secrets alone; list and watch read them too', () => {
    expect(idsBy('list secrets @payments')).toEqual(['ID10'])
    expect(idsBy('watch secrets @payments')).toEqual(['ID10'])
  })

  test('KubeHound does not bind a ClusterRole by a RoleBinding, nor impersonate', () => {
    const [found] = movesBy(
      `bind clusterroles.${rbac} @payments + create rolebindings.${rbac} @payments`,
      moves,
    ).filter(({ move }) => move === 'RB01')
    expect([found?.to, found?.severity]).toEqual([['namespace:payments'], 'critical'])
    expect(idsBy('impersonate serviceaccounts @payments')).toEqual(['ID03'])
  })

  test('KubeHound and KubiScan pass over resourceNames', () => {
    const [found] = movesBy('create serviceaccounts/token [deployer] @payments', moves)
    expect(found?.to).toEqual(['service-account:payments/deployer'])
    expect(idsBy('create pods [api] @payments')).toEqual([])
    expect(idsBy('create deployments.apps [api] @payments')).toEqual([])
  })

  test('KubiScan does not expand wildcards of a role, and passes over groups', () => {
    expect(idsBy('* *.*')).toEqual(
      moves.filter(move => 'needs' in move && !['RB03', 'RB04', 'RB06', 'CP07'].includes(move.id)).map(({ id }) => id),
    )
    expect(idsBy('get pods.metrics.k8s.io')).toEqual([])
  })

  test('KubiScan matches bindings to roles by name alone, across kinds and namespaces', () => {
    const { moves: found } = reviewOf(
      objectsIn(`
kind: Role
metadata: {name: same, namespace: payments}
rules: [{apiGroups: [""], resources: [secrets], verbs: [list]}]
---
kind: Role
metadata: {name: same, namespace: shop}
rules: [{apiGroups: [""], resources: [configmaps], verbs: [get]}]
---
kind: ClusterRole
metadata: {name: same}
rules: [{apiGroups: [""], resources: [nodes], verbs: [get]}]
---
kind: RoleBinding
metadata: {name: one, namespace: shop}
roleRef: {kind: Role, name: same}
subjects: [{kind: ServiceAccount, name: default}]
---
kind: ClusterRoleBinding
metadata: {name: other}
roleRef: {kind: ClusterRole, name: same}
subjects: [{kind: Group, name: ops}]
`),
    )
    expect(found).toEqual([])
  })

  test('Trivy wants apiGroups "*" for impersonation, and knows no users or service accounts', () => {
    expect(idsBy('impersonate groups')).toEqual(['ID01'])
    expect(idsBy('impersonate users')).toEqual(['ID02'])
    expect(idsBy('impersonate serviceaccounts')).toEqual(['ID03'])
  })

  test('Trivy looks at Roles alone; ClusterRoles are bound and escalated too', () => {
    expect(idsBy(`escalate clusterroles.${rbac} + update clusterroles.${rbac}`)).toContain('RB02')
  })

  test('kubescape has uids in the core group, and no extras', () => {
    expect(idsBy('impersonate uids.authentication.k8s.io')).toEqual(['ID05'])
    expect(idsBy('impersonate userextras.authentication.k8s.io/scopes')).toEqual(['ID04'])
    expect(idsBy('impersonate uids')).toEqual([])
  })

  test('rbac-police looks for the literal userextras, which no request is about', () => {
    expect(idsBy('impersonate userextras.authentication.k8s.io')).toEqual([])
  })

  test('kubescape skips rules with resourceNames: system:masters by name passes', () => {
    const [found] = movesBy('impersonate groups [system:masters]', moves)
    expect([found?.move, found?.severity, found?.to]).toEqual([
      'ID01',
      'critical',
      ['group:system:masters', 'sink:system-masters'],
    ])
  })

  test('kubesplaining takes a named impersonation for one of all', () => {
    const [found] = movesBy('impersonate serviceaccounts [deployer] @payments', moves)
    expect(found?.to).toEqual(['service-account:payments/deployer'])
  })

  test('krane passed over groups for six years: an operator is no cluster-admin', () => {
    expect(idsBy('* *.example.com')).toEqual(['RB06'])
  })

  test('no tool knows constrained impersonation', () => {
    expect(idsBy('impersonate:user-info users.authentication.k8s.io + impersonate-on:user-info:get pods')).toEqual([
      'ID06',
    ])
  })

  test('KubiScan shows a grant to anonymous as no risk', () => {
    const { findings } = reviewOf(
      objectsIn(`
kind: ClusterRole
metadata: {name: reader}
rules: [{apiGroups: [""], resources: [pods], verbs: [get]}]
---
kind: ClusterRoleBinding
metadata: {name: open}
roleRef: {kind: ClusterRole, name: reader}
subjects: [{kind: User, name: 'system:anonymous'}]
`),
    )
    expect(findings.map(({ move, severity, isExpected }) => [move, severity, isExpected])).toEqual([
      ['RB07', 'critical', false],
    ])
  })
})
