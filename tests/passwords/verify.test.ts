/** What a flood costs, what is remembered, and how often passwords may fail. */
import { describe, expect, it, vi } from 'vitest'
import type { StoredPassword } from '../../app/sessions/passwords/app-passwords.ts'
import { createFailureLimit } from '../../app/sessions/passwords/failure-limit.ts'
import { createPasswordHash } from '../../app/sessions/passwords/password-hash.ts'
import { createPasswordTexts } from '../../app/sessions/passwords/password-text.ts'
import { createVerifyPassword } from '../../app/sessions/passwords/verify-password.ts'
import type { User } from '../../rbac/identity.ts'
import { fc } from '../properties.ts'

const secrets = ['the secret of these tests, long enough']
const domain = 'git.example.com'
const alice: User = {
  kind: 'user',
  subject: 'https://idp.example#alice',
  provider: 'corp',
  groups: ['ops'],
  claims: {},
  email: 'alice@example.com',
}

function world(failuresPerMinute = 5) {
  const texts = createPasswordTexts(secrets)
  const stored = new Map<string, StoredPassword>()
  const hash = createPasswordHash()
  const fits = vi.fn(hash.fits)
  const find = vi.fn(async (handle: string) => stored.get(handle))
  const used = vi.fn(async () => undefined)
  const verify = createVerifyPassword({
    texts,
    passwords: { find, used },
    confirmations: { personOf: async () => alice },
    hash: { fits },
    ofClient: createFailureLimit(failuresPerMinute, false, 'client'),
    ofHandle: createFailureLimit(failuresPerMinute, false, 'handle'),
    onError: () => undefined,
  })
  const use = (text: string, more: { user?: string; clientAddress?: string } = {}) =>
    verify({ user: 'alice@example.com', text, domain, clientAddress: '192.0.2.1', ...more }).then(
      ({ kind }) => kind,
      (error: { code?: string }) => error.code,
    )
  const make = async () => {
    const { handle, text } = texts.mint()
    const times = { createdAt: 0, expiresAt: 1 }
    const { subject, provider } = alice
    stored.set(handle, { handle, subject, provider, name: 'n', hosts: [domain], ...times, hash: await hash.hash(text) })
    return { handle, text }
  }
  return { texts, stored, fits, find, used, use, make }
}

const forged = (handle = 'a'.repeat(16)): string => `sallyport_${handle}_${'b'.repeat(48)}`

describe('a password that was made here', () => {
  it('is hashed once in a minute, however many checks come at once, and its record is read by each', async () => {
    const { use, make, fits, find, used } = world()
    const { text } = await make()
    expect(await Promise.all(Array.from({ length: 20 }, () => use(text)))).toEqual(Array(20).fill('person'))
    expect(await use(text)).toBe('person')
    expect(fits).toHaveBeenCalledTimes(1)
    // Once more by each that waited for the hash.
    expect(find).toHaveBeenCalledTimes(41)
    expect(used).toHaveBeenCalledTimes(21)
  })

  it('J40 is not remembered beyond its record, nor for another one under its handle', async () => {
    const { use, make, stored, fits } = world()
    const { text, handle } = await make()
    expect(await use(text)).toBe('person')
    const { handle: other } = await make()
    stored.set(handle, { ...(stored.get(other) as StoredPassword), handle })
    expect(await use(text)).toBe('refused')
    stored.delete(handle)
    expect(await use(text)).toBe('refused')
    expect(fits).toHaveBeenCalledTimes(2)
  })

  it('J78 costs no hash when it stands no longer, and is limited by itself', async () => {
    const { use, make, stored, fits } = world(3)
    const [gone, good] = [await make(), await make()]
    stored.delete(gone.handle)
    for (const _attempt of [1, 2, 3]) expect(await use(gone.text)).toBe('refused')
    expect(await use(gone.text, { clientAddress: '192.0.2.99' })).toBe('ERR_TOO_MANY_REQUESTS')
    expect(fits).not.toHaveBeenCalled()
    // Nor is one that worked until a moment ago hashed for ever.
    const late = await make()
    expect(await use(late.text)).toBe('person')
    stored.delete(late.handle)
    for (const _attempt of [1, 2, 3]) expect(await use(late.text)).toBe('refused')
    expect(await use(late.text)).toBe('ERR_TOO_MANY_REQUESTS')
    expect(fits).toHaveBeenCalledTimes(1)
    // Others are not kept out, neither from the same address nor after many good ones.
    for (const _attempt of [1, 2, 3, 4, 5]) expect(await use(good.text)).toBe('person')
  })
})

