/**
 * Golden cases as whole subrequests, over HTTP and through each line of the table of fronts, into the audit line.
 *
 * Everything between the socket and the decision is the product's own, routes and writer included. The authenticator is
 * not: golden cases are about people, machines and clocks that no login of a test could have (an `auth_time` of 1970), so the
 * identity of the case stands in for a session, and its certificate for one that a header held. Sessions have tests of their own.
 */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createIdentityHeaders, defaultIdentityHeaderNames } from '../../app/assertion/headers.ts'
import { createAccessFormat } from '../../app/audit/format-access.ts'
import { createChallenge } from '../../app/fronts/challenge.ts'
import { createCheckEndpoint, type Endpoint } from '../../app/fronts/check-endpoint.ts'
import { createDeniedPages } from '../../app/fronts/denied-pages.ts'
import { createFormPages } from '../../app/fronts/form-pages.ts'
import { createFrontRoutes } from '../../app/fronts/front-routes.ts'
import { fronts } from '../../app/fronts/fronts.ts'
import { createTrustedProxies } from '../../app/fronts/trusted-proxies.ts'
import { createReplyWriter } from '../../app/fronts/write-reply.ts'
import { type CheckRoutes, findEndpoint } from '../../app/listener/server.ts'
import { createPages } from '../../app/pages/create-pages.ts'
import { createVerify, type VerifyDependencies } from '../../app/verify.ts'
import { decide } from '../../rbac/decide.ts'
import type { PolicySnapshot } from '../../rbac/policy.ts'
import type { PolicyTestCase } from '../../rbac/testing/policy-test.ts'
import type { FrontName } from '../dialects.ts'
import { type Answer, dialectHeaders, dialectLine, exchange } from '../raw-exchange.ts'

export const publicUrl = 'https://auth.example.com'

export interface Asked {
  readonly answer: Answer
  /** The audit line, read again. */
  readonly event: Readonly<Record<string, unknown>>
}

export interface GoldenFronts {
  /** One after the other: the case that is asked is the one that is authenticated. */
  readonly ask: (front: FrontName, golden: PolicyTestCase, policy: PolicySnapshot) => Promise<Asked>
  readonly close: () => void
}

/** Why a case cannot come from a proxy; `undefined` where it can. */
export function whyNotAsked({ request }: PolicyTestCase): string | undefined {
  return request.url.includes('://') ? undefined : 'no proxy asks about what is no address'
}

export async function startGoldenFronts(): Promise<GoldenFronts> {
  let asked: { golden: PolicyTestCase; policy: PolicySnapshot } | undefined
  const current = () => {
    if (asked === undefined) throw new Error('nothing was asked')
    return asked
  }
  let line = ''
  const format = createAccessFormat()
  const nowMs = () => current().golden.context.now * 1000
  const endpoints = createEndpoints({
    authenticate: () => ({ identity: current().golden.identity, actors: current().golden.actors, clearCookie: false }),
    clientCertificate: () => current().golden.context.clientCertificate,
    decide: situation => decide(situation, current().policy),
    audit: access => {
      line = format(access, nowMs())
    },
    now: nowMs,
  })
  const server = createServer((request, response) => findEndpoint(request.url ?? '', endpoints)?.(request, response))
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const { port } = server.address() as AddressInfo
  return {
    ask: async (front, golden, policy) => {
      asked = { golden, policy }
      line = '{}'
      const answer = await exchange(port, lineOf(front, golden), linesOf(front, golden, policy))
      return { answer, event: JSON.parse(line) as Record<string, unknown> }
    },
    close: () => server.close(),
  }
}

function createEndpoints(
  own: Pick<VerifyDependencies, 'authenticate' | 'clientCertificate' | 'decide' | 'audit' | 'now'>,
): CheckRoutes {
  const made = createPages()
  const pages = () => made
  const deniedPages = createDeniedPages(pages, publicUrl)
  const none = (): never => {
    throw new Error('golden cases need no handoff')
  }
  const headersOf = createIdentityHeaders({
    names: defaultIdentityHeaderNames,
    groupSeparator: '|',
    sign: () => 'signed',
    onGroupsOmitted: () => {},
  })
  const verify = createVerify({
    ...own,
    identityHeaders: ({ identity }, request) => headersOf(identity, request),
    upstreamCookie: cookie => cookie,
    challenge: createChallenge({
      publicUrl,
      keepAddress: () => undefined,
      issuePending: () => ({ setCookie: 'sallyport=pending', nonceHash: 'digest' }),
    }),
    clearCookie: () => 'sallyport=',
    requireAudit: () => {},
    record: () => {},
    onDecision: () => {},
  })
  let requests = 0
  const write = createReplyWriter()
  const settings = {
    trustedProxies: createTrustedProxies(['127.0.0.0/8']),
    identityHeaderNames: new Set(Object.values(defaultIdentityHeaderNames).map(name => name.toLowerCase())),
    webSocketOrigins: new Set<string>(),
    canonical: {},
    deniedPages,
    formPages: createFormPages(pages, publicUrl),
  }
  const dependencies = {
    verify,
    handoff: { answer: none, denied: none },
    pages,
    newRequestId: () => `r${++requests}`,
    onRefused: () => {},
    onAliases: () => {},
  }
  const answering: Parameters<typeof createFrontRoutes<Endpoint>>[3] = execute =>
    createCheckEndpoint(execute, { write, onUnwritten: () => {} })
  return createFrontRoutes(fronts, settings, dependencies, answering)
}

const lineOf = (front: FrontName, { request }: PolicyTestCase): string =>
  dialectLine(front, { method: request.action, url: request.url })

/** As a browser's navigation reaches the proxy. */
function linesOf(front: FrontName, golden: PolicyTestCase, policy: PolicySnapshot): (readonly [string, string])[] {
  const { request, context } = golden
  const lines = dialectHeaders(front, { method: request.action, url: request.url })
  const { clientAddress } = context
  return [
    ...lines.filter(([name]) => name !== 'X-Forwarded-For'),
    ...(clientAddress === undefined ? [] : [['X-Forwarded-For', clientAddress] as const]),
    ['Accept', 'text/html'],
    ['Sec-Fetch-Mode', 'navigate'],
    ...headersAskedFor(golden, policy),
  ]
}

/** A case keeps its headers behind a function; those that its decision looks at are all that matter. */
function headersAskedFor(
  { request, identity, actors, context }: PolicyTestCase,
  policy: PolicySnapshot,
): [string, string][] {
  const found = new Map<string, string>()
  const header = (name: string): string | undefined => {
    const value = context.header?.(name) ?? undefined
    if (value !== undefined) found.set(name, value)
    return value
  }
  decide({ request, identity, actors, context: { ...context, header } }, policy)
  return [...found]
}
