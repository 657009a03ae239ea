/** Tokens of others at the exchange: a bearer is one object, whatever token they come with. */
import { expect, it } from 'vitest'
import { createForeignTokens } from '../../app/identity/foreign-tokens.ts'
import { createSigningIssuer, nowSeconds, trust } from './token-issuer.ts'

const source = createSigningIssuer('https://robots.example.com')
const verify = createForeignTokens([trust(source, { kind: 'generic' }).trusted], { now: () => nowSeconds * 1000 })
const bearerOf = (claims: object) => verify(source.token({ jti: String(Math.random()), ...claims }))

it('two tokens of one bearer are one object, so that decisions about them are remembered', async () => {
  const [one, again, other] = [
    await bearerOf({ sub: 'relay' }),
    await bearerOf({ sub: 'relay' }),
    await bearerOf({ sub: 'auditor' }),
  ]
  expect(again.identity).toBe(one.identity)
  expect(again.credential.credentialId).not.toBe(one.credential.credentialId)
  expect(other.identity).not.toBe(one.identity)
})

it('who says something else about themselves is another one', async () => {
  const [day, night] = [
    await bearerOf({ sub: 'relay', shift: 'day' }),
    await bearerOf({ sub: 'relay', shift: 'night' }),
  ]
  expect(night.identity).not.toBe(day.identity)
  expect([day, night].map(({ identity }) => identity.claims.shift)).toEqual(['day', 'night'])
})
