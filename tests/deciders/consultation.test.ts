/** What one request has from deciders: looked up, asked for once, and afterwards what it was. */
import { expect, it } from 'vitest'
import { createConsultations } from '../../app/deciders/consultation.ts'
import type { Decider } from '../../app/deciders/decider.ts'
import type { User } from '../../rbac/identity.ts'

const alice: User = { kind: 'user', subject: 'i#alice', provider: 'corp', groups: [], claims: {} }
const bob: User = { ...alice, subject: 'i#bob' }
const request = { domain: 'wiki.example.com', resource: '/', action: 'GET' }

function deciderOf(said: Record<string, boolean | undefined>) {
  const known = new Map<string, boolean>()
  const worded: string[] = []
  const asked: string[] = []
  const decider: Decider = {
    name: 'd',
    questionOf: ({ identity, request: { resource } }) => {
      const key = `${identity.kind === 'user' ? identity.subject : ''}${resource === '/' ? '' : resource}`
      worded.push(key)
      return { key, body: key, isOfNobody: false }
    },
    known: ({ key }) => known.get(key),
    ask: async ({ key }) => {
      asked.push(key)
      return said[key]
    },
  }
  return { decider, known, asked, worded }
}

it('asks once for what was looked up, however often, and keeps that there is no answer', async () => {
  const { decider, asked, worded } = deciderOf({ 'i#alice': true })
  const consultation = createConsultations([decider])(undefined)
  for (let row = 0; row < 100; row += 1) {
    expect(consultation.answerOf('d', { identity: alice, request })).toBeUndefined()
    expect(consultation.answerOf('d', { identity: bob, request })).toBeUndefined()
  }
  expect(worded).toEqual(['i#alice', 'i#bob'])
  expect(consultation.isOpen()).toBe(true)
  await consultation.settle()
  expect(asked).toEqual(['i#alice', 'i#bob'])
  expect(consultation.answerOf('d', { identity: alice, request })).toBe(true)
  expect(consultation.answerOf('d', { identity: bob, request })).toBeUndefined()
  expect(consultation.isOpen()).toBe(false)
})

it('keeps an answer for the whole request, also when it counts no more (H45)', () => {
  const { decider, known } = deciderOf({})
  known.set('i#alice', true)
  const consultation = createConsultations([decider])(undefined)
  expect(consultation.answerOf('d', { identity: alice, request })).toBe(true)
  known.set('i#alice', false)
  expect(consultation.answerOf('d', { identity: alice, request })).toBe(true)
})

it('gives whoever explains the decision what was said, and nothing that is said since', () => {
  const { decider, known, asked } = deciderOf({})
  known.set('i#alice', true)
  const consultation = createConsultations([decider])(undefined)
  consultation.answerOf('d', { identity: alice, request })
  consultation.close()
  known.set('i#bob', true)
  expect(consultation.answerOf('d', { identity: alice, request })).toBe(true)
  expect(consultation.answerOf('d', { identity: bob, request })).toBeUndefined()
  expect(consultation.isOpen()).toBe(false)
  expect(asked).toEqual([])
})

it('knows nothing of a decider that there is not, and nothing without a request', () => {
  const { decider, known } = deciderOf({})
  known.set('i#alice', true)
  const consultation = createConsultations([decider])(undefined)
  expect(consultation.answerOf('other', { identity: alice, request })).toBeUndefined()
  expect(consultation.answerOf('d', { identity: alice })).toBeUndefined()
  expect(consultation.isOpen()).toBe(false)
})

it('gives the answer about one request to no other one that somebody explains (H45)', () => {
  const { decider, known } = deciderOf({})
  known.set('i#alice', true)
  const consultation = createConsultations([decider])(undefined)
  expect(consultation.answerOf('d', { identity: alice, request })).toBe(true)
  consultation.close()
  expect(consultation.answerOf('d', { identity: alice, request: { ...request, resource: '/other' } })).toBeUndefined()
  expect(consultation.answerOf('d', { identity: alice, request })).toBe(true)
})
