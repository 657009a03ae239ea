/** Inspects one token: by the code that verifies tokens, and by the policy. */
import { composeTrust, type Trust } from '../../app/compose/machines.ts'
import { exchangeIssuerOf } from '../../app/exchange/dependencies.ts'
import { createBearerToken, type HostAcceptance } from '../../app/identity/bearer-token.ts'
import { inspectToken } from '../../app/identity/token/inspect-token.ts'
import { TokenRefused } from '../../app/identity/token/refusal.ts'
import { createLogger } from '../../app/telemetry/logger.ts'
import type { Authentication } from '../../app/verify.ts'
import type { Config } from '../../config/config.ts'
import { createHostSettings } from '../../config/host-settings.ts'
import { challengeReasons } from '../../rbac/decision.ts'
import type { Machine, User } from '../../rbac/identity.ts'
import { ValueError } from '../../rbac/policy-error.ts'
import { reportError } from '../report-error.ts'
import { exitCodes, type Terminal } from '../terminal.ts'
import { formatCertificate } from './certificate-text.ts'
import { formatInspection } from './inspect-text.ts'
import type { Found, Inspection, Reason } from './inspection.ts'
import { askPolicy, type InspectValues, parseQuestion } from './question.ts'
import { readInput } from './read-input.ts'

export async function runInspect(file: string | undefined, values: InspectValues, terminal: Terminal): Promise<number> {
  try {
    const inspection = await inspectEither(file, values, terminal)
    const isAllowed = inspection.policy === undefined || inspection.policy.decision.effect === 'allow'
    return inspection.verdict === 'accepted' && isAllowed ? exitCodes.ok : exitCodes.failure
  } catch (error) {
    if (!(error instanceof ValueError)) return reportError(error, terminal)
    terminal.writeError(`${terminal.colors.red('error')}: ${error.message}\n`)
    return exitCodes.usage
  }
}

async function inspectEither(file: string | undefined, values: InspectValues, terminal: Terminal): Promise<Found> {
  const { certificateFile, json: isJson = false } = values
  if (certificateFile === undefined) {
    const inspection = await inspect(await readInput(file, terminal), values, terminal)
    terminal.write(formatInspection(inspection, isJson, terminal))
    return inspection
  }
  if (file !== undefined || values.online === true)
    throw new ValueError('--certificate-file is looked at alone: without a token, and without --online')
  const { inspectClientCertificate } = await import('./inspect-certificate.ts')
  const inspection = await inspectClientCertificate(certificateFile, values, terminal)
  terminal.write(formatCertificate(inspection, isJson, terminal))
  return inspection
}

async function inspect(token: string, values: InspectValues, terminal: Terminal): Promise<Inspection> {
  const { config, context, call, host } = parseQuestion(values, terminal)
  const trust = composeTrust(baseFor(config, context.now), values.online === true ? undefined : offline)
  try {
    const seen = await judge(token, { trust, host, nowMs: context.now * 1000 })
    const found = isOwn(seen, config) ? { ...seen, verdict: 'unknown' as const, reasons: [ownToken] } : seen
    const known = trust.issuers.map(({ name }) => name)
    const takenOn = config.hosts.flatMap(({ host: name, bearerFrom = [] }) =>
      found.token?.issuers.some(({ issuer }) => bearerFrom.includes(issuer.name)) === true ? [name] : [],
    )
    const answer = { ...found, ...(host !== undefined && { host }), known, takenOn, now: context.now }
    if (call === undefined || found.identity === undefined) return answer
    return { ...answer, policy: await askPolicy(call, found.identity, { context, values, terminal }) }
  } finally {
    await trust.close()
  }
}

/** One of our own stands in the store of the running service, and counts nowhere without it. */
const ownToken: Reason = {
  reason: 'own',
  message: 'it is a token of POST /token: only the running service knows whether it counts (POST /token/introspect)',
}

const isOwn = ({ token }: Judged, { machines, server }: Config): boolean =>
  machines?.exchange !== undefined && token?.read.claims.iss === exchangeIssuerOf(server.url)

const notOnline = 'the keys are on another machine, and only --online asks there'

const offline = (): Promise<string> => Promise.reject(new Error(notOnline))

const baseFor = (config: Config, now: number) => ({
  config,
  clock: { now: () => now * 1000 },
  logger: createLogger({ level: 'fatal' }),
  hostSettings: createHostSettings(config.hosts),
})

interface Question {
  readonly trust: Trust
  readonly host: string | undefined
  readonly nowMs: number
}

