import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { runCli } from '../../cli/program.ts'
import { createAuthority } from '../certificates.ts'
import { createTestTerminal, type TestTerminal } from '../config/test-terminal.ts'

let cwd: string
let terminal: TestTerminal
beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), 'sallyport-asking-'))
  terminal = createTestTerminal({ cwd })
  write(
    'rows.csv',
    [
      'p, group:ops, wiki.example.com, /admin/**, *, fresh & office, allow',
      'p, role:writers, wiki.example.com, /admin/**, POST, -, allow',
      'p, group:contractors, wiki.example.com, /admin/**, *, -, deny',
      'p, anyone, wiki.example.com, /public/**, read, -, allow',
      'p, group:sre, kube:prod, /shop/**, get|list, -, allow',
      'g, group:editors, role:writers, wiki.example.com',
      '',
    ].join('\n'),
  )
  write('conditions.yaml', 'fresh: { authentication-age: 15m }\noffice: { source-network: [10.0.0.0/8] }\n')
})
afterEach(() => rmSync(cwd, { recursive: true, force: true }))

const write = (name: string, text: string) => writeFileSync(join(cwd, name), text)
const run = (...args: string[]) => runCli(['policy', ...args, '--policy', '.'], { version: '0', terminal })
const json = async (...args: string[]) => {
  expect(await run(...args, '--json')).toBe(0)
  return JSON.parse(terminal.output())
}
const alice = [
  '--as',
  'alice',
  '--groups',
  'ops, staff',
  '--auth-time',
  '2026-01-01T08:00Z',
  '--at',
  '2026-01-01T10:00Z',
]
const keys = ['--url', 'https://wiki.example.com/admin/keys']

