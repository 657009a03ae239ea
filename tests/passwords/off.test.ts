/** What ends passwords while no host takes them, or while they may live for a day, and what is left when they come back. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { composeSessionAnswers } from '../../app/compose/directory.ts'
import { composeKept } from '../../app/compose/kept.ts'
import { composeOfPasswords, composePasswords } from '../../app/compose/passwords.ts'
import { createLmdbRecords } from '../../app/sessions/lmdb/lmdb-records.ts'
import { createProviderLogout } from '../../app/sessions/provider-logout.ts'
import { loadText, minimal } from '../config/load-text.ts'
import { createMovableClock, loginOf } from '../sessions/fixtures.ts'

const directory = mkdtempSync(join(tmpdir(), 'sallyport-off-'))
const clock = createMovableClock()
const records = createLmdbRecords({ path: directory, clock })
afterAll(async () => {
  await records.close()
  rmSync(directory, { recursive: true, force: true })
})
const day = 86_400
const issuer = 'https://idp.example'

/** What a process with this configuration has. */
function start(takes: boolean, maxLifetime = '365d') {
  const text = `${minimal}\nhosts: [{ host: git.example.com, passwords: ${takes} }]\npasswords: { maxLifetime: ${maxLifetime}, lifetime: 1d }\n`
  const { config } = loadText(text)
  const [provider = ''] = config.providers.map(({ name }) => name)
  const hostSettings = () => config.hosts[0] ?? {}
  const audit = { write: () => undefined }
  const base = { config, clock, hostSettings, audit, logger: { warn: () => undefined } } as never
  const stored = composeKept(base, records)
  const ofPasswords = composeOfPasswords(base, stored, records)
  const kept = { ...stored, ofPasswords, passwords: composePasswords(base, stored, ofPasswords, false) }
  const { store, confirmations } = ofPasswords
  const { directory: sessions, logoutMarks: marks } = kept
  const logout = createProviderLogout({ directory: sessions, marks, ...confirmations, onLogout: confirmations.logOut })
  return { kept, provider, store, confirmations, logout, answer: composeSessionAnswers(base, kept) }
}

const on = start(true)
const { store, confirmations } = on

async function make(handle: string, person: 'alice' | 'bob' = 'alice') {
  clock.advance(5)
  const login = loginOf(person, clock)
  const identity = { ...login.identity, provider: on.provider }
  const expiresAt = clock.now() / 1000 + 300 * day
  const own = { ...login, identity, providerSession: `session-${handle}` }
  await confirmations.begin(own, expiresAt)
  const rest = { name: handle, hosts: ['git.example.com'], hash: 'h', expiresAt }
  expect(await store.add({ ...rest, handle, login: own })).toBe(true)
  clock.advance(5)
  return own
}
const stands = async (handle: string) => (await start(true).store.find(handle)) !== undefined
const isAwake = async (subject: string) => (await start(true).confirmations.personOf(subject)) !== undefined

describe('while no host takes passwords', () => {
  it('J79 a cut of everybody or of a provider is remembered for as long as one can live', async () => {
    await make('one')
    expect(await stands('one')).toBe(true)
    await start(false).kept.cutoffs.cut({ all: true })
    await make('two')
    await start(false).kept.cutoffs.cut({ provider: on.provider })
    await make('three')
    const all = async () => [await stands('one'), await stands('two'), await stands('three')]
    expect(await all()).toEqual([false, false, true])
    clock.advance(200 * day)
    expect(await all()).toEqual([false, false, true])
    // Nor does the next cut forget the last one.
    await start(false).kept.cutoffs.cut({ provider: 'another' })
    expect(await all()).toEqual([false, false, true])
  })

  it('J79 an end of all sessions of a person ends their passwords', async () => {
    const { identity } = await make('four')
    const call = { kind: 'end', selector: { subject: identity.subject }, by: 'root' } as never
    expect(await start(false).answer(call)).toMatchObject({ status: 200, body: { passwords: expect.any(Number) } })
    expect(await stands('four')).toBe(false)
  })

  it('J79 a no of the provider, and a log-out that it tells of, put them to sleep for as long as it takes', async () => {
    const { identity } = await make('five', 'bob')
    const { subject } = identity
    const logOut = (providerSession?: string) =>
      start(false).logout.end(
        { issuer, subject, ...(providerSession !== undefined && { providerSession }) },
        () => undefined,
      )
    await logOut('session-of-another-login')
    clock.advance(day)
    expect(await isAwake(subject)).toBe(true)
    await logOut('session-five')
    clock.advance(day)
    expect(await isAwake(subject)).toBe(false)
    await make('six', 'bob')
    expect(await isAwake(subject)).toBe(true)
    await logOut()
    clock.advance(day)
    expect(await isAwake(subject)).toBe(false)
    await make('seven', 'bob')
    await start(false).confirmations.refuse(subject)
    clock.advance(day)
    expect(await isAwake(subject)).toBe(false)
  })
})

describe('a log-out that names the session of the provider alone', () => {
  const logOut = (providerSession: string, from = issuer) =>
    start(false).logout.end({ issuer: from, providerSession }, () => undefined)

  it('J92 puts to sleep while no host takes passwords, and for as long as it takes', async () => {
    const { identity } = await make('nine')
    const { subject } = identity
    await logOut('session-of-another-login')
    await logOut('session-nine', 'https://other.example')
    clock.advance(day)
    expect(await isAwake(subject)).toBe(true)
    await logOut('session-nine')
    clock.advance(20 * day)
    expect(await isAwake(subject)).toBe(false)
  })

  it('J92 puts to sleep who has made the first one', async () => {
    const { identity, ...login } = loginOf('alice', clock)
    const subject = `${issuer}#carol`
    const carol = { ...login, identity: { ...identity, provider: on.provider, subject }, providerSession: 'first' }
    await confirmations.begin(carol, clock.now() / 1000 + 300 * day)
    expect(await isAwake(subject)).toBe(true)
    clock.advance(5)
    await logOut('first')
    clock.advance(day)
    expect(await isAwake(subject)).toBe(false)
  })

  it('J92 knows the session of the login that confirmed last', async () => {
    const login = await make('ten')
    const { subject } = login.identity
    clock.advance(5)
    const { confirmations: kept } = start(true)
    await kept.confirm({ ...login, providerSession: 'session-eleven' }, clock.now() / 1000)
    clock.advance(5)
    await logOut('session-ten')
    clock.advance(day)
    expect(await isAwake(subject)).toBe(true)
    await logOut('session-eleven')
    clock.advance(day)
    expect(await isAwake(subject)).toBe(false)
  })

  it('J92 puts to sleep what it overtakes: it came before the login was written that it is about', async () => {
    const login = await make('twelve')
    const { subject } = login.identity
    const at = clock.now() / 1000
    clock.advance(5)
    await logOut('session-thirteen')
    await start(false).confirmations.confirm({ ...login, providerSession: 'session-thirteen' }, at)
    clock.advance(20 * day)
    expect(await isAwake(subject)).toBe(false)
  })
})

it('J79 a cut while passwords may live for a day holds when they may live for a year again', async () => {
  await make('eight')
  await start(true, '1d').kept.cutoffs.cut({ all: true })
  clock.advance(3 * day)
  await start(true, '1d').kept.cutoffs.cut({ provider: 'another' })
  expect(await stands('eight')).toBe(false)
})
