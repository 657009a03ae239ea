/**
 * Every setting once: its type, unit, default and one sentence. The environment name follows from the path
 * (config/settings.ts). The example, the reference and the JSON Schema are generated from here.
 */
import { z } from 'zod'
import { policy } from './policy-schema.ts'
import { duration, durationExpected, parsed, parsing, section, setting, text } from './setting.ts'
import * as value from './values.ts'

const listenExpected = 'host:port, such as 127.0.0.1:9180 or [::1]:9180'
const headerExpected = 'a header name'
const hostsExpected = 'a list of host names'
const claimExpected = "the claim's name, nested names joined by /"
const claimPath = text.regex(/^[^/]+(?:\/[^/]+)*$/, 'a name between two slashes is empty')
const header = (name: string, description: string) =>
  setting(parsed(value.parseHeaderName).prefault(name), { description, expected: headerExpected })

const server = z.strictObject({
  url: setting(parsed(value.parseOrigin), {
    description:
      'Public address of the login pages; the redirect URI of a provider is this plus `/callback/<its name>`.',
    expected: 'an origin such as https://auth.example.com',
    example: 'https://auth.example.com',
  }),
  listen: setting(parsed(value.parseListenAddress).prefault('127.0.0.1:9180'), {
    description: 'Address and port for the checks of the proxies and for the login pages.',
    expected: listenExpected,
  }),
  trustedProxies: setting(z.array(parsed(value.parseAddressRange)).prefault(['127.0.0.0/8', '::1/128']), {
    description: 'Peers that may ask for decisions and whose forwarding headers are believed.',
    expected: 'a list of addresses or CIDR ranges such as 10.0.0.0/8',
  }),
  webSocketOrigins: setting(z.array(parsed(value.parseOrigin)).default([]), {
    description:
      "Origins whose pages may open a WebSocket on a host other than their own; a host's own pages always may.",
    expected: 'a list of origins such as https://partner.example.org',
  }),
  requestTimeout: setting(duration(1, 300).prefault('10s'), {
    description: 'How long a client may take to send one request.',
    expected: durationExpected,
  }),
  shutdownTimeout: setting(duration(0, 600).prefault('10s'), {
    description: 'How long running requests may take to finish after SIGTERM.',
    expected: durationExpected,
  }),
  cookieName: setting(text.regex(/^[A-Za-z0-9-]{1,40}$/, 'letters, digits and hyphens only').default('sallyport'), {
    description: 'Name of the session cookie, without the `__Host-` that is put in front of it.',
    expected: 'a cookie name',
  }),
  workers: setting(z.union([z.int(), text]).transform(parsing(value.parseWorkers)).prefault(1), {
    description:
      'How many processes answer on `listen`; `auto` is one for each processor core that this process may use.',
    expected: 'a whole number from 1 to 64, or auto',
  }),
})

const admin = z.strictObject({
  listen: setting(parsed(value.parseListenAddress).prefault('127.0.0.1:9181'), {
    description:
      'Address and port for `/healthz`, `/readyz` and `/metrics`, which ask nobody who they are, and for `/explain/`, which answers this machine only.',
    expected: listenExpected,
  }),
})

const claims = z.strictObject({
  groups: setting(claimPath.default('groups'), {
    description: 'Claim that holds the groups of a person.',
    expected: claimExpected,
  }),
  email: setting(claimPath.default('email'), {
    description: 'Claim that holds the e-mail address.',
    expected: claimExpected,
  }),
  name: setting(claimPath.default('name'), {
    description: 'Claim that holds the name to show.',
    expected: claimExpected,
  }),
})

const provider = z.strictObject({
  name: setting(text.regex(/^[a-z0-9][a-z0-9-]{0,39}$/, 'lower-case letters, digits and hyphens, at most 40'), {
    description: 'Short name of the provider, as policy rows and logs use it.',
    expected: 'a short name such as corp',
    example: 'corp',
  }),
  label: setting(text.exactOptional(), {
    description: 'Name of the provider on the login page; its `name` if absent.',
    expected: 'text',
    example: 'Corporate login',
  }),
  issuer: setting(parsed(value.parseIssuer), {
    description: 'Issuer identifier, exactly as the provider states it in its discovery document.',
    expected: 'an address such as https://idp.example.com',
    example: 'https://idp.example.com',
  }),
  clientId: setting(text, {
    description: 'Client identifier that the provider issued.',
    expected: 'text (numbers in quotes)',
    example: 'sallyport',
  }),
  clientSecret: setting(text.exactOptional(), {
    description: 'Client secret that the provider issued; better kept in `clientSecretFile`.',
    expected: 'text (numbers in quotes)',
    secret: 'whole',
  }),
  clientSecretFile: setting(text.exactOptional(), {
    description: 'File that holds the client secret.',
    expected: 'a path',
    example: '/run/secrets/oidc',
    isPath: true,
    fileOf: 'clientSecret',
  }),
  scopes: setting(
    z.array(text.regex(/^[\x21\x23-\x5b\x5d-\x7e]+$/, 'a scope has no spaces')).default(['profile', 'email']),
    {
      description: 'Scopes to ask for; `openid` is always asked for.',
      expected: 'a list of scopes',
    },
  ),
  claims: section(claims.prefault({}), 'Where the ID token or userinfo holds what is needed.'),
  emailVerified: setting(z.enum(['claim', 'always']).default('claim'), {
    description:
      'Whether an address counts as verified: as the `email_verified` claim says, or always, for a provider whose people cannot choose their address.',
    expected: 'claim or always',
  }),
})

