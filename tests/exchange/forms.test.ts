/** Forms that two readers could read in two ways, and whom `may_act` means. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type ExchangeWorld, exchangeGrant, jwtType, startExchange } from './world.ts'

describe('what is asked of the token endpoint', () => {
  let world: ExchangeWorld
  beforeAll(async () => {
    world = await startExchange()
  })
  afterAll(() => world?.close())

  it.each([
    '%5Baudience%5D=wiki.example.com',
    '[audience]=wiki.example.com',
    'audience[]=wiki.example.com',
    'audience=wiki.example.com&audience[]=payroll.example.com',
    'audience=wiki.example.com&audience%5b0%5d=payroll.example.com',
    'audience=wiki.example.com&audience=payroll.example.com',
  ])('is refused for a name that is there twice or could be: %s', async target => {
    const form = { grant_type: exchangeGrant, subject_token: world.token(), subject_token_type: jwtType }
    const answer = await world.post('/token', `${new URLSearchParams(form)}&${target}`)
    expect([answer.status, answer.body.error]).toEqual([400, 'invalid_request'])
  })

  it('J67 may_act without an issuer means nobody of another one', async () => {
    const may_act = { sub: 'system:serviceaccount:ci:deployer' }
    const ask = (claims: object) =>
      world.exchange({
        subject_token: world.robot('auditor', { may_act: claims }),
        actor_token: world.token(),
        actor_token_type: jwtType,
      })
    expect((await ask(may_act)).body.error_description).toBe('the token does not say that this actor may act with it')
    expect((await ask({ ...may_act, iss: world.cluster.issuer })).status).toBe(200)
  })
})