type Judged = Pick<Inspection, 'verdict' | 'reasons' | 'token' | 'acceptance' | 'identity'>

/** What the service does with the token decides; what else is wrong with it is added. */
async function judge(token: string, { trust, host, nowMs }: Question): Promise<Judged> {
  const acceptance = host === undefined ? { issuers: trust.issuers } : trust.acceptedOn(host)
  if (acceptance === undefined) {
    const { reasons } = await judge(token, { trust, host: undefined, nowMs })
    const message = 'this host takes no bearer tokens: an Authorization header is the business of the application'
    return {
      verdict: 'refused',
      reasons: [{ reason: 'host', message }, ...reasons],
      ...(await look(token, trust, nowMs)),
    }
  }
  // First: keys that cannot be read are not asked for twice, and the first answer says why.
  const { token: seen, identity } = await look(token, acceptance, nowMs)
  const given = await authenticate(token, acceptance, nowMs)
  const judged = { acceptance, ...(seen !== undefined && { token: seen }) }
  if (!(given instanceof Error) && given.sessionChallenge === undefined) {
    return { verdict: 'accepted', reasons: [], ...judged, ...(isKnown(given) && { identity: given.identity }) }
  }
  const found = seen?.issuers.flatMap(({ refusals }) => refusals.map(reasonOf)) ?? []
  const unread = seen?.issuers.flatMap(({ issuer, unread: why }) =>
    why === undefined ? [] : [unreadOf(issuer.name, why)],
  )
  const own = given instanceof Error ? refusalIn(given) : challengeOf(given)
  const reasons = unlike([...(own === undefined ? [] : [own]), ...found, ...(unread ?? [])])
  const isUnknown = own === undefined && found.length === 0
  return { verdict: isUnknown ? 'unknown' : 'refused', reasons, ...judged, ...(identity !== undefined && { identity }) }
}

const isKnown = (given: Authentication): given is Authentication & { readonly identity: Machine | User } =>
  given.identity.kind !== 'anonymous'

/** As the front would hand it over; the error, where it is refused. */
async function authenticate(token: string, acceptance: HostAcceptance, nowMs: number): Promise<Authentication | Error> {
  const { header = 'authorization' } = acceptance
  const value = acceptance.header === undefined ? `Bearer ${token}` : token
  const read = (name: string): string | undefined => (name === header ? value : undefined)
  const { authenticate: ask } = createBearerToken({
    acceptedOn: () => acceptance,
    hasOwnHeaders: acceptance.header !== undefined,
    clock: { now: () => nowMs },
  })
  try {
    const headers = { only: read, any: read }
    return await ask({
      cookie: '',
      headers,
      isInteractive: false,
      isUpgrade: false,
      request: { domain: '', action: 'GET', url: '' },
    })
  } catch (error) {
    if (error instanceof Error) return error
    throw error
  }
}

async function look(
  token: string,
  acceptance: HostAcceptance,
  nowMs: number,
): Promise<Pick<Judged, 'token' | 'identity'>> {
  try {
    const seen = await inspectToken(token, acceptance, nowMs)
    const [identity] = seen.issuers.flatMap(({ identity }) => identity ?? [])
    return { token: seen, ...(identity !== undefined && { identity }) }
  } catch (error) {
    if (error instanceof TokenRefused) return {}
    throw error
  }
}

const reasonOf = ({ reason, message }: TokenRefused): Reason => ({ reason, message })

/** `undefined` where nobody can tell. Throws what is no refusal at all. */
function refusalIn(error: Error): Reason | undefined {
  if (error.cause instanceof TokenRefused) return reasonOf(error.cause)
  if ('code' in error && error.code === 'ERR_ISSUER_UNAVAILABLE') return undefined
  throw error
}

const challengeOf = ({ sessionChallenge }: Authentication): Reason | undefined =>
  sessionChallenge && { reason: sessionChallenge.reason, message: challengeReasons[sessionChallenge.reason] }

function unreadOf(issuer: string, why: unknown): Reason {
  const { cause } = why as { readonly cause?: unknown }
  const detail = cause instanceof Error ? cause.message : String(why)
  return { reason: 'keys', message: `nobody knows who signed it: the keys of ${issuer} cannot be read: ${detail}` }
}

const unlike = (reasons: readonly Reason[]): readonly Reason[] =>
  reasons.filter(({ message }, at) => reasons.findIndex(other => other.message === message) === at)
