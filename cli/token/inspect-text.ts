/** What was found out about a token, as a person or a program reads it. */
import type { InspectedToken } from '../../app/identity/token/inspect-token.ts'
import { namesOf } from '../../rbac/subjects.ts'
import { printable } from '../../spelling/printable.ts'
import { formatExplanation } from '../policy/asking/explain-text.ts'
import type { Terminal } from '../terminal.ts'
import type { Inspection, Verdict } from './inspection.ts'

export function formatInspection(inspection: Inspection, isJson: boolean, terminal: Terminal): string {
  return isJson ? `${JSON.stringify(documentOf(inspection))}\n` : textOf(inspection, terminal)
}

function documentOf(inspection: Inspection) {
  const { verdict, reasons, token, host, acceptance, known, takenOn, now, identity, policy } = inspection
  return {
    verdict,
    reasons,
    now,
    ...(token !== undefined && {
      header: headerOf(token),
      claims: token.read.claims,
      expiresInSeconds: secondsLeft(token, now),
      issuers: token.issuers.map(({ issuer: { name, kind }, refusals, unread }) => ({
        name,
        kind,
        isSignatureKnown: unread === undefined,
        reasons: refusals.map(({ reason, message }) => ({ reason, message })),
      })),
    }),
    ...(host !== undefined && { host, takes: acceptance?.issuers.map(({ name }) => name) ?? [] }),
    configuredIssuers: known,
    takenOn,
    ...(identity !== undefined && { identity, names: rowNamesOf(inspection) }),
    ...(policy !== undefined && { policy }),
  }
}

const headerOf = ({ read: { algorithm, type, keyId } }: InspectedToken) => ({
  alg: algorithm,
  ...(type !== undefined && { typ: type }),
  ...(keyId !== undefined && { kid: keyId }),
})

function textOf(inspection: Inspection, terminal: Terminal): string {
  const { colors } = terminal
  const { verdict, reasons, token, identity, policy } = inspection
  const paint = { accepted: colors.green, refused: colors.red, unknown: colors.yellow }[verdict]
  const line = (name: string, text: string): string => `  ${name.padEnd(9)} ${printable(text)}\n`
  return [
    `${paint(verdict)}  ${verdicts[verdict]}\n`,
    ...reasons.map(({ message }) => `  - ${printable(message)}\n`),
    '\n',
    ...(token === undefined ? [] : tokenLines(token, inspection, line)),
    line('host', hostText(inspection)),
    identity === undefined ? '' : line('stands for', rowNamesOf(inspection).join(', ')),
    policy === undefined ? '' : `\n${policyTitle(inspection)}${formatExplanation(policy, terminal, false)}`,
  ].join('')
}

const verdicts: Readonly<Record<Verdict, string>> = {
  accepted: 'It counts.',
  refused: 'It lets nobody in, because:',
  unknown: 'Nothing is wrong with it that can be seen from here, but:',
}

type Line = (name: string, text: string) => string

function tokenLines(token: InspectedToken, { now, known }: Inspection, line: Line): readonly string[] {
  const { claims } = token.read
  const issuers = token.issuers.map(({ issuer: { name, kind } }) => `${name} (${kind})`)
  const none = `none: configured are ${known.join(', ') || 'none'}`
  return [
    line('header', JSON.stringify(headerOf(token))),
    ...Object.entries(claims).map(([name, value], at) =>
      line(at === 0 ? 'claims' : '', `${JSON.stringify(name)}: ${JSON.stringify(value)}${timeText(name, value)}`),
    ),
    line('lives', lifeText(token, now)),
    line('issuer', issuers.join(', ') || none),
  ]
}

function timeText(name: string, value: unknown): string {
  const isTime = ['exp', 'iat', 'nbf', 'auth_time'].includes(name) && typeof value === 'number'
  const date = new Date(isTime ? value * 1000 : Number.NaN)
  return Number.isNaN(date.getTime()) ? '' : `  (${date.toISOString()})`
}

/** `undefined` where the token does not say. */
function secondsLeft({ read: { claims } }: InspectedToken, now: number): number | undefined {
  return typeof claims.exp === 'number' && Number.isFinite(claims.exp) ? claims.exp - now : undefined
}

function lifeText(token: InspectedToken, now: number): string {
  const left = secondsLeft(token, now)
  const { exp, iat } = token.read.claims
  if (left === undefined) return 'nobody knows for how long: exp is no number'
  const whole = typeof exp === 'number' && typeof iat === 'number' ? `; it was made for ${spanText(exp - iat)}` : ''
  return `${left > 0 ? `for ${spanText(left)} more` : `no more, since ${spanText(-left)}`}${whole}`
}

function spanText(seconds: number): string {
  const units: readonly (readonly [number, string])[] = [
    [86_400, 'd'],
    [3_600, 'h'],
    [60, 'min'],
  ]
  const [size, name] = units.find(([size]) => Math.abs(seconds) >= size * 2) ?? [1, 's']
  return `${Math.floor(seconds / size)} ${name}`
}

function hostText({ host, acceptance, takenOn }: Inspection): string {
  if (host === undefined)
    return takenOn.length === 0 ? 'none takes it' : `any of ${takenOn.join(', ')} (--host asks one)`
  if (acceptance === undefined) return `${host}, which takes no bearer tokens`
  const { issuers, audience, header } = acceptance
  const where = header === undefined ? '' : `, in the header ${header}`
  return `${host}, which takes tokens of ${issuers.map(({ name }) => name).join(', ')}${audience === undefined ? '' : ` for ${audience}`}${where}`
}

/** The names by which rows may speak of it. */
function rowNamesOf({ identity }: Inspection): readonly string[] {
  if (identity === undefined) return []
  return namesOf(identity).filter(name => name.includes(':') && !name.startsWith('~'))
}

const policyTitle = ({ verdict }: Inspection): string =>
  verdict === 'accepted' ? '' : 'The policy is not asked for such a token. If it counted:\n'
