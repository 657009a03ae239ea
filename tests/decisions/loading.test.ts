/** What a policy file may look like, and what is said about one that may not. */
import { describe, expect, test } from 'vitest'
import { compilePolicy, type PolicySources } from '../../rbac/policy.ts'
import { model, policyOf, problemsOf, row } from './policies.ts'

const sources = (changes: Partial<PolicySources>): PolicySources => ({
  model,
  files: [{ name: 'policy.csv', text: row }],
  ...changes,
})

describe('accepted', () => {
  test.each([
    ['a byte-order mark', `\uFEFF${row}`],
    ['CRLF', `# comment\r\n${row}\r\n`],
    ['no line end at the end', row],
    ['empty lines and indented comments', `\n\n   # comment\n${row}\n\n`],
    ['quoted fields', 'p, "anyone", "a.example.com", "/x", "GET", "-", "allow"'],
    ['no spaces', row.replaceAll(' ', '')],
  ])('%s', async (_, text) => {
    expect((await policyOf(text)).rowCount).toBe(1)
  })

  test('an empty policy, which has no domains', async () => {
    const policy = await policyOf('# nothing\n')
    expect(policy).toMatchObject({ rowCount: 0, domains: [] })
  })

  test('domains are named once, in the order of load, in canonical form', async () => {
    const policy = await policyOf(
      `${row}\np, anyone, *.B.example., /, GET, -, allow\np, anyone, A.example.com, /y, GET, -, deny`,
    )
    expect(policy.domains).toEqual(['a.example.com', '*.b.example'])
  })

  test('the line of a row is that of the file, comments counted', async () => {
    const policy = await policyOf(`# one\n\n${row}\n`)
    expect(policy.rows[0]?.id).toBe('policy.csv:3')
  })
})

