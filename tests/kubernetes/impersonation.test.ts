/** `kubectl --as`: who may be judged as whom, what becomes of denies and conditions, what is sent and what is written. */

import { describe, expect, test } from 'vitest'
import { impersonatedOf } from '../../app/audit/access-event.ts'
import { isRefusal } from '../../app/kubernetes/gateway/gateway-call.ts'
import { impersonationHeaders } from '../../app/kubernetes/gateway/passing/impersonation.ts'
import { decide, decideWithTrace } from '../../rbac/decide.ts'
import type { User } from '../../rbac/identity.ts'
import { policyOf } from '../decisions/policies.ts'
import { fc } from '../properties.ts'
import { createJudgedWorld, type JudgedWorldOptions, now } from './judged-world.ts'

const alice: User = {
  kind: 'user',
  subject: 'https://idp.example#alice',
  provider: 'corp',
  email: 'alice@example.com',
  groups: ['ops'],
  claims: { department: 'payments' },
  authTime: now - 60,
  amr: ['pwd'],
}

const conditions = `
mfa: { authentication-method: [mfa] }
fresh: { authentication-age: 15m }
payments: { claim: { name: department, in: [payments] } }
`
const policy = await policyOf(
  `
p, group:ops, kube:prod, /-/core/users/bob@example.com, impersonate, -, allow
p, group:ops, kube:prod, /-/core/users/breakglass, impersonate, fresh, allow
p, group:ops, kube:prod, /-/core/users/careful@example.com, impersonate, mfa, allow
p, group:ops, kube:prod, /-/core/groups/sallyport:contractors, impersonate, -, allow
p, group:ops, kube:prod, /-/core/groups/sallyport:breakers, impersonate, -, allow
p, group:ops, kube:prod, /-/authentication.k8s.io/uids/7, impersonate, -, allow
p, group:ops, kube:prod, /-/authentication.k8s.io/userextras/*/example.com%252Fwhy, impersonate, -, allow
p, group:root, kube:prod, /**, *, -, allow
p, group:ops, kube:prod, /payments/**, get|list, -, allow
p, group:ops, kube:prod, /payments/core/secrets/**, *, -, deny
p, email:bob@example.com, kube:prod, /bob/**, *, -, allow
p, email:bob@example.com, kube:prod, /payments/**, *, -, allow
p, email:bob@example.com, kube:prod, /bob/core/secrets/mfa, get, mfa, allow
p, email:bob@example.com, kube:prod, /strong/**, get, mfa, allow
p, email:bob@example.com, kube:prod, /fresh/**, get, fresh, allow
p, email:bob@example.com, kube:prod, /claimed/**, get, payments, allow
p, email:BOB@example.com, kube:prod, /bob/core/secrets/closed, get, -, deny
p, user:https://idp.example#mallory, kube:prod, /bob/core/pods/closed, get, -, deny
p, group:contractors, kube:prod, /contracts/**, get, -, allow
p, group:corp/contractors, kube:prod, /corp/**, get, -, allow
p, group:corp/contractors, kube:prod, /contracts/core/pods/closed, get, -, deny
p, role:breaker, kube:prod, /**, *, -, allow
g, group:breakers, role:breaker, kube:prod
`,
  conditions,
)

const flags: Readonly<Record<string, string>> = {
  '--as': 'Impersonate-User',
  '--as-group': 'Impersonate-Group',
  '--as-uid': 'Impersonate-Uid',
  '--as-user-extra': 'Impersonate-Extra-',
}

/** `--as=bob --as-user-extra=key=value`, as kubectl sends it. */
const headersOf = (line: string): string[] =>
  line
    .split(' ')
    .filter(part => part !== '')
    .flatMap(part => {
      const [flag = '', value = '', more = ''] = part.split(/=(.*)/s).flatMap(text => text.split(/=(.*)/s))
      return flag === '--as-user-extra' ? [`${flags[flag]}${value}`, more] : [flags[flag] ?? '', value]
    })

const read = (namespace: string, what = 'pods/web'): string => `GET /api/v1/namespaces/${namespace}/${what}`

