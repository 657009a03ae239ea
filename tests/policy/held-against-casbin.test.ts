/** A new policy is held against a plain Casbin enforcer; what disagrees does not come into force. */
import { readdirSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { createPolicyReloader } from '../../app/policy/reload.ts'
import { createPolicyTrial } from '../../app/policy/trial.ts'
import { holdAgainstCasbin } from '../../rbac/asking/held-against-casbin.ts'
import type { Candidates } from '../../rbac/partition.ts'
import type { PolicySnapshot } from '../../rbac/policy.ts'
import { loadPolicy, policyOf } from '../decisions/policies.ts'

const now = Date.UTC(2026, 0, 1, 12) / 1000

/** Mulberry32. */
function seeded(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}
const hold = (policy: PolicySnapshot, more = {}) =>
  holdAgainstCasbin(policy, { questions: 2_000, random: seeded(1), now, ...more })

const rows = `
p, authenticated, wiki.example.com, /**, *, -, allow
p, group:ops, wiki.example.com, /admin/**, *, -, allow
p, group:out, wiki.example.com, /admin/**, *, -, deny
p, email:bob@example.com, *.example.com, /**, write, -, deny
p, role:r, other.example, /r/**, read, -, allow
g, group:dev, role:r, *
`

/** What decides passes over rows, as an index that has lost them would. */
function without(policy: PolicySnapshot, isLost: (rule: string) => boolean): PolicySnapshot {
  const cut = ({ enforced, ...rest }: Candidates) => ({ ...rest, enforced: enforced.filter(({ id }) => !isLost(id)) })
  return { ...policy, narrow: (domain, question) => cut(policy.narrow(domain, question)) }
}

it.each(readdirSync(new URL('../decisions/policies', import.meta.url)))('agrees about the policy %s', async name => {
  const held = await hold(await loadPolicy(name))
  expect(held).toEqual({ asked: 2_000 })
})

describe('a fault is found', () => {
  it.each([
    ['a deny that is lost', 'policy.csv:4'],
    ['a deny of an address on a wildcard that is lost', 'policy.csv:5'],
    ['an allow that is lost', 'policy.csv:6'],
  ])('H04 %s', async (_, rule) => {
    const policy = without(await policyOf(rows), id => id === rule)
    const { disagreement } = await hold(policy)
    expect(disagreement?.decision).toMatchObject({ revision: policy.revision })
  })

  it('H04 names that are kept for somebody else', async () => {
    const policy = await policyOf(rows)
    let kept: ReadonlySet<string> | undefined
    const broken = {
      ...policy,
      namesIn: (...question: Parameters<PolicySnapshot['namesIn']>) => {
        kept ??= policy.namesIn(...question)
        return kept
      },
    }
    expect((await hold(broken)).disagreement).toBeDefined()
  })

  it('H04 an evaluation that lets in, or stops, too early', async () => {
    const policy = await policyOf(rows)
    const first: PolicySnapshot['enforce'] = (some, evaluation) => policy.enforce(some.slice(0, 1), evaluation)
    expect((await hold({ ...policy, enforce: first })).disagreement).toBeDefined()
    expect((await hold({ ...policy, enforce: () => true })).disagreement).toBeDefined()
  })

  it('H04 a row that is named wrongly', async () => {
    const policy = await policyOf(rows)
    const verdicts = { ...policy.verdicts, allow: () => policy.verdicts.allow(policy.rows[0] as never) }
    expect((await hold({ ...policy, verdicts })).disagreement).toBeDefined()
  })
})

describe('the work', () => {
  it('is interrupted after each request', async () => {
    let pauses = 0
    const pause = () => {
      pauses += 1
      return undefined
    }
    expect(await hold(await policyOf(rows), { questions: 300, pause })).toEqual({ asked: 300 })
    expect(pauses).toBe(300)
  })

  it('is bounded where a host has very many rows', async () => {
    const many = Array.from({ length: 1_000 }, (_, at) => `p, group:ops, a.example, /${at}, GET, -, allow\n`)
    expect(await hold(await policyOf(many.join('')), { mostRows: 50_000 })).toEqual({ asked: 50 })
  })

  it('is none for a policy without rows', async () => {
    expect(await hold(await policyOf(''))).toEqual({ asked: 0 })
  })
})

it('H04 what disagrees is refused at start and at a reload, and the last good policy stays', async () => {
  const good = await policyOf(rows)
  const broken = {
    ...without(await policyOf(`${rows}p, anyone, x.example, /, GET, -, allow\n`), id => id === 'policy.csv:4'),
  }
  let next: PolicySnapshot = broken
  const reloader = createPolicyReloader<PolicySnapshot>({
    source: { load: async () => ({ model: '', files: [{ name: 'policy.csv', text: '' }] }), watch: () => () => {} },
    compile: async () => next,
    trial: createPolicyTrial({ clock: { now: () => now * 1000 }, random: seeded(2) }),
    clock: { now: () => now * 1000 },
    watch: false,
  })
  await expect(reloader.start()).rejects.toThrow('a fault of this program')
  next = good
  await reloader.start()
  next = broken
  expect(await reloader.reload()).toBe('rejected')
  expect(await reloader.reload({ force: true })).toBe('rejected')
  expect(reloader.current()).toBe(good)
  expect(reloader.status().lastError).toMatch(/^policy.csv:1:1: a fault of this program: .* and Casbin /)
})

it.each([
  [1, 50],
  [30, 150],
  [100, 200],
])('a start with %i rows puts %i requests to Casbin, and a reload 2,000', async (count, drawn) => {
  const lines = Array.from({ length: count }, (_, at) => `p, group:ops, h${at}.example.com, /**, *, -, allow\n`)
  const policy = await policyOf(lines.join(''))
  let asked = 0
  const counted: PolicySnapshot = {
    ...policy,
    stock: (...question) => {
      asked += 1
      return policy.stock(...question)
    },
  }
  const trial = createPolicyTrial({ clock: { now: () => now * 1000 }, random: seeded(3) })
  await trial(counted, { model: '', files: [] })
  expect(asked).toBe(drawn)
  await trial(counted, { model: '', files: [] }, policy)
  expect(asked).toBe(drawn + 2_000)
})
