/** The cookie of an application's host: what is issued, what is believed, what reaches the upstream. */
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { createSessionCookieAuthenticator } from '../../app/identity/session-cookie.ts'
import { createHostCookies } from '../../app/sessions/cookies/host-cookie.ts'
import { fc } from '../properties.ts'
import { secrets } from './fixtures.ts'

const cookies = createHostCookies({ secrets, isSecure: true })
const plain = createHostCookies({ secrets, isSecure: false })
const sid = `${'a'.repeat(42)}_`
const wiki = 'wiki.example.com'
const pairOf = (setCookie: string) => setCookie.split(';')[0] ?? ''
const session = (id = sid, domain = wiki) => pairOf(cookies.issueSession(id, domain))
const nothing = { sessionIds: [], isGarbage: false }
const garbage = { sessionIds: [], isGarbage: true }

describe('what is set', () => {
  test('a session cookie belongs to the host alone and no script reads it', () => {
    const [pair, ...attributes] = cookies.issueSession(sid, wiki).split('; ')
    expect(pair).toMatch(/^__Host-sallyport=s\.[\w-]{43}\.[\w-]{43}$/)
    expect(attributes.sort()).toEqual(['HttpOnly', 'Path=/', 'SameSite=Lax', 'Secure'])
  })

  test('without https the name has no prefix and the cookie is not Secure', () => {
    const [pair, ...attributes] = plain.issueSession(sid, 'wiki.localhost').split('; ')
    expect(pair).toMatch(/^sallyport=s\./)
    expect(attributes.sort()).toEqual(['HttpOnly', 'Path=/', 'SameSite=Lax'])
  })

  test('clearing takes the same attributes, so that the browser finds the cookie', () => {
    expect(cookies.clear(wiki)).toBe('__Host-sallyport=; Path=/; HttpOnly; SameSite=Lax; Secure; Max-Age=0')
    expect(plain.clear(wiki)).toBe('sallyport=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0')
  })

  test('a pending cookie is fresh each time and only its digest leaves the browser', () => {
    const [first, second] = [cookies.issuePending(), cookies.issuePending()]
    expect(first.setCookie).toMatch(/^__Host-sallyport=n\.[\w-]{43}; Path=\/; HttpOnly; SameSite=Lax; Secure$/)
    expect(first.setCookie).not.toBe(second.setCookie)
    const nonce = pairOf(first.setCookie).split('n.')[1] ?? ''
    expect(first.nonceHash).toBe(createHash('sha256').update(nonce).digest('base64url'))
  })

  test('every Set-Cookie is shorter than 1 KB', () => {
    const longest = cookies.issueSession('x'.repeat(128), `${'a'.repeat(249)}.com`)
    for (const value of [longest, cookies.issuePending().setCookie, cookies.clear(wiki)]) {
      expect(value.length).toBeLessThan(1024)
    }
  })

  test('an id that could break out of the cookie is refused', () => {
    for (const id of ['', 'short', `${sid};`, `${sid}\r\n`, 'a.b'.repeat(10), 'x'.repeat(129)]) {
      expect(() => cookies.issueSession(id, wiki)).toThrow(TypeError)
    }
  })

  test('no secret is no cookie', () => {
    expect(() => createHostCookies({ secrets: [], isSecure: true })).toThrow('at least one secret')
  })
})

