/** The settings of application passwords, for clients that know nothing but HTTP Basic. */
import { z } from 'zod'
import { longestPasswordSeconds as longest } from '../password-span.ts'
import { claimPath } from './provider-schema.ts'
import { duration, durationExpected, setting } from './setting.ts'

const day = 86_400

export const passwords = z.strictObject({
  lifetime: setting(duration(3600, longest).prefault('90d'), {
    description: 'How long a password lasts unless its owner says otherwise.',
    expected: durationExpected,
  }),
  maxLifetime: setting(duration(3600, longest).prefault('365d'), {
    description: 'The longest that a password may last, also one that was made for longer before.',
    expected: durationExpected,
  }),
  confirmWithin: setting(duration(600, longest).prefault('30d'), {
    description:
      'How long after the last login of its owner, or the last time that the provider stood by a session of theirs, a password works: then it sleeps until they log in again. This is how long somebody has access who is gone at the provider and of whom nothing else was heard.',
    expected: durationExpected,
  }),
  freshLogin: setting(duration(0, 30 * day).prefault('15m'), {
    description:
      'How long ago the login may be from which a password is made; an older one has to be done again first. `0s`: any login will do.',
    expected: durationExpected,
  }),
  claims: setting(z.array(claimPath).default([]), {
    description:
      'Claims about the person, beside the standard ones and those of `providers[].claims`, that conditions and assertions see also with a password. All others are absent then: they may say how somebody logged in, and nobody has.',
    expected: 'a list of names of claims, nested names joined by /',
    example: ['department'],
  }),
  perPerson: setting(z.int().min(1).max(100).default(20), {
    description: 'How many passwords a person may have at a time.',
    expected: 'a whole number from 1 to 100',
  }),
  failuresPerMinute: setting(z.int().min(1).max(100_000).default(30), {
    description:
      'How many passwords of one client address, and how many times one and the same, may fail in a minute; then they are refused unseen with 429. One that works is counted by neither.',
    expected: 'a whole number from 1 to 100000',
  }),
})

/** Of `hosts`. */
export const passwordSettings = {
  passwords: setting(z.boolean().exactOptional(), {
    description:
      'Whether `Authorization: Basic` with an application password says on this host who is asking. If absent or `false` such a header is the business of the application.',
    expected: 'true or false',
    example: true,
  }),
}
