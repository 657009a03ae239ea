/** How a person and the facts of a request are named on the command line. Shared by the commands that ask a policy. */
import type { Command } from 'commander'
import type { Config } from '../../../config/config.ts'
import { checkAnswered, decidersAsked } from '../../../rbac/asking/asked-deciders.ts'
import type { Context } from '../../../rbac/context.ts'
import type { Identity } from '../../../rbac/identity.ts'
import type { PolicySnapshot } from '../../../rbac/policy.ts'
import { ValueError } from '../../../rbac/policy-error.ts'
import { type IdentityDefaults, parseTestIdentity, parseTime } from '../../../rbac/testing/policy-test-identity.ts'
import { parseCertificateOption } from './certificate-option.ts'

/** The values of `addWhoOptions`. */
export interface WhoValues {
  readonly as?: string
  readonly serviceAccount?: string
  readonly client?: string
  readonly certificateIdentity?: string
  readonly anonymous?: boolean
  readonly groups?: string
  readonly email?: string
  readonly issuer?: string
  readonly provider?: string
  readonly amr?: string
  readonly acr?: string
  readonly authTime?: string
  readonly claim?: readonly string[]
}

/** The values of `addFactOptions`. */
export interface FactValues {
  readonly at?: string
  readonly ip?: string
  readonly header?: readonly string[]
  readonly certificate?: readonly string[]
  readonly answer?: readonly string[]
}

/** Of an option that may come several times. */
export const collect = (value: string, before: readonly string[] = []): readonly string[] => [...before, value]

export function addWhoOptions(command: Command): Command {
  return command
    .option(
      '--as <name>',
      'who asks: a subject of the issuer, service-account:<name>, client:<name> or certificate:<name>',
    )
    .option('--service-account <name>', 'the same as --as service-account:<cluster>/<namespace>/<name>')
    .option('--client <name>', 'the same as --as client:<issuer>/<client id>')
    .option('--certificate-identity <name>', 'the same as --as certificate:<authority>/<name>')
    .option('--anonymous', 'nobody is logged in')
    .option('--groups <list>', 'groups, joined by commas')
    .option('--email <address>', 'verified address')
    .option('--issuer <url>', 'issuer (default: that of the first provider)')
    .option('--provider <name>', 'provider (default: the first one, or the one of that issuer)')
    .option('--amr <list>', 'methods of the login, joined by commas')
    .option('--acr <class>', 'class of the login')
    .option('--auth-time <time>', 'when the login was: RFC 3339, or seconds since the epoch')
    .option('--claim <name=value>', 'a claim; the value is JSON, or else text (repeatable)', collect)
}

export function addFactOptions(command: Command): Command {
  return command
    .option('--at <time>', 'when it is: RFC 3339, or seconds since the epoch (default: now)')
    .option('--ip <address>', "the client's address (default: unknown)")
    .option(
      '--header <name=value>',
      'a header of the request (repeatable; one name twice: the header came twice)',
      collect,
    )
    .option(
      '--certificate <which>',
      'client certificate: none, a PEM file, or fingerprint, san-dns, san-email, san-uri=<value> (repeatable; default: unknown)',
      collect,
    )
    .option('--answer <decider=yes|no>', 'what a decider outside says (repeatable; default: no answer)', collect)
}

/** Throws `ValueError`. */
export function parseWho(values: WhoValues, config?: Config): Identity {
  const { anonymous, email, acr } = values
  const as = namedBy(values)
  if ((as === undefined) === (anonymous !== true)) throw new ValueError('say who asks: --as <name> or --anonymous')
  if (as === undefined) {
    const others = Object.keys(values).filter(key => whoKeys.has(key))
    if (others.length > 0) throw new ValueError(`--anonymous has no ${others.join(', ')}`)
    return parseTestIdentity('anonymous', {})
  }
  const fields = {
    ...nameOf(as),
    ...(values.groups === undefined ? {} : { groups: listOf(values.groups) }),
    ...(values.claim === undefined ? {} : { claims: Object.fromEntries(values.claim.map(parseClaim)) }),
    ...(email === undefined ? {} : { email }),
    ...(values.amr === undefined ? {} : { amr: listOf(values.amr) }),
    ...(acr === undefined ? {} : { acr }),
    ...(values.authTime === undefined ? {} : { authTime: timeOf(values.authTime, '--auth-time') }),
  }
  return parseTestIdentity(fields, defaultsOf(values, config))
}