async function answer(call: string, as: string, options: Partial<JudgedWorldOptions> = {}): Promise<string> {
  const world = createJudgedWorld({ policy, person: alice, ...options })
  const verdict = await world.ask(call, headersOf(as))
  if (isRefusal(verdict))
    return `${verdict.status} ${verdict.message}${verdict.advice === undefined ? '' : `; ${verdict.advice}`}`
  const { user, groups } = verdict.impersonate
  return `as ${[user, ...groups].join(' ')}`
}

const noRow = 'No rule admits this identity to this path with this method.'
const denies = 'A deny rule applies.'

describe('L18 L19 who may be judged as whom', () => {
  test.each([
    // Alice herself.
    ['', read('payments'), 'as alice@example.com sallyport:ops'],
    ['', read('bob'), `403 alice@example.com may not get pods web in bob: ${noRow}`],
    // A name that the policy lends her, and one that it does not.
    ['--as=bob@example.com', read('bob'), 'as bob@example.com'],
    [
      '--as=carol@example.com',
      read('bob'),
      `403 alice@example.com may not impersonate users carol@example.com: ${noRow}`,
    ],
    [
      '--as=alice@example.com',
      read('payments'),
      `403 alice@example.com may not impersonate users alice@example.com: ${noRow}`,
    ],
    // The subject has its own rights and none of hers.
    [
      '--as=breakglass',
      read('payments'),
      `403 alice@example.com, as breakglass, may not get pods web in payments: ${noRow}`,
    ],
    ['--as=breakglass --as-group=sallyport:breakers', 'DELETE /api/v1/nodes/n1', 'as breakglass sallyport:breakers'],
    [
      '--as=bob@example.com --as-group=sallyport:contractors',
      read('contracts'),
      'as bob@example.com sallyport:contractors',
    ],
    // Each name is asked for.
    [
      '--as=bob@example.com --as-group=sallyport:ops',
      read('bob'),
      `403 alice@example.com may not impersonate groups sallyport:ops: ${noRow}`,
    ],
    ['--as=bob@example.com --as-uid=7', read('bob'), 'as bob@example.com'],
    ['--as=bob@example.com --as-uid=8', read('bob'), `403 alice@example.com may not impersonate uids 8: ${noRow}`],
    ['--as=bob@example.com --as-user-extra=example.com%2fwhy=x', read('bob'), 'as bob@example.com'],
    [
      '--as=bob@example.com --as-user-extra=scope=x',
      read('bob'),
      `403 alice@example.com may not impersonate userextras scope x: ${noRow}`,
    ],
    // Rows that deny her hold for whoever she asks to be.
    [
      '--as=bob@example.com',
      read('payments', 'secrets/db'),
      `403 alice@example.com may not get secrets db in payments: row policy.csv:11; ${denies}; nobody is freed of it by --as`,
    ],
    // So do those that deny the subject, in any spelling, and those of which nobody can tell whether they do.
    [
      '--as=bob@example.com',
      read('bob', 'secrets/closed'),
      `403 alice@example.com, as bob@example.com, may not get secrets closed in bob: row policy.csv:18; ${denies}`,
    ],
    [
      '--as=bob@example.com',
      read('bob', 'pods/closed'),
      `403 alice@example.com, as bob@example.com, may not get pods closed in bob: row policy.csv:19; ${denies}`,
    ],
    [
      '--as=bob@example.com --as-group=sallyport:contractors',
      read('contracts', 'pods/closed'),
      `403 alice@example.com, as bob@example.com, may not get pods closed in contracts: row policy.csv:22; ${denies}`,
    ],
    // A group of a certain provider opens nothing: nobody knows whose group it is.
    [
      '--as=bob@example.com --as-group=sallyport:contractors',
      read('corp'),
      `403 alice@example.com, as bob@example.com, may not get pods web in corp: ${noRow}`,
    ],
    // The login is Alice's: it is fresh, it had no second factor, and her claims are not Bob's.
    ['--as=bob@example.com', read('fresh'), 'as bob@example.com'],
    [
      '--as=bob@example.com',
      read('strong'),
      '403 alice@example.com, as bob@example.com, may not get pods web in strong: row policy.csv:15; would be allowed after a login with a stronger method; log out and in again in the browser, then run: sallyport kube login',
    ],
    [
      '--as=bob@example.com',
      read('claimed'),
      '403 alice@example.com, as bob@example.com, may not get pods web in claimed: row policy.csv:17; A rule fits but for its condition.',
    ],
    [
      '--as=careful@example.com',
      read('bob'),
      '403 alice@example.com may not impersonate users careful@example.com: row policy.csv:4; would be allowed after a login with a stronger method; log out and in again in the browser, then run: sallyport kube login',
    ],
    // What kubectl asks about itself is a call like any other.
    [
      '--as=breakglass --as-group=sallyport:breakers',
      'POST /apis/authentication.k8s.io/v1/selfsubjectreviews',
      'as breakglass sallyport:breakers',
    ],
    [
      '--as=bob@example.com',
      'POST /apis/authorization.k8s.io/v1/selfsubjectaccessreviews',
      `403 alice@example.com, as bob@example.com, may not create selfsubjectaccessreviews.authorization.k8s.io: ${noRow}`,
    ],
  ])('%s %s', async (as, call, wanted) => {
    expect(await answer(call, as)).toBe(wanted)
  })

  test('a login that is old opens no name that wants a fresh one', async () => {
    const old = { ...alice, authTime: now - 3600 }
    expect(await answer(read('bob'), '--as=breakglass', { person: old })).toContain(
      'would be allowed after a fresh login',
    )
    expect(await answer(read('fresh'), '--as=bob@example.com', { person: old })).toContain(
      'may not get pods web in fresh',
    )
  })
})

