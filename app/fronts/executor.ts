/**
 * A check is a function from a subrequest to a reply: parse, verify, render, and a reply for whatever goes wrong.
 *
 * It knows no socket and no response, so that whoever receives subrequests, over HTTP today, translates at the edge and
 * has nothing else to do. Threat: a failure that leaves the answer to whoever called. So nothing is thrown and no promise
 * rejects, and no reply for a failure has a status that a proxy takes for an allow.
 */
import { asOperational, type ErrorCode } from '../errors.ts'
import type { PagesFor } from '../pages/pages.ts'
import type { Verify } from '../verify.ts'
import type { FormPages } from './form-pages.ts'
import type { Front, ParsedSubrequest, Reply, Subrequest } from './front.ts'
import { type Handoff, isReserved } from './handoff.ts'
import { readerOf } from './page-reader.ts'
import { bearerFields, detailsReply, pageReply, problemReply, requestIdHeader } from './reply.ts'
import type { RefuseSentIdentity } from './sent-identity.ts'

export interface ExecutorDependencies {
  readonly verify: Verify
  readonly handoff: Handoff
  readonly pages: PagesFor<'error'>
  readonly newRequestId: () => string
  /** Present where hosts have headers of their own. Throws for a request that says itself who is asking. */
  readonly refuseSentIdentity?: RefuseSentIdentity
  /** Must not throw. */
  readonly onRefused: (refusal: Refusal) => void
  /** Headers with underscores that stand in for ours came along and were ignored. */
  readonly onAliases: (front: string, count: number) => void
}

export interface Refusal {
  readonly front: string
  readonly requestId: string
  readonly code: ErrorCode
  readonly error: unknown
  readonly clientAddress?: string | undefined
}

/** Never throws; a promise, where something had to be waited for, never rejects. */
export type Executor = (subrequest: Subrequest) => Reply | Promise<Reply>

/** Judges the original request; the reserved paths are answered in place. */
export function createExecutor(front: Front, dependencies: ExecutorDependencies): Executor {
  const { verify, handoff } = dependencies
  return createExecutorOf(front, dependencies, (parsed, requestId, later) => {
    const { request, cookie, isInteractive, isUpgrade, clientAddress, headers } = parsed
    if (isReserved(request.resource)) return later(handoff.answer(parsed, requestId), asItIs, parsed, requestId)
    const asked = { front: front.name, requestId, request, cookie, headers, clientAddress, isInteractive, isUpgrade }
    const result = verify(asked)
    return result instanceof Promise ? later(result, front.render, parsed, requestId) : front.render(result, parsed)
  })
}

/** `/.sallyport/*` as a proxy routes it to us (NGINX), with the original request in the headers of its dialect. */
export function createReservedExecutor(front: Front, dependencies: ExecutorDependencies): Executor {
  return createExecutorOf(front, dependencies, (parsed, requestId, later) =>
    later(dependencies.handoff.answer(parsed, requestId), asItIs, parsed, requestId),
  )
}

/** The denial page as NGINX fetches it after a 403, with the request id that the check had. */
export function createDeniedExecutor(front: Front, dependencies: ExecutorDependencies): Executor {
  return createExecutorOf(front, dependencies, (parsed, requestId, later) => {
    const given = parsed.headers.any('x-sallyport-request-id') ?? ''
    return later(
      dependencies.handoff.denied(parsed, plainId.test(given) ? given : requestId),
      asItIs,
      parsed,
      requestId,
    )
  })
}

/** The page for a form as NGINX fetches it after a 401, with the login address and the request id of the check. */
export function createFormExecutor(front: Front, formPages: FormPages, dependencies: ExecutorDependencies): Executor {
  return createExecutorOf(front, dependencies, (parsed, requestId) => {
    const { headers } = parsed
    const given = headers.only('x-sallyport-request-id') ?? ''
    const id = plainId.test(given) ? given : requestId
    return pageReply(401, formPages(parsed, headers.only('x-sallyport-redirect') ?? '', id), requestIdHeader(id))
  })
}

const plainId = /^[\w-]{1,64}$/
const asItIs = (reply: Reply): Reply => reply

/** Waits for an answer and renders it; a failure of either is refused. */
type Later = <T>(
  answer: Promise<T>,
  render: (answer: T, parsed: ParsedSubrequest) => Reply,
  parsed: ParsedSubrequest,
  requestId: string,
) => Promise<Reply>

/** What is done with a subrequest that was understood. What it throws is refused. */
type Treatment = (parsed: ParsedSubrequest, requestId: string, later: Later) => Reply | Promise<Reply>

/**
 * Most checks are answered in the turn of the event loop in which they arrive; only what has to wait (a store across the
 * network, a page) costs promises.
 */
function createExecutorOf(front: Front, dependencies: ExecutorDependencies, treat: Treatment): Executor {
  const { name } = front
  const later: Later = async (answer, render, parsed, requestId) => {
    try {
      return render(await answer, parsed)
    } catch (error) {
      return refuse(error, { front: name, requestId, parsed }, dependencies)
    }
  }
  return subrequest => {
    const requestId = dependencies.newRequestId()
    let parsed: ParsedSubrequest | undefined
    try {
      parsed = front.parse(subrequest)
      dependencies.refuseSentIdentity?.(parsed.request.domain, subrequest.rawHeaders)
      const { aliasCount } = parsed.headers
      if (aliasCount > 0) dependencies.onAliases(name, aliasCount)
      return treat(parsed, requestId, later)
    } catch (error) {
      return refuse(error, { front: name, requestId, parsed }, dependencies)
    }
  }
}

interface Refused {
  readonly front: string
  readonly requestId: string
  /** Absent where not even the question was understood. */
  readonly parsed: ParsedSubrequest | undefined
}

function refuse(error: unknown, { front, requestId, parsed }: Refused, dependencies: ExecutorDependencies): Reply {
  const expected = asOperational(error, 'ERR_INTERNAL', 'unexpected failure')
  dependencies.onRefused({ front, requestId, code: expected.code, error, clientAddress: parsed?.clientAddress })
  const { status, sentence, challenge } = expected
  if (challenge !== undefined) {
    const members = { detail: sentence, code: expected.code, requestId }
    return detailsReply(status, members, [requestIdHeader(requestId), bearerFields(challenge)])
  }
  if (parsed?.isInteractive === true || parsed?.isForm === true) {
    const page = dependencies.pages(readerOf(parsed.headers)).error({ status, sentence, requestId })
    return pageReply(status, page, requestIdHeader(requestId))
  }
  return problemReply(status, { error: expected.code, message: sentence, requestId }, [requestIdHeader(requestId)])
}
