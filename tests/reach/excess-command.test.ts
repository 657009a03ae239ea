/** `sallyport kube excess` over manifests and a log, as a person sees it. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pc from 'picocolors'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parseAllDocuments } from 'yaml'
import { subjectYaml } from '../../cli/kube/reach/excess/objects-yaml.ts'
import { runCli } from '../../cli/program.ts'
import { auditEvent } from './audit-events.ts'

const directory = mkdtempSync(join(tmpdir(), 'sallyport-excess-'))
afterAll(() => rmSync(directory, { recursive: true, force: true }))

const manifests = `
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: { name: deployer }
rules:
  - { apiGroups: [apps], resources: [deployments], verbs: ['*'] }
  - { apiGroups: [''], resources: [secrets], verbs: [get, list, watch] }
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: { name: deployers }
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: deployer }
subjects: [{ kind: ServiceAccount, namespace: payments, name: deployer }]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: { name: ops }
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: deployer }
subjects: [{ kind: Group, name: ops }]
---
apiVersion: v1
kind: ServiceAccount
metadata: { namespace: payments, name: deployer }
`

const account = 'system:serviceaccount:payments:deployer'
const reason =
  'RBAC: allowed by ClusterRoleBinding "deployers" of ClusterRole "deployer" to ServiceAccount "deployer/payments"'
const deploy = { user: account, group: 'apps', resource: 'deployments', namespace: 'payments', reason }
const secret = 'hunter-of-bodies-2'
const log = [
  auditEvent({ ...deploy, verb: 'get', name: 'core' }),
  auditEvent({
    ...deploy,
    verb: 'patch',
    name: 'core',
    at: '2026-03-04T08:00:00Z',
    more: { requestObject: { data: secret } },
  }),
  auditEvent({ user: account, verb: 'get', resource: 'secrets', namespace: 'payments', name: 'registry', reason }),
  auditEvent({ user: account, verb: 'list', resource: 'nodes', code: 403, decision: 'forbid' }),
  auditEvent({ user: 'alice', groups: ['ops'], group: 'apps', resource: 'deployments', verb: 'list' }),
]

const write = (name: string, text: string): void => writeFileSync(join(directory, name), text)

async function run(...args: string[]) {
  const [out, errors]: [string[], string[]] = [[], []]
  const terminal = {
    write: (text: string) => void out.push(text),
    writeError: (text: string) => void errors.push(text),
    progress: () => undefined,
    colors: pc.createColors(false),
    env: {},
    cwd: directory,
  }
  const code = await runCli(['kube', 'excess', ...args], { version: '0', terminal })
  return { code, out: out.join(''), errors: errors.join('') }
}
const excess = (...args: string[]) => run('--from', 'cluster.yaml', '--audit', 'audit.log', ...args)

beforeAll(() => {
  write('cluster.yaml', manifests)
  write('audit.log', `${log.map(event => JSON.stringify(event)).join('\n')}\n{"cut`)
})

describe('what it says', () => {
  test('everybody in one table, and what the log is worth', async () => {
    const { code, out } = await excess()
    expect(code).toBe(0)
    expect(out).toMatchInlineSnapshot(`
      "Audit log: 2026-03-01 to 2026-03-04: 3 days of the 90 that are asked for, so
        what is used more rarely looks unused. 5 calls of 2 subjects, 1 of them
        refused.
      Events that could not be read: 1 (a line is no JSON).

        SUBJECT                            RIGHTS  USED  UNUSED  LAST CALL
        group:ops                          11      1     90 %    2026-03-01
        service-account:payments/deployer  11      3     72 %    2026-03-04

      Of 3 calls the log names the binding: 3 by one that allows it by our reading
        too, 0 by one that does not any more, 0 by one that is gone.
      "
    `)
    expect(Math.max(...out.split('\n').map(line => line.length))).toBeLessThanOrEqual(80)
  })

  test('one subject, binding by binding and rule by rule', async () => {
    const { out } = await excess('--subject', 'payments/deployer')
    expect(out).toMatchInlineSnapshot(`
      "Audit log: 2026-03-01 to 2026-03-04: 3 days of the 90 that are asked for, so
        what is used more rarely looks unused. 5 calls of 2 subjects, 1 of them
        refused.
      Events that could not be read: 1 (a line is no JSON).

      service-account:payments/deployer: 11 rights, 3 used, 72 % unused; 4 calls, 1
        refused.
        ClusterRoleBinding/deployers of ClusterRole deployer: 3 of 11, last used
            2026-03-04 by service-account:payments/deployer
          rule 1, 2 of 8 used: * on deployments
          rule 2, 1 of 3 used: get, list, watch on secrets

      Of 3 calls the log names the binding: 3 by one that allows it by our reading
        too, 0 by one that does not any more, 0 by one that is gone.
      "
    `)
  })

  test('nothing out of the body of a request, in any output', async () => {
    for (const more of [[], ['--json'], ['--patch'], ['--subject', 'payments/deployer', '--minimal']]) {
      const { out, errors } = await excess(...more)
      expect(out + errors).not.toContain(secret)
    }
  })
})

describe('what to change', () => {
  test('M12 roles of two subjects never have one name', () => {
    const nameOf = (subject: string): string => {
      const roles = [{ rules: [{ apiGroups: [''], resources: ['pods'], verbs: ['get'] }], unseen: [] }]
      const [, role] = parseAllDocuments(subjectYaml({ subject, roles, replaces: [] }))
      return role?.toJS().metadata.name
    }
    const subjects = [
      ...['service-account:a/b-c', 'service-account:a-b/c', 'user:a-b-c', 'user:ops', 'group:ops', 'user:Ops'],
      ...['user:a/b', 'user:a%b', 'user:a-b', 'service-account:user/ops', 'service-account:a/b.c', 'user:..'],
      ...['user:é', 'user:è', 'user:a\nb'],
    ]
    const names = subjects.map(nameOf)
    expect(new Set(names).size).toBe(subjects.length)
    // What the API server takes as a name of a role.
    for (const name of names) expect(name).toMatch(/^[^/%\s]+-minimal$/)
    expect(names.slice(0, 5)).toEqual([
      ...['a.b-c-minimal', 'a-b.c-minimal', 'user:a-b-c-minimal', 'user:ops-minimal', 'group:ops-minimal'],
    ])
  })

  test('a role for one subject, where it worked', async () => {
    const { out } = await excess('--subject', 'payments/deployer', '--minimal')
    expect(out).toMatchInlineSnapshot(`
      "# what service-account:payments/deployer used; then take it out of: ClusterRoleBinding/deployers
      ---
      apiVersion: rbac.authorization.k8s.io/v1
      kind: Role
      metadata:
        name: payments.deployer-minimal
        namespace: payments
      rules:
        - apiGroups:
            - ""
          resources:
            - secrets
          verbs:
            - get
          resourceNames:
            - registry
        - apiGroups:
            - apps
          resources:
            - deployments
          verbs:
            - get
            - patch
          resourceNames:
            - core
      ---
      apiVersion: rbac.authorization.k8s.io/v1
      kind: RoleBinding
      metadata:
        name: payments.deployer-minimal
        namespace: payments
      roleRef:
        apiGroup: rbac.authorization.k8s.io
        kind: Role
        name: payments.deployer-minimal
      subjects:
        - kind: ServiceAccount
          name: deployer
          namespace: payments
      "
    `)
    expect(parseAllDocuments(out).flatMap(({ errors }) => errors)).toEqual([])
  })

  test('the role as it would be enough for all who hold it', async () => {
    const { out, errors } = await excess('--patch')
    expect(out).toMatchInlineSnapshot(`
      "# cluster.yaml:2: 2 rules become 3; held by group:ops, service-account:payments/deployer
      ---
      apiVersion: rbac.authorization.k8s.io/v1
      kind: ClusterRole
      metadata:
        name: deployer
      rules:
        - apiGroups:
            - ""
          resources:
            - secrets
          verbs:
            - get
          resourceNames:
            - registry
        - apiGroups:
            - apps
          resources:
            - deployments
          verbs:
            - get
            - patch
          resourceNames:
            - core
        - apiGroups:
            - apps
          resources:
            - deployments
          verbs:
            - list
      "
    `)
    expect(errors).toContain('3 days of the 90')
  })

  test('the JSON document has a patch that fails where the role was changed since', async () => {
    const { out } = await excess('--json')
    const { schema, roles, identities } = JSON.parse(out) as Record<string, { patch: unknown; subject: string }[]>
    expect(schema).toBe('sallyport.dev/kube-excess/v1')
    expect(roles?.[0]?.patch).toMatchObject([
      { op: 'test', path: '/rules' },
      { op: 'replace', path: '/rules' },
    ])
    expect(identities?.map(({ subject }) => subject)).toEqual(['group:ops', 'service-account:payments/deployer'])
  })
})

describe('what a change would do', () => {
  test('its own proposal breaks nothing', async () => {
    write('patch.yaml', (await excess('--patch')).out)
    const { code, out } = await excess('--what-if', 'patch.yaml')
    expect(out).toContain('Everything that was used is still allowed.')
    expect(out).toMatch(/service-account:payments\/deployer: 11 rights become/)
    expect(code).toBe(0)
  })

  test('what would be refused is named, with how often and when it was used, and the exit code says so', async () => {
    const rules = '[{ apiGroups: [apps], resources: [deployments], verbs: [get, list, update, delete, bind] }]'
    const role = 'apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: { name: deployer }\nrules: '
    write('too-narrow.yaml', role + rules)
    const { code, out } = await excess('--what-if', 'too-narrow.yaml')
    expect(code).toBe(1)
    expect(out).toContain('2 uses would be refused:')
    expect(out).toContain('patch deployments.apps core in payments: 1\n      calls, the last on 2026-03-04')
    expect(out).toContain('get secrets registry in payments')
  })

  test('a deletion, a JSON patch of a role, and a name that is not there', async () => {
    const target = '{ kind: ClusterRole, name: deployer }'
    write('delete.yaml', '$patch: delete\nkind: ClusterRoleBinding\nmetadata: { name: ops }\n')
    write('json.yaml', `target: ${target}\npatch: [{ op: remove, path: /rules/1 }]\n`)
    write('stale.yaml', `target: ${target}\npatch: [{ op: test, path: /rules, value: [] }]\n`)
    write('typo.yaml', '$patch: delete\nkind: ClusterRoleBinding\nmetadata: { name: opps }\n')
    expect((await excess('--what-if', 'delete.yaml')).out).toContain('user:alice list deployments.apps: 1 calls')
    expect((await excess('--what-if', 'json.yaml')).out).toContain('get secrets registry in payments')
    expect((await excess('--what-if', 'stale.yaml')).errors).toContain('cannot be applied to this role')
    expect((await excess('--what-if', 'typo.yaml')).out).toContain('ClusterRoleBinding opps is not there now')
  })
})

test('exit codes: a share that is not let pass, and a command line that makes no sense', async () => {
  expect((await excess('--fail-on', '95')).code).toBe(0)
  expect((await excess('--fail-on', '50')).code).toBe(1)
  expect((await run('--from', 'cluster.yaml')).code).toBe(2)
  expect((await excess('--minimal')).code).toBe(2)
  expect((await excess('--subject', 'nobody')).code).toBe(2)
  expect((await run('--from', '-', '--audit', '-')).code).toBe(2)
  expect((await run('--from', 'cluster.yaml', '--audit', 'nowhere.log')).code).toBe(1)
})