describe('L18 whom nobody is judged as, whatever the policy says', () => {
  const person = { ...alice, groups: ['root'] }
  test.each([
    ['--as=system:admin', 'the cluster’s own'],
    ['--as=System:Masters', 'the cluster’s own'],
    ['--as=system:serviceaccount:kube-system:default', 'the cluster’s own'],
    ['--as=bob@example.com --as-group=system:masters', 'the cluster’s own'],
    ['--as=bob@example.com --as-group=SYSTEM:MASTERS', 'the cluster’s own'],
    ['--as=bob@example.com --as-group=system:authenticated', 'the cluster’s own'],
    ['--as=bob@example.com --as-group=ops', 'begin with sallyport:'],
    ['--as=bob@example.com --as-group=sallyport:', 'begin with sallyport:'],
    ['--as=bob@example.com --as-group=Sallyport:ops', 'begin with sallyport:'],
    ['--as=bob@EXAMPLE.com', 'is no email'],
    ['--as=bob@', 'is no email'],
    ['--as=@', 'is no email'],
    ['--as=.', 'cannot be a name'],
    ['--as=bob@example.com --as-uid=', 'cannot be a name'],
    ['--as=bob@example.com --as-group=', 'cannot be a name'],
    ['--as=bob@example.com --as-user-extra=sallyport.dev%2Fsession=stolen', 'said by the gateway alone'],
    ['--as=bob@example.com --as-user-extra=Sallyport.Dev%2FSession=stolen', 'said by the gateway alone'],
    ['--as=bob@example.com --as-user-extra=%53allyport.dev%2fimpersonated-by=carol', 'said by the gateway alone'],
    ['--as=bob@example.com --as-user-extra=a.sallyport.dev%2fx=y', 'said by the gateway alone'],
    ['--as=bob@example.com --as-user-extra=sallyport.dev=y', 'said by the gateway alone'],
  ])('%s', async (as, message) => {
    const refused = await answer('GET /version', as, { person })
    expect(refused).toMatch(/^403 /)
    expect(refused).toContain(message.replace('’', "'"))
  })

  test.each([
    ['more than 64 names', Array.from({ length: 64 }, (_, at) => ` --as-group=sallyport:${at}`).join('')],
    ['more than 4,096 characters', ` --as-group=sallyport:${'b'.repeat(4100)}`],
  ])('%s in one call', async (_what, groups) => {
    expect(await answer('GET /version', `--as=bob@example.com${groups}`, { person })).toMatch(/^403 at most 64 names/)
  })

  test.each([
    ['none', []],
    ['an empty one', ['Impersonate-User', '']],
  ])('groups with no user: %s', async (_what, user) => {
    const world = createJudgedWorld({ policy, person })
    const verdict = await world.ask('GET /version', [...user, 'Impersonate-Group', 'sallyport:ops'])
    expect(verdict).toMatchObject({ status: 400 })
  })

  test('a cluster without a prefix takes groups as they are, and still none of its own', async () => {
    const bare = { person: { ...alice, groups: ['root'] }, groupPrefix: '' }
    expect(await answer(read('contracts'), '--as=bob@example.com --as-group=contractors', bare)).toBe(
      'as bob@example.com contractors',
    )
    expect(await answer(read('contracts'), '--as=bob@example.com --as-group=system:masters', bare)).toContain(
      "the cluster's own",
    )
  })
})

