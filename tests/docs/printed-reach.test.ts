/** The three commands that README.md prints about a cluster, as somebody copies them into a shell. */
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { createShell, printedCommands } from '../kubernetes/printed-commands.ts'
import { dataIn } from '../reach/page/opened-page.ts'
import { sharedData } from '../reach/shared-data.ts'

const directory = mkdtempSync(join(tmpdir(), 'sallyport-story-'))
afterAll(() => rmSync(directory, { recursive: true, force: true }))
const dump = sharedData('k8s/cluster-dump')
const readme = '../README'
const driver = 'rook-ceph/ceph-csi-rbd-nodeplugin-sa'

describe('README.md', () => {
  const commands = printedCommands(readme, 'Who can become whom')

  it('has three commands about a cluster, and its picture', () => {
    expect(commands.map(line => line.split(' ').slice(0, 5).join(' '))).toEqual(
      Array.from({ length: 3 }, () => 'sallyport kube review --from cluster-dump'),
    )
    expect(readFileSync(join(import.meta.dirname, '../../docs/images/reach.png')).length).toBeLessThan(250_000)
  })

  it.skipIf(dump === undefined)(
    'finds six storage drivers, explains one and closes its way',
    { timeout: 120_000 },
    async () => {
      const home = join(directory, 'home')
      mkdirSync(home)
      cpSync(dump ?? '', join(directory, 'cluster-dump'), { recursive: true })
      const shell = createShell({ home, cwd: directory })
      const [find = '', explain = '', close = ''] = commands

      expect(await shell.run(find)).toMatchObject({ code: 0, stderr: '' })
      const data = dataIn(readFileSync(join(directory, 'reach.html'), 'utf8'))
      const minters = data.findings.filter(
        ({ move, severity, folded }) => move === 'ID09' && severity === 'critical' && folded === null,
      )
      expect(minters.map(({ subject }) => data.nodes[subject]?.text)).toEqual(
        [
          'cephfs-ctrlplugin',
          'cephfs-nodeplugin',
          'nvmeof-ctrlplugin',
          'nvmeof-nodeplugin',
          'rbd-ctrlplugin',
          'rbd-nodeplugin',
        ].map(name => `service account rook-ceph/ceph-csi-${name}-sa`),
      )

      const explained = await shell.run(explain)
      expect(explained.code).toBe(0)
      const text = explained.stdout.replaceAll(/\s+/g, ' ')
      expect(text).toContain(`Service account ${driver} can mint tokens for service accounts in the whole cluster`)
      expect(text).toContain('ID09 → every service account')
      expect(text).toContain('RB05 → cluster-admin')
      expect(text).toContain('edit ClusterRole ceph-csi-rbd-nodeplugin-cr: take out of rule 6')

      // What the page copies.
      const own = minters.find(({ subject }) => data.nodes[subject]?.text.endsWith(driver))
      writeFileSync(join(directory, 'edit.yaml'), data.edits[own?.edits[0] ?? -1]?.patch ?? '')
      const closed = await shell.run(close)
      expect(closed.code).toBe(0)
      expect(closed.stdout.replaceAll(/\s+/g, ' ')).toContain(
        `cluster-admin: 1 reach it no longer: service account ${driver}`,
      )
    },
  )
})
