/** docs/conformance.md and the tests of the profiles say the same. */
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { products } from '../products/all.ts'
import { productVersions } from '../products/versions.ts'

const read = (name: string): string => readFileSync(new URL(name, import.meta.url), 'utf8')

/** A test for two algorithms is two modules. */
const modulesOf = (source: string): string[] =>
  [...source.matchAll(/^test.*'(oidcc-client-test[\w%-]*)'/gm)].flatMap(([, name = '']) =>
    name.endsWith('%s') ? ['rs256', 'es256'].map(algorithm => name.replace('%s', algorithm)) : [name],
  )

test.each(['rp-basic', 'rp-config'])(
  'docs/conformance.md names every module of %s that has a test, and no other',
  file => {
    const [, rest = ''] = read('../../docs/conformance.md').split(`tests/conformance/${file}.test.ts)`)
    const [table = ''] = rest.split('\n## ')
    const named = [...table.matchAll(/^\| `(oidcc-client-test[\w-]*)`/gm)].map(([, name]) => name)
    const tested = modulesOf(read(`./${file}.test.ts`))
    expect(tested.length).toBeGreaterThan(5)
    expect(named.sort()).toEqual(tested.sort())
  },
)

test('docs/conformance.md says of every product what its adapter says', () => {
  const page = read('../../docs/conformance.md')
  const rows = [...page.matchAll(/^\| `(\w+) ([\d.]+)` \|(.*)\|$/gm)].map(([, name, version, cells = '']) => [
    name,
    version,
    ...cells.split('|').map(cell => cell.trim()),
  ])
  const abilities = ['groups', 'oldTokenRefused', 'endSession', 'backChannel', 'keyRotation', 'secondBrowser'] as const
  const expected = products.map(({ name, lacks, closedAccount, lastGroup }) => [
    name,
    productVersions[name],
    ...abilities.map(ability => (lacks[ability] === undefined ? 'yes' : 'no')),
    closedAccount,
    lastGroup,
  ])
  expect(rows).toEqual(expected)
})

test('docs/conformance.md names the Keycloak that the tests run', () => {
  expect(read('../../docs/conformance.md')).toContain(`Keycloak ${productVersions.keycloak}`)
})
