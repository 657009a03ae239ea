/** The settings of a Redis: where its servers are, and how they are spoken to. They stand among those of sessions. */
import { z } from 'zod'
import { duration, durationExpected, parsed, section, setting, text } from './setting.ts'
import * as value from './values.ts'

const pemExpected = (what: string) => `${what} in PEM form`

const tls = z.strictObject({
  ca: setting(parsed(value.parseCertificates).exactOptional(), {
    description: 'Certificates of the authorities that may vouch for the servers, in place of those that Node knows.',
    expected: pemExpected('certificates'),
    secret: 'whole',
  }),
  caFile: setting(text.exactOptional(), {
    description: 'File that holds these certificates.',
    expected: 'a path',
    example: '/etc/sallyport/redis-ca.pem',
    isPath: true,
    fileOf: 'ca',
    fileHolds: 'text',
    isPublic: true,
  }),
  certificate: setting(parsed(value.parseCertificates).exactOptional(), {
    description: 'Certificate that says to the servers who we are.',
    expected: pemExpected('a certificate'),
    secret: 'whole',
  }),
  certificateFile: setting(text.exactOptional(), {
    description: 'File that holds this certificate.',
    expected: 'a path',
    example: '/etc/sallyport/redis-client.pem',
    isPath: true,
    fileOf: 'certificate',
    fileHolds: 'text',
  }),
  key: setting(parsed(value.parsePrivateKey).exactOptional(), {
    description: 'Private key of the certificate; better kept in `keyFile`.',
    expected: pemExpected('a private key without a passphrase'),
    secret: 'whole',
  }),
  keyFile: setting(text.exactOptional(), {
    description: 'File that holds the private key.',
    expected: 'a path',
    example: '/run/secrets/redis-key',
    isPath: true,
    fileOf: 'key',
    fileHolds: 'text',
  }),
  serverName: setting(parsed(value.parseHost).exactOptional(), {
    description: 'Name that the certificate of each server must have, where that is not the host it is reached by.',
    expected: 'a host such as redis.example.com',
    example: 'redis.example.com',
  }),
})

export const redisSettings = {
  url: setting(parsed(value.parseRedisUrl).exactOptional(), {
    description:
      'Address of Redis; an address with a password is better kept in `urlFile`. With `topology: sentinel` its host is a Sentinel, with `topology: cluster` any of the servers; user and password are those of the servers.',
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
  topology: setting(z.enum(['single', 'sentinel', 'cluster']).default('single'), {
    description: 'Whether `url` names one Redis, a Sentinel that knows the master, or a server of a Redis Cluster.',
    expected: 'single, sentinel or cluster',
  }),
  nodes: setting(z.array(parsed(value.parseListenAddress)).default([]), {
    description: 'Further Sentinels, or further servers of the Cluster, for the case that the one in `url` is down.',
    expected: 'a list of hosts with ports such as redis-2.example.com:6379',
  }),
  masterName: setting(text.exactOptional(), {
    description: 'Name under which the Sentinels know the master.',
    expected: 'text',
    example: 'mymaster',
  }),
  sentinelPassword: setting(text.exactOptional(), {
    description: 'Password of the Sentinels themselves, if they have one; better kept in `sentinelPasswordFile`.',
    expected: 'text (numbers in quotes)',
    secret: 'whole',
  }),
  sentinelPasswordFile: setting(text.exactOptional(), {
    description: 'File that holds the password of the Sentinels.',
    expected: 'a path',
    example: '/run/secrets/sentinel',
    isPath: true,
    fileOf: 'sentinelPassword',
  }),
  tls: section(tls.prefault({}), 'TLS to Redis, for an address that starts with rediss://.'),
  writeReplicas: setting(z.int().min(0).max(5).default(0), {
    description:
      'How many replicas of Redis have to confirm the end of a session before log-out is answered; too few are 503.',
    expected: 'a whole number from 0 to 5',
  }),
  prefix: setting(text.regex(/^[\x21-\x7e]{1,64}$/, 'visible ASCII characters, at most 64').default('sallyport:'), {
    description: 'Prefix of every key in Redis.',
    expected: 'text',
  }),
  timeout: setting(duration(0.05, 60).prefault('1s'), {
    description: 'How long one command to Redis may take before the check is answered with 503.',
    expected: durationExpected,
  }),
}
