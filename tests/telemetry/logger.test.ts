import { beforeEach, describe, expect, test } from 'vitest'
import { OperationalError } from '../../app/errors.ts'
import { createLogger, type Logger } from '../../app/telemetry/logger.ts'

let lines: string[]
let logger: Logger

beforeEach(() => {
  lines = []
  logger = createLogger({ level: 'info', destination: { write: (line: string) => void lines.push(line) } })
})

const only = (): Record<string, unknown> => {
  expect(lines).toHaveLength(1)
  return JSON.parse(lines[0] ?? '')
}

describe('the operational log', () => {
  test('writes level, time, component, message and fields', () => {
    logger.child('sessions').warn({ attempt: 3 }, 'store does not answer')
    const line = only()
    expect(line).toEqual({
      level: 'warn',
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
      component: 'sessions',
      attempt: 3,
      msg: 'store does not answer',
    })
  })

  test('leaves out what is below its level', () => {
    logger.debug({}, 'not for now')
    expect(lines).toEqual([])
  })

  test('keeps type, message, code, stack and causes of an error', () => {
    const cause = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' })
    logger.error(
      { err: Object.assign(new TypeError('redis is gone', { cause }), { code: 'ERR_GONE' }) },
      'check refused',
    )
    const stack = expect.stringContaining('logger.test.ts')
    expect(only().err).toEqual({
      type: 'TypeError',
      message: 'redis is gone',
      code: 'ERR_GONE',
      stack,
      cause: { type: 'Error', message: 'connect ECONNREFUSED', code: 'ECONNREFUSED', stack },
    })
  })

  test('an error that was foreseen has no stack, and a cause only where its message does not say it', () => {
    const cause = new Error('connect ECONNREFUSED')
    const err = (message: string) => new OperationalError('ERR_STORE_UNAVAILABLE', message, { cause })
    logger.error({ err: err('redis get: connect ECONNREFUSED') }, 'check refused')
    logger.error({ err: err('redis is gone') }, 'check refused')
    const foreseen = { type: 'OperationalError', code: 'ERR_STORE_UNAVAILABLE' }
    expect(lines.map(line => JSON.parse(line).err)).toEqual([
      { ...foreseen, message: 'redis get: connect ECONNREFUSED' },
      { ...foreseen, message: 'redis is gone', cause: expect.objectContaining({ message: 'connect ECONNREFUSED' }) },
    ])
  })

  test('drops everything else that a library has hung on an error', () => {
    const error = Object.assign(new Error('token request failed'), {
      request: { body: 'client_secret=planted' },
      body: { refresh_token: 'planted' },
    })
    logger.error({ err: error }, 'login failed')
    logger.error(error, 'login failed')
    expect(lines.join('')).not.toContain('planted')
  })

  test('J93 keeps of an answer that hangs on an error its code, and of a long message a part', () => {
    const answer = { error: 'invalid_grant', error_description: 'the code c0de-planted-4711 was used', more: 'planted' }
    const error = new Error(`one\u001b[31m two\u202e${'x'.repeat(9_000)}`, { cause: answer })
    logger.error({ err: error }, 'login failed')
    logger.error(
      { err: new Error('login failed', { cause: { ...answer, error: 'planted error', status: 400 } }) },
      'two',
    )
    expect(lines.join('')).not.toContain('planted')
    const [first, second] = lines.map(line => JSON.parse(line).err)
    expect(first.cause).toEqual({ error: 'invalid_grant' })
    expect(first.message).toMatch(/^one \[31m two x{900,990}…$/)
    expect(first.stack.length).toBeLessThan(8_100)
    expect(second.cause).toEqual({ status: 400 })
  })

  test('survives an object that holds itself', () => {
    const knot: Record<string, unknown> = {}
    knot.self = knot
    logger.info({ knot }, 'a knot')
    expect(only().msg).toBe('a knot')
  })
})

describe('no secret reaches the operational log', () => {
  const names = [
    'cookie',
    'setCookie',
    'set-cookie',
    'authorization',
    'password',
    'clientSecret',
    'client_secret',
    'idToken',
    'id_token',
    'access_token',
    'refreshToken',
    'ticket',
    'nonce',
    'codeVerifier',
    'code_verifier',
    'sessionId',
    'session_id',
    'sid',
    'state',
    'code',
    'privateJwk.d',
    'jwk',
  ]

  test.each(names)('as a field called %s, at any depth', name => {
    const fields = name.split('.').reduceRight<unknown>((value, part) => ({ [part]: value }), 'planted')
    logger.info(fields as object, 'one')
    logger.info({ request: { headers: [fields] } }, 'two')
    expect(lines).toHaveLength(2)
    expect(lines.join('')).not.toContain('planted')
  })

  const jwt = `eyJhbGciOiJFUzI1NiJ9.${Buffer.from('{"sub":"alice"}').toString('base64url')}.c2lnbmF0dXJl`
  const cookie = `s.${'A'.repeat(43)}.bWFj`
  test.each([
    ['a JWT', jwt, 'c2lnbmF0dXJl'],
    ['a bearer token', 'Authorization: Bearer cGxhbnRlZA==', 'cGxhbnRlZA'],
    ['basic credentials', 'basic cGxhbnRlZA==', 'cGxhbnRlZA'],
    ['a session cookie', `__Host-sallyport=${cookie}`, 'AAAA'],
    ['a pending cookie', `__Host-sallyport=n.${'B'.repeat(43)}`, 'BBBB'],
    ['the address of a callback', 'https://auth.example.com/callback?code=planted&state=planted2&iss=x', 'planted'],
    ['the address of a handoff', 'https://wiki.example.com/.sallyport/handoff?ticket=planted', 'planted'],
    ['a private key', '-----BEGIN PRIVATE KEY-----\nMIGHAgEA\n-----END PRIVATE KEY-----', 'MIGHAgEA'],
  ])('as %s in a field, a message, an error or its stack', (_name, text, secret) => {
    logger.info({ detail: `before ${text} after` }, 'one')
    logger.info({}, `two ${text}`)
    logger.error({ err: new Error(`three ${text}`, { cause: new Error(text) }) }, 'three')
    expect(lines).toHaveLength(3)
    for (const line of lines) {
      expect(JSON.parse(line)).toBeTypeOf('object')
      expect(line).not.toContain(secret)
      expect(line).toContain('[redacted]')
    }
  })

  test('and what only looks similar stays readable', () => {
    logger.info(
      { statusCode: 401, code: 'ERR_LOGIN_REFUSED', isTokenValid: false, path: '/s.css', status: 'ok' },
      'kept',
    )
    expect(only()).toMatchObject({
      statusCode: 401,
      code: 'ERR_LOGIN_REFUSED',
      isTokenValid: false,
      path: '/s.css',
      status: 'ok',
    })
  })
})