describe('L18 a header that asks to be somebody else', () => {
  test.each([
    ['in any case', ['IMPERSONATE-USER', 'carol@example.com'], 403],
    ['with an underscore', ['Impersonate_User', 'bob@example.com'], 400],
    ['twice', ['Impersonate-User', 'bob@example.com', 'impersonate-user', 'carol@example.com'], 400],
    ['that Connection names', ['Connection', 'Impersonate-User', 'Impersonate-User', 'carol@example.com'], 403],
    ['that nobody knows', ['Impersonate-User', 'bob@example.com', 'Impersonate-Role', 'x'], 400],
    [
      'an extra that ends in the midst of an escape',
      ['Impersonate-User', 'bob@example.com', 'Impersonate-Extra-%5', 'x'],
      400,
    ],
    ['an extra alone', ['Impersonate-Extra-scope', 'x'], 400],
  ])('%s is never left out, so that she would call as herself', async (_what, headers, status) => {
    const world = createJudgedWorld({ policy, person: alice })
    expect(await world.ask(read('payments'), headers)).toMatchObject({ status })
  })
})

describe('where people are called otherwise', () => {
  const root = { ...alice, email: 'alice@other.example', groups: ['root'] }
  const byName = policyOf(`
p, group:root, kube:prod, /**, *, -, allow
p, user:https://idp.example#bob, kube:prod, /bob/**, get, -, allow
p, email:bob@example.com, kube:prod, /mail/**, get, -, allow
p, authenticated, kube:prod, /all/**, get, -, allow
p, email-domain:example.com, kube:prod, /all/core/pods/closed, get, -, deny
`)
  test.each([
    ['sub', '--as=https://idp.example#bob', read('bob'), /^as /],
    ['sub', '--as=https://idp.example#bob', read('mail'), /^403 .*No rule admits/],
    ['sub', '--as=https://idp.example#bob', read('all'), /^as /],
    ['sub', '--as=https://idp.example#bob', read('all', 'pods/closed'), /^403 .*, as .*row policy.csv:6/],
    ['nickname', '--as=bob', read('bob'), /^403 .*No rule admits/],
    ['nickname', '--as=bob@example.com', read('mail'), /^403 .*No rule admits/],
    ['nickname', '--as=bob', read('all', 'pods/closed'), /^403 .*, as .*row policy.csv:6/],
    ['email', '--as=bob@example.com', read('mail'), /^as /],
    ['email', '--as=bob@example.com', read('bob'), /^403 .*No rule admits/],
    ['email', '--as=bob@example.com', read('all', 'pods/closed'), /^403 .*, as .*row policy.csv:6/],
    ['email', '--as=robot', read('all', 'pods/closed'), /^as /],
  ])('by %s: %s %s', async (userClaim, as, call, wanted) => {
    const person = { ...root, claims: { nickname: 'alice' } }
    expect(await answer(call, as, { policy: await byName, person, userClaim })).toMatch(wanted)
  })
})

