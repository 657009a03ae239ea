/** Where a Casbin model comes from: files and adapters, what a change does, and what is refused. */
import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createConfiguredSource, describeSources } from '../../app/policy/configured-source.ts'
import { createPolicyReloader, type PolicyReloader } from '../../app/policy/reload.ts'
import type { Config } from '../../config/config.ts'
import { compilePolicy, type PolicySnapshot } from '../../rbac/policy.ts'
import { model as builtIn } from '../decisions/policies.ts'
import { eventually } from '../policy/policy-directory.ts'
import { ask, example } from './casbin-policies.ts'

type Casbin = NonNullable<Config['policy']['casbin']>
type Adapter = NonNullable<Casbin['adapter']>

let root: string
const reloaders: PolicyReloader<PolicySnapshot>[] = []
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'sallyport-casbin-source-'))
  put('policy/rows.csv', 'p, anyone, console, /**, *, -, allow\n')
  put('casbin/model.conf', example('rbac_with_domains_model.conf'))
  put('casbin/policy.csv', rowFor('/data'))
})
afterEach(async () => {
  for (const reloader of reloaders.splice(0)) await reloader.close()
  rmSync(root, { recursive: true, force: true })
})

const rowFor = (path: string): string => `p, anyone, app.example.com, ${path}, GET\n`

function put(path: string, text: string | Uint8Array): string {
  mkdirSync(join(root, path, '..'), { recursive: true })
  writeFileSync(join(root, path), text)
  return join(root, path)
}

/** As an editor does, and a deployment: a new file, renamed over the old one. */
function swap(path: string, text: string): void {
  renameSync(put(`${path}.new`, text), join(root, path))
}

const settings = (casbin: Partial<Casbin>, policy: Partial<Config['policy']> = {}): Config['policy'] => ({
  directory: join(root, 'policy'),
  narrowedBy: [],
  expiryWarning: 86_400,
  deciders: [],
  directories: [],
  watch: true,
  keepDecisions: 0,
  keepRevisions: 1,
  keepRevisionsBytes: 1_048_576,
  ...policy,
  casbin: { model: join(root, 'casbin/model.conf'), ...casbin },
})
const ofFiles = () => settings({ policy: join(root, 'casbin/policy.csv') })
const ofAdapter = (adapter: Partial<Adapter>) =>
  settings({ adapter: { module: 'x', from: root, timeoutSeconds: 20, pollEverySeconds: 600, ...adapter } })

async function start(policy: Config['policy']): Promise<PolicyReloader<PolicySnapshot>> {
  const reloader = createPolicyReloader<PolicySnapshot>({
    source: createConfiguredSource(policy, { model: builtIn, watch: true }),
    compile: compilePolicy,
    clock: { now: Date.now },
    watch: true,
  })
  reloaders.push(reloader)
  await reloader.start()
  return reloader
}
const refusal = async (policy: Config['policy']): Promise<string> => {
  const error = await start(policy).catch((caught: unknown) => caught)
  return error instanceof Error ? error.message : 'accepted'
}
const allows = (reloader: PolicyReloader<PolicySnapshot>, path: string): boolean =>
  ask(reloader.current(), 'alice', `GET ${path}`).effect === 'allow'

