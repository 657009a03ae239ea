/** Composition of the questions of applications: present where `authzen` is configured. */
import { createHmac, hkdfSync } from 'node:crypto'
import type { RequestHandler } from 'express'
import type { Config } from '../../config/config.ts'
import type { HostSettings, HostSettingsFor } from '../../config/host-settings.ts'
import { machineNamesOf } from '../../config/machine-names.ts'
import { decide } from '../../rbac/decide.ts'
import { questionsDomain } from '../../rbac/domains.ts'
import type { AccessRequest } from '../../rbac/request/access-request.ts'
import { subjectName } from '../audit/access-event.ts'
import type { Arrival, AskedFrom, Asker, KnownPerson, QuestionAction, QuestionRules } from '../authzen/dependencies.ts'
import { createQuestionEndpoints, type FindEndpoint } from '../authzen/endpoint.ts'
import { createMetadataRouter } from '../authzen/metadata.ts'
import { readHeaders } from '../fronts/raw-headers.ts'
import { createVouchedHeaders } from '../fronts/vouched-headers.ts'
import { createReplyWriter } from '../fronts/write-reply.ts'
import { deepest, faultIn } from '../identity/token/duplicate-names.ts'
import { pageHeadersOf } from '../listener/server.ts'
import { createRateCount } from '../login/rate-limit.ts'
import type { SessionDirectory } from '../sessions/session-directory.ts'
import type { Credentials, DecidedQuestion, VerifyQuestion } from '../verify.ts'
import { composeAuditGuard } from './checks.ts'
import { composeVerify } from './clusters/kubernetes.ts'
import type { Deciders } from './deciders.ts'
import type { Identification } from './identity.ts'
import { type Base, canonicalOptions, isSecure, type Kept, newRequestId, type Policy, secretsOf } from './kept.ts'

/** Label of metrics and audit events. */
export const questionFront = 'authzen'

/** Under which name settings of callers are found beside those of hosts; no host is called so. */
const callers = ':authzen'

/** Who may ask, as it is said of hosts, so that tokens and certificates are taken by the same code. People ask nothing. */
export function withQuestions(settingsOf: HostSettingsFor, { authzen }: Pick<Config, 'authzen'>): HostSettingsFor {
  if (authzen === undefined) return settingsOf
  const { bearerFrom, bearerAudience, certificateFrom } = authzen
  const own: HostSettings = Object.freeze({
    providers: [],
    ...(bearerFrom !== undefined && { bearerFrom }),
    ...(bearerAudience !== undefined && { bearerAudience }),
    ...(certificateFrom !== undefined && { certificateFrom }),
  })
  return domain => (domain === callers ? own : settingsOf(domain))
}

interface QuestionParts {
  readonly kept: Kept
  /** The primary counts how often a client asks. */
  readonly isWorker: boolean
  readonly identity: Pick<Identification, 'ofMachines'>
  readonly policy: Policy
  readonly record: (decided: DecidedQuestion) => void
  readonly deciders: Deciders | undefined
}

export interface Questions {
  /** Answered before Express. */
  readonly find: FindEndpoint
  readonly pages: readonly RequestHandler[]
}

export function composeQuestions(base: Base, parts: QuestionParts): Questions | undefined {
  const { config, audit, clock, logger, trustedProxies } = base
  const { authzen } = config
  if (authzen === undefined) return undefined
  const none = { issuers: [], clusters: [], certificates: [] }
  const find = createQuestionEndpoints({
    publicUrl: config.server.url,
    applications: authzen.applications,
    people: {
      providers: config.providers.map(({ name, issuer }) => ({ name, issuer })),
      usual: authzen.provider,
    },
    machines: machineNamesOf(config).machines ?? none,
    canonical: canonicalOptions(config),
    nameOf: subjectName,
    ...composeRules(base, parts),
    authenticate: composeCallers(base, parts.identity),
    ...(authzen.fromSessions && { newestSession: createNewestSession(parts.kept.directory) }),
    faultIn: sentenceOfFault,
    sign: createSigner(secretsOf(config)[0] ?? ''),
    audit,
    clock,
    newRequestId,
    limit: createRateCount(authzen.requestsPerMinute, parts.isWorker, 'authzen'),
    onError: (error, requestId) => logger.error({ requestId, err: error }, 'a question could not be answered'),
    write: createReplyWriter(),
    pageHeaders: pageHeadersOf({ isSecure: isSecure(config) }),
    isTrustedProxy: trustedProxies.isTrusted,
  })
  return { find, pages: [createMetadataRouter(config.server.url)] }
}

const faults = {
  duplicate: 'the body has a name twice in one object',
  depth: `the body is nested deeper than ${deepest} levels`,
} as const

