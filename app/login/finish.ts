/** Where a logged-in browser goes: straight back, or through the handoff that gives the application's host its cookie. */
import { originOf } from '../../rbac/request/access-request.ts'
import { type Exchange, redirect } from './arrival.ts'
import { type LoginIntent, randomToken } from './attempts.ts'
import type { LoginPlaces } from './dependencies.ts'
import { wayTo } from './return/lead-back.ts'
import { noteNoReturn } from './return/no-return.ts'

const TICKET_LIFETIME_SECONDS = 60

/** Where a login ends. */
export type Destination = Pick<LoginIntent, 'returnTo' | 'noReturn' | 'handoff' | 'isAgain' | 'page' | 'fragment'>

/** Rejects with `ERR_STORE_UNAVAILABLE`. */
export async function leaveFor(
  destination: Destination,
  { request, response }: Exchange,
  dependencies: LoginPlaces,
): Promise<void> {
  const { returnTo, noReturn, handoff, isAgain } = destination
  if (noReturn !== undefined) noteNoReturn(noReturn, request)
  const target = new URL(returnTo)
  const { url, behind } = wayTo(destination, request, dependencies)
  if (handoff === undefined || originOf(returnTo) === dependencies.publicUrl) {
    return redirect(response, `${url}${behind}`)
  }
  const id = randomToken()
  const again = isAgain === true ? { isAgain } : {}
  const ticket = { sessionId: request.sessionID, domain: target.hostname, returnTo: url, nonceHash: handoff, ...again }
  await dependencies.tickets.put(id, ticket, TICKET_LIFETIME_SECONDS)
  // A browser keeps a fragment over redirects that have none of their own, so the handoff need not know it.
  redirect(response, `${originOf(returnTo)}/.sallyport/handoff?ticket=${id}${behind}`)
}