describe('what is believed', () => {
  test('a session cookie on its own host, wherever it stands in the header', () => {
    const expected = { sessionIds: [sid], isGarbage: false }
    for (const header of [
      session(),
      `a=b; ${session()}`,
      `${session()}; a=b`,
      `a=b;${session()};c`,
      `  ${session()}  `,
    ]) {
      expect(cookies.read(header, wiki)).toEqual(expected)
    }
  })

  test('F05 a session cookie is worth nothing on any other host', () => {
    for (const other of ['payroll.example.org', 'wiki.example.co', 'wiki.example.com.', 'iki.example.com', '']) {
      expect(cookies.read(session(), other)).toEqual(garbage)
    }
  })

  test('F05 host and id cannot trade characters under one MAC', () => {
    const mac = session(sid, 'b').split('.')[2]
    expect(cookies.read(`__Host-sallyport=s.${`b${sid}`.slice(0, 43)}.${mac}`, '')).toEqual(garbage)
    expect(cookies.read(`__Host-sallyport=s.${sid.slice(1)}.${mac}`, 'ba')).toEqual(garbage)
  })

  test('F01 any changed character, any cut and any addition is garbage', () => {
    const value = session().slice('__Host-sallyport='.length)
    for (let position = 0; position < value.length; position += 1) {
      const changed = value.slice(0, position) + (value[position] === 'A' ? 'B' : 'A') + value.slice(position + 1)
      expect(cookies.read(`__Host-sallyport=${changed}`, wiki)).toEqual(garbage)
      expect(cookies.read(`__Host-sallyport=${value.slice(0, position)}`, wiki)).toEqual(garbage)
    }
    for (const added of [
      `${value}A`,
      `${value}.`,
      `${value}=`,
      `${value}.a.b.c`,
      `"${value}"`,
      `x${value}`,
      `${value} x`,
    ]) {
      expect(cookies.read(`__Host-sallyport=${added}`, wiki)).toEqual(garbage)
    }
  })

  test('F01 garbage of any kind is garbage and never throws', () => {
    const values = [
      '',
      '.',
      '..',
      '...',
      's',
      's.',
      's..',
      's.a.b',
      'n',
      'n.',
      'n.short',
      'N.x',
      'null',
      '%00',
      '\u0000',
      '{}',
    ]
    for (const value of [...values, '\uD800', 'é', 's.'.repeat(5000), '='.repeat(100), 'x'.repeat(60_000)]) {
      expect(cookies.read(`__Host-sallyport=${value}`, wiki)).toEqual(garbage)
    }
    expect(cookies.read('__Host-sallyport', wiki)).toEqual(garbage)
  })

  test('F01 no text at all makes a session or throws', () => {
    const header = fc.oneof(
      fc.string(),
      fc.string({ unit: 'binary' }),
      fc.string().map(text => `__Host-sallyport=s.${text}`),
    )
    fc.assert(
      fc.property(header, fc.string(), (text, domain) => {
        expect(cookies.read(text, domain).sessionIds).toEqual([])
        expect(typeof cookies.strip(text)).toBe('string')
      }),
      { numRuns: 2000 },
    )
  })

  test('F01 a garbage cookie is anonymous, cleared, and asks no store', async () => {
    const sessions = {
      find: () => Promise.reject(new Error('asked')),
      look: () => undefined,
      digest: () => '',
    }
    const { authenticate } = createSessionCookieAuthenticator({ cookies, sessions })
    for (const value of ['garbage', session().slice('__Host-sallyport='.length, -1), '']) {
      const result = await authenticate(`__Host-sallyport=${value}`, wiki)
      expect(result).toEqual({ identity: { kind: 'anonymous' }, clearCookie: true })
    }
    for (const header of ['', 'theme=dark', 'sallyport=s.a.b', 'x__Host-sallyport=garbage']) {
      expect(await authenticate(header, wiki)).toEqual({ identity: { kind: 'anonymous' }, clearCookie: false })
    }
  })

  test('F11 a store that cannot tell is an error, whatever else is in the header', async () => {
    const down = Object.assign(new Error('down'), { code: 'ERR_STORE_UNAVAILABLE' })
    const sessions = { find: () => Promise.reject(down), look: () => undefined, digest: () => '' }
    const { authenticate } = createSessionCookieAuthenticator({ cookies, sessions })
    for (const header of [session(), `${session()}; ${pairOf(cookies.issuePending().setCookie)}`]) {
      await expect(authenticate(header, wiki)).rejects.toBe(down)
    }
  })

  test('F04 of several cookies of our name all that verify are read, each once, four at most', () => {
    const ids = Array.from({ length: 6 }, (_, index) => `${index}`.repeat(43))
    const header = ids.flatMap(id => [session(id), '__Host-sallyport=garbage', session(id)]).join('; ')
    expect(cookies.read(header, wiki)).toEqual({ sessionIds: ids.slice(0, 4), isGarbage: false })
  })

  test('F04 thousands of planted cookies cost a bounded number of MACs', () => {
    const planted = Array.from({ length: 600 }, () => session(sid, 'evil.example')).join('; ')
    expect(cookies.read(`${planted}; ${session()}`.slice(-65_000), wiki)).toEqual(garbage)
    expect(cookies.read(`a=${'x'.repeat(70_000)}; ${session()}`, wiki)).toEqual(nothing)
  })

  test('other names are not ours, in any spelling', () => {
    for (const name of [
      'sallyport',
      '__host-sallyport',
      '__Host-Sallyport',
      '__Host-sallyport2',
      'x__Host-sallyport',
    ]) {
      expect(cookies.read(`${name}=${session().split('=')[1]}`, wiki)).toEqual(nothing)
    }
    expect(plain.read(session(), wiki)).toEqual(nothing)
  })

  test('a pending nonce is read beside a session, in either order', () => {
    const pending = cookies.issuePending()
    const pair = pairOf(pending.setCookie)
    expect(cookies.read(pair, wiki)).toEqual({ sessionIds: [], pendingNonceHash: pending.nonceHash, isGarbage: false })
    for (const header of [`${pair}; ${session()}`, `${session()}; ${pair}`]) {
      expect(cookies.read(header, wiki)).toEqual({
        sessionIds: [sid],
        pendingNonceHash: pending.nonceHash,
        isGarbage: false,
      })
    }
  })

  test('the first secret signs and every secret verifies, until it is dropped', () => {
    const [old, current] = ['the old secret, long enough to be one', 'the new secret, long enough to be one']
    const before = createHostCookies({ secrets: [old], isSecure: true })
    const during = createHostCookies({ secrets: [current, old], isSecure: true })
    const after = createHostCookies({ secrets: [current], isSecure: true })
    const [oldCookie, newCookie] = [before, during].map(each => pairOf(each.issueSession(sid, wiki)))
    expect(during.read(oldCookie ?? '', wiki).sessionIds).toEqual([sid])
    expect(after.read(oldCookie ?? '', wiki)).toEqual(garbage)
    expect(after.read(newCookie ?? '', wiki).sessionIds).toEqual([sid])
  })
})

