/** What is folded as shipped by Kubernetes, and what only looks so: and ways onto a node that are written in another way. */
import { describe, expect, test } from 'vitest'
import { waysOut } from '../../rbac/reach/moves/ways-out.ts'
import { reviewOf } from '../../rbac/reach/review.ts'
import { objectsIn } from './plain-objects.ts'

const labels = 'labels: {kubernetes.io/bootstrapping: rbac-defaults}'

const everybodyHas = (rule: string, name = 'system:public-info-viewer') =>
  reviewOf(
    objectsIn(`
kind: ClusterRole
metadata: {name: '${name}', ${labels}}
rules: [${rule}]
---
kind: ClusterRoleBinding
metadata: {name: '${name}', ${labels}}
roleRef: {kind: ClusterRole, name: '${name}'}
subjects: [{kind: Group, name: 'system:unauthenticated'}]
`),
  )
    .findings.filter(({ move }) => move === 'RB07')
    .map(({ severity, isExpected }) => `${severity}${isExpected ? ' expected' : ''}`)

describe('what Kubernetes ships for everybody', () => {
  test.each(["'/healthz', '/version/'", "'/api', '/api/*', '/openapi/*'", "'/swagger.json', '/swagger-2.0.0.pb-v1'"])(
    '%s is expected',
    urls => {
      expect(everybodyHas(`{nonResourceURLs: [${urls}], verbs: [get]}`)).toEqual(['low expected'])
    },
  )

  test.each(["'/*'", "'/metrics'", "'/logs/*'", "'/debug/*'", "'/healthz', '/debug/pprof/*'", "'/apis*'"])(
    '%s is not, under the same names',
    urls => {
      expect(everybodyHas(`{nonResourceURLs: [${urls}], verbs: [get]}`)).toEqual(['critical'])
    },
  )

  test('a write to cluster-info is not', () => {
    const rule = '{apiGroups: [""], resources: [configmaps], resourceNames: [cluster-info], verbs: [update]}'
    expect(everybodyHas(rule)).toEqual(['critical'])
  })
})

test('every wildcard of a subresource for everybody who is signed in is critical, reading as well', () => {
  const { findings } = reviewOf(
    objectsIn(`
kind: ClusterRole
metadata: {name: reader}
rules: [{apiGroups: [""], resources: ['*/proxy'], verbs: [get]}]
---
kind: ClusterRoleBinding
metadata: {name: reader}
roleRef: {kind: ClusterRole, name: reader}
subjects: [{kind: Group, name: 'system:authenticated'}]
`),
  )
  expect(findings.filter(({ move }) => move === 'RB07').map(({ severity }) => severity)).toEqual(['critical'])
})

test.each(['bootstrap-signer', 'token-cleaner'])(
  '%s is shipped with Roles: the whole cluster is not expected',
  name => {
    const role = (kind: string, where: string) => `
kind: ${kind}
metadata: {name: 'system:controller:${name}', ${where}${labels}}
rules: [{apiGroups: [""], resources: [secrets], verbs: [get, list, watch]}]
---
kind: ${kind}Binding
metadata: {name: 'system:controller:${name}', ${where}${labels}}
roleRef: {kind: ${kind}, name: 'system:controller:${name}'}
subjects: [{kind: ServiceAccount, name: ${name}, namespace: kube-system}]
`
    const expected = (text: string) =>
      reviewOf(objectsIn(text))
        .findings.filter(({ move }) => move === 'ID10')
        .filter(({ subject }) => subject.endsWith(name))
        .map(({ isExpected }) => isExpected)
    expect(expected(role('Role', 'namespace: kube-system, '))).toEqual([true])
    expect(expected(role('ClusterRole', ''))).toEqual([false])
  },
)