describe('sallyport policy explain', () => {
  it('speaks of machines with certificates, as rows, who-can and both forms of the option name them', async () => {
    write('robots.csv', 'p, certificate:mesh/Build.example.com, wiki.example.com, /robots/**, *, -, allow\n')
    const url = ['--url', 'https://wiki.example.com/robots/a']
    for (const who of [
      ['--certificate-identity', 'mesh/build.example.com'],
      ['--as', 'certificate:mesh/build.example.com'],
    ]) {
      expect(await run('explain', ...who, ...url)).toBe(0)
      expect(terminal.output()).toMatch(/^allow {2}GET/)
    }
    expect(await run('explain', '--certificate-identity', 'mesh/a', '--client', 'mesh/a', ...url)).toBe(2)
    expect(await run('who-can', 'GET', 'https://wiki.example.com/robots/a')).toBe(0)
    expect(terminal.output()).toContain('certificate:mesh/build.example.com')
  })

  it('shows what the authors of rows wrote for people, and whose rows they are', async () => {
    write(
      'notes.csv',
      [
        'p, anyone, wiki.example.com, /notes/**, GET, -, allow, "asked for by the press, ticket 42", press-team',
        'p, anyone, wiki.example.com, /notes/**, PUT, -, deny, , legal',
        'p, anyone, wiki.example.com, /notes/**, POST, -, deny, nobody writes',
        'p, anyone, wiki.example.com, /notes/**, PATCH, -, deny, , ',
      ].join('\n'),
    )
    const url = ['--anonymous', '--url', 'https://wiki.example.com/notes/a']
    expect(await run('explain', ...url)).toBe(0)
    const text = terminal.output()
    expect(text).toContain('\n  notes.csv:1: of press-team: asked for by the press, ticket 42\n')
    expect(text).toContain('\n  notes.csv:2: of legal\n  notes.csv:3: nobody writes\n')
    expect(text).not.toContain('notes.csv:4:')
    terminal = createTestTerminal({ cwd })
    const { rows } = await json('explain', ...url)
    const [first, , , last] = rows.filter(({ rule }: { rule: string }) => rule.startsWith('notes'))
    expect(first).toMatchObject({ note: 'asked for by the press, ticket 42', owner: 'press-team', isDeciding: true })
    expect(last).not.toHaveProperty('note')
    expect(last).not.toHaveProperty('owner')
  })

  it('shows the decision, each row by field, and what would change it', async () => {
    expect(await run('explain', ...alice, ...keys, '--ip', '10.1.2.3')).toBe(0)
    const text = terminal.output()
    expect(text).toMatch(
      /^challenge {2}GET wiki\.example\.com\/admin\/keys {2}by https:\/\/idp\.example#alice in ops, staff\n/,
    )
    expect(text).toContain('authentication-too-old: A rule would admit this person after a fresh login.')
    expect(text).toMatch(/> {2}rows\.csv:1 +allow +hit +hit +hit +miss +group:ops, wiki/)
    expect(text).toMatch(/rows\.csv:2 +allow +hit +miss +- +- +role:writers/)
    expect(text).toContain('1 more rows are about other paths')
    expect(text).toContain('Would be allowed:\n  after a login not older than 15m (rows.csv:1)\n')
  })

  it('answers programs with one document, with every fact of the person', async () => {
    const answer = await json('explain', ...alice, '--auth-time', '1767261000', '--ip', '10.1.2.3', ...keys)
    expect(answer).toMatchObject({
      request: { domain: 'wiki.example.com', resource: '/admin/keys', action: 'GET' },
      identity: { kind: 'user', subject: 'https://idp.example#alice', groups: ['ops', 'staff'] },
      now: Date.UTC(2026, 0, 1, 10) / 1000,
      clientAddress: '10.1.2.3',
      decision: { effect: 'allow', rule: 'rows.csv:1' },
    })
    expect(answer.rows).toHaveLength(4)
  })

  it('takes headers, claims, methods and classes', async () => {
    write('more.csv', 'p, authenticated, b.example.com, /**, *, all, allow\n')
    write(
      'conditions.yaml',
      `fresh: { authentication-age: 15m }
office: { source-network: [10.0.0.0/8] }
all:
  all:
    - { header: { name: x-device, in: [a=b] } }
    - { claim: { name: level, in: [3] } }
    - { claim: { name: team, in: [blue] } }
    - { authentication-method: [otp] }
    - { acr: [gold] }
`,
    )
    const who = ['--as', 'bob', '--amr', 'pwd,otp', '--acr', 'gold', '--claim', 'level=3', '--claim', 'team=blue']
    const url = ['--url', 'https://b.example.com/']
    expect((await json('explain', ...who, '--header', 'X-Device=a=b', ...url)).decision.effect).toBe('allow')
  })

  it('knows kube: domains', async () => {
    const question = ['--as', 'alice', '--groups', 'sre', '--url', 'kube:prod/shop/core/pods']
    expect((await json('explain', ...question, '--method', 'list')).decision).toMatchObject({ rule: 'rows.csv:5' })
    terminal = createTestTerminal({ cwd })
    expect(await run('explain', '--anonymous', ...question.slice(4))).toBe(0)
    expect(await run('explain', '--as', 'service-account:prod/ci/deployer', ...question.slice(2))).toBe(0)
    expect(await run('explain', '--service-account', 'prod/ci/deployer', ...question.slice(2))).toBe(0)
    expect(await run('explain', '--client', 'corp/robot', ...question.slice(2))).toBe(0)
    expect(terminal.output()).toContain('  by client:corp/robot in sre\n')
    expect(await run('explain', '--client', 'corp/robot', '--as', 'alice', ...question.slice(2))).toBe(2)
    expect(terminal.output()).toContain('The gateway takes people with a login and workloads with a token')
    expect(terminal.output()).toMatch(/^challenge {2}/)
  })

  describe('of a call to a cluster that is several questions', () => {
    beforeEach(() =>
      write(
        'kube.csv',
        [
          'p, group:ops, kube:prod, /payments/core/pods/*/exec, create, -, allow',
          'p, group:strict, kube:prod, /payments/**, get, -, deny',
          'p, group:ops, kube:prod, /payments/core/configmaps/*, patch, -, allow',
          'p, group:makers, kube:prod, /payments/core/configmaps, create, -, allow',
          '',
        ].join('\n'),
      ),
    )
    const ops = (...more: string[]) => ['--as', 'alice', '--groups', ['ops', ...more].join(',')]

    it('answers as the gateway does, and names what the same words could mean', async () => {
      const exec = ['create', 'kube:prod', '/payments/core/pods/web-0/exec']
      expect((await json('explain', ...ops(), ...exec)).decision).toMatchObject({ effect: 'allow', rule: 'kube.csv:1' })
      terminal = createTestTerminal({ cwd })
      expect(await run('explain', ...ops('strict'), ...exec)).toBe(0)
      const text = terminal.output()
      expect(text).toMatch(/^deny {2}get kube:prod\/payments\/core\/pods\/web-0\/exec/)
      expect(text).toContain('  allow  create /payments/core/pods/web-0/exec  kube.csv:1\n')
      expect(text).toContain('  deny  get /payments/core/pods/web-0/exec  kube.csv:2\n')
      expect(text).toMatch(/It would be allow by POST, as kubectl before 1\.31 opens it: .*rule kube\.csv:1\n/)
      expect(text).toContain('without group "strict"')
    })

    it('takes a call as HTTP has it, and tells the change that lets all of it through', async () => {
      const patch = ['PATCH', 'kube:prod', '/api/v1/namespaces/payments/configmaps/web']
      const apply = ['--header', 'content-type=application/apply-patch+yaml']
      const merge = ['--header', 'content-type=application/merge-patch+json']
      expect((await json('explain', ...ops(), ...patch, ...merge)).decision.effect).toBe('allow')
      terminal = createTestTerminal({ cwd })
      expect(await run('explain', ...ops(), ...patch, ...apply)).toBe(0)
      expect(terminal.output()).toMatch(/^deny {2}create kube:prod\/payments\/core\/configmaps {2}/)
      expect(terminal.output()).toContain('Would be allowed:\n  with group "makers" (kube.csv:4)\n')
      terminal = createTestTerminal({ cwd })
      const answer = await json('explain', ...ops('makers'), 'apply', 'kube:prod', '/payments/core/configmaps/web')
      expect(answer.decision).toMatchObject({ effect: 'allow', rule: 'kube.csv:3' })
      expect(answer.questions.map(({ need }: { need: string }) => need)).toEqual(['allow', 'allow', 'no-deny'])
      terminal = createTestTerminal({ cwd })
      expect(await run('explain', ...ops(), 'patch', 'kube:prod', '/payments/core/configmaps/web')).toBe(0)
      expect(terminal.output()).toMatch(/^allow/)
      expect(terminal.output()).toContain('It would be deny as a server-side apply: create /payments/core/configmaps')
    })

    it('tells who may all of it, and who a part', async () => {
      expect(await run('who-can', 'apply', 'kube:prod', '/payments/core/configmaps/web')).toBe(0)
      const text = terminal.output()
      expect(text).toContain('For all of\n  patch /payments/core/configmaps/web\n  create /payments/core/configmaps\n')
      expect(text).toContain('nobody\n')
      expect(text).toContain('  group:ops lacks create /payments/core/configmaps\n')
      expect(text).toContain('  group:makers lacks patch /payments/core/configmaps/web\n')
    })

    it('says of what somebody reaches which calls an entry lets through in part, and of nobody nothing', async () => {
      expect(await run('access', ...ops())).toBe(0)
      expect(terminal.output()).toContain('kube.csv:3: not a server-side apply, which is create as well\n')
      write('all.csv', 'p, anyone, kube:prod, /**, get, -, allow\n')
      terminal = createTestTerminal({ cwd })
      const answer = await json('access', '--anonymous')
      expect(answer.outside).toEqual(['kube:prod'])
      expect(answer.entries.filter(({ domain }: { domain: string }) => domain === 'kube:prod')).toEqual([])
    })
  })

  it('takes a client certificate by its names, from a file, or as known to be missing', async () => {
    write('laptops.csv', 'p, user:https://idp.example#alice, c.example.com, /**, *, laptop, allow\n')
    write(
      'conditions.yaml',
      `fresh: { authentication-age: 15m }
office: { source-network: [10.0.0.0/8] }
laptop: { client-certificate: { san-dns: [laptop-7.example.com] } }
`,
    )
    const authority = createAuthority('Devices')
    write('laptop.pem', authority.issue('7', ['laptop-7.example.com']).certificate)
    write('phone.pem', authority.issue('9', ['phone-9.example.com']).certificate)
    authority.close()
    const ask = async (...certificate: string[]) => {
      terminal = createTestTerminal({ cwd })
      const given = certificate.flatMap(value => ['--certificate', value])
      const { decision, rows } = await json('explain', '--as', 'alice', '--url', 'https://c.example.com/', ...given)
      return [decision.effect, rows[0].fields.condition]
    }
    expect(await ask()).toEqual(['deny', 'may'])
    expect(await ask('none')).toEqual(['deny', 'miss'])
    expect(await ask('san-dns=laptop-7.example.com', 'san-email=alice@example.com')).toEqual(['allow', 'hit'])
    expect(await ask('san-email=laptop-7.example.com')).toEqual(['deny', 'miss'])
    expect(await ask('laptop.pem')).toEqual(['allow', 'hit'])
    expect(await ask('phone.pem')).toEqual(['deny', 'miss'])
  })

  it.each([
    ['nobody', [...keys], 'say who asks'],
    ['a certificate that is no file', ['--as', 'a', '--certificate', 'x.pem', ...keys], 'x.pem cannot be read'],
    [
      'a file without a certificate',
      ['--as', 'a', '--certificate', 'rows.csv', ...keys],
      'rows.csv does not hold one certificate in PEM',
    ],
    [
      'two kinds of certificate',
      ['--as', 'a', '--certificate', 'none', '--certificate', 'x', ...keys],
      'none, one file',
    ],
    ['no request', ['--as', 'alice'], 'say what to explain'],
    ['both', ['--as', 'a', '--anonymous', ...keys], 'say who asks'],
    ['an anonymous one with groups', ['--anonymous', '--groups', 'ops', ...keys], '--anonymous has no groups'],
    ['a time that is none', ['--as', 'a', '--at', 'noon', ...keys], '--at: expected a time'],
    ['an address that is none', ['--as', 'a', '--url', 'wiki'], 'the address has no scheme'],
    [
      'a question like one about a cluster',
      ['GET', 'wiki.example.com', '/a', '--anonymous'],
      'https://wiki.example.com/a',
    ],
    ['a client without its provider', ['--client', 'robot', ...keys], 'expected client: <provider>/<client id>'],
    [
      'a certificate without its authority',
      ['--certificate-identity', '/a', ...keys],
      'expected certificate: <authority>/',
    ],
    [
      'a service account in part',
      ['--service-account', 'ci/deployer', ...keys],
      'expected service-account: <cluster>/',
    ],
    ['a header without value', ['--as', 'a', '--header', 'x', ...keys], '--header: expected <name>=<value>'],
  ])('refuses %s', async (_, args, message) => {
    expect(await run('explain', ...args)).toBe(2)
    expect(terminal.errors()).toContain(message)
  })

  it('decides a request of an audit file again and says what the file does not hold', async () => {
    const event = { v: 1, time: '2026-01-01T10:00:00.250Z', requestId: 'r1', session: 'abc', front: 'auth-request' }
    const alice = { subject: 'https://idp.example#alice', email: 'alice@example.com', clientAddress: '10.1.2.3' }
    const asked = { domain: 'wiki.example.com', resource: '/admin/keys', action: 'POST', revision: '0000000000000000' }
    const lines = [
      {
        v: 1,
        time: '2026-01-01T08:00:00Z',
        event: 'login.succeeded',
        session: 'abc',
        provider: 'corp',
        groups: ['editors'],
      },
      { ...event, ...alice, ...asked, event: 'access.allowed', rule: 'rows.csv:2' },
      { ...event, ...alice, ...asked, requestId: 'r2', session: 'other', event: 'access.allowed', rule: 'rows.csv:2' },
    ]
    write('audit.jsonl', `torn line {\n${lines.map(line => JSON.stringify(line)).join('\n')}\n`)
    expect(await json('explain', '--request', 'r1', '--audit', 'audit.jsonl')).toMatchObject({
      decision: { effect: 'allow', rule: 'rows.csv:2' },
      identity: { groups: ['editors'], email: 'alice@example.com' },
      now: Date.UTC(2026, 0, 1, 10) / 1000,
      fromAudit: { isSameRevision: false, isSameDecision: true, hangsOn: ['groups'] },
    })
    terminal = createTestTerminal({ cwd })
    expect(await run('explain', '--request', 'r2', '--audit', 'audit.jsonl')).toBe(0)
    expect(terminal.output()).toMatch(/^cannot be told {2}POST wiki\.example\.com\/admin\/keys/)
    expect(terminal.output()).toContain('hangs on facts that the event does not hold: groups.')
    terminal = createTestTerminal({ cwd })
    const untold = await json('explain', '--request', 'r2', '--audit', 'audit.jsonl')
    expect(untold).toMatchObject({ fromAudit: { hangsOn: ['groups'], recorded: { event: 'access.allowed' } } })
    expect(untold).not.toHaveProperty('decision')
    expect(await run('explain', '--request', 'r3', '--audit', 'audit.jsonl')).toBe(1)
    expect(terminal.errors()).toContain('no decision with the request id r3')
  })

  it('reads groups and workloads as the audit log writes them', async () => {
    const event = { v: 1, time: '2026-01-01T10:00:00.250Z', front: 'auth-request', clientAddress: '10.1.2.3' }
    const asked = { domain: 'machines.example.com', resource: '/a', action: 'GET', revision: '0000000000000000' }
    write(
      'machines.csv',
      'p, client:corp/robot, machines.example.com, /**, *, -, allow\np, group:ops, machines.example.com, /**, *, -, allow\n',
    )
    const known = { ...event, ...asked, event: 'access.allowed', provider: 'corp', rule: 'machines.csv:1' }
    const lines = [
      { ...known, requestId: 'm1', subject: 'https://idp.example#robot', groups: [], machine: 'client:corp/robot' },
      { ...known, requestId: 'm2', subject: 'https://idp.example#alice', groups: ['ops'], rule: 'machines.csv:2' },
      { ...known, requestId: 'm3', subject: 'https://idp.example#robot', groups: [], machine: 'spiffe:corp/robot' },
    ]
    write('machines.jsonl', lines.map(line => `${JSON.stringify(line)}\n`).join(''))
    const explained = (id: string) => {
      terminal = createTestTerminal({ cwd })
      return json('explain', '--request', id, '--audit', 'machines.jsonl')
    }
    const same = { fromAudit: { isSameDecision: true, hangsOn: [] } }
    expect(await explained('m1')).toMatchObject({
      decision: { effect: 'allow' },
      identity: { kind: 'machine' },
      ...same,
    })
    expect(await explained('m2')).toMatchObject({ decision: { effect: 'allow', rule: 'machines.csv:2' }, ...same })
    const unknown = await explained('m3')
    expect(unknown).toMatchObject({ fromAudit: { hangsOn: ['identity'] } })
    expect(unknown).not.toHaveProperty('decision')
  })

  it('says where it looked when no service answers', async () => {
    expect(await run('explain', '--request', 'r1', '--admin', 'http://127.0.0.1:9')).toBe(1)
    expect(terminal.errors()).toContain('no answer from http://127.0.0.1:9')
  })
})