describe('refused, with the place', () => {
  test.each([
    [
      'a missing field',
      'p, anyone, a.example.com, /x, GET, allow',
      '1:1: expected 7 to 9 fields (p, subject, domain, resource, action, condition, effect, and perhaps note, owner), found 6',
    ],
    [
      'a field too many',
      `${row}, a note, an owner, more`,
      '1:1: expected 7 to 9 fields (p, subject, domain, resource, action, condition, effect, and perhaps note, owner), found 10',
    ],
    ['an unknown kind of line', row.replace('p,', 'q,'), '1:1: unknown kind of line "q"; did you mean "p"?'],
    ['an unknown effect', row.replace('allow', 'alow'), '1:39: unknown effect "alow"; did you mean "allow"?'],
    ['an unknown subject', row.replace('anyone', 'grup:ops'), '1:4: unknown subject "grup"; did you mean "group"?'],
    [
      'a subject without its value',
      row.replace('anyone', 'group'),
      '1:4: the subject "group" needs a value: group:<…>',
    ],
    ['a user without issuer', row.replace('anyone', 'user:alice'), '1:4: expected user:<issuer>#<sub>'],
    ['an address that is none', row.replace('anyone', 'email:a@b@c'), '1:4: expected email:<local>@<domain>'],
    ['an unknown condition', row.replace('-', 'ofice'), '1:36: unknown condition "ofice"; did you mean "office"?'],
    ['an unknown method', row.replace('GET', 'get'), '1:31: "get" is no registered method; did you mean "GET"?'],
    [
      'a space before the name',
      row.replace('anyone', 'group: ops'),
      '1:4: the name after "group:" starts or ends with a space',
    ],
    [
      'a space after the name',
      row.replace('anyone', '"group:ops "'),
      '1:4: the name after "group:" starts or ends with a space',
    ],
    [
      'a mistyped method',
      row.replace('GET', 'GTE|POST'),
      '1:31: "GTE" is no registered method; did you mean "GET"? (a method of your own is written custom:GTE)',
    ],
    [
      'a mistyped method of WebDAV',
      row.replace('GET', 'PROFIND'),
      '1:31: "PROFIND" is no registered method; did you mean "PROPFIND"? (a method of your own is written custom:PROFIND)',
    ],
    [
      'a registered method as one of your own',
      row.replace('GET', 'custom:GET'),
      '1:31: GET is a known method; write it without "custom:"',
    ],
    [
      'a method of your own that no request can have',
      row.replace('GET', 'custom:brew'),
      '1:31: expected custom:<method>, one to twenty of A to Z and dashes',
    ],
    [
      'GET without HEAD in a row that denies',
      row.replace('GET', 'POST|only:GET').replace('allow', 'deny'),
      '1:31: what denies GET denies HEAD as well; write GET',
    ],
    [
      'GET without HEAD in a row that is to deny',
      row.replace('GET', 'only:GET').replace('allow', 'shadow-deny'),
      '1:31: what denies GET denies HEAD as well; write GET',
    ],
    ['another method by itself', row.replace('GET', 'only:POST'), '1:31: "only:POST" is no registered method'],
    [
      'GET without HEAD in a cluster',
      row.replace('a.example.com', 'kube:prod').replace('GET', 'only:GET'),
      '1:27: a kube: domain takes verbs joined by "|" (get, list, create …) or "*"',
    ],
    [
      'a verb in capitals in a cluster',
      row.replace('a.example.com', 'kube:prod'),
      '1:27: a kube: domain takes verbs joined by "|" (get, list, create …) or "*"',
    ],
    [
      'a verb that no API server has',
      row.replace('a.example.com', 'kube:prod').replace('GET', 'get|lst'),
      '1:27: "lst" is no verb of an API server; did you mean "list"?',
    ],
    [
      'a verb that no call has',
      row.replace('a.example.com', 'kube:prod').replace('GET', 'bind'),
      '1:27: no call has the verb bind: the cluster asks for it by itself',
    ],
    [
      'a wildcard in the middle',
      row.replace('a.ex', 'a.*.ex'),
      '1:12: "*" stands alone or as the first label: *.example.com',
    ],
    [
      'a wildcard as part of a label',
      row.replace('a.ex', '*a.ex'),
      '1:12: "*" stands alone or as the first label: *.example.com',
    ],
    ['a port', row.replace('.com', '.com:8443'), '1:12: a domain has no port; rows hold for all ports'],
    ['a domain that is none', row.replace('a.ex', 'a..ex'), '1:12: not a domain: the host is not a DNS name'],
    ['a resource without slash', row.replace('/x', 'x'), '1:27: a resource starts with "/" or "re:"'],
    ['stars in the middle', row.replace('/x', '/x/**/y'), '1:27: "**" stands only as the last segment'],
    [
      'a dot segment',
      row.replace('/x', '/x/../y'),
      '1:27: dot segments never match: requests that hold one are refused',
    ],
    ['a doubled slash', row.replace('/x', '//x'), '1:27: "//" never matches: request paths are collapsed'],
    ['a query', row.replace('/x', '/x?a=1'), '1:27: query and fragment never take part in matching'],
    [
      'a lookahead',
      row.replace('/x', 're:/(?=x)'),
      '1:27: not a pattern of RE2 syntax: error parsing regexp: invalid or unsupported Perl syntax: `(?=`',
    ],
    ['a NUL', row.replace('/x', '/x\0'), '1:29: the line holds a control character'],
    ['a lone carriage return', `${row}\r${row}`, '1:44: the line holds a control character'],
    [
      'a quote that is not closed',
      `p, "anyone\n${row}`,
      '1:4: a quote is not closed, or stands inside a field (write "" for one)',
    ],
    ['a repeated row', `${row}\n${row}`, '2:1: the same as policy.csv:1'],
    [
      'a repeated row in another spelling',
      `${row}\np,"anyone",A.example.com,/x,GET,-,allow`,
      '2:1: the same as policy.csv:1',
    ],
    ['a role that is none', `${row}\ng, group:ops, ops, *`, '2:15: expected role:<name>'],
    [
      'a role row without domain',
      `${row}\ng, group:ops, role:ops`,
      '2:1: expected 4 fields (g, member, role, domain), found 3',
    ],
    ['a repeated role row', `${row}\ng, anyone, role:a, *\ng, anyone, role:a, *`, '3:1: the same as policy.csv:2'],
  ])('%s', async (_, text, expected) => {
    expect(await problemsOf(policyOf(text, 'office: { source-network: [10.0.0.0/8] }'))).toEqual([
      `policy.csv:${expected}`,
    ])
  })

  test('a quote over two lines, whose row would have two line numbers', async () => {
    const text = `p, "group:a\nb", a.example.com, /y, GET, -, allow\n${row}`
    const message = 'a quote is not closed, or stands inside a field (write "" for one)'
    expect(await problemsOf(policyOf(text))).toEqual([`policy.csv:1:4: ${message}`, `policy.csv:2:2: ${message}`])
  })

  test('a line of 10 MB, and the rest of the file is still read', async () => {
    const problems = await problemsOf(policyOf(`p, group:${'x'.repeat(10_000_000)}, a\nq, b\n`))
    expect(problems).toEqual([
      'policy.csv:1:65537: the line is longer than 64 KB',
      'policy.csv:2:1: unknown kind of line "q"; did you mean "p"?',
    ])
  })

  test('all problems of all files at once', async () => {
    const files = [
      { name: 'a.csv', text: 'p, anyone, a.example.com, x, GET, ofice, alow\np, "x' },
      { name: 'b.csv', text: 'q' },
    ]
    const problems = await problemsOf(
      compilePolicy(sources({ files, conditions: { name: 'conditions.yaml', text: 'x: { acrs: [a] }' } })),
    )
    expect(problems.map(problem => problem.split(': ')[0]).sort()).toEqual([
      'a.csv:1:27',
      'a.csv:1:35',
      'a.csv:1:42',
      'a.csv:2:4',
      'b.csv:1:1',
      'conditions.yaml:1:6',
    ])
  })

  test('two files of one name, whose rule ids nobody could tell apart', async () => {
    const other = row.replace('/x', '/y')
    const files = [
      { name: 'policy.csv', text: row },
      { name: 'policy.csv', text: other },
    ]
    expect(await problemsOf(compilePolicy(sources({ files })))).toEqual([
      'policy.csv:1:1: two files have the name policy.csv',
    ])
  })

  test('H08 a group of a provider that is not configured, where the providers are known', async () => {
    const files = [{ name: 'policy.csv', text: row.replace('anyone', 'group:crop/ops') }]
    expect(await problemsOf(compilePolicy(sources({ files, providers: ['corp'] })))).toEqual([
      'policy.csv:1:4: unknown provider "crop"; did you mean "corp"? (a group with a slash is written group:<name> or group:<provider>/<name>)',
    ])
  })
})

