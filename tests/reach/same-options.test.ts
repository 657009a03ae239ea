/** The commands that review a cluster take the same options, in the same words, and narrow what they say by them. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { runKube } from './run-kube.ts'

const directory = mkdtempSync(join(tmpdir(), 'sallyport-options-'))
afterAll(() => rmSync(directory, { recursive: true, force: true }))

const account = (namespace: string, name: string) => `apiVersion: v1
kind: ServiceAccount
metadata: { name: ${name}, namespace: ${namespace} }
---
`
const binding = (
  where: string,
  name: string,
  role: string,
  subject: string,
) => `apiVersion: rbac.authorization.k8s.io/v1
kind: ${where === '' ? 'ClusterRoleBinding' : 'RoleBinding'}
metadata: { name: ${name}${where === '' ? '' : `, namespace: ${where}`} }
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: ${role} }
subjects: [${subject}]
---
`
const manifests = [
  account('shop', 'web'),
  account('bank', 'core'),
  `apiVersion: v1
kind: Pod
metadata: { name: web, namespace: shop }
spec: { serviceAccountName: web, containers: [{ name: web, image: web }] }
---
`,
  `apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: { name: opens }
rules: [{ apiGroups: [''], resources: [pods/exec], verbs: [get] }, { apiGroups: [''], resources: [secrets], verbs: [get] }]
---
`,
  binding('', 'core', 'opens', '{ kind: ServiceAccount, name: core, namespace: bank }'),
  binding('shop', 'web', 'opens', '{ kind: ServiceAccount, name: web }, { kind: Group, name: ops }'),
  binding('bank', 'ops', 'opens', '{ kind: Group, name: ops }'),
  binding('bank', 'gone', 'nowhere', '{ kind: ServiceAccount, name: core }, { kind: ServiceAccount, name: lost }'),
].join('')

beforeAll(() => {
  writeFileSync(join(directory, 'all.yaml'), manifests)
  writeFileSync(join(directory, 'users.yaml'), '- { user: alice, groups: [ops] }\n')
})

const commands = ['review', 'inventory', 'who-can', 'what-can'] as const
const kube = (...args: string[]) => runKube(directory, [...args, '--from', 'all.yaml'])

/** Each option by its long name, with its words, as the help has them. */
async function optionsOf(command: string): Promise<ReadonlyMap<string, string>> {
  const { out } = await runKube(directory, [command, '--help'])
  const [, options = ''] = /\nOptions:\n([\s\S]*?)\n\n/.exec(out) ?? []
  const entries = options.split(/\n(?= {2}-)/).map(text => text.trim().replaceAll(/\s+/g, ' '))
  return new Map(
    entries.flatMap(text => {
      const [, name = '', , words = ''] = /^(?:-\w, )?(--[\w-]+)( <[^>]+>)? (.*)$/.exec(text) ?? []
      return name === '' ? [] : [[name, words.replace(/ \(default: .*\)$|\(choices: .*\)$/, '').trim()] as const]
    }),
  )
}

test('what they all take, and in which words', async () => {
  const [first, ...others] = await Promise.all(commands.map(optionsOf))
  const shared = [
    ...['--from', '--manifest-namespace', '--context', '--kubeconfig', '--in-cluster', '--service-account-dir'],
    ...['--read-namespace', '--scan-secrets', '--users', '--namespace', '--server-version', '--json'],
  ]
  for (const name of shared) {
    expect(first?.get(name), name).toMatch(/\w/)
    for (const other of others) expect(other.get(name), name).toBe(first?.get(name))
  }
  const [ofReview, ofInventory, ofWhoCan] = [first, others[0], others[1]]
  for (const name of ['--severity', '--subject', '--fail-on']) {
    expect(ofReview?.get(name), name).toMatch(/\w/)
    expect(ofInventory?.get(name), name).toBe(ofReview?.get(name))
  }
  expect(ofWhoCan?.get('--subject')).toBe(ofReview?.get('--subject'))
  const helps = await Promise.all(commands.map(async one => (await runKube(directory, [one, '--help'])).out))
  for (const help of helps) {
    expect(help.replaceAll(/\s+/g, ' ')).toContain('who-can and what-can answer with rights, which have no severity')
    expect(help).toContain('--read-namespace asks for single')
  }
})

