/** Headers that rows of the domain `tokens` read, written by whoever asks and by the proxy. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type ExchangeWorld, startExchange } from './world.ts'

const rows = `
p, client:robots/x, tokens, /wiki.example.com, create, managed, allow
p, client:robots/y, tokens, /wiki.example.com, create, -, allow
p, client:robots/y, tokens, /wiki.example.com, create, !managed, deny
p, client:robots/z, tokens, /wiki.example.com, create, -, allow
p, client:robots/z, tokens, /wiki.example.com, create, managed, deny
p, client:robots/n, tokens, /wiki.example.com, create, near, allow
p, client:robots/x, tokens, /wiki.example.com, introspect, managed, allow
`
const conditions = `
managed: { header: { name: x-device, in: [managed] } }
near: { source-network: [10.1.0.0/16] }
`

describe.each([
  ['a stranger', ['10.9.9.9/32']],
  ['a trusted proxy', ['127.0.0.1/32']],
])('J66 a header that a row of tokens reads, from %s', (who, trustedProxies) => {
  let world: ExchangeWorld
  const isTrusted = who !== 'a stranger'
  beforeAll(async () => {
    world = await startExchange({ policy: rows, conditions, settings: { server: { trustedProxies } } })
  })
  afterAll(() => world?.close())
  const status = async (client: string, headers = {}) =>
    (await world.exchange({ subject_token: world.robot(client) }, headers)).status

  it('lets in whom the proxy vouches for alone', async () => {
    expect(await status('x', { 'x-device': 'managed' })).toBe(isTrusted ? 200 : 400)
    expect(await status('x')).toBe(400)
  })

  it('lifts no deny, and none is lifted where nobody vouches for what is not there', async () => {
    expect(await status('y', { 'x-device': 'managed' })).toBe(isTrusted ? 200 : 400)
    expect(await status('y')).toBe(400)
    expect(await status('z', { 'x-device': 'managed' })).toBe(400)
    expect(await status('z')).toBe(isTrusted ? 200 : 400)
  })

  it('says no address but that of the peer', async () => {
    expect(await status('n', { 'x-forwarded-for': '10.1.2.3' })).toBe(isTrusted ? 200 : 400)
  })

  it('opens no introspection', async () => {
    const { body } = await world.exchange({ subject_token: world.robot('y') }, { 'x-device': 'managed' })
    const made = String(body.access_token)
    if (!isTrusted) return expect(body.access_token).toBeUndefined()
    const ask = async (headers: Record<string, string>) => {
      const caller = { authorization: `Bearer ${world.robot('x')}`, ...headers }
      return (await world.post('/token/introspect', { token: made }, caller)).body.active
    }
    expect([await ask({}), await ask({ 'x-device': 'managed' })]).toEqual([false, true])
  })
})
