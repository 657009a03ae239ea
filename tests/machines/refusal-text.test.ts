/** What a workload reads whose token is refused: a 401 that says why, how to get the right one, and nothing of the token. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type ExchangeWorld, startExchange } from '../exchange/world.ts'
import { header } from '../service.ts'

describe('the 401 of a workload', () => {
  let world: ExchangeWorld
  beforeAll(async () => {
    world = await startExchange()
  })
  afterAll(() => world?.close())

  it.each<[string, object, string]>([
    [
      'with a token for the API server',
      { aud: ['https://kubernetes.default.svc'] },
      'the token is for another audience: project a token with audience sallyport into the pod (volumes, projected, serviceAccountToken), or use kubectl create token --audience=sallyport',
    ],
    ['with a token that is for others as well', { aud: ['sallyport', 'another'] }, 'audience sallyport'],
    ['with one that has expired', { exp: 1 }, 'expired'],
    ['with one that never expires', { exp: undefined }, 'exp'],
  ])('%s', async (_, claims, sentence) => {
    const token = world.token(claims)
    const answer = await world.at('wiki.example.com', '/deploy/now', token)
    expect(answer.status).toBe(401)
    const challenge = header(answer, 'www-authenticate') ?? ''
    expect(challenge).toMatch(/^Bearer error="invalid_token", error_description="[^"\\]+"$/)
    expect(challenge).toContain(sentence)
    for (const part of token.split('.')) expect(challenge).not.toContain(part)
    expect(header(answer, 'location')).toBeUndefined()
  })
})
