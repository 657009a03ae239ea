/** Becoming somebody else by saying so: the impersonation headers, legacy and constrained. */
import type { NodeId } from '../../finding.ts'
import { idOf, userSubject } from '../../subject.ts'
import { grouped, isServiceAccount } from '../facts.ts'
import { type At, always, byScope, nowhere, type RightsMove } from '../move.ts'
import { all, any, can, type Need } from '../need.ts'
import { anySubresource } from '../right.ts'
import { accounts, namesOf, told, usesOn } from '../targets.ts'

const impersonationPage = 'https://kubernetes.io/docs/reference/access-authn-authz/authentication/#user-impersonation'
const constrainedPage = 'https://github.com/kubernetes/enhancements/issues/5284'
const authentication = 'authentication.k8s.io'
const masters = 'system:masters'

/** Of constrained impersonation: what may be done as somebody else is asked about on the resource itself. */
function onBehalf(mode: string): Need {
  const prefix = `impersonate-on:${mode}:`
  // A wildcard is the whole verb or none: `impersonate-on:user-info:*` is no verb that anybody asks about.
  const isAction = (verb: string) => verb.startsWith(prefix) && !['', '*'].includes(verb.slice(prefix.length))
  return can(`${prefix}VERB`, 'any resource', {
    matches: ({ verbs, resources = [], apiGroups = [] }) =>
      resources.length > 0 && apiGroups.length > 0 && verbs.some(verb => verb === '*' || isAction(verb)),
  })
}

/** Whom, asked in the namespace of the account, which need not be that of the action. */
function identitiesOf(at: At): readonly NodeId[] {
  const byNamespace = grouped(usesOn(at, 'serviceaccounts'), ({ grant }) => grant.namespace)
  return [...byNamespace].flatMap(([namespace, uses]) => {
    const { namespace: _, ...elsewhere } = at
    return accounts(namespace === undefined ? elsewhere : { ...at, namespace }, uses, false).to
  })
}

