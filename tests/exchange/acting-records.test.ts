/** What is kept of whoever acts; a record that does not say who it was is worth nothing. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { createExchangedTokens, type ExchangedToken } from '../../app/sessions/exchanged-tokens.ts'
import { createLmdbRecords } from '../../app/sessions/lmdb/lmdb-records.ts'
import type { Machine } from '../../rbac/identity.ts'
import { createMovableClock, secrets } from '../sessions/fixtures.ts'

const machine = (client: string): Machine => ({
  kind: 'machine',
  subject: `https://robots.example.com#${client}`,
  provider: 'robots',
  groups: ['night'],
  claims: { shift: 'night' },
  client: `robots/${client}`,
})

describe('J81 the record of a token', () => {
  const path = mkdtempSync(join(tmpdir(), 'sallyport-acting-'))
  const clock = createMovableClock()
  const records = createLmdbRecords({ path, clock })
  const tokens = createExchangedTokens({ records, secrets, clock })
  afterAll(async () => {
    await records.close()
    rmSync(path, { recursive: true, force: true })
  })
  let count = 0
  const kept = async (change: Partial<ExchangedToken>): Promise<ExchangedToken | undefined> => {
    const id = `id-${++count}`
    const expiresAt = clock.now() / 1000 + 60
    await tokens.keep(id, {
      identity: machine('a'),
      host: 'wiki.example.com',
      chain: [],
      actors: [],
      expiresAt,
      ...change,
    })
    return (await tokens.open(id))?.token
  }

  it('has all who act, with what rows may ask about them', async () => {
    const acted = { actors: ['client:robots/b', 'client:robots/c'], actorIdentities: [machine('b'), machine('c')] }
    expect((await kept(acted))?.actorIdentities).toEqual(acted.actorIdentities)
    expect((await kept({}))?.actors).toEqual([])
  })

  it.each<[string, Partial<ExchangedToken>]>([
    ['of an earlier version, with names alone', { actors: ['client:robots/b'] }],
    ['without one of them', { actors: ['client:robots/b', 'client:robots/c'], actorIdentities: [machine('c')] }],
    ['with names of nobody', { actors: ['client:robots/b'], actorIdentities: [] }],
  ])('%s is no record', async (_what, change) => {
    expect(await kept(change)).toBeUndefined()
  })
})
