/**
 * Mix-up (RFC 9700 section 4.4): an attacker runs one of several providers, and tries to have the answer of another one
 * taken for its own, or to get a code that was not meant for it.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startProvider, type TestProvider } from '../provider.ts'
import { type MisbehavingProvider, startMisbehavingProvider } from './misbehaving-provider.ts'
import { client, corp, locationOf, publicUrl, type RelyingParty, startRelyingParty, wiki } from './relying-party.ts'

const second = { ...client, clientId: 'sallyport-second', clientSecret: 'the secret of the second client, long enough' }

let honest: TestProvider
let evil: MisbehavingProvider
let silent: MisbehavingProvider
let party: RelyingParty

beforeAll(async () => {
  honest = await startProvider({ clients: [client, second] })
  evil = await startMisbehavingProvider()
  silent = await startMisbehavingProvider({ authorization_response_iss_parameter_supported: undefined })
  const { clientId, clientSecret } = second
  party = await startRelyingParty({
    providers: [
      corp(honest.issuer),
      // The same provider under a second name, as another client of it.
      corp(honest.issuer, { name: 'other', clientId, clientSecret }),
      corp(evil.issuer, { name: 'evil' }),
      corp(silent.issuer, { name: 'silent' }),
    ],
  })
  await party.providers.start()
})

afterAll(async () => {
  await party.close()
  await Promise.all([honest.close(), evil.close(), silent.close()])
})

const startAt = (provider: string) => `/login?provider=${provider}&rd=${encodeURIComponent(wiki)}`
const tokenCalls = () =>
  honest.requests.filter(request => request === 'POST /token').length +
  evil.tokenRequests.length +
  silent.tokenRequests.length

/** Nobody gets in, and no code leaves this service: not to the wrong provider, nor to the right one. */
async function expectRefusal(browser: ReturnType<RelyingParty['browser']>, callback: URL): Promise<void> {
  const before = tokenCalls()
  const response = await browser.get(callback.href)
  expect(response.status).toBe(403)
  expect(party.events.at(-1)).toMatchObject({ event: 'login.failed', code: 'ERR_LOGIN_RESPONSE_INVALID' })
  expect(tokenCalls()).toBe(before)
  expect((await browser.get('/')).text).toContain('Nobody is logged in')
}

describe('G18: the state of one provider', () => {
  test('is refused at the callback of every other one, and is used up by that', async () => {
    for (const [begun, other] of [
      ['corp', 'evil'],
      ['evil', 'corp'],
      ['corp', 'other'],
      ['silent', 'corp'],
    ] as const) {
      const alice = party.browser()
      const { searchParams } = new URL(locationOf(await alice.get(startAt(begun))))
      const callback = new URL(`${publicUrl}/callback/${other}`)
      const iss = { corp: honest.issuer, other: honest.issuer, evil: evil.issuer }[other]
      callback.search = new URLSearchParams({ code: 'stolen', state: searchParams.get('state') ?? '', iss }).toString()
      await expectRefusal(alice, callback)
      callback.pathname = `/callback/${begun}`
      expect((await alice.get(callback.href)).status).toBe(403)
      expect(party.events.at(-1)).toMatchObject({ code: 'ERR_LOGIN_STATE_UNKNOWN' })
    }
  })

  test.each(['corp', 'evil'])('is refused with the iss of another one (%s)', async name => {
    const alice = party.browser()
    const { searchParams } = new URL(locationOf(await alice.get(startAt(name))))
    const callback = new URL(`${publicUrl}/callback/${name}`)
    const iss = name === 'corp' ? evil.issuer : honest.issuer
    callback.search = new URLSearchParams({ code: 'stolen', state: searchParams.get('state') ?? '', iss }).toString()
    await expectRefusal(alice, callback)
  })

  test('is refused with two of them, and with none where one is promised', async () => {
    for (const isses of [[honest.issuer, evil.issuer], [evil.issuer, honest.issuer], []]) {
      const alice = party.browser()
      const callback = new URL(await alice.visitor.logIn(locationOf(await alice.get(startAt('corp'))), 'alice'))
      callback.searchParams.delete('iss')
      for (const iss of isses) callback.searchParams.append('iss', iss)
      await expectRefusal(alice, callback)
    }
  })

  test('of a provider that promises no iss is still refused with the wrong one', async () => {
    const alice = party.browser()
    const callback = new URL(silent.answerTo(locationOf(await alice.get(startAt('silent'))), {}))
    callback.searchParams.set('iss', honest.issuer)
    await expectRefusal(alice, callback)
  })

  test('of a provider that promises no iss works without it: its path and its ID token name it', async () => {
    const alice = party.browser()
    const callback = new URL(silent.answerTo(locationOf(await alice.get(startAt('silent'))), {}))
    callback.searchParams.delete('iss')
    expect(locationOf(await alice.get(callback.href))).toBe(wiki)
    const again = party.browser()
    const answer = silent.answerTo(locationOf(await again.get(startAt('silent'))), { claims: { iss: honest.issuer } })
    expect((await again.get(answer)).status).toBe(403)
  })
})

describe('G18: two clients of one provider', () => {
  test('do not take codes that were meant for the other', async () => {
    const alice = party.browser()
    const { searchParams } = new URL(locationOf(await alice.get(startAt('other'))))
    const callback = new URL(await alice.visitor.logIn(locationOf(await alice.get(startAt('corp'))), 'alice'))
    callback.pathname = '/callback/other'
    callback.searchParams.set('state', searchParams.get('state') ?? '')
    expect((await alice.get(callback.href)).status).toBe(403)
    expect(party.events.at(-1)).toMatchObject({ code: 'ERR_LOGIN_RESPONSE_INVALID' })
  })

  test('know the same person by the same subject (G13), and say which of them was used', async () => {
    const alice = party.browser()
    await alice.logIn('alice', startAt('corp'))
    await alice.logIn('alice', startAt('other'))
    const logins = party.events.filter(({ event }) => event === 'login.succeeded').slice(-2)
    expect(logins.map(({ subject, provider }) => [subject, provider])).toEqual([
      [`${honest.issuer}#alice`, 'corp'],
      [`${honest.issuer}#alice`, 'other'],
    ])
  })
})

test('G13: an address of another provider, verified there, names nobody here', async () => {
  const [alice, mallory] = [party.browser(), party.browser()]
  await alice.logIn('alice', startAt('corp'))
  const url = locationOf(await mallory.get(startAt('evil')))
  await mallory.get(evil.answerTo(url, { claims: { email: 'alice@example.com', email_verified: true } }))
  const logins = party.events.filter(({ event }) => event === 'login.succeeded').slice(-2)
  expect(logins.map(({ email }) => email)).toEqual(['alice@example.com', 'alice@example.com'])
  expect(logins.map(({ subject }) => subject)).toEqual([`${honest.issuer}#alice`, `${evil.issuer}#alice`])
})
