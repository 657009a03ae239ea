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
import { type CallExplanation, explainCall } from '../../rbac/asking/calls/explain-call.ts'
import { parseCall, type WrittenCall } from '../../rbac/asking/calls/parse-call.ts'
import type { Context } from '../../rbac/context.ts'
import { challengeReasons } from '../../rbac/decision.ts'
import type { Machine, User } from '../../rbac/identity.ts'
import { ValueError } from '../../rbac/policy-error.ts'
import { canonicaliseHost } from '../../rbac/request/canonical-host.ts'
import { insecureOptionsOf } from '../insecure-options.ts'
import { loadChosenConfig } from '../load-config.ts'
import { type FactValues, parseFacts } from '../policy/asking/who-options.ts'
import { loadPolicy } from '../policy/load-policy.ts'
import { reportError } from '../report-error.ts'
import { exitCodes, type Terminal } from '../terminal.ts'
import { formatInspection } from './inspect-text.ts'
import type { Inspection, Reason } from './inspection.ts'
import { readInput } from './read-input.ts'

export interface InspectValues extends FactValues {
  readonly config?: string
  readonly host?: string
  readonly url?: string
  readonly method?: string
  readonly online?: boolean
  readonly json?: boolean
}

export async function runInspect(file: string | undefined, values: InspectValues, terminal: Terminal): Promise<number> {
  try {
    const inspection = await inspect(await readInput(file, terminal), values, terminal)
    terminal.write(formatInspection(inspection, values.json === true, terminal))
    const isAllowed = inspection.policy === undefined || inspection.policy.decision.effect === 'allow'
    return inspection.verdict === 'accepted' && isAllowed ? exitCodes.ok : exitCodes.failure
  } catch (error) {
    if (!(error instanceof ValueError)) return reportError(error, terminal)
    terminal.writeError(`${terminal.colors.red('error')}: ${error.message}\n`)
    return exitCodes.usage
  }
}

async function inspect(token: string, values: InspectValues, terminal: Terminal): Promise<Inspection> {
  const context = parseFacts(values, Math.floor(Date.now() / 1000), terminal.cwd)
  const call =
    values.url === undefined ? undefined : parseCall(`${values.method ?? 'GET'} ${values.url}`, context.header)
  if (call === undefined && values.method !== undefined) throw new ValueError('--method goes with --url')
  const { config } = loadChosenConfig(choiceOf(values), terminal)
  const trust = composeTrust(baseFor(config, context.now), values.online === true ? undefined : offline)
  try {
    const host = hostOf(values, call)
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

const choiceOf = ({ config, ...values }: InspectValues) => ({
  ...(config !== undefined && { config }),
  allowInsecure: insecureOptionsOf({ ...values }),
})

/** One of our own stands in the store of the running service, and counts nowhere without it. */
const ownToken: Reason = {
  reason: 'own',
  message: 'it is a token of POST /token: only the running service knows whether it counts (POST /token/introspect)',
}

const isOwn = ({ token }: Judged, { machines, server }: Config): boolean =>
  machines?.exchange !== undefined && token?.read.claims.iss === exchangeIssuerOf(server.url)

function hostOf({ host }: InspectValues, call: WrittenCall | undefined): string | undefined {
  const asked = call?.request.domain
  const named = host === undefined ? undefined : readHost(host)
  if (named !== undefined && asked !== undefined && named !== asked) throw new ValueError('--host is not that of --url')
  return named ?? asked
}

function readHost(host: string): string {
  try {
    return canonicaliseHost(host)
  } catch (error) {
    throw new ValueError(`--host: ${error instanceof Error ? error.message : String(error)}`)
  }
}

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

interface Asked {
  readonly context: Context
  readonly values: InspectValues
  readonly terminal: Terminal
}

async function askPolicy(
  call: WrittenCall,
  identity: Machine | User,
  { context, values, terminal }: Asked,
): Promise<CallExplanation> {
  const { snapshot } = await loadPolicy(choiceOf(values), terminal)
  return explainCall(call, { identity, context }, snapshot)
}