test('who-can of one: by what binds it, or a group that it is in', async () => {
  const holders = async (...args: string[]) =>
    (
      JSON.parse((await kube('who-can', 'get', 'secrets', '--json', ...args)).out) as { grants: { subject: string }[] }
    ).grants.map(({ subject }) => subject)
  expect(new Set(await holders())).toEqual(
    new Set(['service-account:bank/core', 'service-account:shop/web', 'group:ops']),
  )
  expect(await holders('--subject', 'shop/web')).toEqual(['service-account:shop/web'])
  expect(await holders('--subject', 'user:alice', '--users', 'users.yaml')).toEqual(['group:ops', 'group:ops'])
  expect(await holders('--subject', 'user:alice', '--users', 'users.yaml', '-n', 'bank')).toEqual(['group:ops'])
  expect(await holders('--subject', 'user:bob')).toEqual([])
})

test('what-can in one namespace: what holds there, and in the whole cluster', async () => {
  const bindings = async (...args: string[]) =>
    (
      JSON.parse((await kube('what-can', ...args, '--json')).out) as { bindings: { binding: { name: string } }[] }
    ).bindings.map(({ binding: { name } }) => name)
  expect(await bindings('group:ops')).toEqual(['ops', 'web'])
  expect(await bindings('group:ops', '-n', 'shop')).toEqual(['web'])
  expect(await bindings('bank/core', '-n', 'shop')).toEqual(['core'])
  const { out } = await kube('what-can', 'bank/core', '-n', 'shop')
  expect(out).toContain('Only what holds in namespace shop, or in the whole cluster\n')
  expect(out).not.toContain('nowhere')
  expect((await kube('what-can', 'bank/core')).out).toContain('nowhere')
})

test('which version the server is counts for all of them', async () => {
  const reached = async (version: string) =>
    (
      JSON.parse((await kube('what-can', 'bank/core', '--eventual', '--json', '--server-version', version)).out) as {
        eventually: { node: string }[]
      }
    ).eventually.length
  const becomes = async (version: string) =>
    (
      JSON.parse((await kube('inventory', '--json', '--server-version', version)).out) as {
        identities: { id: string; reach: object }[]
      }
    ).identities.map(({ id, reach }) => [id, reach])
  expect(await reached('1.34')).not.toBe(await reached('1.35'))
  expect(await becomes('1.34')).not.toEqual(await becomes('1.35'))
})

interface Inventory {
  readonly identities: readonly { readonly id: string }[]
  readonly findings: readonly { readonly about: string; readonly code: string; readonly severity: string }[]
}

test('inventory of one, with the bindings that name it in vain', async () => {
  const { identities, findings } = JSON.parse(
    (await kube('inventory', '--json', '--subject', 'bank/core')).out,
  ) as Inventory
  expect(identities.map(({ id }) => id)).toEqual(['service-account:bank/core'])
  expect(findings.filter(({ code }) => code === 'dangling-binding').map(({ about }) => about)).toContain(
    'RoleBinding/bank/gone',
  )
  const other = JSON.parse((await kube('inventory', '--json', '--subject', 'shop/web')).out) as Inventory
  expect(other.findings.map(({ about }) => about)).toEqual(other.findings.map(() => 'service-account:shop/web'))
})

test('--severity narrows the text of an inventory, and hides nothing from a check', async () => {
  const { findings } = JSON.parse((await kube('inventory', '--json', '--severity', 'critical')).out) as Inventory
  expect(new Set(findings.map(({ severity }) => severity))).toContain('low')
  expect((await kube('inventory', '--severity', 'critical', '--fail-on', 'medium')).code).toBe(1)
  const low = await kube('inventory', '--severity', 'low')
  expect(low.out).toMatch(/^low no-owner /m)
  expect(low.out).not.toContain('--severity low shows them')
  const text = (await kube('inventory')).out
  expect(text).toMatch(/^medium dangling-binding /m)
  expect(text).toMatch(/^low: \d+ no-owner/m)
  expect((await kube('inventory', '--severity', 'critical')).out).toMatch(/^below critical: /m)
})
