/** Several policy directories and an operator's adapter as one policy. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createConfiguredSource, describeSources } from '../../app/policy/configured-source.ts'
import { createPolicyReloader, type PolicyReloader } from '../../app/policy/reload.ts'
import type { Config } from '../../config/config.ts'
import { compilePolicy, type PolicySnapshot } from '../../rbac/policy.ts'
import { model } from '../decisions/policies.ts'
import { eventually } from './policy-directory.ts'

let root: string
const reloaders: PolicyReloader<PolicySnapshot>[] = []
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'sallyport-sources-'))
})
afterEach(async () => {
  for (const reloader of reloaders.splice(0)) await reloader.close()
  rmSync(root, { recursive: true, force: true })
})

const row = (path: string, condition = '-') => `p, anyone, wiki.example.com, ${path}, read, ${condition}, allow\n`

function put(path: string, text: string): string {
  mkdirSync(join(root, path, '..'), { recursive: true })
  writeFileSync(join(root, path), text)
  return join(root, path)
}

type Adapter = Partial<NonNullable<Config['policy']['adapter']>>

const settings = (names: readonly string[], adapter?: Adapter): Config['policy'] => ({
  directory: join(root, names[0] ?? ''),
  narrowedBy: [],
  deciders: [],
  expiryWarning: 86_400,
  directories: names.slice(1).map(name => join(root, name)),
  watch: true,
  keepDecisions: 0,
  keepRevisions: 1,
  keepRevisionsBytes: 1_048_576,
  ...(adapter === undefined
    ? {}
    : { adapter: { module: 'x', from: root, timeoutSeconds: 5, pollEverySeconds: 600, ...adapter } }),
})

async function start(policy: Config['policy']) {
  const reloader = createPolicyReloader<PolicySnapshot>({
    source: createConfiguredSource(policy, { model, watch: true }),
    compile: compilePolicy,
    clock: { now: Date.now },
    watch: true,
  })
  reloaders.push(reloader)
  await reloader.start()
  return reloader
}
const idsOf = (reloader: PolicyReloader<PolicySnapshot>) => reloader.current().rows.map(({ id }) => id)

describe('several directories', () => {
  it('are loaded in the order of the configuration; rule ids say which', async () => {
    put('wiki/rows.csv', row('/a'))
    put('base/rows.csv', row('/b') + row('/c'))
    expect(idsOf(await start(settings(['wiki', 'base'])))).toEqual([
      'wiki/rows.csv:1',
      'base/rows.csv:1',
      'base/rows.csv:2',
    ])
  })

  it('are narrowed by those of owners, which are read last and watched as well', async () => {
    put('base/rows.csv', row('/a') + row('/b'))
    put('shop/rows.csv', 'p, anyone, wiki.example.com, /a, read, -, deny\n')
    const policy = {
      ...settings(['base']),
      narrowedBy: [{ directory: join(root, 'shop'), hosts: ['wiki.example.com'] }],
    }
    expect(describeSources(policy).at(-1)).toBe(`${join(root, 'shop')} narrows wiki.example.com`)
    const reloader = await start(policy)
    expect(idsOf(reloader)).toEqual(['base/rows.csv:1', 'base/rows.csv:2', 'shop/rows.csv:1'])
    put('shop/rows.csv', row('/c'))
    await eventually(() => expect(reloader.status().lastError).toContain('shop/rows.csv:1:'))
    expect(idsOf(reloader)).toHaveLength(3)
  })

  it('share their conditions; a name given twice is refused with both places', async () => {
    put('base/conditions.yaml', 'office: { source-network: [10.0.0.0/8] }\n')
    put('wiki/rows.csv', row('/a', 'office & home'))
    put('wiki/conditions.yaml', '\nhome: { source-network: [192.168.0.0/16] }\n')
    const policy = settings(['base', 'wiki'])
    expect(idsOf(await start(policy))).toEqual(['wiki/rows.csv:1'])
    put('wiki/conditions.yaml', '\nhome: { acr: [x] }\noffice: { acr: [x] }\n')
    await expect(start(policy)).rejects.toThrow(
      'wiki/conditions.yaml:3:1: the condition office is also given at base/conditions.yaml:1',
    )
  })

  it('a change of conditions in the second alone is another revision', async () => {
    put('base/conditions.yaml', 'office: { source-network: [10.0.0.0/8] }\n')
    put('wiki/conditions.yaml', 'home: { source-network: [192.168.0.0/16] }\n')
    const policy = settings(['base', 'wiki'])
    const before = (await start(policy)).current().revision
    put('wiki/conditions.yaml', 'home: { source-network: [192.168.0.0/24] }\n')
    expect((await start(policy)).current().revision).not.toBe(before)
  })

  it('report the problems of all of them together, each with its directory', async () => {
    put('base/none.csv', '')
    writeFileSync(join(root, 'base/rows.csv'), Buffer.from([0xff]))
    put('wiki/conditions.yml', '')
    await expect(start(settings(['base', 'wiki']))).rejects.toThrow(
      /base\/rows\.csv:1:1: .*UTF-8.*wiki\/conditions\.yml:1:1: /s,
    )
  })

  it('keep their tests, named by their directory', async () => {
    put('ops/a.csv', row('/a'))
    put('wiki/b.csv', row('/b'))
    put(
      'wiki/b.test.yaml',
      '- { name: open, identity: anonymous, request: GET https://wiki.example.com/b, want: allow }\n',
    )
    const { tests } = await createConfiguredSource(settings(['ops', 'wiki']), { model, watch: false }).load()
    expect(tests?.map(({ name }) => name)).toEqual(['wiki/b.test.yaml'])
  })

  it('of the same name are refused: a rule id would name two rows', async () => {
    put('a/policy/rows.csv', row('/a'))
    put('b/policy/rows.csv', row('/b'))
    await expect(start(settings(['a/policy', 'b/policy']))).rejects.toThrow(/b\/policy:1:1: .*same name/)
  })

  it('are all watched', async () => {
    put('base/rows.csv', row('/b'))
    put('wiki/rows.csv', row('/a'))
    const reloader = await start(settings(['base', 'wiki']))
    put('wiki/more.csv', row('/c'))
    await eventually(() => expect(idsOf(reloader)).toContain('wiki/more.csv:1'))
    put('base/more.csv', row('/d'))
    await eventually(() => expect(idsOf(reloader)).toContain('base/more.csv:1'))
  })
})

describe('an adapter', () => {
  const adapterText = (rows: unknown) => `export default class {
    constructor(options) { this.options = options }
    async loadPolicy(model) {
      for (const [kind, ...row] of ${JSON.stringify(rows)}) model.model.get(kind[0]).get(kind).policy.push(row)
    }
  }\n`
  const p = (path: string) => ['p', 'anyone', 'wiki.example.com', path, 'read', '-', 'allow']
  const problems = async (adapter: Adapter) => {
    put('base/none.csv', '')
    const error = await start(settings(['base'], adapter)).catch((caught: unknown) => caught)
    return error instanceof Error ? error.message : 'accepted'
  }

  it('comes after the directories, and its rows use their conditions', async () => {
    put('base/conditions.yaml', 'office: { source-network: [10.0.0.0/8] }\n')
    put('base/rows.csv', row('/a'))
    const rows = [['p', 'anyone', 'wiki.example.com', '/b', 'read', 'office', 'deny'], p('/c')]
    const module = put('adapter.mjs', adapterText(rows))
    const policy = settings(['base'], { module, options: { password: 'hunter2' } })
    expect(idsOf(await start(policy))).toEqual(['rows.csv:1', 'adapter:p:1', 'adapter:p:2'])
    expect(describeSources(policy)).toEqual([join(root, 'base'), `adapter ${module}`])
  })

  it.each([
    ['a row that is cut off', [['p', 'anyone']], /^adapter:p:1:1: expected 7 to 9 fields/],
    ['the same row twice', [p('/a'), p('/a')], /^adapter:p:2:1: the same as adapter:p:1/],
    ['a line break, which would make two rows of one', [p('/a, read, -, deny\np')], /^adapter:p:1:\d+: .*control/],
    ['a field that opens a quote', [p('"/a')], /^adapter:p:1:/],
    ['a kind that Casbin would pass over', [['P', 'anyone']], /^adapter:P:1:1: .*kind of line/],
    ['a null where text should be', [['p', null, 'wiki.example.com', '/', 'read', '-', 'allow']], /^adapter:p:1:/],
  ])('is refused for %s', async (_, rows, expected) => {
    expect(await problems({ module: put('adapter.mjs', adapterText(rows)) })).toMatch(expected)
  })

  it('a comma and a quote inside a field stay inside it', async () => {
    const module = put('adapter.mjs', adapterText([p('/a,b'), p('re:/x{1,2}')]))
    put('base/none.csv', '')
    const paths = (await start(settings(['base'], { module }))).current().rows.map(({ resource }) => resource)
    expect(paths).toEqual(['/a,b', 're:/x{1,2}'])
  })

  it.each([
    ['is not installed', { module: 'casbin-nowhere-adapter' }, /not found from .*install it there/],
    ['is a relative path', { module: './adapter.mjs' }, /name of a package or an absolute path/],
    ['climbs out of a package', { module: 'casbin/../../etc' }, /name of a package or an absolute path/],
    ['is an address', { module: 'data:text/javascript,0' }, /name of a package or an absolute path/],
    ['belongs to Node', { module: 'fs' }, /not a module of Node/],
  ])('that %s refuses the start and says so', async (_, adapter, expected) => {
    expect(await problems(adapter)).toMatch(expected)
  })

  it('that throws, hangs, or dies of an error that nobody hears harms nothing else', async () => {
    const throwing = put('throwing.mjs', 'export const newAdapter = async () => { throw new Error("no route") }')
    expect(await problems({ module: throwing })).toBe('adapter:1:1: cannot load rows: no route')
    const hanging = put('hanging.mjs', 'export default () => ({ loadPolicy: () => { for (;;); } })')
    expect(await problems({ module: hanging, timeoutSeconds: 1 })).toMatch(/no answer within 1 s/)
    const dying = put(
      'dying.mjs',
      'export default () => ({ loadPolicy: () => new Promise(() => setTimeout(() => { throw new Error("lost") }, 10)) })',
    )
    expect(await problems({ module: dying })).toBe('adapter:1:1: cannot load rows: lost')
  })

  it('whose watcher cannot listen refuses the start', async () => {
    const watcher = { module: put('watcher.mjs', 'export default () => { throw new Error("deaf") }') }
    const module = put('adapter.mjs', adapterText([p('/a')]))
    expect(await problems({ module, watcher })).toBe('adapter:1:1: cannot load rows: its watcher: deaf')
  })

  it('is read every now and then without a watcher; what fails is said, and clears by itself', async () => {
    const rows = put('rows.json', JSON.stringify([p('/a')]))
    const module = put(
      'adapter.mjs',
      `import { readFileSync } from 'node:fs'
      export default () => ({ loadPolicy(model) {
        for (const [kind, ...row] of JSON.parse(readFileSync(${JSON.stringify(rows)}, 'utf8')))
          model.model.get(kind).get(kind).policy.push(row)
      } })`,
    )
    put('base/none.csv', '')
    const reloader = await start(settings(['base'], { module, pollEverySeconds: 0.05 }))
    put('rows.json', JSON.stringify([p('/a'), p('/b')]))
    await eventually(() => expect(idsOf(reloader)).toEqual(['adapter:p:1', 'adapter:p:2']))
    put('rows.json', '[')
    await eventually(() => expect(reloader.status().lastError).toContain('cannot load rows'))
    expect(idsOf(reloader)).toHaveLength(2)
    put('rows.json', JSON.stringify([p('/a'), p('/b')]))
    await eventually(() => expect(reloader.status().lastError).toBeUndefined())
  })
})
