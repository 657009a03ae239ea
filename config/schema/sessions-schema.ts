/** The settings of logins: where they are kept, how they are sealed, and how long they last. */
import { z } from 'zod'
import { redisSettings } from './redis-schema.ts'
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
  ...redisSettings,
  secret: setting(text.exactOptional(), {
    description:
      'Secret that seals sessions and binds cookies, at least 32 random bytes (`sallyport secret`); better kept in `secretFile`. Several, one on each line, while one replaces another.',
    expected: 'text (numbers in quotes)',
    secret: 'whole',
  }),
  secretFile: setting(text.exactOptional(), {
    description:
      'File that holds the secret, the same on every replica; or several, one on each line: the first seals and signs, all of them open and verify.',
    expected: 'a path',
    example: '/run/secrets/session',
    isPath: true,
    fileOf: 'secret',
    fileHolds: 'lines',
  }),
  lifetime: setting(duration(60).prefault('12h'), {
    description: 'How long a login lasts at most, whatever is done with it.',
    expected: durationExpected,
  }),
  // The idle time is written at most once a minute: a shorter one would end sessions that are in use.
  idle: setting(duration(120).prefault('1h'), {
    description: 'How long a session lasts without a request; one with a token of a command line counts as none.',
    expected: durationExpected,
  }),
  remember: setting(z.boolean().default(false), {
    description:
      'Whether people may choose to stay logged in; the page of the login then asks them each time. Whoever does not choose it has a cookie that ends with the browser.',
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
  verifyEvery: setting(duration(0).prefault('5m'), {
    description:
      'How often the provider is asked about a session that is in use: what is gone there is gone here after that time. `0s`: never again after the login.',
    expected: durationExpected,
  }),
  staleGrace: setting(duration(0).prefault('1h'), {
    description:
      'How much longer than `verifyEvery` a session lasts whose provider gives no answer; then it ends. A provider that says no ends it at once.',
    expected: durationExpected,
  }),
  binding: setting(z.enum(['host', 'domain']).default('host'), {
    description:
      'Where the session cookie of an application works: on its host alone, or, with `domain`, on every host below `cookieDomain`, each of which can then act as any person who visits it.',
    expected: 'host or domain',
  }),
  cookieDomain: setting(parsed(value.parseHost).exactOptional(), {
    description:
      'Domain of the cookie with `binding: domain`: the host of `server.url` or one above it, and no public suffix. Hosts elsewhere keep cookies of their own.',
    expected: 'a host name such as example.com',
    example: 'example.com',
  }),
  bindTo: setting(z.enum(['none', 'client-certificate']).default('none'), {
    description:
      'Experimental. What has to come along with the cookie of a session: nothing more, or the TLS client certificate of its login, which the proxy passes in `server.clientCertificateHeader`; nobody can log in without one then.',
    expected: 'none or client-certificate',
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
