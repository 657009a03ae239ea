/** What was found out about a token, as a person or a program reads it. */
import type { InspectedToken } from '../../app/identity/token/inspect-token.ts'
import type { Terminal } from '../terminal.ts'
import { fieldLine, foundText, namesInRows, secondsText, spanText } from './found-text.ts'
import type { Inspection } from './inspection.ts'

export function formatInspection(inspection: Inspection, isJson: boolean, terminal: Terminal): string {
  if (isJson) return `${JSON.stringify(documentOf(inspection))}\n`
  const { token } = inspection
  const ofToken = token === undefined ? [] : tokenLines(token, inspection)
  const lines = [...ofToken, fieldLine('host', hostText(inspection))]
  return foundText(inspection, { kind: 'token', lines }, terminal)
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
    ...(identity !== undefined && { identity, names: namesInRows(identity) }),
    ...(policy !== undefined && { policy }),
  }
}

const headerOf = ({ read: { algorithm, type, keyId } }: InspectedToken) => ({
  alg: algorithm,
  ...(type !== undefined && { typ: type }),
  ...(keyId !== undefined && { kid: keyId }),
})

function tokenLines(token: InspectedToken, { now, known }: Inspection): readonly string[] {
  const { claims } = token.read
  const issuers = token.issuers.map(({ issuer: { name, kind } }) => `${name} (${kind})`)
  const none = `none: configured are ${known.join(', ') || 'none'}`
  return [
    fieldLine('header', JSON.stringify(headerOf(token))),
    ...Object.entries(claims).map(([name, value], at) =>
      fieldLine(at === 0 ? 'claims' : '', `${JSON.stringify(name)}: ${JSON.stringify(value)}${timeText(name, value)}`),
    ),
    fieldLine('lives', lifeText(token, now)),
    fieldLine('issuer', issuers.join(', ') || none),
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
  return `${secondsText(left)}${whole}`
}

function hostText({ host, acceptance, takenOn }: Inspection): string {
  if (host === undefined)
    return takenOn.length === 0 ? 'none takes it' : `any of ${takenOn.join(', ')} (--host asks one)`
  if (acceptance === undefined) return `${host}, which takes no bearer tokens`
  const { issuers, audience, header } = acceptance
  const where = header === undefined ? '' : `, in the header ${header}`
  return `${host}, which takes tokens of ${issuers.map(({ name }) => name).join(', ')}${audience === undefined ? '' : ` for ${audience}`}${where}`
}
