/** The settings of the policy: where rows come from, and when they are loaded again. */
import { z } from 'zod'
import { duration, durationExpected, parsed, parsing, section, setting, text } from './setting.ts'
import * as value from './values.ts'

const moduleExpected = 'the name of a package, or an absolute path'
const operatorModule = (what: string, example: string) => ({
  module: setting(text.regex(/^(?:\/|@?[A-Za-z0-9])/, 'a relative path is none of these').exactOptional(), {
    description: `${what} Its code runs in this process; packages are found from the directory of this file.`,
    expected: moduleExpected,
    example,
  }),
  export: setting(text.exactOptional(), {
    description: 'Which export of the module; the default one, or the one that fits, if absent.',
    expected: 'a name',
  }),
  options: setting(
    z
      .union([text, z.array(z.unknown()), z.record(z.string(), z.unknown())])
      .transform(parsing(value.parseOptions))
      .exactOptional(),
    {
      description: 'What the module gets: a list is its arguments; text that starts with `{` or `[` is read as JSON.',
      expected: 'a section, a list or text',
      secret: 'whole',
    },
  ),
  optionsFile: setting(text.exactOptional(), {
    description: 'File that holds the options as one line, because they often hold a password.',
    expected: 'a path',
    isPath: true,
    fileOf: 'options',
  }),
})

const adapter = (what: string) => ({
  ...operatorModule(what, 'casbin-pg-adapter'),
  timeout: setting(duration(0.1, 600).prefault('10s'), {
    description: 'How long one load by the adapter may take.',
    expected: durationExpected,
  }),
  pollEvery: setting(duration(1).prefault('1m'), {
    description: 'How often the rows are read without a word of the watcher.',
    expected: durationExpected,
  }),
  watcher: section(
    z
      .strictObject(operatorModule('A Casbin watcher that says when rows have changed.', '@casbin/redis-watcher'))
      .prefault({}),
    'What tells that rows of the adapter have changed.',
  ),
})

const narrowing = z.strictObject({
  directory: setting(text, {
    description: 'Directory of whoever owns the hosts; rule ids start with its name.',
    expected: 'a path',
    example: '/etc/sallyport/shop-policy',
    isPath: true,
  }),
  hosts: setting(z.array(parsed(value.parseHostPattern)).min(1), {
    description: 'Hosts that its rows may speak of.',
    expected: 'a list of hosts such as app.example.com or *.example.com, at least one',
    example: ['shop.example.com'],
  }),
})

const policyAdapter = z.strictObject(adapter('A Casbin adapter whose rows are loaded after those of the directories.'))

const casbin = z.strictObject({
  model: setting(text.exactOptional(), {
    description: 'A Casbin model (`model.conf`) of your own, which decides about hosts of its own.',
    expected: 'a path',
    isPath: true,
  }),
  policy: setting(text.exactOptional(), {
    description: 'The rows of the model, as CSV; this or `adapter`.',
    expected: 'a path',
    isPath: true,
  }),
  subjects: setting(z.array(text).min(1).exactOptional(), {
    description:
      'Names of whoever asks, in this order; the first is `r.sub`, the others are `g` links for the request. By default those of the built-in language: `user:{user}`, `email:{email}`, `group:{group}` and so on.',
    expected: 'a list of names such as `group:{group}`',
  }),
  domains: setting(z.array(text).min(1).exactOptional(), {
    description: 'Hosts that the model decides about; those that its rows name (`r.dom == p.dom`), if absent.',
    expected: 'a list of hosts, `*.example.com` or `*`',
  }),
  adapter: section(
    z.strictObject(adapter('A Casbin adapter that loads the rows of the model.')).prefault({}),
    'Rows of the model from a database.',
  ),
})

