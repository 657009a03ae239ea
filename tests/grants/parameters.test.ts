/** The parsers of what comes from outside, against anything. */

import { describe, expect, it } from 'vitest'
import { GrantError, isLoopbackRedirect, parseAuthorize } from '../../app/grants/parameters.ts'
import { newUserCode, readUserCode, showUserCode } from '../../app/grants/user-code.ts'
import { fc } from '../properties.ts'

const urlPieces = fc.constantFrom(
  'http://',
  'https://',
  '127.0.0.1',
  '[::1]',
  'localhost',
  'evil.example',
  ':',
  '8080',
  '@',
  '/callback',
  '\\',
  '%2f',
  '#',
  '?',
  '.',
  '\u0000',
  '\n',
  ' ',
)

describe('a redirect address', () => {
  it('L11 is on this machine, whatever was put together', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.webUrl(),
          fc.array(urlPieces).map(pieces => pieces.join('')),
        ),
        text => {
          if (!isLoopbackRedirect(text)) return true
          const { protocol, hostname, pathname, username, search, hash } = new URL(text)
          const isHere = hostname === '127.0.0.1' || hostname === '[::1]'
          return protocol === 'http:' && isHere && pathname === '/callback' && username + search + hash === ''
        },
      ),
      { numRuns: 5_000 },
    )
  })

  it('has a port that there is', () => {
    for (const port of [1, 8080, 65_535]) expect(isLoopbackRedirect(`http://127.0.0.1:${port}/callback`)).toBe(true)
    for (const port of [0, 65_536, 99_999, '08080', '']) {
      expect(isLoopbackRedirect(`http://127.0.0.1:${port}/callback`)).toBe(false)
    }
  })
})

it('a request for a login either parses or is a GrantError', () => {
  const value = fc.oneof(fc.string(), fc.array(fc.string()), fc.constant(undefined), fc.constant('S256'))
  const names = ['client_id', 'redirect_uri', 'state', 'code_challenge', 'code_challenge_method', 'response_type']
  fc.assert(
    fc.property(fc.record(Object.fromEntries(names.map(name => [name, value])), { requiredKeys: [] }), parameters => {
      try {
        parseAuthorize(parameters)
        return false
      } catch (error) {
        return error instanceof GrantError
      }
    }),
  )
})

describe('a code that people type', () => {
  it('is read back from how it is shown, in any case and with anything usual between', () => {
    fc.assert(
      fc.property(fc.constantFrom('-', ' ', '', '.', '_', ' - '), fc.boolean(), (between, isLower) => {
        const code = newUserCode()
        const shown = showUserCode(code).replace('-', between)
        return readUserCode(isLower ? shown.toLowerCase() : shown) === code
      }),
    )
  })

  it('is none with a vowel, a digit, too few or too many', () => {
    for (const text of ['BCDF-GHJA', 'BCDF-GHJ1', 'BCDF-GHJ', 'BCDF-GHJK-L', '', undefined, 7, ['BCDFGHJK']]) {
      expect(readUserCode(text)).toBeUndefined()
    }
  })
})
