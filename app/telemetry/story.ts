/**
 * One request's story, step by step, in the operational log at `debug`: that it arrived and from whom, how it was read, who
 * asks, what was decided and why, how it was answered; for logins each event and each call to a provider beside.
 *
 * At other levels nothing is put in the way of a request. Threat: a log that holds what opens something: of addresses only
 * the path, of headers and bodies nothing.
 */
import type { RequestHandler } from 'express'
import type { AuditLog } from '../audit/event.ts'
import type { Executor } from '../fronts/executor.ts'
import type { Reply } from '../fronts/front.ts'
import type { Outbound, OutboundFetch } from '../login/provider/outbound.ts'
import { socketPeer } from '../peer.ts'
import type { Authentication, DecidedQuestion, VerifyDependencies } from '../verify.ts'
import type { Logger } from './logger.ts'

/** Each gives what it is given, telling of it. */
export interface Story {
  readonly arrivals: (execute: Executor, front: string) => Executor
  readonly authenticate: (authenticate: VerifyDependencies['authenticate']) => VerifyDependencies['authenticate']
  readonly decided: (record: (decided: DecidedQuestion) => void) => (decided: DecidedQuestion) => void
  readonly events: (log: AuditLog) => AuditLog
  readonly calls: (outbound: Outbound) => Outbound
  /** Before everything else that answers pages. */
  readonly pages: readonly RequestHandler[]
}

const asItIs = <T>(given: T): T => given
export const noStory: Story = {
  arrivals: asItIs,
  authenticate: asItIs,
  decided: asItIs,
  events: asItIs,
  calls: asItIs,
  pages: [],
}

export function createStory(logger: Logger, requestIdOf: (reply: Reply) => string): Story {
  const answered = (reply: Reply): Reply => {
    logger.debug({ requestId: requestIdOf(reply), status: reply.status }, 'check answered')
    return reply
  }
  return {
    arrivals: (execute, front) => subrequest => {
      const { method, target, peerAddress } = subrequest
      const peer = peerAddress === socketPeer ? 'a Unix socket' : peerAddress
      logger.debug({ front, peer, method, path: pathOf(target) }, 'check arrived')
      const reply = execute(subrequest)
      return reply instanceof Promise ? reply.then(answered) : answered(reply)
    },
    authenticate: authenticate => question => {
      const { requestId, front, request, clientAddress } = question
      const { domain, resource, action } = request
      logger.debug({ requestId, front, domain, resource, action, clientAddress }, 'check read')
      const known = (found: Authentication): Authentication => {
        logger.debug({ requestId, ...whoIs(found) }, 'asker known')
        return found
      }
      const found = authenticate(question)
      return found instanceof Promise ? found.then(known) : known(found)
    },
    decided: record => decided => {
      const { requestId, decision } = decided
      logger.debug({ requestId, decision }, 'decided')
      record(decided)
    },
    events: log => ({
      write(event) {
        logger.debug(event, 'event')
        log.write(event)
      },
      flush: () => log.flush(),
    }),
    calls: outbound => {
      const told = (fetch: OutboundFetch) => tellingCalls(fetch, logger)
      return {
        fetch: told(outbound.fetch),
        withCertificate: certificate => told(outbound.withCertificate(certificate)),
        close: () => outbound.close(),
      }
    },
    pages: [
      (request, response, next) => {
        const { method, path } = request
        response.once('close', () => logger.debug({ method, path, status: response.statusCode }, 'page answered'))
        next()
      },
    ],
  }
}

/** Names alone: claims and groups may be anything. */
const named = (identity: Authentication['identity']): object =>
  identity.kind === 'anonymous' ? { who: identity.kind } : { who: identity.kind, subject: identity.subject }

function whoIs({ identity, sessionDigest, sessionChallenge, credential, clearCookie }: Authentication): object {
  return {
    ...named(identity),
    session: sessionDigest,
    ...(credential !== undefined && { by: credential }),
    ...(sessionChallenge !== undefined && { another: sessionChallenge.reason }),
    ...(clearCookie && { worthlessCookie: true }),
  }
}

const tellingCalls =
  (fetch: OutboundFetch, logger: Logger): OutboundFetch =>
  async (url, init) => {
    const { host, pathname: path } = new URL(url)
    try {
      const response = await fetch(url, init)
      logger.debug({ host, path, status: response.status }, 'provider answered')
      return response
    } catch (error) {
      logger.debug({ host, path, err: error }, 'provider did not answer')
      throw error
    }
  }

const pathOf = (target: string): string => target.split('?')[0] ?? ''
