/** Conditions of a row hold when a cluster that trusts our tokens is given one: there is no later moment at which we are asked. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { TestBrowser } from '../service.ts'
import { type ServiceOverTls, startBehindTls, startTlsFront, type TlsFront } from './tls-front.ts'
import { authorize, logInBrowser, newProof, redeem, refresh } from './world.ts'

const tokens = '/-/sallyport.dev/tokens, create'
const policy = `
p, group:ops, kube:near,  ${tokens}, near,  allow
p, group:ops, kube:far,   ${tokens}, far,   allow
p, group:ops, kube:mfa,   ${tokens}, mfa,   allow
p, group:ops, kube:fresh, ${tokens}, fresh, allow
p, group:ops, kube:keen,  ${tokens}, -,     allow
p, group:ops, kube:keen,  ${tokens}, far,   deny
p, group:ops, kube:shut,  ${tokens}, -,     allow
p, group:ops, kube:shut,  ${tokens}, near,  deny
p, group:ops, kube:held,  ${tokens}, -,     allow
p, group:ops, kube:held,  ${tokens}, guest, deny
`
const conditions = `
near: { source-network: [127.0.0.0/8, '::1/128'] }
far: { source-network: [10.0.0.0/8] }
mfa: { authentication-method: [mfa] }
fresh: { authentication-age: 5m }
guest: { header: { name: x-network, in: [guest] } }
`
const names = ['near', 'far', 'mfa', 'fresh', 'keen', 'shut', 'held']
const clusters = names.map(name => ({ name, access: 'direct', server: 'https://127.0.0.1:1' }))

describe('a token for a cluster that judges calls by itself', () => {
  let front: TlsFront
  let service: ServiceOverTls
  beforeAll(async () => {
    front = await startTlsFront()
    service = await startBehindTls(front, {
      policy,
      conditions,
      settings: { kubernetes: { clusters } },
      client: () => ({ metadata: { require_auth_time: true } }),
    })
  })
  afterAll(async () => {
    await service.close()
    await front.close()
  })

  it('is given where the condition of the row holds, and at each renewal anew', async () => {
    const browser = await logInBrowser(service, 'alice', new TestBrowser(front.outbound))
    const proof = newProof()
    const code = (await authorize(service, browser, proof)).get('code') ?? ''
    let answer = await redeem(service, code, proof)
    const given: Record<string, unknown> = {}
    const ask = async (audience: string) => {
      const next = await refresh(service, answer.body.refresh_token, { audience })
      if (next.status === 200) answer = next
      return next.status === 200 ? 'given' : next.body.error
    }
    for (const name of names) given[name] = await ask(name)
    expect(given).toEqual({
      near: 'given',
      far: 'access_denied',
      mfa: 'access_denied',
      fresh: 'given',
      keen: 'given',
      shut: 'access_denied',
      held: 'given',
    })
    service.moveClock(301)
    expect(await ask('fresh')).toBe('access_denied')
    expect(await ask('near')).toBe('given')
  })
})

describe('J66 asked for by a peer that is no trusted proxy', () => {
  let front: TlsFront
  let service: ServiceOverTls
  beforeAll(async () => {
    front = await startTlsFront()
    const server = { trustedProxies: ['10.9.9.9/32'] }
    service = await startBehindTls(front, { policy, conditions, settings: { kubernetes: { clusters }, server } })
  })
  afterAll(async () => {
    await service.close()
    await front.close()
  })

  it('it is refused by a row that denies by a header which the proxy would have written', async () => {
    const browser = await logInBrowser(service, 'alice', new TestBrowser(front.outbound))
    const proof = newProof()
    const code = (await authorize(service, browser, proof)).get('code') ?? ''
    const { body } = await redeem(service, code, proof)
    expect((await refresh(service, body.refresh_token, { audience: 'held' })).body.error).toBe('access_denied')
  })
})