describe('an account of Kubernetes that is not there, and a binding that waits for it', () => {
  const waiting = (binding: string, role: string, account: string, label = labels) =>
    reviewOf(
      objectsIn(`
kind: ClusterRole
metadata: {name: '${role}', ${labels}}
rules: [{apiGroups: [""], resources: [events], verbs: [create]}]
---
kind: ClusterRoleBinding
metadata: {name: '${binding}', ${label}}
roleRef: {kind: ClusterRole, name: '${role}'}
subjects: [{kind: ServiceAccount, name: ${account}}]
---
kind: ServiceAccount
metadata: {name: some, namespace: kube-system}
---
kind: ServiceAccount
metadata: {name: some, namespace: shop}
`),
    )
      .findings.filter(({ move }) => move === 'RB09')
      .map(({ isExpected }) => isExpected)
  const route = 'system:controller:route-controller'

  test.each([
    [route, route, 'route-controller, namespace: kube-system', true],
    ['system:kube-dns', 'system:kube-dns', 'kube-dns, namespace: kube-system', true],
    [route, route, 'route-controller, namespace: shop', false],
    [route, route, 'other-controller, namespace: kube-system', false],
    [route, 'system:controller:other', 'route-controller, namespace: kube-system', false],
    ['system:mine', 'system:mine', 'mine, namespace: kube-system', false],
  ])('%s to %s for %s: expected is %s', (binding, role, account, isExpected) => {
    expect(waiting(binding, role, account)).toEqual([isExpected])
  })

  test('without the label it is not expected', () => {
    expect(waiting(route, route, 'route-controller, namespace: kube-system', 'labels: {}')).toEqual([false])
  })

  test('trust bundles that service accounts may read are expected, and nothing that is written', () => {
    const bundles = (verbs: string) =>
      everybodyHas(
        `{apiGroups: [certificates.k8s.io], resources: [clustertrustbundles], verbs: [${verbs}]}`,
        'system:cluster-trust-bundle-discovery',
      )
    expect(bundles('get, list, watch')).toEqual(['low expected'])
    expect(bundles('get, update')).toEqual(['critical'])
  })
})

describe('a way onto the node', () => {
  const leadsOut = (access: string): boolean =>
    waysOut({
      name: 'w',
      namespace: 'a',
      labels: {},
      annotations: {},
      place: { source: 'test' },
      apiVersion: 'v1',
      kind: 'Pod',
      serviceAccount: 'default',
      projectedAudiences: [],
      secrets: [],
      hostAccess: [access],
    }).length > 0

  test.each([
    ...['/', '//', '/.', '/var', '/var/', '/./var', '/var/lib/', '//etc', '/etc/', '/var//lib/kubelet', 'etc'].map(
      path => `hostPath:${path}`,
    ),
    'capability:SYS_ADMIN',
    'capability:cap_sys_admin',
    'hostProcess',
  ])('%s', access => {
    expect(leadsOut(access)).toBe(true)
  })

  test.each([
    'hostPath:/etc/ssl/certs/',
    'hostPath:/var/lib/longhorn/',
    'hostPath:/data',
    'hostNetwork',
    'capability:NET_RAW',
  ])('%s is none', access => {
    expect(leadsOut(access)).toBe(false)
  })
})

describe('what is within another finding', () => {
  const bound = (whole: string, inNamespace: string) =>
    reviewOf(
      objectsIn(`
kind: ServiceAccount
metadata: {name: small, namespace: kube-system}
---
kind: ClusterRole
metadata: {name: whole}
rules: [{apiGroups: [""], resources: [serviceaccounts/token], verbs: [create]${whole}}]
---
kind: ClusterRole
metadata: {name: there}
rules: [{apiGroups: [""], resources: [serviceaccounts/token], verbs: [create]${inNamespace}}]
---
kind: ClusterRoleBinding
metadata: {name: whole}
roleRef: {kind: ClusterRole, name: whole}
subjects: [{kind: User, name: bob}]
---
kind: RoleBinding
metadata: {name: there, namespace: kube-system}
roleRef: {kind: ClusterRole, name: there}
subjects: [{kind: User, name: bob}]
`),
    )
      .findings.filter(({ subject }) => subject === 'user:bob')
      .filter(({ namespace }) => namespace !== undefined)
      .map(({ move, within }) => `${move} ${within === undefined ? 'open' : 'within'}`)

  test.each([
    ['', '', 'within'],
    ['', ', resourceNames: [small]', 'within'],
    [', resourceNames: [small]', ', resourceNames: [small]', 'within'],
    [', resourceNames: [small]', '', 'open'],
    [', resourceNames: [small]', ', resourceNames: [small, big]', 'open'],
  ])('the whole cluster%s, a namespace%s: %s', (whole, there, how) => {
    expect(bound(whole, there)).toEqual([`ID09 ${how}`])
  })
})
