/** What our image holds, and what it does not: Node, the packages of a service, the service, and the list of all that. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { hasImage, image, podman } from './podman.ts'

const isThere = await hasImage()
const inside = async (script: string): Promise<string> => {
  const ran = await podman(['run', '--rm', '--network=none', '--entrypoint=sh', image, '-c', script])
  if (ran.code !== 0) throw new Error(ran.stderr)
  return ran.stdout.trim()
}
const listed = (text: string): readonly string[] => text.split('\n').filter(Boolean)

describe.skipIf(!isThere)('the image', () => {
  it('has no npm, no sources, no maps, no types, no compiler and nothing of the demo', async () => {
    expect(await inside('command -v npm npx yarn corepack tsc gcc; true')).toBe('')
    const unwanted = "\\( -name '*.map' -o -name '*.ts' -o -name '*.test.*' -o -name '.git' \\)"
    expect(listed(await inside(`find /opt /usr/local /var/lib/sallyport ${unwanted}`))).toEqual([])
    expect(
      listed(
        await inside(
          'cd /opt/sallyport/node_modules; ls -d typescript vitest oidc-provider rolldown 2>/dev/null; true',
        ),
      ),
    ).toEqual([])
  })

  it('lists its packages for scanners, as the lock file has them', async () => {
    const sbom = JSON.parse(await inside('cat /opt/sallyport/sbom.cdx.json')) as Sbom
    expect([sbom.bomFormat, sbom.metadata.component.name]).toEqual(['CycloneDX', 'sallyport'])
    const named = new Set(sbom.components.map(({ name, group }) => (group === undefined ? name : `${group}/${name}`)))
    const here = listed(await inside('cd /opt/sallyport/node_modules; ls -d [!@.]* @*/*'))
    expect(here.length).toBeGreaterThan(50)
    expect(here.filter(name => !named.has(name))).toEqual([])
    const { version } = JSON.parse(readFileSync(join(import.meta.dirname, '../../package.json'), 'utf8')) as {
      version: string
    }
    expect(sbom.metadata.component.version).toBe(version)
  })

  it('is small: less than 110 MB beside Debian and Node', async () => {
    const bytes = Number(await inside('du -sb /opt/sallyport | cut -f1'))
    process.stderr.write(`the image holds ${Math.round(bytes / 1e6)} MB of ours\n`)
    expect(bytes).toBeLessThan(110e6)
  })

  it('says what it is and under which licence', async () => {
    const { stdout } = await podman(['image', 'inspect', '--format={{json .Config.Labels}}', image])
    expect(JSON.parse(stdout)).toMatchObject({
      'org.opencontainers.image.title': 'Sallyport',
      'org.opencontainers.image.licenses': 'Apache-2.0',
    })
  })
})

interface Sbom {
  readonly bomFormat: string
  readonly metadata: { readonly component: { readonly name: string; readonly version: string } }
  readonly components: readonly { readonly name: string; readonly group?: string }[]
}