/** Throws `ValueError` for two names. */
function namedBy({ as, serviceAccount, client, certificateIdentity }: WhoValues): string | undefined {
  const machine = [
    ...(serviceAccount === undefined ? [] : [`service-account:${serviceAccount}`]),
    ...(client === undefined ? [] : [`client:${client}`]),
    ...(certificateIdentity === undefined ? [] : [`certificate:${certificateIdentity}`]),
  ]
  const [name, ...others] = [...(as === undefined ? [] : [as]), ...machine]
  if (others.length > 0)
    throw new ValueError('say once who asks: --as, --service-account, --client or --certificate-identity')
  return name
}

const whoKeys: ReadonlySet<string> = new Set([
  'groups',
  'email',
  'issuer',
  'provider',
  'amr',
  'acr',
  'authTime',
  'claim',
])

function nameOf(as: string): Readonly<Record<string, string>> {
  for (const kind of ['service-account', 'client', 'certificate']) {
    if (as.startsWith(`${kind}:`)) return { [kind]: as.slice(kind.length + 1) }
  }
  return { user: as }
}

/** What belongs together in the configuration stays together: an issuer has its provider's name and the reverse. */
export function defaultsOf(
  values: { readonly issuer?: string; readonly provider?: string },
  config?: Config,
): IdentityDefaults {
  const known = config?.providers ?? []
  const isMeant = ({ issuer, name }: { issuer: string; name: string }): boolean =>
    (values.issuer === undefined || issuer === values.issuer) &&
    (values.provider === undefined || name === values.provider)
  const meant = known.find(isMeant)
  const issuer = values.issuer ?? meant?.issuer
  const provider = values.provider ?? meant?.name
  return { ...(issuer === undefined ? {} : { issuer }), ...(provider === undefined ? {} : { provider }) }
}

/** Throws `ValueError`. */
export function parseFacts(
  values: FactValues,
  now: number,
  cwd: string,
  policy?: Pick<PolicySnapshot, 'rows'>,
): Context {
  const headers = new Map<string, string | null>()
  for (const [name, value] of (values.header ?? []).map(text => pairOf(text, '--header')))
    headers.set(name, headers.has(name) ? null : value)
  return {
    now: values.at === undefined ? now : timeOf(values.at, '--at'),
    header: name => headers.get(name),
    ...(values.ip === undefined ? {} : { clientAddress: values.ip }),
    ...(values.certificate === undefined ? {} : { clientCertificate: parseCertificateOption(values.certificate, cwd) }),
    ...(values.answer === undefined ? {} : { answerOf: parseAnswers(values.answer, policy) }),
  }
}

function parseAnswers(
  given: readonly string[],
  policy: Pick<PolicySnapshot, 'rows'> | undefined,
): NonNullable<Context['answerOf']> {
  const answers = new Map(given.map(text => pairOf(text, '--answer')))
  for (const answer of answers.values()) {
    if (answer !== 'yes' && answer !== 'no') throw new ValueError('--answer: expected <decider>=yes or <decider>=no')
  }
  if (policy !== undefined) checkAnswered(answers.keys(), decidersAsked(policy.rows))
  return decider => (answers.has(decider) ? answers.get(decider) === 'yes' : undefined)
}

const listOf = (text: string): string[] =>
  text
    .split(',')
    .map(item => item.trim())
    .filter(item => item !== '')

function timeOf(text: string, option: string): number {
  try {
    return parseTime(/^\d+$/.test(text) ? Number(text) : text)
  } catch (error) {
    if (error instanceof ValueError) throw new ValueError(`${option}: ${error.message}`)
    throw error
  }
}

function pairOf(text: string, option: string): readonly [name: string, value: string] {
  const sign = text.indexOf('=')
  if (sign < 1) throw new ValueError(`${option}: expected <name>=<value>`)
  return [option === '--header' ? text.slice(0, sign).toLowerCase() : text.slice(0, sign), text.slice(sign + 1)]
}

function parseClaim(text: string): readonly [name: string, value: unknown] {
  const [name, value] = pairOf(text, '--claim')
  try {
    return [name, JSON.parse(value)]
  } catch {
    return [name, value]
  }
}
