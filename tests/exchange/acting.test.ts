/** What a row denies to whoever acts is denied at the host, and at the next request after a reload. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { runCli } from '../../cli/program.ts'
import { createTestTerminal } from '../config/test-terminal.ts'
import { header, writePolicy } from '../service.ts'
import { claimsOf, type ExchangeWorld, jwtType, startExchange } from './world.ts'

const hostNames = ['wiki.example.com', 'payroll.example.com', 'shop.example.com']
const rows = `
p, service-account:prod/ci/deployer, tokens, /**, *, -, allow
p, client:robots/relay,   tokens, /**, *, -, allow
p, client:robots/auditor, tokens, /**, *, -, allow
p, client:robots/relay,   tokens, /shop.example.com, create, -, deny
p, service-account:prod/ci/deployer, wiki.example.com,    /**, *, -, allow
p, service-account:prod/ci/deployer, payroll.example.com, /**, *, -, allow
p, service-account:prod/ci/deployer, shop.example.com,    /**, *, -, allow
p, client:robots/relay,   payroll.example.com, /secrets/**, *, -, deny
p, role:suspended,        payroll.example.com, /books/**,   *, -, deny
p, client:robots/relay,   payroll.example.com, /night/**,   *, night, deny
p, client:robots/relay,   payroll.example.com, /allowed/**, *, -, allow
p, client:robots/auditor, payroll.example.com, /**, *, -, allow
g, client:robots/auditor, role:suspended, "*"
`
const added = 'p, client:robots/relay, payroll.example.com, /deploy/**, *, -, deny\n'
const conditions = 'night: { claim: { name: shift, in: [night] } }\n'

describe('J81 a row that denies to whoever acts', () => {
  let world: ExchangeWorld
  beforeAll(async () => {
    const hosts = hostNames.map(host => ({ host, bearerFrom: ['sallyport'] }))
    world = await startExchange({ policy: rows, conditions, hosts })
  })
  afterAll(() => world?.close())

  const acting = (client: string, claims = {}) => ({
    actor_token: world.robot(client, claims),
    actor_token_type: jwtType,
  })
  const payroll = { audience: 'payroll.example.com' }
  const relayed = async (claims = {}) =>
    world.exchanged({ subject_token: await world.exchanged(), ...payroll, ...acting('relay', claims) })
  /** The relay acted for the deployer, and the auditor for both. */
  const chain = async (first = 'relay', second = 'auditor') => {
    const subject = await world.exchanged(acting(first))
    return world.exchanged({ subject_token: subject, ...payroll, ...acting(second) })
  }
  const ask = (path: string, token: string, method = 'GET') => world.at('payroll.example.com', path, token, method)
  const statusOf = async (path: string, token: string) => (await ask(path, token)).status

  async function reload(policy: string): Promise<void> {
    const loaded = () => world.auditEvents().filter(({ event }) => event === 'policy.loaded').length
    const before = loaded()
    writePolicy(world.directory, { policy, conditions })
    world.service.reload()
    await expect.poll(loaded, { timeout: 60_000 }).toBeGreaterThan(before)
  }

  it('denies it, with the row in the audit log and the one who acts in the answer', async () => {
    const made = await relayed()
    expect(await statusOf('/deploy/now', made)).toBe(200)
    // Somebody else, or nobody, acts.
    for (const other of [await world.exchanged(payroll), await chain('auditor', 'auditor')]) {
      expect(await statusOf('/secrets/a', other)).toBe(200)
    }
    for (let round = 0; round < 2; round += 1) {
      const answer = await ask('/secrets/a', made)
      expect(answer.status).toBe(403)
      expect(header(answer, 'remote-user')).toBeUndefined()
      expect(await world.eventOf(answer)).toMatchObject({
        event: 'access.denied',
        machine: 'service-account:prod/ci/deployer',
        reason: 'actor-denied',
        rule: 'policy.csv:9',
        deniedActor: 'client:robots/relay',
        credentialActors: ['client:robots/relay'],
      })
    }
    const headers: [string, string][] = [
      ['Authorization', `Bearer ${made}`],
      ['Accept', 'application/json'],
    ]
    const told = await world.ask('forward-auth', { url: 'https://payroll.example.com/secrets/a', headers })
    expect([told.status, JSON.parse(told.body)]).toEqual([
      403,
      expect.objectContaining({ reason: 'actor-denied', actor: 'client:robots/relay' }),
    ])
    expect(told.body).not.toContain('policy.csv')
  })

  it('denies it when they acted before somebody else, by a role and by a claim of theirs as well', async () => {
    const made = await chain()
    expect(await statusOf('/deploy/now', made)).toBe(200)
    const byRow = await ask('/secrets/a', made)
    expect([byRow.status, (await world.eventOf(byRow)).deniedActor]).toEqual([403, 'client:robots/relay'])
    const byRole = await ask('/books/a', made)
    expect([byRole.status, (await world.eventOf(byRole)).deniedActor]).toEqual([403, 'client:robots/auditor'])
    expect(await statusOf('/night/a', await relayed({ shift: 'day' }))).toBe(200)
    expect(await statusOf('/night/a', await relayed({ shift: 'night' }))).toBe(403)
    // Made once more without an actor, it is still theirs.
    const again = await world.exchanged({ subject_token: made, ...payroll })
    expect(await statusOf('/secrets/a', again)).toBe(403)
  })

  it('denies them, as whoever acted before, a token for another host', async () => {
    const subject = await world.exchanged(acting('relay'))
    const shop = { subject_token: subject, audience: 'shop.example.com', ...acting('auditor') }
    expect((await world.exchange(shop)).body).toMatchObject({
      error: 'invalid_target',
      error_description: 'the policy gives the subject no token for this host',
    })
    const others = await world.exchanged(acting('auditor'))
    expect((await world.exchange({ ...shop, subject_token: others })).status).toBe(200)
    // Nobody hides behind a token of ours: whoever acts says who they are by one of an issuer.
    const hidden = { subject_token: subject, ...payroll, actor_token: others, actor_token_type: jwtType }
    expect((await world.exchange(hidden)).status).toBe(400)
  })

  it('J82 what a row allows to whoever acts is allowed to nobody else', async () => {
    const answer = await world.exchanged({ subject_token: world.robot('relay'), ...payroll, ...acting('auditor') })
    expect(await statusOf('/deploy/now', answer)).toBe(403)
    expect(await statusOf('/allowed/a', answer)).toBe(200)
  })

  it('counts at the next request after it was added, and no longer after it was removed', async () => {
    const [one, two, alone] = [await relayed(), await chain(), await world.exchanged(payroll)]
    const all = () => Promise.all([one, two, alone].map(token => statusOf('/deploy/now', token)))
    for (let round = 0; round < 3; round += 1) expect(await all()).toEqual([200, 200, 200])
    await reload(rows + added)
    for (let round = 0; round < 3; round += 1) expect(await all()).toEqual([403, 403, 200])
    await reload(rows)
    for (let round = 0; round < 3; round += 1) expect(await all()).toEqual([200, 200, 200])
  })

  it('is named by policy explain, from the running service and from the audit log', async () => {
    const answer = await ask('/secrets/a', await chain())
    const { requestId } = await world.eventOf(answer)
    const admin = ['--admin', `http://localhost:${world.adminPort}`]
    const audit = ['--audit', `${world.directory}/audit.jsonl`, '--config', `${world.directory}/sallyport.yaml`]
    const explained = async (...args: string[]) => {
      const terminal = createTestTerminal()
      const all = ['policy', 'explain', '--request', String(requestId), ...args]
      expect([await runCli(all, { version: '0', terminal }), terminal.errors()]).toEqual([0, ''])
      return terminal.output()
    }
    for (const from of [admin, audit]) {
      const document = JSON.parse(await explained('--json', ...from))
      expect(document).toMatchObject({
        actors: ['client:robots/relay', 'client:robots/auditor'],
        decision: { effect: 'deny', reason: 'actor-denied', rule: 'policy.csv:9', deniedActor: 'client:robots/relay' },
      })
      const deciding = document.rows.filter((row: { isDeciding: boolean }) => row.isDeciding)
      expect(deciding).toMatchObject([{ rule: 'policy.csv:9', fields: { subject: 'hit' } }])
      const text = await explained(...from)
      expect(text).toContain('for whom client:robots/relay, client:robots/auditor act')
      expect(text).toContain('It is client:robots/relay, and the rows below are as tried for them.')
    }
  })

  it('ends no token: whoever asks about one hears who acts', async () => {
    await reload(rows + added)
    const made = await relayed()
    expect(await statusOf('/deploy/now', made)).toBe(403)
    const asking = { authorization: `Bearer ${world.robot('auditor')}` }
    expect((await world.post('/token/introspect', { token: made }, asking)).body).toMatchObject({
      active: true,
      jti: claimsOf(made).jti,
      act: { sub: 'https://robots.example.com#relay' },
    })
    await reload(rows)
    expect(await statusOf('/deploy/now', made)).toBe(200)
  })
})
