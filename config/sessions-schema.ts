/** The settings of logins: where they are kept, how they are sealed, and how long they last. */
import { z } from 'zod'
import { duration, durationExpected, parsed, setting, text } from './setting.ts'
import * as value from './values.ts'

export const sessions = z.strictObject({
  store: setting(z.enum(['lmdb', 'redis']).default('lmdb'), {
    description: 'Where sessions are kept: embedded on the local disk, or in Redis for several replicas.',
    expected: 'lmdb or redis',
  }),
  path: setting(text.default('./data'), {
    description: 'Directory of the embedded store.',
    expected: 'a path',
    isPath: true,
  }),
  url: setting(parsed(value.parseRedisUrl).exactOptional(), {
    description: 'Address of Redis; an address with a password is better kept in `urlFile`.',
    expected: 'an address such as redis://127.0.0.1:6379 or rediss://redis.example.com',
    example: 'redis://127.0.0.1:6379',
    secret: 'url',
  }),
  urlFile: setting(text.exactOptional(), {
    description: 'File that holds the address of Redis, with its password.',
    expected: 'a path',
    example: '/run/secrets/redis-url',
    isPath: true,
    fileOf: 'url',
  }),
  prefix: setting(text.regex(/^[\x21-\x7e]{1,64}$/, 'visible ASCII characters, at most 64').default('sallyport:'), {
    description: 'Prefix of every key in Redis.',
    expected: 'text',
  }),
  timeout: setting(duration(0.05, 60).prefault('1s'), {
    description: 'How long one command to Redis may take before the check is answered with 503.',
    expected: durationExpected,
  }),
  secret: setting(text.exactOptional(), {
    description:
      'Secret that seals sessions and binds cookies, at least 32 random bytes (`sallyport secret`); better kept in `secretFile`.',
    expected: 'text (numbers in quotes)',
    secret: 'whole',
  }),
  secretFile: setting(text.exactOptional(), {
    description: 'File that holds the secret, the same on every replica.',
    expected: 'a path',
    example: '/run/secrets/session',
    isPath: true,
    fileOf: 'secret',
  }),
  lifetime: setting(duration(60).prefault('12h'), {
    description: 'How long a login lasts at most, whatever is done with it.',
    expected: durationExpected,
  }),
  // The idle time is written at most once a minute: a shorter one would end sessions that are in use.
  idle: setting(duration(120).prefault('1h'), {
    description: 'How long a session lasts without a request.',
    expected: durationExpected,
  }),
  remember: setting(z.boolean().default(false), {
    description:
      'Whether people may choose to stay logged in; a page then asks them before each login. Whoever does not choose it has a cookie that ends with the browser.',
    expected: 'true or false',
  }),
  rememberLifetime: setting(duration(60).prefault('30d'), {
    description: 'As `lifetime`, for people who chose to stay logged in.',
    expected: durationExpected,
  }),
  rememberIdle: setting(duration(120).prefault('14d'), {
    description: 'As `idle`, for people who chose to stay logged in.',
    expected: durationExpected,
  }),
  cache: setting(z.boolean().default(true), {
    description:
      'Whether sessions that were read from Redis are remembered until Redis tells of a change; if not, each check reads Redis.',
    expected: 'true or false',
  }),
  cacheBytes: setting(z.int().min(1_048_576).max(17_179_869_184).default(67_108_864), {
    description:
      'Memory for what is remembered of sessions, in bytes: an eighth for cookies, half for opened sessions, the rest for records of Redis.',
    expected: 'a whole number from 1048576 to 17179869184',
  }),
})
