/** The minimal rules allow everything that was used, and nothing that the old ones did not. */
import { describe, expect, test } from 'vitest'
import { type Rule, rulesAllow } from '../../rbac/kubernetes/rule.ts'
import { attribute } from '../../rbac/reach/excess/attribution.ts'
import { hiddenIn } from '../../rbac/reach/excess/hidden-rights.ts'
import { type MinimalChoice, minimalRules } from '../../rbac/reach/excess/minimal.ts'
import type { AccessQuestion } from '../../rbac/reach/grant.ts'
import { grantsOf } from '../../rbac/reach/grants.ts'
import { readAuditEvent } from '../../rbac/reach/usage/audited-call.ts'
import { createUsageCollector, questionsOf, type Usage } from '../../rbac/reach/usage/usage.ts'
import { fc } from '../properties.ts'
import { auditEvent } from './audit-events.ts'
import { clusterBinding, clusterOf, clusterRole, rule } from './made-objects.ts'

const verbs = ['get', 'list', 'watch', 'create', 'update', 'delete', 'deletecollection', 'bind']
const groups = ['', 'apps', 'rbac.authorization.k8s.io']
const resources = ['pods', 'pods/exec', 'secrets', 'roles', 'rolebindings']
const names = ['a', 'b', 'web-x7k2p']
const paths = ['/metrics', '/logs/x', '/logs/y']

const some = (values: readonly string[], ...wild: string[]) =>
  fc.uniqueArray(fc.constantFrom(...values, ...wild), { minLength: 1, maxLength: 3 })
const resourceRule: fc.Arbitrary<Rule> = fc.record({
  apiGroups: some(groups, '*'),
  resources: some(resources, '*', '*/exec'),
  verbs: some(verbs, '*'),
  resourceNames: fc.oneof(fc.constant([]), fc.uniqueArray(fc.constantFrom(...names), { maxLength: 2 })),
})
const urlRule: fc.Arbitrary<Rule> = fc.record({
  nonResourceURLs: some(paths, '*', '/logs/*'),
  verbs: some(['get', 'post'], '*'),
})
const rules = fc.array(fc.oneof({ weight: 4, arbitrary: resourceRule }, urlRule), { minLength: 1, maxLength: 4 })

const parts = (resource: string) => {
  const [kind = '', subresource] = resource.split('/')
  return { resource: kind, ...(subresource !== undefined && { subresource }) }
}
const resourceQuestion: fc.Arbitrary<AccessQuestion> = fc
  .record({
    verb: fc.constantFrom(...verbs),
    group: fc.constantFrom(...groups, 'other'),
    whole: fc.constantFrom(...resources, 'other', 'other/exec'),
    name: fc.option(fc.constantFrom(...names, 'other'), { nil: undefined }),
  })
  .map(({ whole, name, ...asked }) => ({ ...asked, ...parts(whole), ...(name !== undefined && { name }) }))
const urlQuestion = fc.record({
  verb: fc.constantFrom('get', 'post', 'put'),
  path: fc.constantFrom(...paths, '/other'),
})
const questions = fc.oneof({ weight: 4, arbitrary: resourceQuestion }, urlQuestion)
const choices: fc.Arbitrary<MinimalChoice> = fc.record({
  names: fc.constantFrom('stable' as const, 'always' as const, 'never' as const),
  isWide: fc.boolean(),
})

/** What the rules allow was used. @param keptNames so few that some are forgotten */
function usageOf(held: readonly Rule[], asked: readonly AccessQuestion[], keptNames: number): Usage {
  const collector = createUsageCollector(undefined, { rights: 1000, keys: 1000, names: keptNames })
  for (const [at, question] of asked.filter(one => rulesAllow(held, one)).entries()) {
    const reading = readAuditEvent(auditEvent({ id: `${at}` }))
    if ('question' in reading) collector.add({ ...reading, question })
  }
  return collector.usage()
}

function minimal(held: readonly Rule[], usage: Usage, choice: MinimalChoice) {
  const grants = grantsOf(clusterOf({ roles: [clusterRole('r', held)], bindings: [clusterBinding('r', 'user:alice')] }))
  const attribution = attribute(grants, usage, new Set())
  const used = grants.of('user:alice').map(grant => ({
    rule: grant.rule,
    uses: attribution.usesOf(grant),
    hidden: hiddenIn(grant.rule, attribution.doneBy('user:alice')),
  }))
  return minimalRules(used, choice)
}

