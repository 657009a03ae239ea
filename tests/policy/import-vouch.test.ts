/** Vouch's settings as rows: never wider than a small evaluator of the original. */
import { expect, test } from 'vitest'
import { stringify } from 'yaml'
import { convert } from '../../cli/policy/import.ts'
import { decide } from '../../rbac/decide.ts'
import { anonymous, type Identity } from '../../rbac/identity.ts'
import { policyOf } from '../decisions/policies.ts'
import { fc } from '../properties.ts'
import { createOutcomes } from './import-outcomes.ts'

interface Vouch {
  readonly domains?: readonly string[]
  readonly whiteList?: readonly string[]
  readonly teamWhitelist?: readonly string[]
  readonly allowAllUsers?: boolean
  readonly publicAccess?: boolean
}

interface Who {
  readonly email: string
  readonly teams: readonly string[]
}

const hosts = ['app.example.com', 'example.com', 'other.example', 'evilexample.com']

function isAllowedThere(vouch: Vouch, who: Who | undefined, host: string): boolean {
  const isBelow = (name: string): boolean =>
    (vouch.domains ?? []).some(domain => name === domain || name.endsWith(`.${domain}`))
  const isLet = ({ email, teams }: Who): boolean => {
    if (vouch.allowAllUsers === true) return true
    if (vouch.whiteList?.length) return vouch.whiteList.includes(email)
    if (vouch.teamWhitelist?.length) return vouch.teamWhitelist.some(team => teams.includes(team))
    return vouch.domains?.length ? isBelow(email.split('@')[1] ?? '') : true
  }
  if (vouch.publicAccess === true) return true
  return who !== undefined && isLet(who) && (vouch.allowAllUsers === true || isBelow(host))
}

const importVouch = async (vouch: unknown, oauth: unknown = { team_whitelist_claim: 'groups' }, more = {}) => {
  const choice = { format: 'vouch', host: hosts, ...more } as const
  const { policy, rows, findings } = await convert(choice, { name: 'config.yml', text: stringify({ vouch, oauth }) })
  return { policy, rows, findings, snapshot: await policyOf(policy.csv, policy.conditions || undefined) }
}

const person = ({ email, teams }: Who): Identity => ({
  kind: 'user',
  subject: `https://idp.example#${email}`,
  provider: 'idp',
  groups: teams,
  email,
  claims: { email, groups: teams },
})

const lists = <T>(...values: T[]) => fc.option(fc.subarray(values), { nil: undefined })
const vouch: fc.Arbitrary<Vouch> = fc
  .record({
    domains: lists('example.com', 'other.example', 'app.example.com'),
    whiteList: lists('alice@example.com', 'bob@app.example.com'),
    teamWhitelist: lists('ops', 'acme/dev'),
    allowAllUsers: fc.option(fc.constantFrom(true, false, false), { nil: undefined }),
    publicAccess: fc.option(fc.constantFrom(true, false, false, false), { nil: undefined }),
  })
  .map(one => Object.fromEntries(Object.entries(one).filter(([, value]) => value !== undefined)))

const seed = Number(process.env.SEED ?? Date.now() % 2_147_483_647)

test(`an import never allows what the settings refused (SEED=${seed})`, async () => {
  const { count, seen } = createOutcomes()
  const people = ['alice@example.com', 'bob@app.example.com', 'carol@other.example', 'mallory@evilexample.com'].flatMap(
    email => [[], ['ops'], ['acme/dev', 'ops']].map(teams => ({ email, teams })),
  )
  const property = fc.asyncProperty(vouch, async settings => {
    const { snapshot, policy } = await importVouch(settings)
    for (const domain of hosts) {
      for (const who of [undefined, ...people]) {
        const request = { domain, resource: '/a', action: 'POST', url: '' }
        const identity = who === undefined ? anonymous : person(who)
        const is = decide({ request, identity, context: { now: 0 } }, snapshot).effect === 'allow'
        const was = isAllowedThere(settings, who, domain)
        count({ was, is }, () => `${JSON.stringify([settings, who, domain])}\n${policy.csv}`)
      }
    }
  })
  await fc.assert(property, { numRuns: 120, seed })
  expect(seen.kept).toBeGreaterThan(seen.lost)
  expect(seen.refused).toBeGreaterThan(500)
})

test('keys are read in any case; what is not understood lets nobody in, unless everybody passes', async () => {
  const subjects = async (settings: unknown, oauth?: unknown, more?: object): Promise<string[]> =>
    (await importVouch(settings, oauth, { host: ['app.example.com'], ...more })).rows.map(({ subject }) => subject)
  expect(await subjects({ DOMAINS: ['example.com'], WhiteList: ['alice@example.com', 'bob'] })).toEqual([
    'email:alice@example.com',
  ])
  expect(await subjects({ domains: ['example.com'], regexWhiteList: ['.*'] })).toEqual([])
  expect(await subjects({ domains: ['example.com'], whiteList: [7] })).toEqual([])
  expect(await subjects({ publicAccess: true, somethingNew: 1 })).toEqual(['anyone'])
  expect(await subjects({ domains: ['example.com'], teamWhitelist: ['acme/dev'] }, {})).toEqual([])
  const claims = await importVouch({ domains: ['example.com'], whiteList: ['bob'] }, {}, { usernameClaim: 'login' })
  expect(claims.rows.map(({ domain, conditions }) => [domain, conditions])).toEqual([
    ['app.example.com', ['login-bob']],
    ['example.com', ['login-bob']],
  ])
  expect(claims.findings.map(({ line, what }) => `${line} ${what}`)).toEqual(
    expect.arrayContaining(['2 other.example', '2 evilexample.com']),
  )
})