describe('what is sent, written and watched', () => {
  const as =
    '--as=bob@example.com --as-group=sallyport:contractors --as-group=sallyport:contractors --as-uid=7 --as-user-extra=Example.com%2fwhy=x'

  test('the subject, its extras, the session and who it was', async () => {
    const world = createJudgedWorld({ policy, person: alice })
    const verdict = await world.ask(read('bob'), headersOf(as))
    if (isRefusal(verdict)) throw new Error(verdict.message)
    expect(impersonationHeaders(verdict.impersonate)).toEqual([
      ...['Impersonate-User', 'bob@example.com', 'Impersonate-Group', 'sallyport:contractors', 'Impersonate-Uid', '7'],
      ...['Impersonate-Extra-example.com%2fwhy', 'x'],
      ...['Impersonate-Extra-sallyport.dev%2fsession', 'digest'],
      ...['Impersonate-Extra-sallyport.dev%2fimpersonated-by', 'alice@example.com'],
    ])
  })

  test('each name that was lent with its row, then the call, all of them hers', async () => {
    const world = createJudgedWorld({ policy, person: alice })
    const verdict = await world.ask(read('bob'), headersOf(as))
    if (isRefusal(verdict)) throw new Error(verdict.message)
    const lines = world.written.map(({ question, known, decision }) => {
      const { impersonation } = known
      const { action, resource } = question.request
      const rule = 'rule' in decision ? decision.rule : ''
      return `${impersonation?.by === alice ? 'alice' : '?'} ${decision.effect} ${rule} ${action} ${resource} ${impersonation?.user}`
    })
    expect(lines).toEqual([
      'alice allow policy.csv:2 impersonate /-/core/users/bob@example.com bob@example.com',
      'alice allow policy.csv:5 impersonate /-/core/groups/sallyport:contractors bob@example.com',
      'alice allow policy.csv:7 impersonate /-/authentication.k8s.io/uids/7 bob@example.com',
      'alice allow policy.csv:8 impersonate /-/authentication.k8s.io/userextras/x/example.com%252Fwhy bob@example.com',
      'alice allow policy.csv:12 get /bob/core/pods/web bob@example.com',
    ])
    verdict.finished({ status: 200, bytesReceived: 0, bytesSent: 1, durationMs: 1, ending: 'complete' })
    expect(world.finished).toMatchObject([{ identity: alice, impersonation: { user: 'bob@example.com' } }])
    expect(impersonatedOf({ user: 'bob', groups: [] })).toEqual({ impersonatedUser: 'bob', impersonatedGroups: [] })
  })

  test('a name that is not lent is a decision about her', async () => {
    const world = createJudgedWorld({ policy, person: alice })
    await world.ask(read('bob'), headersOf('--as=carol@example.com'))
    expect(world.written).toMatchObject([
      { known: { identity: alice, impersonation: { user: 'carol@example.com' } }, decision: { effect: 'deny' } },
    ])
    expect(world.written[0]?.question.request).toMatchObject({ action: 'impersonate', domain: 'kube:prod' })
  })

  test('L06 a call goes on as long as she may be judged so, the subject may go on, and no row denies it to her', async () => {
    const world = createJudgedWorld({ policy, person: alice })
    const verdict = await world.ask(read('bob'), headersOf('--as=bob@example.com'))
    if (isRefusal(verdict)) throw new Error(verdict.message)
    verdict.onEnd(() => undefined)
    expect(world.stands()).toBe(true)
    world.change({ person: { ...alice, groups: ['staff'] } })
    expect(world.stands()).toBe(false)
    // Another group that lends her nothing and takes nothing away is not known to the cluster.
    world.change({ person: { ...alice, groups: ['ops', 'staff'] } })
    expect(world.stands()).toBe(true)
    world.change({ person: { ...alice, email: 'alice@other.example' } })
    expect(world.stands()).toBe(false)
    world.change({ person: alice })
    const lent = 'p, group:ops, kube:prod, /-/core/users/*, impersonate, -, allow\n'
    const may = 'p, email:bob@example.com, kube:prod, /bob/**, get, -, allow\n'
    world.change({ policy: await policyOf(lent) })
    expect(world.stands()).toBe(false)
    world.change({ policy: await policyOf(lent + may) })
    expect(world.stands()).toBe(true)
    world.change({ policy: await policyOf(`${lent}${may}p, group:ops, kube:prod, /bob/**, *, -, deny\n`) })
    expect(world.stands()).toBe(false)
    world.change({ policy: await policyOf(may) })
    expect(world.stands()).toBe(false)
  })

  test('L06 and as long as she may be judged so by each of the names', async () => {
    const may = 'p, email:bob@example.com, kube:prod, /bob/**, get, -, allow\n'
    const user = 'p, group:ops, kube:prod, /-/core/users/*, impersonate, -, allow\n'
    const group = 'p, group:ops, kube:prod, /-/core/groups/sallyport:a, impersonate, -, allow\n'
    const world = createJudgedWorld({ policy: await policyOf(may + user + group), person: alice })
    const verdict = await world.ask(read('bob'), headersOf('--as=bob@example.com --as-group=sallyport:a'))
    if (isRefusal(verdict)) throw new Error(verdict.message)
    verdict.onEnd(() => undefined)
    expect(world.stands()).toBe(true)
    world.change({ policy: await policyOf(may + user) })
    expect(world.stands()).toBe(false)
  })
})

