/** Whom a move reaches, where that is more than what its rule names. */
import { describe, expect, test } from 'vitest'
import { moveOf } from '../../rbac/reach/moves/table.ts'
import { reachersOf, reviewOf } from '../../rbac/reach/review.ts'
import { clusterWith, movesBy } from './witnesses.ts'

const certificates = [
  'create certificatesigningrequests.certificates.k8s.io',
  'update certificatesigningrequests.certificates.k8s.io/approval',
  'approve signers.certificates.k8s.io [kubernetes.io/kube-apiserver-client]',
].join(' + ')

function reachOf(id: string, text: string) {
  const move = moveOf(id)
  if (move === undefined) throw new Error(`no move ${id}`)
  return movesBy(text, [move]).map(({ namespace = '*', to, maybe }) => ({ namespace, to, maybe }))
}

describe('whom a move reaches', () => {
  test('a certificate may say the name of a service account, of one that is gone as well', () => {
    const review = reviewOf(clusterWith(certificates))
    for (const account of ['payments/deployer', 'lost/gone'])
      expect(reachersOf(review, `service-account:${account}`).map(({ subject }) => subject)).toContain('user:alice')
    expect(reachersOf(review, 'sink:system-masters').filter(({ isExpected }) => !isExpected)).toEqual([])
  })

  test('impersonation needs the name of an account, a token the account', () => {
    const gone = 'service-account:lost/gone'
    expect(reachOf('ID03', 'impersonate serviceaccounts')[0]?.to).toEqual(['service-accounts:*', gone])
    expect(reachOf('ID03', 'impersonate serviceaccounts @lost')[0]?.to).toEqual(['service-accounts:lost', gone])
    expect(reachOf('ID03', 'impersonate serviceaccounts @payments')[0]?.to).toEqual(['service-accounts:payments'])
    expect(reachOf('ID09', 'create serviceaccounts/token')[0]?.to).toEqual(['service-accounts:*'])
  })

  test('constrained: whom is asked in the namespace of the account, what in that of the action', () => {
    const [whom, what] = [
      'impersonate:serviceaccount serviceaccounts.authentication.k8s.io',
      'impersonate-on:serviceaccount:get pods',
    ]
    const reach = (maybe: readonly string[], namespace: string) => ({ namespace, to: [], maybe })
    expect(reachOf('ID07', `${whom} @payments + ${what} @shop`)).toEqual([reach(['service-accounts:payments'], 'shop')])
    expect(reachOf('ID07', `${whom} [deployer] @payments + ${what} @shop`)).toEqual([
      reach(['service-account:payments/deployer'], 'shop'),
    ])
    expect(reachOf('ID07', `${whom} + ${what} @shop`)).toEqual([
      reach(['service-accounts:*', 'service-account:lost/gone'], 'shop'),
    ])
    expect(reachOf('ID07', `${whom} @payments + ${what}`)).toEqual([reach(['service-accounts:payments'], 'payments')])
  })

  test('a named account is claimed by its name', () => {
    expect(reachOf('ID17', 'create,patch serviceaccounts [gone other]')).toEqual([
      { namespace: '*', to: ['service-account:lost/gone'], maybe: [] },
    ])
  })
})
