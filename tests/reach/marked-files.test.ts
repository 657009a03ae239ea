/** Files that begin with a byte order mark, as some editors and PowerShell write them: each input of the reviews reads them. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { runKube } from './run-kube.ts'

const directory = mkdtempSync(join(tmpdir(), 'sallyport-marks-'))
afterAll(() => rmSync(directory, { recursive: true, force: true }))

const role = (name: string) => `apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: { name: ${name} }
rules: [{ apiGroups: [""], resources: [serviceaccounts/token], verbs: [create] }]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: { name: ${name} }
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: ${name} }
subjects: [{ kind: User, name: ${name} }]
`
const minter = role('minter')

const forms: Readonly<Record<string, (text: string) => Buffer>> = {
  'UTF-8': text => Buffer.from(`\uFEFF${text}`),
  'UTF-16': text => Buffer.from(`\uFEFF${text}`, 'utf16le'),
  'UTF-16, the other way round': text => Buffer.from(`\uFEFF${text}`, 'utf16le').swap16(),
}

describe.each(Object.entries(forms))('%s', (_, marked) => {
  const write = (name: string, content: string): string => {
    writeFileSync(join(directory, name), marked(content))
    return name
  }
  const json = async (...args: readonly string[]) => {
    const { code, out, errors } = await runKube(directory, ['review', '--json', ...args])
    expect([code, errors]).toEqual([0, ''])
    return JSON.parse(out) as Record<string, never>
  }

  test('manifests, in YAML and in JSON', async () => {
    const yaml = await json('--from', write('a.yaml', minter))
    const list = {
      apiVersion: 'v1',
      kind: 'List',
      items: [{ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'a' } }],
    }
    expect(yaml).toMatchObject({ summary: { objectsSeen: 2 }, problems: [] })
    expect(await json('--from', write('a.json', JSON.stringify(list)))).toMatchObject({
      summary: { objectsSeen: 1 },
      problems: [],
    })
  })

  test('a baseline, suppressions, and a change', async () => {
    const from = ['--from', write('a.yaml', minter)]
    const { out } = await runKube(directory, ['review', '--json', ...from])
    expect(await json(...from, '--baseline', write('before.json', out))).toMatchObject({
      changes: { new: [], gone: [] },
    })
    const draft = (await runKube(directory, ['review', ...from, '--suppress-draft'])).out.replaceAll(
      'reason: ""',
      'reason: seen',
    )
    expect(await json(...from, '--suppress', write('accepted.yaml', draft))).toMatchObject({
      suppressions: [{ state: 'applies' }],
    })
    const change = '$patch: delete\nkind: ClusterRoleBinding\nmetadata: { name: minter }\n'
    expect(await json(...from, '--what-if', write('edit.yaml', change))).toMatchObject({
      reach: { closes: [{ subject: 'user:minter' }] },
    })
  })
})

test('several files with marks that were put together are all read', async () => {
  const text = ['minter', 'other'].map(name => `\uFEFF---\n${role(name)}`).join('')
  writeFileSync(join(directory, 'both.yaml'), text)
  writeFileSync(join(directory, 'plain.yaml'), text.replaceAll('\uFEFF', ''))
  const [both, plain] = await Promise.all(
    ['both.yaml', 'plain.yaml'].map(async name => (await runKube(directory, ['review', '--json', '--from', name])).out),
  )
  expect(JSON.parse(both ?? '')).toMatchObject({ summary: { objectsSeen: 4 }, problems: [] })
  expect(both?.replaceAll('both.yaml', 'plain.yaml')).toBe(plain)
})