const sessions = z.strictObject({
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
    description: 'How long a session lasts without a request.',
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

const assertion = z.strictObject({
  enabled: setting(z.boolean().default(true), {
    description: 'Whether the upstream receives a signed identity assertion.',
    expected: 'true or false',
  }),
  algorithm: setting(z.enum(['ES256', 'EdDSA']).default('ES256'), {
    description: 'Signature algorithm of the assertion (RFC 7518 section 3.1, RFC 8037 section 3.1).',
    expected: 'ES256 or EdDSA',
  }),
  lifetime: setting(duration(5, 3600).prefault('60s'), {
    description: 'How long an assertion is valid.',
    expected: durationExpected,
  }),
  rotateEvery: setting(duration(3600).prefault('30d'), {
    description: 'How long a signing key signs before the next one does.',
    expected: durationExpected,
  }),
  issuer: setting(parsed(value.parseIssuer).exactOptional(), {
    description: 'Issuer (`iss`) of the assertion; `server.url` if absent.',
    expected: 'an address such as https://auth.example.com',
    example: 'https://auth.example.com',
  }),
})

const headers = z.strictObject({
  user: header('Remote-User', 'Header for the subject of the person.'),
  email: header('Remote-Email', 'Header for the verified e-mail address.'),
  name: header('Remote-Name', 'Header for the name to show.'),
  groups: header('Remote-Groups', 'Header for the groups.'),
  assertion: header('X-Sallyport-Assertion', 'Header for the signed identity assertion.'),
  groupSeparator: setting(z.enum([',', ';', '|', ' ']).default(','), {
    description: 'Character between two groups; a group that holds it is percent-encoded.',
    expected: 'a comma, a semicolon, a bar or a space, in quotes',
  }),
})

const hosts = (description: string) =>
  setting(z.array(parsed(value.parseHost)).default([]), { description, expected: hostsExpected })

const canonical = z.strictObject({
  allowEncodedSlash: hosts('Hosts whose applications need `%2F` inside a path segment.'),
  allowSemicolon: hosts('Hosts whose applications need `;` in a path.'),
  allowUnderscore: hosts('Hosts whose names hold an underscore.'),
})

const login = z.strictObject({
  returnTo: setting(z.array(parsed(value.parseHostPattern)).default([]), {
    description:
      'Hosts that a login may return to beside those that the policy names; `*.example.com` is every host below.',
    expected: 'a list of hosts such as app.example.com or *.example.com',
  }),
  attemptLifetime: setting(duration(30, 3600).prefault('10m'), {
    description: 'How long a person may take to log in at the provider.',
    expected: durationExpected,
  }),
  rateLimit: setting(z.int().min(1).max(100_000).default(600), {
    description: 'Requests to the login pages per client address and minute.',
    expected: 'a whole number from 1 to 100000',
  }),
})

const audit = z.strictObject({
  destination: setting(text.default('stdout'), {
    description: 'Where audit events go, one JSON line each: stdout, stderr or a file that is appended to.',
    expected: 'stdout, stderr or a path',
    isPath: true,
  }),
  whenFull: setting(z.enum(['warn', 'refuse']).default('warn'), {
    description:
      'What becomes of checks while audit events can be neither written nor kept waiting (a full disk): `refuse` answers 503, `warn` goes on, counts the lost events and logs an error.',
    expected: 'warn or refuse',
  }),
})

const log = z.strictObject({
  level: setting(z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace']).default('info'), {
    description: 'Least severity of an operational log line; the log goes to stderr.',
    expected: 'fatal, error, warn, info, debug or trace',
  }),
})

export const configSchema = z.strictObject({
  server: section(server, 'The listener for proxies and browsers.'),
  admin: section(admin.prefault({}), 'The listener for health checks, metrics and explanations.'),
  providers: section(z.array(provider).min(1), 'The OpenID providers that people log in with; at least one.'),
  sessions: section(sessions.prefault({}), 'Logins: where they are kept and how long they last.'),
  policy: section(policy.prefault({}), 'The rules.'),
  assertion: section(assertion.prefault({}), 'The signed statement of identity for upstreams.'),
  headers: section(headers.prefault({}), 'Names of the headers that upstreams receive.'),
  canonical: section(canonical.prefault({}), 'What applications need beyond the strict reading of addresses.'),
  login: section(login.prefault({}), 'The login itself.'),
  audit: section(audit.prefault({}), 'The record of decisions and logins.'),
  log: section(log.prefault({}), 'The operational log.'),
})

/** The configuration after parsing, still with the names of the file. */
export type ParsedSettings = z.output<typeof configSchema>
