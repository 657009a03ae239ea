/**
 * The cases of kubescape's rules (../shared/data/k8s/cases/kubescape, Apache-2.0), each judged by our moves: precision and
 * recall over those where both ask the same, and every other one in a table that says why we answer otherwise.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { grantsOf } from '../../rbac/reach/grants.ts'
import { directMoves } from '../../rbac/reach/moves/direct.ts'
import { factsOf } from '../../rbac/reach/moves/facts.ts'
import { objectsBelow } from './plain-objects.ts'
import { sharedData } from './shared-data.ts'

const cases = sharedData('k8s/cases/kubescape') ?? 'absent'

/** Which of our moves asks what their rule asks. Some of theirs look at namespaces of one kind alone: theirs `only`. */
const rules: Readonly<Record<string, readonly string[]>> = {
  'approve-csr-v1': ['ID14'],
  'assign-serviceaccount-to-pod-v1': ['WL01', 'WL02'],
  'attach-ephemeral-container-v1': ['WL07'],
  'bind-roles-clusterroles-v1': ['RB01'],
  'create-persistentvolumes-v1': ['WL12'],
  'create-serviceaccount-token-v1': ['ID09'],
  'escalate-roles-clusterroles-v1': ['RB02'],
  'impersonate-users-groups-v1': ['ID01', 'ID02', 'ID03'],
  'issue-token-secrets-v1': ['ID12', 'ID13'],
  'modify-node-status-v1': ['WL14'],
  'modify-pod-status-v1': ['WL17'],
  'modify-privileged-pods-v1': ['WL04'],
  'modify-service-status-v1': ['WL17'],
  'node-proxy-access-v1': ['WL10'],
  'steal-privileged-pods-v1': ['WL14'],
  'weak-namespace-pod-rce-v1': ['WL04', 'WL05'],
  'weak-namespace-token-access-v1': ['ID09', 'ID10', 'ID11', 'ID12', 'ID13'],
}

/** Where we say otherwise on purpose. */
const otherwise: Readonly<Record<string, string>> = {
  'approve-csr-v1/clusterrole-missing-retrieve':
    'the certificate is in the answer to a second approval (a PUT answers with the object): no right to read is needed',
  'approve-csr-v1/clusterrole-named-create': 'a create has no name, so a rule with resourceNames never allows it',
  'assign-serviceaccount-to-pod-v1/role-unprivileged-deployments':
    'every namespace has accounts, not kube-system alone',
  'issue-token-secrets-v1/role-unprivileged': 'every namespace has accounts, not kube-system alone',
  'attach-ephemeral-container-v1/clusterrole': 'pods/* is no wildcard of RBAC: it matches no request',
  'issue-token-secrets-v1/clusterrole-named-secret':
    'a named Secret that can be rewritten is a finding (ID13), of a lower severity',
  'modify-node-status-v1/clusterrole-update-nodes-only':
    'writing a node keeps pods away from it as writing its status does',
  'modify-privileged-pods-v1/role-unprivileged-namespace': 'every namespace has accounts, not kube-system alone',
  'steal-privileged-pods-v1/clusterrole-named-delete':
    'one half is said by itself: nodes may be cordoned by somebody else',
  'steal-privileged-pods-v1/clusterrole-node-status-only':
    'one half is said by itself: nodes may be cordoned by somebody else',
  'steal-privileged-pods-v1/clusterrole-remove-only':
    'one half is said by itself: nodes may be cordoned by somebody else',
  'steal-privileged-pods-v1/role-unprivileged': 'one half is said by itself, in every namespace',
  'steal-privileged-pods-v1/same-name-distinct-namespaces': 'one half is said by itself, of each of the two accounts',
  'weak-namespace-pod-rce-v1/clusterrolebinding-clusterwide':
    'theirs leaves the whole cluster to another rule; ours has one',
  'weak-namespace-pod-rce-v1/role-kube-system': 'theirs leaves kube-system to another rule; ours has one',
  'weak-namespace-token-access-v1/clusterrolebinding-clusterwide':
    'theirs leaves the whole cluster to another rule; ours has one',
  'weak-namespace-token-access-v1/role-kube-system': 'theirs leaves kube-system to another rule; ours has one',
  'weak-namespace-token-access-v1/role-named-secret-create':
    'list of a named Secret reads it for a client that selects that name',
  'weak-namespace-token-access-v1/role-watch-secrets': 'a watch shows contents as a list does',
}

interface Case {
  readonly name: string
  readonly isTheirs: boolean
  readonly isOurs: boolean
}

function judged(): Case[] {
  return Object.entries(rules).flatMap(([rule, moves]) =>
    readdirSync(`${cases}/${rule}/test`)
      .sort()
      .map(name => {
        const folder = `${cases}/${rule}/test/${name}`
        const objects = objectsBelow(`${folder}/input`)
        const found = directMoves(factsOf(objects, grantsOf(objects)))
        const expected = JSON.parse(readFileSync(`${folder}/expected.json`, 'utf8')) as unknown[]
        const isOurs = found.some(({ move, subject }) => moves.includes(move) && !subject.startsWith('group:system:'))
        return { name: `${rule}/${name}`, isTheirs: expected.length > 0, isOurs }
      }),
  )
}

describe.skipIf(!existsSync(cases))("kubescape's cases", () => {
  const all = existsSync(cases) ? judged() : []

  test('differ from ours where the table says so, and nowhere else', () => {
    const different = all.filter(({ isTheirs, isOurs }) => isTheirs !== isOurs).map(({ name }) => name)
    expect(different).toEqual(Object.keys(otherwise).sort())
  })

  test('precision and recall of our rules, over the cases where both ask the same', () => {
    const same = all.filter(({ name }) => !(name in otherwise))
    const count = (isTheirs: boolean, isOurs: boolean) =>
      same.filter(one => one.isTheirs === isTheirs && one.isOurs === isOurs).length
    const [hit, extra, missed] = [count(true, true), count(false, true), count(true, false)]
    const [precision, recall] = [hit / (hit + extra), hit / (hit + missed)]
    const [ours, theirs] = [all.filter(({ isOurs }) => isOurs).length, all.filter(({ isTheirs }) => isTheirs).length]
    process.stdout.write(
      `${all.length} cases, ${same.length} of one question: precision ${precision}, recall ${recall}; of all, ours ${ours}, theirs ${theirs}\n`,
    )
    expect([precision, recall]).toEqual([1, 1])
    expect(same.length).toBeGreaterThan(70)
  })
})