function sentenceOfFault(text: string): string | undefined {
  const fault = faultIn(text)
  return fault === undefined ? undefined : faults[fault]
}

function createSigner(secret: string): (text: string) => string {
  const key = Buffer.from(hkdfSync('sha256', secret, '', 'sallyport/authzen-page/1', 32))
  return text => createHmac('sha256', key).update(text).digest('base64url')
}

/** Whoever connects may send a token; of a certificate only a trusted proxy can say anything. */
function composeCallers({ trustedProxies }: Base, { ofMachines }: QuestionParts['identity']) {
  const vouched = createVouchedHeaders(trustedProxies)
  return async (arrival: Arrival) => {
    const sent = readHeaders(arrival.rawHeaders)
    const trusted = vouched(arrival)
    const from = (name: string): Credentials['headers'] => (name === 'authorization' ? sent : trusted)
    return ofMachines({
      cookie: '',
      headers: { only: name => from(name).only(name), any: name => from(name).any(name) },
      request: { domain: callers, action: 'POST', url: '' },
      clientAddress: arrival.clientAddress,
      isInteractive: false,
      isUpgrade: false,
    })
  }
}

/** Most sessions of one person that are looked at, one page of the index after the other. */
const mostPages = 10
const sessionsOnPage = 100

function createNewestSession(directory: Pick<SessionDirectory, 'list'>) {
  return async (subject: string): Promise<KnownPerson | undefined> => {
    let newest: { readonly startedAt: number; readonly person: KnownPerson } | undefined
    let after: string | undefined
    for (let pages = 0; pages < mostPages; pages += 1) {
      const page = { limit: sessionsOnPage, ...(after !== undefined && { after }) }
      const { sessions, next } = await directory.list({ subject }, page)
      for (const { email, person, startedAt, startedAtMs = startedAt * 1000 } of sessions) {
        if (person === undefined || (newest !== undefined && newest.startedAt >= startedAtMs)) continue
        newest = { startedAt: startedAtMs, person: { ...person, ...(email !== undefined && { email }) } }
      }
      if (next === undefined) break
      after = next
    }
    return newest?.person
  }
}

function composeRules(base: Base, parts: QuestionParts): QuestionRules {
  const { logger } = base
  const { policy } = parts
  const onError = (error: unknown): void => logger.error({ err: error }, 'policy evaluation failed')
  const judge = composeVerify(
    base,
    parts,
    situation => decide(situation, policy.current(), onError),
    parts.deciders?.consult,
  )
  const isLet = ({ identity }: Asker, request: AccessRequest, clientAddress: string | undefined): boolean => {
    const context = { now: Math.floor(base.clock.now() / 1000), clientAddress }
    return decide({ request, identity, context }, policy.current(), onError).effect === 'allow'
  }
  return {
    mayAsk(asker: Asker, action: QuestionAction, domain: string, { requestId, clientAddress }: AskedFrom) {
      const resource = `/${domain}`
      const request = { domain: questionsDomain, resource, action, url: `${questionsDomain}${resource}` }
      if (isLet(asker, request, clientAddress)) return true
      // That a right is not there is no event; that a question is refused is one.
      if (action !== 'evaluate' && action !== 'search') return false
      settled(judge(questionOf({ requestId, clientAddress, request }), asker.authentication))
      return false
    },
    judge({ requestId, asked, request, identity, clientAddress, said }) {
      const judged = judge(questionOf({ requestId, asked, request, clientAddress, said }), {
        identity,
        clearCookie: false,
      })
      return judged instanceof Promise ? judged.then(({ decision }) => decision) : judged.decision
    },
    decide: situation => decide(situation, policy.current(), onError),
    policy: policy.current,
    requireAudit: composeAuditGuard(base),
  }
}

type AskedQuestion = Pick<VerifyQuestion, 'requestId' | 'request' | 'clientAddress' | 'asked' | 'said'>

/** Written out with the same fields in the same order: to spread one object into another costs more than it says. */
const questionOf = ({ requestId, request, clientAddress, asked, said }: AskedQuestion): VerifyQuestion => ({
  front: questionFront,
  requestId,
  request,
  cookie: '',
  headers: noHeaders,
  clientAddress,
  isInteractive: false,
  isUpgrade: false,
  asked,
  said,
})

const noHeaders: Credentials['headers'] = Object.freeze({
  areVouchedFor: false,
  only: () => undefined,
  any: () => undefined,
})

/** Who is meant is known already, so that nobody is waited for. */
function settled<T>(result: T | Promise<T>): T {
  if (result instanceof Promise) throw new Error('a question was judged later than it was asked')
  return result
}
