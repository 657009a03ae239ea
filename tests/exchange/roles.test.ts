/** A role that is given everywhere, and a row that denies it tokens. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { claimsOf, type ExchangeWorld, startExchange } from './world.ts'

const rows = `
p, service-account:prod/ci/deployer, tokens,           /**,    *, -, allow
p, client:robots/relay,              tokens,           /**,    *, -, allow
p, service-account:prod/ci/deployer, wiki.example.com, /**,    *, -, allow
p, role:suspended,                   tokens,           /**,    *, -, deny
p, role:trusted,                     tokens,           /**,    *, -, allow
g, client:robots/relay,              role:suspended,   "*"
g, client:robots/other,              role:trusted,     "*"
`

describe('J80 a role that is given everywhere', () => {
  let world: ExchangeWorld
  beforeAll(async () => {
    world = await startExchange({ policy: rows })
  })
  afterAll(() => world?.close())

  it('gets no token where a row denies it tokens, as subject and as actor, and may not ask about one', async () => {
    const refused = await world.exchange({ subject_token: world.robot('relay') })
    expect([refused.status, refused.body.error]).toEqual([400, 'invalid_target'])
    const actor = {
      actor_token: world.robot('relay'),
      actor_token_type: 'urn:ietf:params:oauth:token-type:jwt',
    }
    expect((await world.exchange(actor)).status).toBe(400)
    const token = await world.exchanged()
    const asking = { authorization: `Bearer ${world.robot('relay')}` }
    expect((await world.post('/token/introspect', { token }, asking)).body).toEqual({ active: false })
    const denials = () =>
      world
        .auditEvents()
        .filter(({ domain, event }) => domain === 'tokens' && event === 'access.denied')
        .map(({ machine, rule, reason }) => [machine, rule, reason])
    await expect
      .poll(denials, { timeout: 60_000 })
      .toEqual(Array.from({ length: 3 }, () => ['client:robots/relay', 'policy.csv:5', 'rule-denied']))
    expect(claimsOf(token).aud).toBe('wiki.example.com')
  })

  it('gets none by a row that allows it tokens', async () => {
    expect((await world.exchange({ subject_token: world.robot('other') })).status).toBe(400)
  })
})
