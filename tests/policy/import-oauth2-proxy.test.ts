/** Settings of oauth2-proxy as rows: never wider than a small evaluator of the original. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { convert } from '../../cli/policy/import.ts'
import { decide } from '../../rbac/decide.ts'
import { anonymous, type Identity } from '../../rbac/identity.ts'
import { policyOf } from '../decisions/policies.ts'
import { fc } from '../properties.ts'
import { createOutcomes } from './import-outcomes.ts'

interface Settings {
  readonly email_domains?: readonly string[]
  readonly allowed_groups?: readonly string[]
  readonly skip_auth_routes?: readonly string[]
  readonly trusted_ips?: readonly string[]
  readonly oidc_groups_claim?: string
  readonly authenticated_emails_file?: string
}

interface Attempt {
  readonly who: { readonly email: string; readonly groups: readonly string[] } | undefined
  readonly path: string
  readonly query: string
  readonly method: string
  readonly address: string
}

const listed = 'carol@third.example'
const directory = mkdtempSync(join(tmpdir(), 'sallyport-oauth2-proxy-'))
writeFileSync(join(directory, 'emails'), `# who else\n${listed}\n`)
afterAll(() => rmSync(directory, { recursive: true, force: true }))

/** Patterns are tried on the path with its query, as the older versions did it; the newer ones see less. */
function isAllowedThere(settings: Settings, { who, path, query, method, address }: Attempt): boolean {
  const isOpen = (settings.skip_auth_routes ?? []).some(route => {
    const [, only, not, pattern = ''] = /^(?:([A-Z]+)(!?)=)?(.*)$/.exec(route) ?? []
    const isMethod = only === undefined || (not === '!') !== (only === method)
    return isMethod && new RegExp(pattern).test(path + query)
  })
  if (isOpen || (settings.trusted_ips !== undefined && address.startsWith('10.'))) return true
  if (who === undefined) return false
  const isAddress =
    (settings.email_domains ?? []).some(domain => domain === '*' || who.email.endsWith(`@${domain}`)) ||
    (settings.authenticated_emails_file !== undefined && who.email === listed)
  const groups = settings.allowed_groups ?? []
  return isAddress && (groups.length === 0 || groups.some(group => who.groups.includes(group)))
}

const textOf = (settings: Settings): string =>
  Object.entries(settings)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => `${key} = ${JSON.stringify(value)}\n`)
    .join('')

const importSettings = async (settings: Settings, withSlashAndQuery: boolean) => {
  const choice = { format: 'oauth2-proxy', host: ['app.example.com'], withSlashAndQuery } as const
  const file = { name: 'proxy.cfg', text: textOf(settings) }
  const { policy } = await convert(choice, file, { path: join(directory, 'proxy.cfg') })
  return { policy, snapshot: await policyOf(policy.csv, policy.conditions || undefined) }
}

const identityOf = ({ who }: Attempt, claim = 'groups'): Identity => {
  if (who === undefined) return anonymous
  const { email, groups } = who
  const claims = { email, email_verified: true, [claim]: groups }
  return { kind: 'user', subject: `https://idp.example#${email}`, provider: 'idp', groups, email, claims }
}

const patterns = [
  '^/a$',
  '^/a/',
  '^/a',
  '^/$',
  '/b',
  '^/a(/.*)?$',
  '^/a|^/b',
  '^/(a|b)/c.*',
  '^/a/?$',
  'a=1',
  '^/a([/?].*)?$',
]
const routes = fc
  .tuple(fc.constantFrom('', '', 'GET=', 'POST!='), fc.constantFrom(...patterns))
  .map(([method, pattern]) => method + pattern)
const settings: fc.Arbitrary<Settings> = fc.record(
  {
    email_domains: fc.subarray(['*', 'example.com', 'other.example']),
    allowed_groups: fc.subarray(['ops', 'dev']),
    skip_auth_routes: fc.array(routes, { maxLength: 3 }),
    trusted_ips: fc.constant(['10.1.2.3/8']),
    oidc_groups_claim: fc.constantFrom('groups', 'roles'),
    authenticated_emails_file: fc.constant('emails'),
  },
  { requiredKeys: [] },
)
const attempt: fc.Arbitrary<Attempt> = fc.record({
  who: fc.option(
    fc.record({
      email: fc.constantFrom('alice@example.com', 'bob@other.example', listed, 'mallory@evil.example'),
      groups: fc.subarray(['ops', 'dev']),
    }),
    { nil: undefined },
  ),
  path: fc.constantFrom('/', '/a', '/a/', '/ab', '/a/b', '/b', '/b/', '/b/c', '/a/c'),
  query: fc.constantFrom('', '', '?a=1'),
  method: fc.constantFrom('GET', 'HEAD', 'POST', 'OPTIONS'),
  address: fc.constantFrom('10.0.0.1', '192.0.2.1'),
})

const seed = Number(process.env.SEED ?? Date.now() % 2_147_483_647)

test.each([
  ['', false],
  [', but for a slash at the end and a query, by choice,', true],
])(`an import never allows%s what the settings refused (%s, SEED=${seed})`, async (_but, isSlashSame) => {
  const { count, seen } = createOutcomes()
  const property = fc.asyncProperty(
    settings,
    fc.array(attempt, { minLength: 40, maxLength: 40 }),
    async (original, attempts) => {
      const { snapshot, policy } = await importSettings(original, isSlashSame)
      for (const one of attempts) {
        const request = { domain: 'app.example.com', resource: one.path, action: one.method, url: '' }
        const context = { now: 0, clientAddress: one.address }
        const identity = identityOf(one, original.oidc_groups_claim)
        const is = decide({ request, identity, context }, snapshot).effect === 'allow'
        const spellings = isSlashSame ? spellingsOf(one) : [one]
        const was = spellings.some(spelling => isAllowedThere(original, spelling))
        count({ was, is }, () => `${JSON.stringify(one)}\n${textOf(original)}\n${policy.csv}`)
      }
    },
  )
  await fc.assert(property, { numRuns: 120, seed })
  expect(seen.kept).toBeGreaterThan(seen.lost)
  expect(seen.refused).toBeGreaterThan(500)
})

const spellingsOf = (one: Attempt): readonly Attempt[] => {
  const bare = one.path.length > 1 ? one.path.replace(/\/$/, '') : ''
  return ['', '/'].flatMap(slash => ['', one.query].map(query => ({ ...one, path: bare + slash || '/', query })))
}
