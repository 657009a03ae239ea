/** One object for all who are told to be the same, and for nobody else. */
import { describe, expect, it } from 'vitest'
import { createOneObject } from '../../app/identity/token/one-object.ts'
import { freeze } from '../../app/identity/token/verify-token.ts'
import type { Machine } from '../../rbac/identity.ts'
import { fc } from '../properties.ts'

const robot = (claims: string): Machine =>
  freeze({
    kind: 'machine',
    subject: 'https://robots.example.com#relay',
    provider: 'robots',
    groups: [],
    claims: JSON.parse(claims) as Machine['claims'],
    client: 'robots/relay',
  })

describe('two tokens of one bearer', () => {
  it.each([
    ['the same claims', '{"shift":"night"}', '{ "shift": "night" }'],
    ['a claim that is null in both', '{"shift":null}', '{"shift":null}'],
    ['one number in two spellings', '{"level":10}', '{"level":1e1}'],
  ])('are one object: %s', (_, one, other) => {
    const oneObject = createOneObject()
    const first = oneObject(robot(one))
    expect(oneObject(robot(other))).toBe(first)
  })

  it.each([
    ['a number that JSON has no text for, and none', '{"level":1e999}', '{"level":null}'],
    ['none, and a number that JSON has no text for', '{"level":null}', '{"level":1e999}'],
    ['the greatest number, and the least', '{"level":[1e999]}', '{"level":[-1e999]}'],
    ['a claim of the name of a prototype', '{"__proto__":{"shift":"day"}}', '{}'],
    ['half a character, and its escape as text', '{"shift":"\\ud800"}', '{"shift":"\\\\ud800"}'],
    ['two forms of one letter', '{"shift":"e\\u0301"}', '{"shift":"\\u00e9"}'],
  ])('J141 are two objects: %s', (_, one, other) => {
    const oneObject = createOneObject()
    const first = oneObject(robot(one))
    const second = robot(other)
    expect(oneObject(second)).toBe(second)
    expect(second).not.toBe(first)
  })

  it('J141 are one object only if nothing tells them apart, whatever their claims say', () => {
    const number = fc.constantFrom('0', '1', '1e999', '-1e999', 'null', '"null"', '[null]', '[1e999]', '{}')
    const claims = fc.tuple(number, number).map(([level, shift]) => `{"level":${level},"shift":${shift}}`)
    fc.assert(
      fc.property(claims, claims, (one, other) => {
        const oneObject = createOneObject()
        const [first, second] = [oneObject(robot(one)), oneObject(robot(other))]
        expect(first === second).toBe(one === other)
      }),
    )
  })
})