describe('files of a model', () => {
  it('are in force with the directory, and are named where sources are listed', async () => {
    const policy = ofFiles()
    const reloader = await start(policy)
    expect(ask(reloader.current(), 'alice', 'GET /data')).toMatchObject({ rule: 'casbin/policy.csv:1' })
    expect(ask(reloader.current(), 'alice', 'GET https://console/a')).toMatchObject({ rule: 'rows.csv:1' })
    expect(describeSources(policy)).toEqual([join(root, 'policy'), `casbin ${join(root, 'casbin/model.conf')}`])
  })

  it('are watched, rows and model, written in place and renamed over; so is the directory', async () => {
    const reloader = await start(ofFiles())
    const { revision } = reloader.current()
    put('casbin/policy.csv', rowFor('/data') + rowFor('/more'))
    await eventually(() => expect(allows(reloader, '/more')).toBe(true))
    expect(reloader.current().revision).not.toBe(revision)
    swap('casbin/policy.csv', rowFor('/other'))
    await eventually(() => expect(allows(reloader, '/other')).toBe(true))
    expect(allows(reloader, '/data')).toBe(false)
    swap(
      'casbin/model.conf',
      example('rbac_with_domains_model.conf').replace('r.obj == p.obj', 'keyMatch(r.obj, p.obj)'),
    )
    put('casbin/policy.csv', rowFor('/wide/*'))
    await eventually(() => expect(allows(reloader, '/wide/a/b')).toBe(true))
    put('policy/rows.csv', 'p, anyone, console, /**, *, -, allow\np, anyone, wiki.example.com, /a, *, -, allow\n')
    await eventually(() => expect(reloader.current().rows).toHaveLength(2))
  })

  it('that are broken refuse a start, with every problem of both sources', async () => {
    put('policy/rows.csv', 'p, everybody, console, /**, *, -, allow\n')
    put('casbin/policy.csv', `${rowFor('/data')}P, anyone, app.example.com, /data, GET\n`)
    expect(await refusal(ofFiles())).toMatch(/rows\.csv:1:\d+: .*everybody.*casbin\/policy\.csv:2:1: .*kind of line/s)
    put('policy/rows.csv', '')
    put('casbin/policy.csv', Uint8Array.of(0xff))
    expect(await refusal(ofFiles())).toMatch(/casbin\/policy\.csv:1:1: .*UTF-8/)
    rmSync(join(root, 'casbin/policy.csv'))
    expect(await refusal(ofFiles())).toMatch(/casbin\/policy\.csv:1:1: .*can be read/)
  })

  it('that break later leave the last good policy in force and say so, until they are mended', async () => {
    const reloader = await start(ofFiles())
    const before = reloader.current()
    for (const [text, why] of [
      ['[matchers]\n', /Casbin cannot read the model/],
      [example('rbac_with_domains_model.conf').replace('g(r.sub', 'h(r.sub'), /the matcher calls h/],
      [example('rbac_with_not_deny_model.conf'), /allows whatever no row speaks of/],
    ] as const) {
      swap('casbin/model.conf', text)
      await eventually(() => expect(reloader.status().lastError).toMatch(why))
      expect(reloader.current()).toBe(before)
    }
    rmSync(join(root, 'casbin/policy.csv'))
    swap('casbin/model.conf', example('rbac_with_domains_model.conf'))
    await eventually(() => expect(reloader.status().lastError).toMatch(/policy\.csv.*can be read/))
    expect(allows(reloader, '/data')).toBe(true)
    put('casbin/policy.csv', rowFor('/data') + rowFor('/mended'))
    await eventually(() => expect(allows(reloader, '/mended')).toBe(true))
    expect(reloader.status().lastError).toBeUndefined()
  })

  it('are part of the revision, whichever of their settings changes', async () => {
    const revisions = new Set<string>()
    const base = { policy: join(root, 'casbin/policy.csv') }
    for (const more of [{}, { domains: ['*.example.com'] }, { subjects: ['user:{user}', 'anyone'] }]) {
      revisions.add((await start(settings({ ...base, ...more }))).current().revision)
    }
    put('casbin/model.conf', `${example('rbac_with_domains_model.conf')}\n# a word\n`)
    revisions.add((await start(ofFiles())).current().revision)
    expect(revisions.size).toBe(4)
  })

  it('have a prefix that no directory may have beside others', async () => {
    put('other/casbin/more.csv', '')
    const policy = { ...ofFiles(), directories: [join(root, 'other/casbin')] }
    expect(await refusal(policy)).toMatch(/same name/)
    const narrowed = { ...ofFiles(), narrowedBy: [{ directory: join(root, 'other/casbin'), hosts: ['a.example.com'] }] }
    expect(await refusal(narrowed)).toMatch(/same name/)
  })
})

