/** Who is in which group: of a list, of a running service, of certificates; and the people whom answers then name. */

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createAuthority } from '../certificates.ts'
import { runKube } from './run-kube.ts'

const directory = mkdtempSync(join(tmpdir(), 'sallyport-people-'))
const write = (name: string, text: string) => writeFileSync(join(directory, name), text, { mode: 0o600 })
afterAll(() => rmSync(directory, { recursive: true, force: true }))

const rbac = 'rbac.authorization.k8s.io'
const bind = (name: string, role: string, kind: string, whom: string) =>
  `---\napiVersion: ${rbac}/v1\nkind: ClusterRoleBinding\nmetadata: { name: ${name} }\n` +
  `roleRef: { apiGroup: ${rbac}, kind: ClusterRole, name: ${role} }\n` +
  `subjects: [{ kind: ${kind}, apiGroup: ${rbac}, name: '${whom}' }]\n`

beforeAll(() => {
  write(
    'cluster.yaml',
    `apiVersion: ${rbac}/v1\nkind: ClusterRole\nmetadata: { name: minter }\nrules: [{ apiGroups: [''], resources: [serviceaccounts/token], verbs: [create] }]\n` +
      bind('ops', 'minter', 'Group', 'ops') +
      bind('admins', 'cluster-admin', 'ServiceAccount', 'x').replace(
        /subjects: .*\n/,
        'subjects: [{ kind: ServiceAccount, namespace: ci, name: admin }]\n',
      ) +
      bind('left', 'view', 'User', 'mallory@example.com') +
      bind('known', 'view', 'User', 'alice@example.com') +
      '---\napiVersion: v1\nkind: ServiceAccount\nmetadata: { namespace: ci, name: admin }\n',
  )
  write(
    'users.yaml',
    '- { user: alice@example.com, groups: [ops] }\n- { user: bob@example.com, groups: [ops] }\n- { user: carol@example.com, groups: [staff] }\n- { user: root@example.com, groups: ["system:masters"] }\n',
  )
  write('some.yaml', 'complete: false\nusers: [{ user: alice@example.com, groups: [ops] }]\n')
})

const run = (...args: readonly string[]) => runKube(directory, [...args, '--from', 'cluster.yaml'])
const json = async <Answer>(...args: readonly string[]): Promise<Answer> => {
  const { code, out, errors } = await run(...args, '--json')
  expect([code, errors]).toEqual([0, ''])
  return JSON.parse(out) as Answer
}

describe('--users', () => {
  test('who-can names the people behind a group', async () => {
    const { out } = await run('who-can', 'create', 'serviceaccounts/token', '--users', 'users.yaml')
    expect(out).toContain('group:ops (alice@example.com, bob@example.com)')
    const { members } = await json<{ members: object }>(
      'who-can',
      'create',
      'serviceaccounts/token',
      '--users',
      'users.yaml',
    )
    expect(members).toEqual({ 'group:ops': ['user:alice@example.com', 'user:bob@example.com'] })
    expect((await run('who-can', 'create', 'serviceaccounts/token')).out).not.toContain('bob')
  })

  test('what-can counts the groups of the list, and what they lead to', async () => {
    const { out } = await run('what-can', 'user:bob@example.com', '--users', 'users.yaml', '--eventual')
    expect(out.replaceAll(/\s+/g, ' ')).toContain('through group:ops')
    expect(out).toContain('cluster-admin, in ')
    expect(out).not.toContain('No binding names it')
    expect((await run('what-can', 'user:bob@example.com')).out).toContain('No binding names it')
  })

  test('review tells who can reach something, finds who is gone, and who is in system:masters', async () => {
    const { reachers } = await json<{ reachers: { subject: string }[] }>(
      'review',
      '--to',
      'cluster-admin',
      '--users',
      'users.yaml',
    )
    const people = reachers.map(({ subject }) => subject).filter(id => id.startsWith('user:'))
    expect(people.sort()).toEqual(['user:alice@example.com', 'user:bob@example.com', 'user:root@example.com'])
    const { findings, sets } = await json<{
      findings: { move: string; subject: string }[]
      sets: Record<string, string[]>
    }>('review', '--users', 'users.yaml')
    const of = (move: string) => findings.filter(one => one.move === move).map(({ subject }) => subject)
    expect(of('ID18')).toEqual(['user:mallory@example.com'])
    expect(of('ID19')).toEqual(['user:root@example.com'])
    expect(sets['group:ops']).toEqual(['user:alice@example.com', 'user:bob@example.com'])
    expect((await run('review', '--users', 'users.yaml')).out).toContain('who   alice@example.com, bob@example.com')
  })

  test('a list that is not everybody says nothing of who is gone', async () => {
    const { findings } = await json<{ findings: { move: string }[] }>('review', '--users', 'some.yaml')
    expect(findings.filter(({ move }) => move === 'ID18')).toEqual([])
    const both = await json<{ findings: { move: string }[] }>('review', '--users', 'users.yaml', 'some.yaml')
    expect(both.findings.filter(({ move }) => move === 'ID18')).toEqual([])
  })

  test('an edit that lets a group do more says whom it reaches', async () => {
    write('edit.yaml', bind('more', 'cluster-admin', 'Group', 'staff').replace('---\n', ''))
    const { out } = await run('review', '--what-if', 'edit.yaml', '--users', 'users.yaml')
    expect(out).toContain('carol@example.com')
    expect((await run('review', '--what-if', 'edit.yaml')).out).not.toContain('carol@example.com')
  })

  test.each([
    ['- { user: alice, gruops: [ops] }\n', 'entry 1: there is no gruops'],
    ['- { user: alice, groups: ops }\n', 'entry 1: groups is no list'],
    ['- { user: alice }\n- { user: alice }\n', 'user:alice stands twice'],
    ['- { user: "system:serviceaccount:a:b" }\n', 'a service account is in its own groups'],
    ['users: []\nwhole: true\n', 'there is no whole'],
    ['alice: [ops]\n', 'there is no alice'],
    ['- [\n', 'bad.yaml: '],
    ['users: {}\n', 'expected a list'],
    ['- { groups: [ops] }\n', 'user is no name'],
  ])('%j is refused, and nothing is reviewed', async (text, reason) => {
    write('bad.yaml', text)
    const { code, out, errors } = await run('review', '--users', 'bad.yaml')
    expect([code, out]).toEqual([1, ''])
    expect(errors.replaceAll(/\s+/g, ' ')).toContain(reason)
  })
})

