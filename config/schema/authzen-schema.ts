/** The settings of the questions that applications ask: who may ask, and about what (docs/authzen.md). */
import { z } from 'zod'
import { audience, audienceExpected } from './machines-schema.ts'
import { section, setting, text } from './setting.ts'

const word = text.regex(/^[A-Za-z][A-Za-z0-9_.:-]{0,63}$/, 'letters, digits and _ . : -, a letter first, at most 64')
const wordsExpected = 'a list of words, at least one'

const application = z.strictObject({
  name: setting(
    text.regex(/^[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?$/, 'lower-case letters, digits and hyphens, at most 40'),
    {
      description:
        'Short name of the application: its objects are asked about in the domain `app:<name>` of the policy.',
      expected: 'a short name such as todo',
      example: 'todo',
    },
  ),
  types: setting(z.array(word).min(1), {
    description:
      'Types of its objects (`resource.type`), each of one application alone; `url` is none, and stands for an address behind a proxy. A row for another type is refused.',
    expected: wordsExpected,
    example: ['todo'],
  }),
  actions: setting(z.array(word).min(1), {
    description: 'What is done with its objects (`action.name`). A row for another action is refused.',
    expected: wordsExpected,
    example: ['can_read_todos', 'can_update_todo'],
  }),
})

export const authzen = z.strictObject({
  bearerFrom: setting(z.array(text).min(1).exactOptional(), {
    description: 'Names of `machines.issuers` whose bearer tokens say which application asks. People may not ask.',
    expected: 'a list of names of issuers, at least one',
    example: ['prod'],
  }),
  bearerAudience: setting(audience.exactOptional(), {
    description:
      'Audience that these tokens must have; needed beside `bearerFrom`: a token for anything else asks nothing here.',
    expected: audienceExpected,
    example: 'https://auth.example.com/access',
  }),
  certificateFrom: setting(z.array(text).min(1).exactOptional(), {
    description: 'Names of `machines.certificates` whose client certificates say which application asks.',
    expected: 'a list of names of authorities, at least one',
    example: ['mesh'],
  }),
  provider: setting(text.exactOptional(), {
    description:
      'Name of the entry of `providers` whose people are meant by an id without an issuer. If absent such an id is nobody.',
    expected: 'the name of a provider such as corp',
    example: 'corp',
  }),
  fromSessions: setting(z.boolean().default(true), {
    description:
      'Whether groups, address and login of a person are those of their newest session. If not they are known from whoever asks, where a row lets them say so (`assert`), or not at all.',
    expected: 'true or false',
  }),
  rateLimit: setting(z.int().min(1).max(10_000_000).default(60_000), {
    description: 'Requests per client address and minute.',
    expected: 'a whole number from 1 to 10000000',
  }),
  applications: section(
    z.array(application).default([]),
    'Whose own objects are asked about; addresses behind the proxies need no entry.',
  ),
})
