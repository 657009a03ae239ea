import { describe, expect, it } from 'vitest'
import { createFormTokens } from '../../app/login/browser/form-tokens.ts'

const [old, fresh] = ['a secret that goes, long enough', 'a secret that comes, long enough']
const [session, other] = ['session-id-of-alice', 'session-id-of-bob']

describe('the token of a form', () => {
  const tokens = createFormTokens([old])

  it('is the same on each page of a session, and fits that session alone', () => {
    const token = tokens.tokenOf(session)
    expect(tokens.tokenOf(session)).toBe(token)
    expect(tokens.isTokenOf(session, token)).toBe(true)
    expect(tokens.isTokenOf(other, token)).toBe(false)
    expect(token).not.toContain(session)
  })

  it.each([undefined, '', 'x', 7, null, ['a'], {}, '\u0000', `${'x'.repeat(43)}`])('is not %j', token => {
    expect(tokens.isTokenOf(session, token)).toBe(false)
  })

  it('is known while one secret replaces another, and not to somebody with another secret', () => {
    expect(createFormTokens([fresh, old]).isTokenOf(session, tokens.tokenOf(session))).toBe(true)
    expect(createFormTokens([fresh]).isTokenOf(session, tokens.tokenOf(session))).toBe(false)
    expect(() => createFormTokens([])).toThrow('at least one secret')
  })
})