test('a certificate that the cluster issued says who is in which group, until it ends', async () => {
  const requests = readFileSync(join(import.meta.dirname, 'certificate-requests.yml'), 'utf8').replaceAll(
    'signerName: example.com/own-signer',
    'signerName: kubernetes.io/kube-apiserver-client',
  )
  // Of `far`, which holds until 2056, the name is in no group; the others have ended or will.
  write('requests.yaml', requests)
  const { out } = await runKube(directory, ['what-can', 'user:far-robot', '--from', 'cluster.yaml', 'requests.yaml'])
  expect(out).not.toContain('No binding names it')
})

describe('--admin with --cluster', () => {
  const server = createServer((request, response) => {
    const after = new URL(request.url ?? '', 'http://x').searchParams.get('after')
    const person = (name: string, groups: readonly string[]) => ({
      subject: `https://idp.example.com#${name}`,
      provider: 'corp',
      email: `${name}@example.com`,
      groups,
      inClusters: { groups, names: { email: `${name}@example.com` } },
    })
    const page =
      after === null
        ? { sessions: [person('alice', ['ops'])], next: 'two' }
        : { sessions: [person('bob', ['ops', 'staff']), { subject: 'x#old', provider: 'corp' }] }
    response.setHeader('content-type', 'application/json').end(JSON.stringify(page))
  })
  beforeAll(() => new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve)))
  afterAll(() => new Promise(resolve => server.close(resolve)))

  test('adds who is logged in, on every page, by the names that the configuration gives them', async () => {
    const { port } = server.address() as AddressInfo
    write('secret', 'uG3kq8vJ0oZP4mYtW1xR7cN5bL9dS2fHqEaK6iTgVwU\n')
    write('client', 'a-client-secret-of-tests-that-is-long\n')
    const authority = createAuthority('an authority of tests')
    authority.close()
    write('ca.pem', authority.certificate)
    write('token', 'not yet\n')
    write(
      'sallyport.yaml',
      `server: { url: 'http://localhost:9180' }
providers: [{ name: corp, issuer: 'https://idp.example', clientId: sallyport, clientSecretFile: ./client }]
sessions: { store: lmdb, path: ./data, secretFile: ./secret }
policy: { directory: ./ }
kubernetes:
  url: https://k8s.example.com
  listen: 127.0.0.1:9182
  tls: { certificateFile: ./ca.pem, keyFile: ./ca.pem }
  clusters:
    - { name: prod, server: 'https://127.0.0.1:1', caFile: ./ca.pem, groupPrefix: 'corp:', credential: { tokenFile: ./token } }
`,
    )
    write(
      'cluster.yaml',
      `${readFileSync(join(directory, 'cluster.yaml'), 'utf8')}${bind('corp', 'minter', 'Group', 'corp:ops')}`,
    )
    const asked = ['who-can', 'create', 'serviceaccounts/token', '--config', 'sallyport.yaml'] as const
    const admin = ['--admin', `http://127.0.0.1:${port}`, '--cluster', 'prod'] as const
    const { members } = await json<{ members: object }>(...asked, ...admin)
    expect(members).toEqual({ 'group:corp:ops': ['user:alice@example.com', 'user:bob@example.com'] })
    const elsewhere = await run(...asked, '--admin', admin[1], '--cluster', 'nowhere')
    expect([elsewhere.code, elsewhere.errors]).toEqual([1, expect.stringContaining('there is no cluster nowhere')])
    const { findings } = await json<{ findings: { move: string }[] }>('review', '--config', 'sallyport.yaml', ...admin)
    // Who is not logged in is not gone.
    expect(findings.filter(({ move }) => move === 'ID18')).toEqual([])
    const without = await run('who-can', 'get', 'pods', '--cluster', 'prod')
    expect([without.code, without.errors]).toEqual([1, expect.stringContaining('--cluster needs --admin')])
  })
})
