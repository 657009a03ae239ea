/** One policy in PostgreSQL for several replicas: an adapter from npm, and a watcher over LISTEN and NOTIFY. */
import { copyFileSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createConfiguredSource } from '../../app/policy/configured-source.ts'
import { createPolicyReloader, type PolicyReloader } from '../../app/policy/reload.ts'
import { compilePolicy, type PolicySnapshot } from '../../rbac/policy.ts'
import { model } from '../decisions/policies.ts'
import { eventually } from './policy-directory.ts'
import { type Client, type RunningPostgres, requirePostgres, startPostgres } from './postgres.ts'

const peers = requirePostgres()
const deploy = join(import.meta.dirname, '../../deploy/postgresql')

describe.skipIf(peers === undefined)('a policy in PostgreSQL', () => {
  let postgres: RunningPostgres
  let operator: Client
  let directory: string
  const replicas: PolicyReloader<PolicySnapshot>[] = []

  beforeAll(async () => {
    if (peers === undefined) return
    postgres = await startPostgres(peers)
    directory = mkdtempSync(join(tmpdir(), 'sallyport-operator-'))
    // What an operator has: packages beside the configuration file, and the watcher beside them.
    symlinkSync(peers.nodeModules, join(directory, 'node_modules'))
    copyFileSync(join(deploy, 'notify-watcher.mjs'), join(directory, 'notify-watcher.mjs'))
    writeFileSync(join(directory, 'conditions.yaml'), 'office: { source-network: [10.0.0.0/8] }\n')
    // The adapter makes its table at its first load.
    await (await start({ migrate: true })).close()
    operator = await postgres.client()
    await operator.query(readFileSync(join(deploy, 'notify.sql'), 'utf8'))
  })
  beforeEach(async () => {
    await operator.query('TRUNCATE casbin')
    await insert('p', ['anyone', 'wiki.example.com', '/public/**', 'read', '-', 'allow'])
  })
  afterEach(async () => {
    for (const replica of replicas.splice(0)) await replica.close()
  })
  afterAll(async () => {
    await operator?.end()
    await postgres?.stop()
    rmSync(directory, { recursive: true, force: true })
  })

  const insert = (kind: string, row: readonly string[]) =>
    operator.query('INSERT INTO casbin (ptype, rule) VALUES ($1, $2::jsonb)', [kind, JSON.stringify(row)])

  async function start({ watch = false, pollEverySeconds = 600, migrate = false }) {
    const policy = {
      directory,
      narrowedBy: [],
      deciders: [],
      expiryWarning: 86_400,
      directories: [],
      watch,
      keepDecisions: 0,
      keepRevisions: 1,
      keepRevisionsBytes: 1_048_576,
      adapter: {
        module: 'casbin-pg-adapter',
        // Replicas that migrate at the same time refuse each other.
        options: { ...postgres.connection, migrate },
        from: directory,
        timeoutSeconds: 10,
        pollEverySeconds,
        watcher: { module: join(directory, 'notify-watcher.mjs'), options: postgres.connection },
      },
    }
    const replica = createPolicyReloader<PolicySnapshot>({
      source: createConfiguredSource(policy, { model, watch }),
      compile: compilePolicy,
      clock: { now: Date.now },
      watch,
    })
    replicas.push(replica)
    await replica.start()
    return replica
  }
  const pathsOf = (replica: PolicyReloader<PolicySnapshot>) => replica.current().rows.map(row => row.resource)

  it('has rule ids and a revision that do not depend on the order of the rows', async () => {
    await insert('p', ['role:editor', 'wiki.example.com', '/edit/**', 'POST|PUT', 'office', 'allow'])
    await insert('g', ['group:sre', 'role:editor', 'wiki.example.com'])
    const first = (await start({})).current()
    expect(first.rows.map(({ id, resource }) => [id, resource])).toEqual([
      ['adapter:p:1', '/public/**'],
      ['adapter:p:2', '/edit/**'],
    ])
    expect(first.addRoles).toBeDefined()
    await operator.query("DELETE FROM casbin WHERE rule->>2 = '/public/**'")
    await insert('p', ['anyone', 'wiki.example.com', '/public/**', 'read', '-', 'allow'])
    expect((await start({})).current().revision).toBe(first.revision)
  })

  it('reaches every replica as soon as it is committed', async () => {
    const fleet = [await start({ watch: true }), await start({ watch: true })]
    await insert('p', ['anyone', 'wiki.example.com', '/news', 'read', '-', 'allow'])
    await eventually(() => {
      for (const replica of fleet) expect(pathsOf(replica)).toContain('/news')
    })
    expect(fleet[0]?.current().revision).toBe(fleet[1]?.current().revision)
  })

  it('that is malformed is refused with the place of its row, and the last good one stays', async () => {
    const replica = await start({ watch: true })
    const { revision } = replica.current()
    await insert('p', ['everybody', 'wiki.example.com', '/x', 'read', '-', 'permit'])
    await eventually(() => expect(replica.status().lastError).toMatch(/^adapter:p:2:\d+: .*everybody/m))
    expect(replica.current().revision).toBe(revision)
    await operator.query("DELETE FROM casbin WHERE rule->>0 = 'everybody'")
    await eventually(() => expect(replica.status().lastError).toBeUndefined())
  })

  it('with a row of an unknown kind is refused: Casbin alone would pass over it', async () => {
    await insert('P', ['anyone', 'wiki.example.com', '/public/secret', '*', '-', 'deny'])
    await expect(start({})).rejects.toThrow(/adapter:P:1.*kind of line/)
  })

  it('keeps the last good one while the database is down, survives its restart and follows it again', async () => {
    const replica = await start({ watch: true, pollEverySeconds: 0.2 })
    const before = replica.current()
    await operator.end()
    await postgres.interrupt()
    await eventually(() => expect(replica.status().lastError).toMatch(/adapter:1:1: cannot load rows: /))
    expect(replica.current()).toBe(before)
    await expect(start({})).rejects.toThrow(/cannot load rows: .*ECONNREFUSED/)
    await postgres.resume()
    operator = await postgres.client()
    await eventually(() => expect(replica.status().lastError).toBeUndefined())
    await insert('p', ['anyone', 'wiki.example.com', '/back', 'read', '-', 'allow'])
    await eventually(() => expect(pathsOf(replica)).toContain('/back'))
  })
})