const decider = z.strictObject({
  name: setting(
    text.regex(/^[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?$/, 'lower-case letters, digits and dashes, at most 40'),
    {
      description: 'What conditions call it: `ask: change-window`.',
      expected: 'a short name such as change-window',
      example: 'change-window',
    },
  ),
  url: setting(parsed(value.parseIssuer), {
    description: 'Where it is asked, by POST: a rule of Open Policy Agent, or an AuthZEN evaluation endpoint.',
    expected: 'an address such as https://opa.example.com/v1/data/sallyport/allow',
    example: 'https://opa.example.com/v1/data/sallyport/allow',
  }),
  shape: setting(z.enum(['opa', 'authzen']).default('opa'), {
    description:
      'Form of question and answer: `opa` sends `{input: …}` and reads `result` or `result.allow`, `authzen` sends an evaluation (AuthZEN 1.0) and reads `decision`.',
    expected: 'opa or authzen',
  }),
  timeout: setting(duration(0.05, 10).prefault('1s'), {
    description: 'How long a request waits for its answer; without one the condition is unknown, which lets nobody in.',
    expected: durationExpected,
  }),
  cacheFor: setting(duration(0, 3_600).prefault('10s'), {
    description:
      'For how long an answer about the same question counts, a yes and a no alike; `0s`: it is asked each time.',
    expected: durationExpected,
  }),
  caFile: setting(text.exactOptional(), {
    description:
      'File that holds the certificates of the authority that vouches for it, in place of those that Node knows.',
    expected: 'a path',
    example: '/etc/sallyport/opa-ca.pem',
    isPath: true,
  }),
  tokenFile: setting(text.exactOptional(), {
    description: 'File that holds a bearer token which is sent along. It is read each time.',
    expected: 'a path',
    example: '/run/secrets/opa-token',
    isPath: true,
  }),
})

export const policy = z.strictObject({
  directory: setting(text.default('./policy'), {
    description: 'Directory of the policy: every `*.csv`, in order of name, `conditions.yaml` and `*.test.yaml`.',
    expected: 'a path',
    isPath: true,
  }),
  directories: setting(z.array(text).default([]), {
    description: 'Further directories, loaded after `directory` in this order; rule ids then start with their names.',
    expected: 'a list of paths',
    isPath: true,
  }),
  narrowedBy: section(
    z.array(narrowing).default([]),
    'Directories of those who own hosts and may only narrow what the other rows allow there: rows that deny, loaded last.',
  ),
  deciders: section(
    z.array(decider).max(16).default([]),
    'Who else is asked where a condition says so: their answer is one more fact, and never more than a row makes of it.',
  ),
  watch: setting(z.boolean().default(true), {
    description: 'Whether a change is loaded at once; SIGHUP and `sallyport policy reload` load in any case.',
    expected: 'true or false',
  }),
  expiryWarning: setting(duration(86_400).prefault('14d'), {
    description: 'How long before their end rows are named in the log, in `policy lint` and as `soon` in the metrics.',
    expected: durationExpected,
  }),
  keepDecisions: setting(z.int().min(0).max(1_000_000).default(10_000), {
    description: 'How many of the last decisions can be explained by their request id; 0 keeps none.',
    expected: 'a whole number from 0 to 1000000',
  }),
  keepRevisions: setting(z.int().min(1).max(100).default(5), {
    description:
      'How many revisions of the policy, with the one in force, are kept for explanations; each takes the memory of the policy.',
    expected: 'a whole number from 1 to 100',
  }),
  keepRevisionsBytes: setting(z.int().min(0).max(1_099_511_627_776).default(268_435_456), {
    description:
      'Memory for the revisions that are kept, in bytes, by an estimate of a kilobyte for each row; the one in force is kept in any case.',
    expected: 'a whole number from 0 to 1099511627776',
  }),
  adapter: section(policyAdapter.prefault({}), 'Rows from a database, through a Casbin adapter.'),
  casbin: section(casbin.prefault({}), 'A Casbin model of your own, for hosts of its own.'),
})
