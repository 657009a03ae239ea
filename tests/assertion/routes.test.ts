import type { AddressInfo } from 'node:net'
import express from 'express'
import { createRemoteJWKSet, jwtVerify } from 'jose'
import request from 'supertest'
import { afterEach, expect, test } from 'vitest'
import { createAssertionRoutes } from '../../app/assertion/routes.ts'
import { createAssertionSigner } from '../../app/assertion/sign.ts'
import { createSigningKeys, type SigningKeys } from '../../app/assertion/signing-keys.ts'
import { alice, movableClock, sharedStore } from './fixtures.ts'

const clock = movableClock()
const audience = 'https://wiki.example.com'
let keys: SigningKeys

function application() {
  const { store } = sharedStore(clock)
  keys = createSigningKeys({ store, algorithm: 'ES256', rotateEverySeconds: 86_400, clock, onError: () => undefined })
  return express().use(createAssertionRoutes(keys))
}

afterEach(() => keys.close())

test('the key set may be cached for five minutes', async () => {
  const app = application()
  await keys.start()
  const answer = await request(app).get('/.well-known/jwks.json').expect(200)
  expect(answer.headers['cache-control']).toBe('public, max-age=300')
  expect(answer.headers['content-type']).toMatch(/^application\/jwk-set\+json/)
  expect(JSON.parse(answer.text)).toEqual(keys.jwks())
})

test('an empty key set is an error that nobody caches', async () => {
  const answer = await request(application()).get('/.well-known/jwks.json').expect(503)
  expect(answer.headers['cache-control']).toBe('no-store')
})

test('an application verifies an assertion with what it fetched', async () => {
  const app = application()
  await keys.start()
  const server = app.listen(0, '127.0.0.1')
  try {
    await new Promise(resolve => server.once('listening', resolve))
    const { port } = server.address() as AddressInfo
    const sign = createAssertionSigner({ keys, issuer: 'https://auth.example.com', lifetimeSeconds: 60, clock })
    const keySet = createRemoteJWKSet(new URL(`http://127.0.0.1:${port}/.well-known/jwks.json`))
    const checks = { issuer: 'https://auth.example.com', audience, currentDate: new Date(clock.now()) }
    const { payload } = await jwtVerify(sign(alice, { audience }), keySet, checks)
    expect(payload.sub).toBe(alice.subject)
  } finally {
    server.closeAllConnections()
    server.close()
  }
})