describe('sallyport policy who-can', () => {
  it('lists subjects with roles expanded, their conditions, and whom a deny cuts', async () => {
    expect(await run('who-can', 'POST', 'https://wiki.example.com/admin/keys')).toBe(0)
    const text = terminal.output()
    expect(text).toMatch(/group:ops +if fresh & office +rows\.csv:1\n/)
    expect(text).toMatch(/group:editors +always +rows\.csv:2\n/)
    expect(text).toContain('Never for whoever is also:\n  group:contractors (deny rows.csv:3)\n')
  })

  it('answers for kube: domains and for programs, and says nobody', async () => {
    const answer = await json('who-can', 'list', 'kube:prod', '/shop/core/pods')
    expect(answer.subjects).toEqual([
      {
        subject: 'group:sre',
        allowedBy: [{ rule: 'rows.csv:5', subject: 'group:sre', condition: '-' }],
        unless: [],
        isAlways: true,
      },
    ])
    terminal = createTestTerminal({ cwd })
    expect(await run('who-can', 'GET', 'https://other.example.com/')).toBe(0)
    expect(terminal.output()).toBe('nobody\n')
  })
})

describe('sallyport policy access', () => {
  it('lists what somebody reaches, how its conditions are now, and the denies', async () => {
    expect(await run('access', '--as', 'alice', '--groups', 'ops,contractors', '--ip', '192.0.2.1')).toBe(0)
    const text = terminal.output()
    expect(text).toMatch(/allow +wiki\.example\.com +\/admin\/\*\* +\* +fresh & office +false +rows\.csv:1\n/)
    expect(text).toMatch(/deny +wiki\.example\.com +\/admin\/\*\* +\* +- +rows\.csv:3\n/)
    expect(text).not.toContain('role:writers')
  })

  it('answers programs, and says nothing where there is nothing', async () => {
    const { entries } = await json('access', '--as', 'carol', '--groups', 'editors')
    expect(entries.map(({ rule, domain }: { rule: string; domain: string }) => [rule, domain])).toEqual([
      ['rows.csv:2', 'wiki.example.com'],
      ['rows.csv:4', 'wiki.example.com'],
    ])
    write('rows.csv', '')
    terminal = createTestTerminal({ cwd })
    expect(await run('access', '--anonymous')).toBe(0)
    expect(terminal.output()).toBe('nothing\n')
  })
})