describe('for any rules, any use of them and any choice', () => {
  const world = fc.record({
    held: rules,
    asked: fc.array(questions, { maxLength: 12 }),
    others: fc.array(questions, { maxLength: 20 }),
    keptNames: fc.constantFrom(1, 2, 50),
    choice: choices,
  })

  test('everything that was used is still allowed', () => {
    fc.assert(
      fc.property(world, ({ held, asked, keptNames, choice }) => {
        const { rules: made } = minimal(held, usageOf(held, asked, keptNames), choice)
        expect(asked.filter(one => rulesAllow(held, one) && !rulesAllow(made, one))).toEqual([])
      }),
      { numRuns: 3000 },
    )
  })

  test('nothing is allowed that was not', () => {
    fc.assert(
      fc.property(world, ({ held, asked, others, keptNames, choice }) => {
        const { rules: made } = minimal(held, usageOf(held, asked, keptNames), choice)
        expect([...asked, ...others].filter(one => rulesAllow(made, one) && !rulesAllow(held, one))).toEqual([])
      }),
      { numRuns: 3000 },
    )
  })

  test('no wildcard without --wide, and no create with names that would never let anything pass', () => {
    fc.assert(
      fc.property(world, ({ held, asked, keptNames, choice }) => {
        const open = held.filter(({ resourceNames = [] }) => resourceNames.length === 0)
        const { rules: made } = minimal(open, usageOf(open, asked, keptNames), { ...choice, isWide: false })
        expect(JSON.stringify(made)).not.toContain('*')
        const named = made.filter(({ resourceNames = [] }) => resourceNames.length > 0)
        const isHopeless = ({ verbs: all, resources: of = [] }: Rule) =>
          all.includes('deletecollection') || (all.includes('create') && of.some(one => !one.includes('/')))
        expect(named.filter(isHopeless)).toEqual([])
      }),
      { numRuns: 2000 },
    )
  })
})

const usedBy = (...asked: AccessQuestion[]) =>
  usageOf([{ apiGroups: ['*'], resources: ['*'], verbs: ['*'], nonResourceURLs: ['*'] }], asked, 50)
const everything = [rule('*', '*', { apiGroups: ['*'] })]
const ask = (verb: string, whole: string, more: { group?: string; name?: string; namespace?: string } = {}) => ({
  verb,
  group: '',
  ...parts(whole),
  ...more,
})

test('of a wildcard what was used remains, each once, reading first', () => {
  const usage = usedBy(
    ask('watch', 'pods'),
    ask('list', 'pods'),
    ask('list', 'services'),
    ask('watch', 'services'),
    ask('create', 'pods'),
  )
  expect(minimal(everything, usage, { names: 'stable', isWide: false }).rules).toEqual([
    { apiGroups: [''], resources: ['pods'], verbs: ['list', 'watch', 'create'] },
    { apiGroups: [''], resources: ['services'], verbs: ['list', 'watch'] },
  ])
})

test('names that people choose are kept, those that controllers make are not', () => {
  const usage = usedBy(
    ask('get', 'secrets', { name: 'db' }),
    ask('get', 'pods', { name: 'web-0' }),
    ask('get', 'configmaps', { name: 'web-x7k2p' }),
  )
  const of = (names: MinimalChoice['names']) => minimal(everything, usage, { names, isWide: false }).rules
  expect(of('stable')).toEqual([
    { apiGroups: [''], resources: ['configmaps', 'pods'], verbs: ['get'] },
    { apiGroups: [''], resources: ['secrets'], verbs: ['get'], resourceNames: ['db'] },
  ])
  expect(of('never')).toEqual([{ apiGroups: [''], resources: ['configmaps', 'pods', 'secrets'], verbs: ['get'] }])
  expect(of('always')).toHaveLength(3)
})

test('what no log can show stays where what asks for it was done, and is said', () => {
  const held = [rule('create bind', 'rolebindings roles clusterroles', { apiGroups: ['rbac.authorization.k8s.io'] })]
  const group = 'rbac.authorization.k8s.io'
  const did = usedBy(ask('create', 'rolebindings', { group }))
  const { rules: made, unseen } = minimal(held, did, { names: 'stable', isWide: false })
  expect(made).toContainEqual({ apiGroups: [group], resources: ['clusterroles', 'roles'], verbs: ['bind'] })
  expect(unseen).toEqual(['bind roles.rbac.authorization.k8s.io', 'bind clusterroles.rbac.authorization.k8s.io'])
  expect(minimal(held, usedBy(), { names: 'stable', isWide: false })).toEqual({ rules: [], unseen: [] })
})

test('each question of a right is asked with each of its names', () => {
  const [one] = usedBy(
    ask('get', 'secrets', { name: 'a' }),
    ask('get', 'secrets', { name: 'b' }),
    ask('get', 'secrets'),
  ).askers
  expect(one?.used.flatMap(questionsOf)).toHaveLength(3)
})
