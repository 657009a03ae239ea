/** Long paths against many patterns: a bounded number of steps, and a denial beyond it. */
import { expect, it } from 'vitest'
import { explain } from '../../rbac/asking/explain.ts'
import { decide } from '../../rbac/decide.ts'
import type { PolicySnapshot } from '../../rbac/policy.ts'
import { processorMsOf } from '../pace.ts'
import { policyOf } from './policies.ts'

const host = 'wiki.example.com'
const requestFor = (resource: string) => ({ domain: host, resource, action: 'GET', url: `https://${host}${resource}` })
const ask = (policy: PolicySnapshot, path: string) =>
  decide({ request: requestFor(path), identity: { kind: 'anonymous' }, context: { now: 0 } }, policy)
const rowsOf = (count: number, resourceOf: (at: number) => string, effect = 'deny') =>
  Array.from({ length: count }, (_, at) => `p, anyone, ${host}, "${resourceOf(at)}", GET, -, ${effect}\n`).join('')
const all = `p, anyone, ${host}, /**, GET, -, allow\n`

const manySegments = '/a'.repeat(4_000)
const manyLetters = `/${'ax'.repeat(4_000)}`

const worst: [string, (at: number) => string, number, string][] = [
  ['2,000 starred rows', at => `/*/x${at}`, 2_000, manySegments],
  ['2,000 rows of twenty stars', at => `${'/*'.repeat(20)}/x${at}`, 2_000, manySegments],
  ['2,000 rows of fifty pieces', at => `/*${'a*'.repeat(50)}b${at}`, 2_000, manyLetters],
  ['200 suffixes', at => `re:/.*\\.ph${at}`, 200, manyLetters],
  ['200 expressions over segments', at => `re:(/[^/]+)*/x${at}[0-9]+`, 200, manySegments],
  ['200 expressions with anything on both sides', at => `re:.*x${at}y.*`, 200, manyLetters],
]

it.each(worst)(
  '%s and a path of 8 KB are not let pass, and take no longer than a moment',
  async (_, resourceOf, count, path) => {
    const policy = await policyOf(all + rowsOf(count, resourceOf))
    // The first one compiles.
    ask(policy, path)
    const times = []
    for (let at = 0; at < 9; at += 1) times.push(await processorMsOf(() => ask(policy, `${path}${at}`)))
    // A bound in steps; in time, on whatever machine, far from the 30 to 400 ms that each of them took.
    expect(times.sort((a, b) => a - b)[4]).toBeLessThan(25)
    expect(ask(policy, path).effect).toBe('deny')
  },
)

it('a path that is not compared with a row that denies it is denied, with a reason of its own', async () => {
  const policy = await policyOf(all + rowsOf(400, at => `re:.*x${at}y.*`))
  const path = `${manyLetters}x399y`
  const decision = ask(policy, path)
  expect(decision).toMatchObject({ effect: 'deny', reason: 'path-too-costly' })
  expect(
    explain({ request: requestFor(path), identity: { kind: 'anonymous' }, context: { now: 0 } }, policy).decision,
  ).toEqual(decision)
})

it.each([1_000, 1_024])('a path of everyday length (%d) is compared with whatever rows there are', async length => {
  const policy = await policyOf(all + rowsOf(400, at => `re:.*x${at}y.*`))
  const path = `/${'a'.repeat(length - 6)}x399y`
  expect(ask(policy, path)).toMatchObject({ effect: 'deny', reason: 'rule-denied' })
  expect(ask(policy, `/${'a'.repeat(length - 1)}`).effect).toBe('allow')
})

it('patterns that begin with another folder, and plain rows, cost a long path nothing', async () => {
  const policy = await policyOf(all + rowsOf(5_000, at => `/area-${at}/*/x`) + rowsOf(5_000, at => `/plain-${at}/**`))
  expect(ask(policy, manyLetters).effect).toBe('allow')
})
