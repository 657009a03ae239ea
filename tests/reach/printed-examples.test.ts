/** What docs/reach.md prints over the shared dump is what the commands print. */
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { runKube } from './run-kube.ts'
import { sharedData } from './shared-data.ts'

const sharedDump = sharedData('k8s/cluster-dump')
const page = readFileSync(join(import.meta.dirname, '../../docs/reach.md'), 'utf8')
const driver = 'rook-ceph/ceph-csi-rbd-nodeplugin-sa'

describe.skipIf(sharedDump === undefined)('docs/reach.md', () => {
  const run = (...args: string[]) => runKube(dirname(sharedDump ?? ''), [...args, '--from', 'cluster-dump'])

  test('who can mint tokens', async () => {
    const [, printed = ''] =
      /\$ sallyport kube who-can create serviceaccounts\/token .*\n([\s\S]*?)\$ sallyport/.exec(page) ?? []
    const [head = '', example = ''] = printed.split('…\n')
    const { out } = await run('who-can', 'create', 'serviceaccounts/token')
    expect(head.length).toBeGreaterThan(40)
    expect(out.startsWith(head)).toBe(true)
    expect(example).toContain(driver)
    expect(out).toContain(example)
    expect(out.split('\n').filter(line => line.length > 80)).toEqual([])
  })

  test('what is accepted', async () => {
    const entry = /```yaml\n(- id: ID09~[\s\S]*?)```/.exec(page)?.[1] ?? ''
    const lasting = entry.split('\n').filter(line => /^(?:- id|\s+(?:severity|leadsTo|role)):/.test(line))
    expect(lasting.length).toBe(4)
    const { out } = await run('review', '--suppress-draft', '--subject', driver)
    for (const line of lasting) expect(out).toContain(`${line}\n`)
  })
})
