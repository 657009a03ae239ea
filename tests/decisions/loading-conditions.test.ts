/** What is said about a conditions.yaml that cannot be read. */
import { describe, expect, test } from 'vitest'
import { policyOf, problemsOf, row } from './policies.ts'

describe('conditions.yaml, refused with the place', () => {
  test.each([
    [
      'an unknown condition',
      'x:\n  source-netwrk: [10.0.0.0/8]',
      '2:3: unknown condition "source-netwrk"; did you mean "source-network"?',
    ],
    [
      'an unknown key',
      'x:\n  time-window:\n    days: mon\n    zon: UTC',
      '4:5: time-window: unknown key "zon"; did you mean "zone"?',
    ],
    [
      'two criteria under one name',
      'x: { acr: [a], authentication-age: 1m }',
      '1:4: expected exactly one of source-network, authentication-age, authentication-method, acr, time-window, date-window, claim, group, header, preflight, route, property, same, client-certificate, ask, any, all',
    ],
    ['a repeated name', 'x: { acr: [a] }\nx: { acr: [b] }', '2:1: Map keys must be unique'],
    ['an alias', 'x: &a { acr: [a] }\ny: *a', '2:4: aliases are not supported; write the condition out'],
    ['a circle of aliases', 'x: &a\n  any: [*a]', '2:9: aliases are not supported; write the condition out'],
    ['a list instead of a mapping', '- x', '1:1: expected a mapping of names to conditions'],
    ['an empty any', 'x: { any: [] }', '1:11: any: expected a list of conditions'],
    [
      'a name with an ampersand',
      'a&b: { acr: [a] }',
      '1:1: a name starts with a letter and holds letters, digits, "-", "_" and "."',
    ],
    ['a network that is none', 'x: { source-network: [10.0.0/8] }', '1:22: source-network: not a network: "10.0.0/8"'],
    [
      'a network with bits beyond its prefix',
      'x: { source-network: [10.1.2.3/8] }',
      '1:22: source-network: "10.1.2.3/8" has bits beyond its prefix; did you mean "10.0.0.0/8"?',
    ],
    [
      'a prefix too long',
      'x: { source-network: [10.0.0.0/33] }',
      '1:22: source-network: not a network: "10.0.0.0/33"; the prefix is a number from 0 to 32',
    ],
    [
      'an empty list of networks',
      'x: { source-network: [] }',
      '1:22: source-network: expected a list of networks such as 10.0.0.0/8',
    ],
    [
      'a duration without unit',
      'x: { authentication-age: 15x }',
      '1:26: authentication-age: expected a duration such as 15m, 12h or 2d',
    ],
    [
      'a duration of nothing',
      'x: { authentication-age: 0 }',
      '1:26: authentication-age: expected a duration such as 15m, 12h or 2d',
    ],
    [
      'an unknown zone',
      'x: { time-window: { days: mon, zone: Europe/Berlinn } }',
      '1:19: time-window: unknown time zone "Europe/Berlinn"; expected a name such as Europe/Berlin or UTC',
    ],
    [
      'an unknown day',
      'x: { time-window: { days: mon-fry } }',
      '1:19: time-window: unknown day "fry"; did you mean "fri"?',
    ],
    [
      'a time of day that is none',
      'x: { time-window: { from: "25:00" } }',
      '1:19: time-window: from: expected a time such as "09:00"',
    ],
    [
      'a window of no length',
      'x: { time-window: { from: "09:00", to: "09:00" } }',
      '1:19: time-window: from and to are the same time',
    ],
    [
      'a day that does not exist',
      'x: { date-window: { from: 2026-02-30 } }',
      '1:19: date-window: from: expected 2026-03-31 or 2026-03-31T18:00:00Z',
    ],
    [
      'a window that ends before it begins',
      'x: { date-window: { from: 2026-02-02, until: 2026-02-01 } }',
      '1:19: date-window: the window ends before it begins',
    ],
    ['a claim without values', 'x: { claim: { name: a } }', '1:13: claim: the key "in" is missing'],
    [
      'a header that cannot be one',
      'x: { header: { name: "a b", in: [c] } }',
      '1:14: header: "a b" is not the name of a header',
    ],
    [
      'a fingerprint of another length',
      'x: { client-certificate: { fingerprint: abcd } }',
      '1:26: client-certificate: a fingerprint is SHA-256: 64 hexadecimal digits',
    ],
    [
      'two fields of a certificate',
      'x: { client-certificate: { san-dns: [a], san-uri: [b] } }',
      '1:26: client-certificate: expected exactly one of fingerprint, san-dns, san-email, san-uri',
    ],
    [
      'nesting without end',
      `x: ${'{ any: ['.repeat(40)}{ acr: [a] }${'] }'.repeat(40)}`,
      `1:${4 + 32 * 8 + 7}: nested deeper than 32`,
    ],
    ['no YAML at all', 'x: [', '1:5: Flow sequence in block collection must be sufficiently indented and end with a ]'],
  ])('%s', async (_, text, expected) => {
    expect(await problemsOf(policyOf(row, text))).toEqual([`conditions.yaml:${expected}`])
  })
})