test('property: what is allowed to a name is allowed to everybody who may be meant by it', async () => {
  const subject = fc.constantFrom(
    ...['anyone', 'authenticated', 'email:bob@example.com', 'email:Bob@example.com', 'email-domain:example.com'],
    ...[
      'user:https://a#bob',
      'user:https://b#bob',
      'group:dev',
      'group:corp/dev',
      'group:other/dev',
      'role:r',
      'role:s',
    ],
  )
  const condition = fc.constantFrom('-', '-', 'mfa', '!mfa', 'payments', '!payments', 'fresh & mfa')
  const rows = fc.array(fc.tuple(subject, condition, fc.constantFrom('allow', 'deny')), { minLength: 1, maxLength: 6 })
  const membership = fc.tuple(subject, fc.constantFrom('role:r', 'role:s')).filter(([who, role]) => who !== role)
  const members = fc.array(membership, { maxLength: 3 })
  const login = fc.record({ authTime: fc.constantFrom(now, now - 7200), amr: fc.constantFrom(['mfa'], ['pwd']) })
  const real = fc.record({
    subject: fc.constantFrom('https://a#bob', 'https://b#bob', 'https://c#bob'),
    provider: fc.constantFrom('corp', 'other'),
    claims: fc.constantFrom({}, { department: 'payments' }, { department: 'sales' }),
  })
  await fc.assert(
    fc.asyncProperty(rows, members, login, real, fc.subarray(['dev']), async (p, g, facts, hers, groups) => {
      const csv = [
        'p, email:bob@example.com, kube:prod, /**, get, -, allow',
        ...p.map(([who, when, effect]) => `p, ${who}, kube:prod, /**, get, ${when}, ${effect}`),
        ...g.map(([who, role]) => `g, ${who}, ${role}, kube:prod`),
      ]
      const one = await policyOf([...new Set(csv)].join('\n'), conditions)
      const asked = { request: { domain: 'kube:prod', resource: '/a', action: 'get', url: '' }, context: { now } }
      const common = { kind: 'user' as const, email: 'bob@example.com', groups, ...facts }
      const named: User = { ...common, subject: '', provider: '', claims: {}, untold: ['user'] }
      const decision = decide({ ...asked, identity: named }, one)
      // An explanation says the same.
      const traced = decideWithTrace({ ...asked, identity: named }, one, { trace: () => {}, onError: () => {} })
      expect(traced).toEqual(decision)
      if (decision.effect !== 'allow') return
      expect(decide({ ...asked, identity: { ...common, ...hers } }, one).effect).toBe('allow')
    }),
    { numRuns: 300 },
  )
})