describe('rows that name a machine', () => {
  const problemsWith = (subject: string, more: object = {}) =>
    problemsOf(
      compilePolicy(sources({ files: [{ name: 'policy.csv', text: row.replace('anyone', subject) }], ...more })),
    )
  const machines = { issuers: ['github'], clusters: ['prod'], certificates: ['mesh'] }

  test.each([
    [
      'client:github/repo:octo-org/wiki:*',
      'names of machines are compared whole, and "*" stands for nothing: name each, or give each a role',
    ],
    [
      'service-account:prod/ci/*',
      'names of machines are compared whole, and "*" stands for nothing: name each, or give each a role',
    ],
    ['client:gihub/repo:x', 'unknown issuer "gihub"; did you mean "github"?, among those of machines.issuers'],
    ['client:corp/robot', 'unknown issuer "corp"; known: github, among those of machines.issuers'],
    [
      'certificate:mash/build.example.com',
      'unknown authority "mash"; did you mean "mesh"?, among those of machines.certificates',
    ],
    ['certificate:mesh', 'expected certificate:<authority>/<name>'],
    [
      'certificate:mesh/*.example.com',
      'names of machines are compared whole, and "*" stands for nothing: name each, or give each a role',
    ],
    ['service-account:prd/ci/deployer', 'unknown cluster of service accounts "prd"; did you mean "prod"?'],
  ])('H08 are a problem where there can be no such machine: %s', async (subject, problem) => {
    const known = { providers: ['corp'], machines }
    expect(await problemsWith(subject, known)).toEqual([`policy.csv:1:4: ${problem}`])
  })

  test('are taken where there can be, and where nobody knows', async () => {
    const compiled = async (subject: string, more: object = {}) => {
      const files = [{ name: 'policy.csv', text: row.replace('anyone', subject) }]
      return (await compilePolicy(sources({ files, ...more }))).rowCount
    }
    for (const subject of [
      'client:github/repo:octo-org/wiki:ref:refs/heads/main',
      'service-account:prod/ci/deployer',
      'certificate:mesh/spiffe://prod.example.com/ns/ci/sa/robot',
    ]) {
      expect(await compiled(subject, { providers: ['corp'], machines })).toBe(1)
    }
    for (const subject of ['client:any/robot', 'service-account:any/ci/deployer', 'certificate:any/build.example.com'])
      expect(await compiled(subject)).toBe(1)
  })
})