describe('a password that is revoked', () => {
  it('J78 while it is hashed is refused, and so is whoever waited beside', async () => {
    const { use, make, stored, fits } = world()
    const [one, other] = [await make(), await make()]
    const fit = fits.getMockImplementation() as (text: string, hash: string | undefined) => Promise<boolean>
    fits.mockImplementation(async (text, hash) => {
      const isFit = await fit(text, hash)
      stored.delete(one.handle)
      return isFit
    })
    expect(await Promise.all([use(one.text), use(one.text), use(other.text)])).toEqual(['refused', 'refused', 'person'])
    expect(await use(one.text)).toBe('refused')
  })

  it('J78 keeps out nobody beside, however many of them come', async () => {
    const { use, make, texts } = world()
    const good = await make()
    const gone = Array.from({ length: 200 }, () => use(texts.mint().text))
    expect(await use(good.text)).toBe('person')
    expect(new Set(await Promise.all(gone))).toEqual(new Set(['refused']))
  })
})

describe('a flood of passwords that were not made here', () => {
  it('J36 reads nothing, hashes nothing, and keeps nobody out who has a good one', async () => {
    const { use, make, find, fits } = world(100_000)
    const { text, handle } = await make()
    for (let count = 0; count < 10_000; count += 1) expect(await use(forged())).toBe('refused')
    // Also under a handle that stands.
    for (let count = 0; count < 100; count += 1) expect(await use(forged(handle))).toBe('refused')
    expect(find).not.toHaveBeenCalled()
    expect(fits).not.toHaveBeenCalled()
    expect(await use(text)).toBe('person')
  })

  it('J36 is refused unseen beyond so many of one client, whose good ones still work', async () => {
    const { use, make } = world(3)
    const { text } = await make()
    for (const _attempt of [1, 2, 3]) expect(await use(forged())).toBe('refused')
    expect(await use(forged())).toBe('ERR_TOO_MANY_REQUESTS')
    expect(await use(forged(), { clientAddress: '192.0.2.2' })).toBe('refused')
    expect(await use(text)).toBe('person')
  })
})

describe('the text of a password', () => {
  const texts = createPasswordTexts(secrets)

  it('has a name that scanners find, a handle, and 160 random bits, never the same twice', () => {
    const minted = Array.from({ length: 500 }, () => texts.mint())
    for (const { handle, text } of minted) {
      expect(text).toMatch(/^sallyport_[a-z2-7]{16}_[a-z2-7]{48}$/)
      expect(texts.handleIn(text)).toBe(handle)
    }
    expect(new Set(minted.map(({ text }) => text.slice(0, 59))).size).toBe(500)
    expect(new Set(minted.map(({ handle }) => handle)).size).toBe(500)
  })

  it('is known under every secret that is kept, and under no other', () => {
    const { handle, text } = createPasswordTexts(['an older secret that is long enough']).mint()
    expect(texts.handleIn(text)).toBeUndefined()
    expect(createPasswordTexts([...secrets, 'an older secret that is long enough']).handleIn(text)).toBe(handle)
  })

  it('J36 that is changed in any place was not made here', () => {
    const { text } = texts.mint()
    const letter = fc.constantFrom(...'abcdefghijklmnopqrstuvwxyz234567_AZ1 é')
    fc.assert(
      fc.property(fc.nat(text.length - 1), letter, (at, other) => {
        const changed = text.slice(0, at) + other + text.slice(at + 1)
        expect(texts.handleIn(changed) === undefined).toBe(changed !== text)
      }),
    )
    for (const other of [`${text}\n`, ` ${text}`, text.toUpperCase(), text.slice(1), '', text + text]) {
      expect(texts.handleIn(other)).toBeUndefined()
    }
  })
})

describe('the hash of a password', () => {
  it('names its version and cost, has a salt of its own, and fits its text alone', async () => {
    const { hash, fits } = createPasswordHash()
    const [one, other] = [await hash('a'), await hash('a')]
    expect(one).toMatch(/^\$scrypt\$ln=14,r=8,p=1\$[\w-]{22}\$[\w-]{43}$/)
    expect(one).not.toBe(other)
    expect([await fits('a', one), await fits('b', one), await fits('a', undefined)]).toEqual([true, false, false])
  })

  it.each([
    '',
    '$scrypt$ln=14,r=8,p=1$$',
    '$scrypt$ln=30,r=8,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA',
    '$scrypt$ln=0,r=0,p=0$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA',
    '$2b$12$abcdefghijklmnopqrstuv',
  ])('fits nothing where it is none, or wants more memory than there is for it: %s', async stored => {
    expect(await createPasswordHash().fits('a', stored)).toBe(false)
  })

  it('J36 is made twice at a time; some wait, and what comes then is refused', async () => {
    const { hash } = createPasswordHash({ waiting: 3 })
    const outcomes = await Promise.all(
      Array.from({ length: 8 }, () =>
        hash('a').then(
          () => 'made',
          (error: { code?: string }) => error.code,
        ),
      ),
    )
    expect(outcomes).toEqual([...Array(5).fill('made'), ...Array(3).fill('ERR_PASSWORDS_BUSY')])
    expect(await hash('a')).toMatch(/^\$scrypt\$/)
  })
})
