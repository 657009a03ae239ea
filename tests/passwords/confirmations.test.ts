/** Whom an application password stands for: the person, as the provider told last, without what says how they logged in. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { createLmdbRecords } from '../../app/sessions/lmdb/lmdb-records.ts'
import { type Confirmations, createConfirmations } from '../../app/sessions/passwords/confirmations.ts'
import type { RecordStore } from '../../app/sessions/record-store.ts'
import { claim } from '../../rbac/conditions/claim.ts'
import { createMovableClock, loginOf, secrets } from '../sessions/fixtures.ts'

const clock = createMovableClock()
const directory = mkdtempSync(join(tmpdir(), 'sallyport-confirmations-'))
let records: RecordStore
let confirmations: Confirmations
beforeAll(() => {
  records = createLmdbRecords({ path: directory, clock })
  const marks = { isLoggedOut: async () => false }
  confirmations = createConfirmations({
    records,
    secrets,
    clock,
    confirmWithinSeconds: 600,
    marks,
    providers: new Map([['corp', ['department', 'access/roles', 'auth', 'acrs', 'org/amr']]]),
  })
})
afterAll(async () => {
  await records.close()
  rmSync(directory, { recursive: true, force: true })
})

it('J39 knows nothing of how and when they logged in, be it in a claim', async () => {
  const login = loginOf('alice', clock)
  const { identity } = login
  const how = { authTime: login.startedAt, amr: ['mfa'], acr: 'urn:strong' }
  const claims = { ...identity.claims, auth_time: login.startedAt, amr: ['mfa'], acr: 'urn:strong', department: 'ops' }
  await confirmations.begin({ ...login, identity: { ...identity, ...how, claims } }, login.startedAt + 3600)
  const person = await confirmations.personOf(identity.subject)
  expect(person).toEqual({ ...identity, claims: { ...identity.claims, department: 'ops' } })
  expect(Object.isFrozen(person)).toBe(true)
  // What is made of it is kept under it.
  expect(await confirmations.personOf(identity.subject)).toBe(person)
  await confirmations.confirm({ ...login, identity: { ...identity, ...how, groups: ['guests'] } }, login.startedAt + 1)
  expect(await confirmations.personOf(identity.subject)).toEqual({ ...identity, groups: ['guests'] })
})

it('J75 knows no claim that may speak of a login, under whatever name and however deep', async () => {
  clock.advance(2)
  const login = loginOf('alice', clock)
  const stays = { sub: 'alice', oid: 'o', department: ['ops'], address: { country: 'CH' } }
  const claims = {
    ...stays,
    ...{
      acrs: ['c1'],
      sid: 's',
      session_state: 's',
      nonce: 'n',
      at_hash: 'h',
      azp: 'a',
      'https://idp.example/mfa': true,
    },
    ...{ auth: { amr: ['mfa'], level: 2, deep: [{ acr: 'x', is: 1 }] }, access: { roles: ['r'], amr: ['mfa'] } },
    ...{ org: { amr: ['mfa'] }, mfa_done: true, cost_centre: 4711 },
  }
  await confirmations.begin({ ...login, identity: { ...login.identity, claims } }, login.startedAt + 3600)
  const person = await confirmations.personOf(login.identity.subject)
  const named = { 'access/roles': ['r'], auth: { level: 2, deep: [{ is: 1 }] } }
  expect(person?.claims).toEqual({ ...stays, ...named })
  const test = (name: string) =>
    claim({ name, in: ['mfa', 'c1', 'r'] }).test({ identity: person, request: {}, context: {} } as never)
  expect(test('access/roles')).toBe(true)
  for (const name of ['acrs', 'auth/amr', 'access/amr', 'org/amr', 'cost_centre']) expect(test(name)).toBeUndefined()
})

it('is nobody who is not kept, and nobody of a provider that is not there any more', async () => {
  const login = loginOf('bob', clock)
  await confirmations.confirm(login, login.startedAt)
  expect(await confirmations.personOf(login.identity.subject)).toBeUndefined()
  await confirmations.begin({ ...login, identity: { ...login.identity, provider: 'gone' } }, login.startedAt + 3600)
  expect(await confirmations.personOf(login.identity.subject)).toBeUndefined()
})

it('J121 whom a session of the provider has confirmed last is known as long as they are kept, whichever password keeps them', async () => {
  const older = { ...loginOf('mallory', clock), providerSession: 'sid-older' }
  clock.advance(60)
  const newer = { ...loginOf('mallory', clock), providerSession: 'sid-newer' }
  const { subject } = newer.identity
  const issuer = subject.slice(0, subject.indexOf('#'))
  await confirmations.begin(newer, newer.startedAt + 100)
  // For longer, in a session that was confirmed before the other one.
  await confirmations.begin(older, newer.startedAt + 3600)
  clock.advance(200)
  expect(await confirmations.personOf(subject)).toBeDefined()
  expect(await confirmations.confirmedBy(issuer, 'sid-newer')).toBe(subject)
})
