/** What a command line asks with an access token: whether its session still stands, whose it is, and which clusters there are. */

import type { Request, RequestHandler } from 'express'
import { decodeJwt } from 'jose'
import { type GrantDependencies, issuerOf, type KnownCluster, useOf } from './dependencies.ts'
import type { KubeTokenVerdict } from './kube-tokens.ts'
import { endedAdvice } from './token.ts'

type Valid = Extract<KubeTokenVerdict, { readonly isValid: true }>

/** Of a token for any audience of ours: a question about the login gives nothing away that the token does not say. */
export function createSessionRoute(dependencies: GrantDependencies): RequestHandler {
  const { clusters, endOf, publicUrl, standing } = dependencies
  const audiences = [issuerOf(publicUrl), ...clusters.map(({ audience }) => audience)]
  return async (request, response) => {
    const verdict = await verifyBearer(request, dependencies, audiences)
    const login =
      verdict === undefined ? undefined : await standing(verdict.sessionId, useOf(verdict.claims.aud, dependencies))
    if (verdict === undefined || login === undefined) {
      response.set('WWW-Authenticate', 'Bearer error="invalid_token"').status(401)
      return response.json({ error: 'invalid_token', error_description: endedAdvice })
    }
    return response.json({ active: true, session_ends_at: Math.floor(endOf(login)) })
  }
}

/** Of a token for the account alone (OpenID Connect Core 1.0 section 5.3). */
export function createUserinfoRoute(dependencies: GrantDependencies): RequestHandler {
  const { certificateAuthority, clusters, endOf, publicUrl, standing } = dependencies
  return async (request, response) => {
    const verdict = await verifyBearer(request, dependencies, [issuerOf(publicUrl)])
    const login = verdict === undefined ? undefined : await standing(verdict.sessionId, 'program')
    if (verdict === undefined || login === undefined) {
      response.set('WWW-Authenticate', 'Bearer error="invalid_token"').status(401)
      return response.json({ error: 'invalid_token', error_description: endedAdvice })
    }
    const { subject, email, name, groups } = login.identity
    return response.json({
      sub: subject,
      ...(email !== undefined && { email, email_verified: true }),
      ...(name !== undefined && { name }),
      groups,
      session: verdict.claims.sid,
      session_ends_at: Math.floor(endOf(login)),
      clusters: await Promise.all(clusters.map(describeCluster)),
      certificate_authority: await certificateAuthority(),
    })
  }
}

/** The top-level authority vouches for the gateway alone. */
async function describeCluster({ name, server, direct }: KnownCluster) {
  if (direct === undefined) return { name, server }
  return { name, server, access: 'direct', certificate_authority: await direct.certificateAuthority() }
}

async function verifyBearer(
  request: Request,
  { tokens }: Pick<GrantDependencies, 'tokens'>,
  audiences: readonly string[],
): Promise<Valid | undefined> {
  const [, token] = /^Bearer ([\w.-]{1,8192})$/i.exec(request.headers.authorization ?? '') ?? []
  const audience = token === undefined ? undefined : audiences.find(one => one === claimedAudience(token))
  if (token === undefined || audience === undefined) return undefined
  const verdict = await tokens.verify(token, audience)
  return verdict.isValid ? verdict : undefined
}

/** Unverified: says only which audience is to be looked for. */
function claimedAudience(token: string): unknown {
  try {
    return decodeJwt(token).aud
  } catch {
    return undefined
  }
}
