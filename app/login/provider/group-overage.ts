/**
 * The groups of a person who is in too many of them for a token (Entra ID: above 200), read from Microsoft Graph.
 *
 * The token names an address to ask. It is not followed: an address out of a token, called with a person's access
 * token, is a way to have that token sent anywhere. The one host that is asked follows from the configured issuer.
 */
import { OperationalError } from '../../errors.ts'
import { type ClaimSources, type Claims, overageOf } from '../claims/identity-of-claims.ts'
import { busyIn } from './busy-provider.ts'
import { describeError } from './describe-error.ts'
import { callEndpoint } from './endpoint-call.ts'
import type { OutboundFetch } from './outbound.ts'
import { isUnreachable } from './refusal.ts'

/** `refuse`: a login of such a person is refused, with the reason in the log. */
export type GroupsOverage = 'refuse' | 'graph'

export interface OveragePolicy {
  /** From the configuration. */
  readonly issuer: string
  /** Default `refuse`. */
  readonly groupsOverage?: GroupsOverage
  readonly claims?: { readonly groups?: string }
}

export interface OverageCall {
  /** A `notingFetch`. */
  readonly fetch: OutboundFetch
  /** Of the person; for Microsoft Graph. */
  readonly accessToken: string
  /** Default 5 s. */
  readonly timeoutSeconds?: number
}

/** Microsoft Graph of each cloud, by the host of the issuer. */
const graphs: Readonly<Record<string, string>> = {
  'login.microsoftonline.com': 'https://graph.microsoft.com',
  'sts.windows.net': 'https://graph.microsoft.com',
  'login.microsoftonline.us': 'https://graph.microsoft.us',
  'login.partner.microsoftonline.cn': 'https://microsoftgraph.chinacloudapi.cn',
}

/** Object ids; anything else in the answer is not what was asked for. */
const objectId = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

/**
 * The same claims, with the groups in place where the provider left them out; unchanged when it did not, and when the
 * policy is to refuse (`parseUser` does). For a login and for every later reading of the claims.
 *
 * Rejects with `ERR_PROVIDER_UNAVAILABLE` when Graph does not answer, which may pass, and with
 * `ERR_LOGIN_CLAIMS_INVALID` when it does not tell the groups.
 */
export async function resolveOverage(
  sources: ClaimSources,
  policy: OveragePolicy,
  call: OverageCall,
): Promise<ClaimSources> {
  const name = policy.claims?.groups ?? 'groups'
  if (policy.groupsOverage !== 'graph' || overageOf(sources, name) === undefined) return sources
  const origin = graphs[new URL(policy.issuer).hostname]
  // The access token of another provider is none of Microsoft's business.
  if (origin === undefined) throw invalid('the groups are elsewhere, and the issuer is not Microsoft Entra ID')
  const groups = await fetchGroups(origin, call)
  const { userinfo } = sources
  return {
    idToken: { ...withoutPointers(sources.idToken), [name]: groups },
    ...(userinfo !== undefined && { userinfo: withoutPointers(userinfo) }),
  }
}

function withoutPointers(claims: Claims): Claims {
  const { _claim_names: _names, _claim_sources: _sources, hasgroups: _flag, ...rest } = claims
  return rest
}

async function fetchGroups(origin: string, call: OverageCall): Promise<readonly string[]> {
  try {
    return await callEndpoint('Microsoft Graph', () => ask(`${origin}/v1.0/me/getMemberGroups`, call))
  } catch (error) {
    const code = isUnreachable(error) ? 'ERR_PROVIDER_UNAVAILABLE' : 'ERR_LOGIN_CLAIMS_INVALID'
    throw busyIn(error) ?? new OperationalError(code, describeError(error), { cause: error })
  }
}

/** Security groups alone, nested ones included: those that a token would hold. */
async function ask(url: string, { fetch, accessToken, timeoutSeconds = 5 }: OverageCall): Promise<readonly string[]> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { Authorization: `Bearer ${accessToken}`, 'Content-Type': 'application/json' },
    body: JSON.stringify({ securityEnabledOnly: true }),
    redirect: 'manual',
    signal: AbortSignal.timeout(timeoutSeconds * 1000),
  })
  if (response.status !== 200) throw new Error('there is no list of groups')
  const groups = groupsOf(await response.json())
  // Somebody in too many groups is not in none of them.
  if (groups === undefined || groups.length === 0) throw new Error('there is no list of groups')
  return groups
}

function groupsOf(answer: unknown): readonly string[] | undefined {
  const value = typeof answer === 'object' && answer !== null && 'value' in answer ? answer.value : undefined
  if (!Array.isArray(value)) return undefined
  return value.every(id => typeof id === 'string' && objectId.test(id)) ? value : undefined
}

const invalid = (detail: string) => new OperationalError('ERR_LOGIN_CLAIMS_INVALID', detail)
