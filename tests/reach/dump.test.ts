/** The shared dump of a cluster with twenty-two operators: its real finding, and the figures of a review. */
import { describe, expect, test } from 'vitest'
import { stepText } from '../../rbac/reach/findings/words.ts'
import { countBySeverity, isOpen } from '../../rbac/reach/report/report.ts'
import { reachersOf, reviewOf } from '../../rbac/reach/review.ts'
import { objectsBelow } from './plain-objects.ts'
import { sharedData } from './shared-data.ts'

const dump = sharedData('k8s/cluster-dump')

describe.skipIf(dump === undefined)('the shared dump', () => {
  const review = reviewOf(objectsBelow(dump ?? import.meta.dirname))
  const { findings, moves } = review

  test('six storage drivers can mint a token for any service account', () => {
    const minting = findings.filter(
      one =>
        one.move === 'ID09' && one.namespace === undefined && isOpen(one) && one.targets.includes('service-accounts:*'),
    )
    expect(minting.map(({ subject }) => subject).sort()).toEqual([
      'service-account:rook-ceph/ceph-csi-cephfs-ctrlplugin-sa',
      'service-account:rook-ceph/ceph-csi-cephfs-nodeplugin-sa',
      'service-account:rook-ceph/ceph-csi-nvmeof-ctrlplugin-sa',
      'service-account:rook-ceph/ceph-csi-nvmeof-nodeplugin-sa',
      'service-account:rook-ceph/ceph-csi-rbd-ctrlplugin-sa',
      'service-account:rook-ceph/ceph-csi-rbd-nodeplugin-sa',
    ])
    for (const { path, severity, edits } of minting) {
      expect(severity).toBe('critical')
      expect(path.map(stepText)[0]).toBe('ID09 → every service account')
      expect(path.at(-1)?.to).toMatch(/^sink:(system-masters|cluster-admin)$/)
      expect(edits[0]?.sentence).toContain('create on serviceaccounts/token')
      expect(edits[0]?.patch).not.toContain('serviceaccounts/token')
    }
  })

  test('a named mint reaches that account and no other', () => {
    const calico = moves.filter(one => one.subject === 'service-account:kube-system/calico-node' && one.move === 'ID09')
    expect(calico.map(({ to, severity }) => [to, severity])).toEqual([
      [['service-account:kube-system/calico-cni-plugin'], 'medium'],
    ])
  })

  test('a viewer of everything can call the kubelet', () => {
    const gatekeeper = findings.filter(one => one.subject === 'service-account:gatekeeper-system/gatekeeper-admin')
    expect(gatekeeper.filter(isOpen).map(({ move }) => move)).toContain('WL10')
    expect(gatekeeper.map(({ move }) => move)).not.toContain('WL05')
  })

  test('what Kubernetes ships is folded, and nothing of anybody else', () => {
    const folded = findings.filter(({ isExpected }) => isExpected)
    expect(new Set(folded.map(({ subject }) => subject.replace(/^(service-account:kube-system\/).*/, '$1…')))).toEqual(
      new Set([
        'service-account:kube-system/…',
        'group:system:masters',
        'group:system:authenticated',
        'group:system:serviceaccounts',
        'group:system:unauthenticated',
        'user:system:kube-controller-manager',
      ]),
    )
    expect(
      folded.filter(
        ({ subject }) => /calico|autoscaler|dashboard|metrics|vpa|coredns/.test(subject) && !/horizontal/.test(subject),
      ),
    ).toEqual([])
  })

  test('figures', () => {
    const open = findings.filter(isOpen)
    const reachers = reachersOf(review, 'sink:cluster-admin').filter(({ isExpected }) => !isExpected)
    process.stdout.write(
      `${moves.length} direct moves, ${open.length} open findings ${JSON.stringify(countBySeverity(open))}, ${reachers.length} reach cluster-admin, graph ${JSON.stringify(review.graph.size)}\n`,
    )
    expect(open.length).toBeGreaterThan(200)
    expect(findings.every(({ sentence }) => sentence.endsWith('.'))).toBe(true)
  })
})