describe('a browser that was sent away to log in again', () => {
  test('is found by the replica that it comes back to, whichever of two secrets each of them signs with', () => {
    const secrets = ['the old secret, long enough to be one', 'the new secret, long enough to be one']
    const [behind, ahead] = [secrets, secrets.toReversed()].map(each =>
      createHostCookies({ secrets: each, isSecure: true }),
    )
    if (behind === undefined || ahead === undefined) throw new Error('unreachable')
    for (const issuer of [behind, ahead]) {
      const pair = pairOf(issuer.issueSession(sid, wiki))
      const binding = issuer.bindingOf(sid, wiki, pair)
      for (const cookies of [behind, ahead]) {
        expect(cookies.bindingOf(sid, wiki, `__Host-sallyport=s.planted; theme=dark; ${pair}`)).toBe(binding)
        expect(cookies.read(pair, wiki).sessionIds).toEqual([sid])
        expect(cookies.recall(pair, wiki)?.bindingHash).toBe(binding)
      }
    }
    const [first, second] = [behind, ahead].map(each => each.bindingOf(sid, wiki, pairOf(each.issueSession(sid, wiki))))
    expect(first).not.toBe(second)
  })
})

describe('what the upstream gets', () => {
  test('F14 the header without our cookie, and everything else as it was', () => {
    expect(cookies.strip(session())).toBe('')
    expect(cookies.strip(`a=b; ${session()}; c=d`)).toBe('a=b; c=d')
    expect(cookies.strip(`${session()}; a=b`)).toBe('a=b')
    expect(cookies.strip(`a=b; ${session()}`)).toBe('a=b')
    expect(cookies.strip(`a=b;${session()};${session()}; c="x=y"`)).toBe('a=b; c="x=y"')
    expect(cookies.strip(`a=b,${session()}`)).toBe('a=b')
    expect(cookies.strip(`a=b, ${session()},c=d; e=f`)).toBe('a=b,c=d; e=f')
    expect(cookies.strip(`${session()}; a=b,${session()}`)).toBe('a=b')
    expect(cookies.strip('__Host-sallyport; a=b')).toBe('a=b')
    expect(cookies.strip('a=b; sallyport2=c')).toBe('a=b; sallyport2=c')
    expect(cookies.strip('a=__Host-sallyport')).toBe('a=__Host-sallyport')
    expect(cookies.strip('')).toBe('')
  })

  test('F14 whatever the header, nothing that we would read is left in it', () => {
    const part = fc.oneof(fc.constant(session()), fc.constant(';'), fc.constant(' '), fc.string({ maxLength: 8 }))
    fc.assert(
      fc.property(fc.array(part, { maxLength: 12 }), parts => {
        expect(cookies.read(cookies.strip(parts.join('')), wiki)).toEqual(nothing)
      }),
      { numRuns: 2000 },
    )
  })
})

const payloads = process.env.SALLYPORT_TEST_DATA ?? join(import.meta.dirname, '../../../shared/data')
const isDataHere = existsSync(join(payloads, 'web'))
if (!isDataHere) process.stderr.write(`skipped: no payload lists at ${payloads}\n`)

test.runIf(isDataHere)('F01 no line of the payload lists is a session, alone or inside one', () => {
  for (const file of readdirSync(join(payloads, 'web'), { recursive: true, encoding: 'utf8' })) {
    if (!file.endsWith('.txt')) continue
    for (const line of readFileSync(join(payloads, 'web', file), 'latin1')
      .split('\n')
      .slice(0, 5000)) {
      expect(cookies.read(`__Host-sallyport=${line}`, wiki).sessionIds).toEqual([])
      expect(cookies.read(`__Host-sallyport=s.${line}.${line}`, wiki).sessionIds).toEqual([])
    }
  }
})
