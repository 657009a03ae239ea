/** The settings of the signed statement of identity for upstreams. */
import { z } from 'zod'
import { duration, durationExpected, parsed, setting } from './setting.ts'
import * as value from './values.ts'

export const assertion = z.strictObject({
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