describe('the model', () => {
  const effect = 'some(where (p.eft == allow)) && !some(where (p.eft == deny))'
  test.each([
    ['an effect that allows by default', model.replace(effect, '!some(where (p.eft == deny))'), 'e'],
    ['a matcher without the condition', model.replace(' && when(r.ctx, p.id, p.cond)', ''), 'm'],
    ['a matcher that always matches', model.replace(/^m = .*$/m, 'm = true'), 'm'],
    ['a matcher with an unanchored function', model.replace(/^m = .*$/m, 'm = regexMatch(r.obj, p.obj)'), 'm'],
    ['another request definition', model.replace('r = obj, act, ctx', 'r = sub, obj, act'), 'r'],
    ['another policy definition', model.replace('p = id, sub,', 'p = sub, id,'), 'p'],
    ['a second matcher that nothing uses', model.replace(/^(m = .*)$/m, '$1\nm2 = true'), 'm2'],
  ])('refuses %s', async (_, text, key) => {
    const line = text.split('\n').findIndex(content => content.startsWith(`${key} =`)) + 1
    const problems = await problemsOf(compilePolicy(sources({ model: text })))
    expect(problems).toHaveLength(1)
    expect(problems[0]).toMatch(new RegExp(`^model.conf:${line}:1: `))
  })

  test.each([
    ['nothing', ''],
    ['no sections', 'hello'],
    ['a section missing', model.replace(/\[matchers\][\s\S]*/, '')],
  ])('refuses %s', async (_, text) => {
    expect((await problemsOf(compilePolicy(sources({ model: text }))))[0]).toMatch(
      /^model.conf:1:1: Casbin cannot read the model: /,
    )
  })

  test('takes CRLF, a byte-order mark and other white space', async () => {
    const spaced = `\uFEFF${model.replaceAll('\n', '\r\n').replaceAll(' && ', '  &&  ')}`
    expect((await compilePolicy(sources({ model: spaced }))).rowCount).toBe(1)
  })
})

describe('the revision', () => {
  test('is the same for the same sources', async () => {
    expect((await policyOf(row)).revision).toBe((await policyOf(row)).revision)
    expect((await policyOf(row)).revision).toMatch(/^[0-9a-f]{16}$/)
  })

  test('differs when anything differs, also where one text ends and the next begins', async () => {
    const revisions = await Promise.all([
      policyOf(row),
      policyOf(`${row} `),
      policyOf(row, 'x: { acr: [a] }'),
      compilePolicy(sources({ model: `${model}\n` })),
      compilePolicy(
        sources({
          files: [
            { name: 'policy.csv', text: row },
            { name: 'b.csv', text: '' },
          ],
        }),
      ),
      compilePolicy(
        sources({
          files: [
            { name: 'policy.csv', text: '' },
            { name: 'b.csv', text: row },
          ],
        }),
      ),
    ])
    expect(new Set(revisions.map(({ revision }) => revision)).size).toBe(revisions.length)
  })
})
