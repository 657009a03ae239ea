/** When HTTP Basic is looked at, how it is read, and what a host asks beside it. */
import { describe, expect, it, vi } from 'vitest'
import { OperationalError } from '../../app/errors.ts'
import { readHeaders } from '../../app/fronts/raw-headers.ts'
import type { AskedWith } from '../../app/identity/authenticators.ts'
import { readBasic } from '../../app/identity/basic-credentials.ts'
import { createBasicPassword, type PasswordAcceptance } from '../../app/identity/basic-password.ts'
import type { PasswordVerdict } from '../../app/sessions/passwords/verify-password.ts'
import type { User } from '../../rbac/identity.ts'
import { fc } from '../properties.ts'

const domain = 'git.example.com'
const alice: User = { kind: 'user', subject: 'https://idp.example#alice', provider: 'corp', groups: [], claims: {} }
const basic = (text: string): string => `Basic ${Buffer.from(text).toString('base64')}`

const asked = (...values: readonly string[]): AskedWith => ({
  cookie: '',
  headers: readHeaders(values.flatMap(value => ['Authorization', value])),
  isInteractive: false,
  isUpgrade: false,
  request: { domain, action: 'GET', url: '' },
  clientAddress: '192.0.2.1',
})

function world(
  own: Partial<PasswordAcceptance> = {},
  verdict: PasswordVerdict = { kind: 'person', person: alice, handle: 'h' },
) {
  const verify = vi.fn(async () => verdict)
  const authenticator = createBasicPassword({
    acceptedOn: host => (host === domain ? { isLimited: false, ...own } : undefined),
    verify,
  })
  const outcomeOf = async (question: AskedWith): Promise<unknown> => {
    try {
      return await authenticator.authenticate(question)
    } catch (error) {
      return error instanceof OperationalError ? [error.code, error.challenge] : error
    }
  }
  return { ...authenticator, verify, outcomeOf }
}

const challenge = 'Basic realm="git.example.com", charset="UTF-8"'

describe('a host that takes application passwords', () => {
  it.each([
    [[], false],
    [['Basic x'], true],
    [['basic'], true],
    [['Bearer x'], false],
    [['Basically x'], false],
    [['Bearer x, Basic y'], true],
    [['Bearer x', 'Bearer y'], true],
  ] as const)('looks at %j: %s', (values, isOurs) => {
    expect(world().isResponsible(asked(...values))).toBe(isOurs)
    expect(
      world().isResponsible({ ...asked(...values), request: { domain: 'wiki.example.com', action: 'GET', url: '' } }),
    ).toBe(false)
  })

  it('hands on what was typed, as it was', async () => {
    const { verify, outcomeOf } = world()
    expect(await outcomeOf(asked(basic('älice:p:w ')))).toEqual({
      identity: alice,
      clearCookie: false,
      credential: { credential: 'application-password', credentialIssuer: 'sallyport', credentialId: 'h' },
    })
    expect(verify).toHaveBeenCalledWith({ user: 'älice', text: 'p:w ', domain, clientAddress: '192.0.2.1' })
  })

  it('J35 believes neither of two lines', async () => {
    const { verify, outcomeOf } = world()
    expect(await outcomeOf(asked(basic('a:b'), basic('a:b')))).toEqual(['ERR_CREDENTIALS_AMBIGUOUS', undefined])
    expect(verify).not.toHaveBeenCalled()
  })

  it('J39 lets nobody in who has to have logged in lately, or with another provider', async () => {
    expect(await world({ isLimited: true }).outcomeOf(asked(basic('a:b')))).toMatchObject({
      identity: { kind: 'anonymous' },
      sessionChallenge: { reason: 'session-too-old' },
      credential: { credential: 'application-password' },
    })
    expect(await world({ providers: ['partner'] }).outcomeOf(asked(basic('a:b')))).toEqual([
      'ERR_PASSWORD_INVALID',
      challenge,
    ])
    expect(await world({ providers: ['corp'] }).outcomeOf(asked(basic('a:b')))).toMatchObject({ identity: alice })
  })

  it('tells who sleeps from who is refused: a program keeps the one and throws the other away', async () => {
    const asleep = world({}, { kind: 'asleep', detail: 'x' })
    expect(await asleep.outcomeOf(asked(basic('a:b')))).toEqual(['ERR_PASSWORD_ASLEEP', undefined])
    const refused = world({}, { kind: 'refused', detail: 'x' })
    expect(await refused.outcomeOf(asked(basic('a:b')))).toEqual(['ERR_PASSWORD_INVALID', challenge])
  })
})

describe('the header', () => {
  const name = fc
    .string({ minLength: 1, maxLength: 60, unit: 'grapheme' })
    .filter(text => !/[:\p{Cc}\p{Cs}]/u.test(text))
  const password = fc
    .string({ minLength: 1, maxLength: 60, unit: 'grapheme' })
    .filter(text => !/[\p{Cc}\p{Cs}]/u.test(text))

  it('is read as it was written, whatever the name and the password are', () => {
    fc.assert(
      fc.property(name, password, fc.constantFrom('Basic', 'basic', 'BASIC', 'Basic   '), (user, text, scheme) => {
        const value = `${scheme.trimEnd()}${scheme.endsWith(' ') ? '   ' : ' '}${basic(`${user}:${text}`).slice(6)}`
        expect(readBasic(value)).toEqual({ user, password: text })
      }),
    )
  })

  it('J37 is either exactly that, or nothing: one text for one name and password', () => {
    const changed = fc.tuple(
      name,
      password,
      fc.nat(),
      fc.constantFrom('', ' ', '=', '\t', ',', '-', '_', 'A', '\u00e4', '\0'),
    )
    fc.assert(
      fc.property(changed, ([user, text, place, put]) => {
        const value = basic(`${user}:${text}`)
        const at = 6 + (place % (value.length - 5))
        const other = value.slice(0, at) + put + value.slice(at)
        const found = readBasic(other)
        if (found === undefined) return
        expect(basic(`${found.user}:${found.password}`).slice(6)).toBe(other.replace(/^basic +/i, ''))
      }),
    )
  })

  it('J37 is nothing for any other text and any bytes, and reading never throws', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.uint8Array({ maxLength: 2000 })), given => {
        const value = typeof given === 'string' ? given : `Basic ${Buffer.from(given).toString('base64')}`
        const found = readBasic(value)
        if (found === undefined) return
        expect(found.user.length * found.password.length).toBeGreaterThan(0)
        expect(`${found.user}:${found.password}`).not.toMatch(/\p{Cc}/u)
        expect(found.user).not.toContain(':')
      }),
    )
  })
})
