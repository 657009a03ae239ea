/** What is kept of a decider's answers, for how long, and how many questions there may be. */
import { describe, expect, it } from 'vitest'
import { type AskOutcome, createDecider, mostAtOnce } from '../../app/deciders/decider.ts'
import type { Asked } from '../../app/deciders/messages.ts'
import type { User } from '../../rbac/identity.ts'

const alice: User = { kind: 'user', subject: 'i#alice', provider: 'corp', groups: [], claims: {} }
const asked = (changed: Partial<Asked> = {}): Asked => ({
  identity: alice,
  request: { domain: 'wiki.example.com', resource: '/', action: 'GET' },
  clientAddress: undefined,
  ...changed,
})
const at = (resource: string): Asked => asked({ request: { domain: 'wiki.example.com', resource, action: 'GET' } })

function world({ cacheForMs = 1_000 } = {}) {
  let now = 0
  const pending: { readonly body: string; readonly say: (text: string) => void; readonly fail: () => void }[] = []
  const outcomes: AskOutcome[] = []
  const decider = createDecider({
    name: 'd',
    shape: 'opa',
    cacheForMs,
    now: () => now,
    post: body =>
      new Promise((resolve, reject) => {
        pending.push({ body, say: resolve, fail: () => reject(new Error('down')) })
      }),
    onAsked: (_, outcome) => outcomes.push(outcome),
  })
  const pass = (ms: number): void => {
    now += ms
  }
  return { decider, pending, outcomes, pass }
}

const yes = '{"result":true}'
const no = '{"result":false}'

describe('an answer', () => {
  it.each([
    [yes, true],
    [no, false],
  ])('%s is kept for as long as it may count, from the question on (H45)', async (text, answer) => {
    const { decider, pending, pass } = world()
    const question = decider.questionOf(asked())
    const asking = decider.ask(question)
    pass(400)
    pending[0]?.say(text)
    expect(await asking).toBe(answer)
    pass(599)
    expect(decider.known(question)).toBe(answer)
    pass(1)
    expect(decider.known(question)).toBeUndefined()
  })

  it('is that of no other question (H45)', async () => {
    const { decider, pending } = world()
    const asking = decider.ask(decider.questionOf(at('/a')))
    pending[0]?.say(yes)
    await asking
    expect(decider.known(decider.questionOf(at('/a')))).toBe(true)
    expect(decider.known(decider.questionOf(at('/b')))).toBeUndefined()
    expect(decider.known(decider.questionOf({ ...at('/a'), identity: { ...alice, subject: 'i#bob' } }))).toBeUndefined()
  })

  it('is kept by nobody with a time of nothing', async () => {
    const { decider, pending } = world({ cacheForMs: 0 })
    const question = decider.questionOf(asked())
    const asking = decider.ask(question)
    pending[0]?.say(yes)
    expect(await asking).toBe(true)
    expect(decider.known(question)).toBeUndefined()
  })

  it('that fails is none, and is not kept (H44)', async () => {
    const { decider, pending, outcomes } = world()
    const question = decider.questionOf(asked())
    const first = decider.ask(question)
    pending[0]?.fail()
    expect(await first).toBeUndefined()
    const second = decider.ask(question)
    pending[1]?.say('{"result":"perhaps"}')
    expect(await second).toBeUndefined()
    expect(decider.known(question)).toBeUndefined()
    expect(outcomes).toEqual(['failed', 'failed'])
  })
})

describe('many questions', () => {
  it('that are one are put once', async () => {
    const { decider, pending } = world()
    const askings = [1, 2, 3].map(() => decider.ask(decider.questionOf(asked())))
    expect(pending).toHaveLength(1)
    pending[0]?.say(yes)
    expect(await Promise.all(askings)).toEqual([true, true, true])
  })

  it('are bounded, and nobody who is not logged in takes the room of who is (H44)', async () => {
    const { decider, pending, outcomes } = world()
    const nobody = (path: string) => decider.ask(decider.questionOf({ ...at(path), identity: { kind: 'anonymous' } }))
    const askings = Array.from({ length: mostAtOnce.nobody }, (_, index) => nobody(`/${index}`))
    expect(await nobody('/more')).toBeUndefined()
    expect(outcomes).toEqual(['full'])
    const ours = Array.from({ length: mostAtOnce.somebody }, (_, index) =>
      decider.ask(decider.questionOf(at(`/${index}`))),
    )
    expect(pending).toHaveLength(mostAtOnce.nobody + mostAtOnce.somebody)
    expect(await decider.ask(decider.questionOf(at('/more')))).toBeUndefined()
    for (const one of pending) one.say(yes)
    expect(new Set(await Promise.all([...askings, ...ours]))).toEqual(new Set([true]))
    // Room again.
    const again = decider.ask(decider.questionOf(at('/more')))
    pending.at(-1)?.say(no)
    expect(await again).toBe(false)
  })
})
