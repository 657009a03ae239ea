/** No policy that somebody copies from the documentation does something else than it says: lint has no word about it. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { lintPolicy } from '../../rbac/lint/lint.ts'
import { policyOf } from '../decisions/policies.ts'

const root = new URL('../../', import.meta.url)
const read = (path: string): string => readFileSync(new URL(path, root), 'utf8')

interface Documented {
  readonly place: string
  readonly csv: string
  readonly conditions: string
}

const directories = ['rbac/', 'deploy/demo/policy/', 'deploy/demo/kubernetes/']
// What comes of another program's rules is one policy for the whole page; `tests/migration` runs lint on it. Rows of a Casbin
// model are those of its own page, which `tests/casbin` runs.
const others = /^docs\/(?:migration\/|casbin\.md$)/
const pages = ['README.md', ...pagesBelow('docs/')].filter(page => /^p, /m.test(read(page)) && !others.test(page))

function pagesBelow(directory: string): readonly string[] {
  return readdirSync(new URL(directory, root), { recursive: true, encoding: 'utf8' })
    .filter(name => name.endsWith('.md'))
    .map(name => `${directory}${name}`)
}

function fromDirectory(directory: string): Documented {
  const names = readdirSync(new URL(directory, root)).filter(name => name.endsWith('.csv'))
  const conditions = `${directory}conditions.yaml`
  return {
    place: directory,
    csv: names.map(name => read(directory + name)).join('\n'),
    conditions: existsSync(new URL(conditions, root)) ? read(conditions) : '',
  }
}

/** A section of a page is one policy, with every block that names conditions. */
function fromPage(page: string): readonly Documented[] {
  return read(page)
    .split(/^## /m)
    .map(section => ({
      title: section.split('\n', 1)[0] ?? '',
      blocks: [...section.matchAll(/^```.*\n([\s\S]*?)^```$/gm)],
    }))
    .map(({ title, blocks }) => {
      const texts = blocks.map(block => block[1] ?? '')
      return {
        place: `${page}: ${title}`,
        csv: texts.filter(text => /^p, /m.test(text)).join('\n'),
        conditions: blocks
          .filter(([block]) => /^```yaml conditions$|^# policy\/conditions.yaml$/m.test(block))
          .map(block => block[1] ?? '')
          .join('\n'),
      }
    })
    .filter(({ csv }) => csv !== '')
}

const named = 'mfa: { authentication-method: [mfa] }\noffice: { source-network: [10.0.0.0/8] }\n'
const all = [...directories.map(fromDirectory), ...pages.flatMap(fromPage)]

test('the policies are found', () => {
  const places = all.map(({ place }) => place)
  expect(places).toEqual(expect.arrayContaining(['rbac/', 'README.md: For your own hosts', 'docs/policy.md: # Policy']))
  expect(places.length).toBeGreaterThan(15)
})

describe.each(all)('$place', ({ csv, conditions }) => {
  test('lint --strict passes, and no row has less effect than it seems to', async () => {
    const policy = await policyOf(csv, conditions === '' ? named : conditions)
    const findings = lintPolicy(policy, {})
    expect(findings.filter(({ severity, rule }) => severity === 'warning' || rule === 'partly-covered-row')).toEqual([])
  })
})
