import { describe, expect, it } from 'vitest'
import { createAsker } from '../../app/workers/asker.ts'
import { errorOf, failureOf, type Question } from '../../app/workers/duties.ts'
import { PolicyError } from '../../rbac/policy-error.ts'

describe('questions to a worker', () => {
  it('are answered by their number, in whatever order', async () => {
    const sent: Question[] = []
    const { ask, answered } = createAsker(question => sent.push(question))
    const [first, second] = [ask('explain', ['a'], 1_000), ask('explain', ['b'], 1_000)]
    expect(sent.map(({ name, args }) => [name, args])).toEqual([
      ['explain', ['a']],
      ['explain', ['b']],
    ])
    answered({ kind: 'answer', id: sent[1]?.id ?? 0, value: 'of b' })
    answered({ kind: 'answer', id: sent[0]?.id ?? 0, failure: { name: 'Error', message: 'of a' } })
    await expect(second).resolves.toBe('of b')
    await expect(first).rejects.toThrow('of a')
  })

  it('fail in time, when the worker ends, and after it has ended; an answer that comes too late is nobody`s', async () => {
    const sent: Question[] = []
    const { ask, answered, close } = createAsker(question => sent.push(question))
    await expect(ask('readiness', [], 20)).rejects.toThrow('no answer within 0.02 s')
    answered({ kind: 'answer', id: sent[0]?.id ?? 0, value: 'late' })
    const waiting = ask('readiness', [], 60_000)
    close(new Error('worker 1 has ended'))
    await expect(waiting).rejects.toThrow('worker 1 has ended')
    await expect(ask('readiness', [], 60_000)).rejects.toThrow('worker 1 has ended')
    expect(sent).toHaveLength(2)
  })

  it('carry an error with what the command line shows of it', () => {
    const problem = { file: 'policy.csv', line: 2, column: 1, message: 'six fields' }
    const error = errorOf(structuredClone(failureOf(new PolicyError([problem]))))
    expect(error).toMatchObject({ name: 'PolicyError', problems: [problem] })
    expect(error.message).toBe(new PolicyError([problem]).message)
    expect(errorOf(failureOf('text'))).toMatchObject({ name: 'Error', message: 'text' })
  })
})