describe('rows from an adapter', () => {
  /** Stock adapters put rows into the model; the database is a file. */
  const adapterText = `import { readFileSync } from 'node:fs'
    export default class {
      constructor(path) { this.path = path }
      async loadPolicy(model) {
        for (const [kind, ...row] of JSON.parse(readFileSync(this.path, 'utf8')))
          model.model.get(kind[0]).get(kind).policy.push(row)
      }
    }\n`
  const watcherText = `import { watch } from 'node:fs'
    export default class {
      constructor(path) { this.path = path }
      setUpdateCallback(callback) { this.stop = watch(this.path, () => callback()) }
      async update() {}
      close() { this.stop?.close() }
    }\n`
  const p = (sub: string, path: string) => ['p', sub, 'app.example.com', path, 'GET']
  const database = (rows: readonly (readonly string[])[]): string => put('database/rows.json', JSON.stringify(rows))
  const adapter = (): Partial<Adapter> => ({
    module: put('modules/adapter.mjs', adapterText),
    options: [join(root, 'database/rows.json')],
  })

  it('are named by their place in it, have their roles, and come in one order whatever the database says', async () => {
    const rows = [p('admin', '/b'), p('anyone', '/a'), ['g', 'group:ops', 'admin', 'app.example.com']]
    database(rows)
    const first = await start(ofAdapter(adapter()))
    expect(first.current().casbin?.rows.map(({ id, resource }) => `${id} ${resource}`)).toEqual([
      'casbin/adapter:p:1 /b',
      'casbin/adapter:p:2 /a',
    ])
    database([...rows].reverse())
    expect((await start(ofAdapter(adapter()))).current().revision).toBe(first.current().revision)
  })

  it('come from a stock adapter as they come from a file, further roles and priorities as well', async () => {
    const stock = { module: 'casbin', export: 'StringAdapter', from: join(import.meta.dirname, '../..') }
    const own = { domains: ['app.example.com'], subjects: ['{sub}', 'anyone'] }
    const of = async (conf: string, csv: string) => {
      put('casbin/model.conf', conf)
      const adapter = { ...stock, options: [csv], timeoutSeconds: 20, pollEverySeconds: 600 }
      return (await start(settings({ ...own, adapter }))).current()
    }
    const resources = await of(
      example('rbac_with_resource_roles_model.conf'),
      'p, alice, docs, GET\ng2, /data, docs\ng, bob, alice\n',
    )
    expect(ask(resources, 'bob', 'GET /data')).toMatchObject({ effect: 'allow', rule: 'casbin/adapter:p:1' })
    expect(ask(resources, 'carol', 'GET /data')).toMatchObject({ effect: 'deny' })
    const priorities = await of(
      example('priority_model_explicit.conf'),
      'p, 20, alice, /data, GET, deny\np, 3, alice, /data, GET, allow\np, 100, anyone, /data, GET, deny\n',
    )
    expect(ask(priorities, 'alice', 'GET /data')).toMatchObject({ effect: 'allow', rule: 'casbin/adapter:p:3' })
    expect(ask(priorities, 'bob', 'GET /data')).toMatchObject({ reason: 'rule-denied', rule: 'casbin/adapter:p:1' })
  })

  it("come from Casbin's own file adapter, which has files from nobody else here", async () => {
    put('model/casbin.csv', rowFor('/data'))
    const stock = { module: 'casbin', export: 'FileAdapter', from: join(import.meta.dirname, '../..') }
    const reloader = await start(ofAdapter({ ...stock, options: [join(root, 'model/casbin.csv')] }))
    expect(allows(reloader, '/data')).toBe(true)
    expect(allows(reloader, '/more')).toBe(false)
    const missing = ofAdapter({ ...stock, options: [join(root, 'model/none.csv')] })
    expect(await refusal(missing)).toMatch(/^casbin\/adapter:1:1: cannot load rows: ENOENT/)
  })

  it('are loaded again at a word of the watcher', async () => {
    database([p('anyone', '/a')])
    const watcher = { module: put('modules/watcher.mjs', watcherText), options: [join(root, 'database')] }
    const reloader = await start(ofAdapter({ ...adapter(), watcher }))
    expect(allows(reloader, '/news')).toBe(false)
    database([p('anyone', '/a'), p('anyone', '/news')])
    await eventually(() => expect(allows(reloader, '/news')).toBe(true))
  })

  it('that cannot be had refuse a start; at a reload the last good ones stay, and it is said', async () => {
    expect(await refusal(ofAdapter(adapter()))).toMatch(/^casbin\/adapter:1:1: cannot load rows: ENOENT/)
    database([p('anyone', '/a')])
    const reloader = await start(ofAdapter({ ...adapter(), pollEverySeconds: 0.2 }))
    const before = reloader.current()
    rmSync(join(root, 'database/rows.json'))
    await eventually(() => expect(reloader.status().lastError).toMatch(/casbin\/adapter:1:1: cannot load rows: ENOENT/))
    expect(reloader.current()).toBe(before)
    database([p('anyone', '/a'), p('anyone', '/back')])
    await eventually(() => expect(allows(reloader, '/back')).toBe(true))
  })

  it('that Casbin would pass over, or order by chance, are refused', async () => {
    database([p('anyone', '/a'), ['p', 'anyone', 'app.example.com', '/a']])
    expect(await refusal(ofAdapter(adapter()))).toMatch(/^casbin\/adapter:p:\d:1: expected 4 fields after p/)
    put('casbin/model.conf', example('priority_model.conf'))
    database([['p', 'anyone', '/a', 'GET', 'deny']])
    const policy = ofAdapter(adapter())
    const hosts = { ...policy, casbin: { model: '', ...policy.casbin, domains: ['app.example.com'] } }
    expect(await refusal(hosts)).toMatch(/a database promises no order/)
  })
})