export const impersonationMoves: readonly RightsMove[] = [
  {
    id: 'ID01',
    title: 'Impersonate a group',
    can: 'impersonate groups',
    scope: 'cluster',
    needs: can('impersonate', 'groups'),
    severity: {
      text: 'critical where system:masters is one of them, high otherwise',
      of: ({ uses }) => {
        const names = namesOf(uses)
        return names === 'any' || names.includes(masters) ? 'critical' : 'high'
      },
    },
    reaches: told('each group named, or every group, system:masters among them', ({ uses }) => {
      const names = namesOf(uses)
      if (names === 'any') return { to: ['groups:*', 'sink:system-masters'] }
      const named = names.map((name): NodeId => `group:${name}`)
      return { to: names.includes(masters) ? [...named, 'sink:system-masters'] : named }
    }),
    why: 'A request may name the groups that it wants to be judged by. With system:masters no authorizer is asked any more. A user has to be named with it, which needs a right of its own; a role that lists groups and leaves users open gives both.',
    close: 'List the groups in resourceNames, none that begins with system:.',
    narrow: 'the groups',
    sources: [impersonationPage],
  },
  {
    id: 'ID02',
    title: 'Impersonate a user',
    can: 'impersonate users',
    scope: 'cluster',
    needs: can('impersonate', 'users'),
    severity: {
      text: 'critical for every user, high for named ones',
      of: ({ uses }) => (namesOf(uses) === 'any' ? 'critical' : 'high'),
    },
    reaches: told('each user named, or every user, system:kube-controller-manager among them', ({ uses }) => {
      const names = namesOf(uses)
      if (names === 'any') return { to: ['users:*'] }
      // A name of a service account is asked about as serviceaccounts: naming it here gives nothing.
      return { to: names.map(name => idOf(userSubject(name))).filter(id => !isServiceAccount(id)) }
    }),
    why: 'Everybody whom a binding names can be impersonated, the components of the control plane as well: system:kube-controller-manager reads every Secret and mints tokens.',
    close: 'List the users in resourceNames.',
    narrow: 'the users',
    sources: [impersonationPage],
  },
  {
    id: 'ID03',
    title: 'Impersonate a service account',
    can: 'impersonate service accounts',
    scope: 'namespaced',
    needs: can('impersonate', 'serviceaccounts'),
    severity: byScope({ cluster: 'critical', namespace: 'high', system: 'critical', named: 'high' }),
    reaches: told('each service account named, or every one there; their groups follow', at =>
      accounts(at, at.uses, false),
    ),
    why: 'The default role edit holds it: whoever may edit a namespace is every service account of it, without a pod and without a token.',
    close: 'List the accounts in resourceNames; where it comes from edit or admin, bind a role of your own instead.',
    narrow: 'the service accounts',
    sources: [impersonationPage, 'https://kubernetes.io/docs/reference/access-authn-authz/rbac/#user-facing-roles'],
  },
  {
    id: 'ID04',
    title: 'Impersonate extra attributes',
    can: 'claim any extra attribute of an identity',
    scope: 'cluster',
    needs: can('impersonate', `userextras.${authentication}/${anySubresource}`),
    severity: always('medium'),
    reaches: nowhere,
    why: 'Scopes, node names and session ids of an identity are extras. Where an authorizer or an admission policy reads them, whoever can set them passes it.',
    close: 'Name the key as the subresource, and its values in resourceNames.',
    narrow: 'the values',
    sources: [impersonationPage],
  },
  {
    id: 'ID05',
    title: 'Impersonate a UID',
    can: 'claim any UID',
    scope: 'cluster',
    needs: can('impersonate', `uids.${authentication}`),
    severity: always('medium'),
    reaches: nowhere,
    why: 'What keys rights or records on the UID instead of the name can be misled.',
    close: 'List the UIDs in resourceNames.',
    narrow: 'the UIDs',
    sources: [impersonationPage],
  },
  {
    id: 'ID06',
    title: 'Impersonate a user, within limits',
    can: 'act as other users, as far as its impersonate-on rights go',
    scope: 'namespaced',
    needs: all(can('impersonate:user-info', `users.${authentication}`), onBehalf('user-info')),
    severity: byScope({ cluster: 'high', namespace: 'medium' }),
    reaches: told('each user named, or every one, for the actions that are granted; never system:masters', at => {
      const names = namesOf(usesOn(at, 'users'))
      return { to: [], maybe: names === 'any' ? ['users:*'] : names.map((name): NodeId => `user:${name}`) }
    }),
    why: 'Constrained impersonation (Kubernetes 1.36) has two halves: whom, and what. Rights of all grants are taken together: there are no pairs of the two.',
    close: 'Keep both halves narrow: names in the first, single verbs and resources in the second.',
    narrow: 'the users',
    sources: [constrainedPage],
  },
  {
    id: 'ID07',
    title: 'Impersonate a service account, within limits',
    can: 'act as other service accounts, as far as its impersonate-on rights go',
    scope: 'namespaced',
    needs: all(
      can('impersonate:serviceaccount', `serviceaccounts.${authentication}`, { isAnywhere: true }),
      onBehalf('serviceaccount'),
    ),
    severity: byScope({ cluster: 'high', namespace: 'medium' }),
    reaches: told(
      'each service account named, or every one where that is granted, for the actions that are granted',
      at => ({
        to: [],
        maybe: identitiesOf(at),
      }),
    ),
    why: 'As ID06, for service accounts: the first half is asked in the namespace of the account, the second in that of the action.',
    close: 'Keep both halves narrow: names in the first, single verbs and resources in the second.',
    narrow: 'the service accounts',
    sources: [constrainedPage],
  },
  {
    id: 'ID08',
    title: 'Impersonate a node, within limits',
    can: 'act as a node, as far as its impersonate-on rights go',
    scope: 'namespaced',
    needs: any(
      all(can('impersonate:arbitrary-node', `nodes.${authentication}`), onBehalf('arbitrary-node')),
      all(can('impersonate:associated-node', `nodes.${authentication}`), onBehalf('associated-node')),
    ),
    severity: {
      text: 'high for any node, low for the one that it runs on',
      of: ({ uses }) => (uses.some(({ verbs }) => verbs.includes('impersonate:arbitrary-node')) ? 'high' : 'low'),
    },
    reaches: told('what the Node authorizer gives a node, for the actions that are granted', () => ({
      to: [],
      maybe: ['group:system:nodes'],
    })),
    why: 'A node may read the Secrets of the pods that it runs, and mint tokens for their accounts.',
    close: 'Grant impersonate:associated-node instead of impersonate:arbitrary-node.',
    sources: [constrainedPage],
  },
]
