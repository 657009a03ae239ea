/** Groups that one host has asked for: those and no other, in header and assertion alike, on that host alone. */
import { decodeJwt } from 'jose'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createIdentityHeaders, defaultIdentityHeaderNames } from '../../app/assertion/headers.ts'
import { createGroupsFor } from '../../app/assertion/host-groups.ts'
import { fc } from '../properties.ts'
import { header, navigation, startService, type TestService } from '../service.ts'
import { alice, issuer, wiki } from './fixtures.ts'

const groupsFor = (...wanted: string[]) => createGroupsFor(() => wanted)('wiki.example.com')
const groups = ['wiki-editors', 'wiki', 'Wiki-admins', 'ops', '*', 'wiki-*']

describe('the groups of a host', () => {
  test.each([
    [['wiki-*'], ['wiki-editors', 'wiki-*']],
    [['wiki'], ['wiki']],
    [
      ['ops', 'wiki*'],
      ['wiki-editors', 'wiki', 'ops', 'wiki-*'],
    ],
    [['*'], groups],
    [[], []],
  ])('%j are %j, compared as they are written', (wanted, expected) => {
    expect(groupsFor(...wanted)?.(groups)).toEqual(expected)
  })

  test('are all of them where it asks for none', () => {
    expect(createGroupsFor(() => undefined)('wiki.example.com')).toBeUndefined()
  })

  test('are those that a plain look at each name finds, in their order', () => {
    const name = fc.string({ unit: fc.constantFrom('a', 'b', 'A', '-', 'ä'), maxLength: 4 })
    const pattern = fc.tuple(name, fc.constantFrom('', '*')).map(parts => parts.join(''))
    fc.assert(
      fc.property(fc.array(pattern, { maxLength: 4 }), fc.array(name), (wanted, all) => {
        const expected = all.filter(group =>
          wanted.some(text => (text.endsWith('*') ? group.indexOf(text.slice(0, -1)) === 0 : group === text)),
        )
        expect(groupsFor(...wanted)?.(all)).toEqual(expected)
      }),
    )
  })

  test('make room: of thousands the host gets its own, and none is said to be missing', () => {
    const many = { ...alice, groups: [...Array.from({ length: 3_000 }, (_, at) => `team-${at}`), 'wiki-editors'] }
    const omitted: unknown[] = []
    const make = createIdentityHeaders({
      names: defaultIdentityHeaderNames,
      groupSeparator: ',',
      bareIssuer: issuer,
      sign: ({ groups: signed }, { areGroupsOmitted }) => (areGroupsOmitted === true ? 'left out' : signed.join('|')),
      onGroupsOmitted: (...told) => omitted.push(told),
      groupsFor: createGroupsFor(domain => (domain === 'wiki.example.com' ? ['wiki-*'] : undefined)),
    })
    expect(make(many, wiki).slice(-4)).toEqual([
      'Remote-Groups',
      'wiki-editors',
      'X-Sallyport-Assertion',
      'wiki-editors',
    ])
    expect(omitted).toEqual([])
    expect(make(many, { ...wiki, domain: 'shop.example.com' }).slice(-4)).toEqual([
      'Remote-Groups',
      '',
      'X-Sallyport-Assertion',
      'left out',
    ])
    expect(omitted).toEqual([[alice.subject, 3_001, 'shop.example.com']])
  })
})

describe('through the whole service', () => {
  let world: TestService
  beforeAll(async () => {
    world = await startService({
      policy: 'p, group:ops, *.example.com, /**, *, -, allow\n',
      hosts: [
        { host: '*.example.com', tickets: true },
        { host: 'wiki.example.com', groups: ['wiki-*'] },
      ],
    })
  })
  afterAll(() => world.close())

  test('a host hears of its groups alone, and the policy judges by all', async () => {
    const seen = async (host: string) => {
      const url = `https://${host}/`
      const cookie = await world.logIn('alice', url)
      const answer = await world.ask('forward-auth', { url, cookie, headers: navigation })
      const { groups: signed } = decodeJwt(header(answer, 'x-sallyport-assertion') ?? '')
      return [answer.status, header(answer, 'remote-groups'), signed]
    }
    expect(await seen('wiki.example.com')).toEqual([200, '', []])
    expect(await seen('shop.example.com')).toEqual([200, 'ops', ['ops']])
  })
})
