/** Policies of any size for the bench, and the question that is asked of each. */

import type { Identity } from '../rbac/identity.ts'
import type { AccessRequest } from '../rbac/request/access-request.ts'

export interface PolicySize {
  readonly rows: number
  readonly domains: number
}

const teams = 50
const hostOf = (domain: number): string => `app-${domain}.example.com`
const actions = ['*', 'read', 'GET', 'GET|POST']

/** The rows of each domain follow one another; teams, actions and kinds of resource take turns. */
export function policyText({ rows, domains }: PolicySize): string {
  const lines: string[] = []
  for (let at = 0; at < rows; at++) {
    const domain = hostOf(at % domains)
    const own = Math.floor(at / domains)
    const resource = ['/**', '', '/*/notes', '/*.pdf'][own % 4]
    const subject = own % 5 === 4 ? 'authenticated' : `group:team-${own % teams}`
    const effect = own % 10 === 9 ? 'deny' : 'allow'
    lines.push(
      `p, ${subject}, ${domain}, /area-${own % 97}/project-${own}${resource}, ${actions[own % 4]}, -, ${effect}`,
    )
  }
  return lines.join('\n')
}

/** Alice, in three teams, asks for what the first row of the last domain allows. */
export function policyQuestion({ domains }: PolicySize): { request: AccessRequest; identity: Identity } {
  const request = { domain: hostOf(domains - 1), resource: '/area-0/project-0/start', action: 'GET', url: '' }
  const identity: Identity = {
    kind: 'user',
    subject: 'https://idp.example#alice',
    provider: 'idp',
    email: 'alice@example.com',
    groups: ['team-0', 'team-1', 'team-2'],
    claims: {},
  }
  return { request, identity }
}
