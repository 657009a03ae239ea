/**
 * Addresses that are too long for a redirect, because proxies pass on headers of a few kilobytes and pages of any size:
 * the login ends on `/login/back`, whose page leads on by itself.
 */
import type { Request, RequestHandler } from 'express'
import { redirect, sendPage } from '../arrival.ts'
import { isToken } from '../attempts.ts'
import type { LoginPlaces, LoginRecords } from '../dependencies.ts'
import { fragmentIn, type LoginParameters, rawQueryOf } from '../parameters.ts'
import { logNoReturn } from './no-return.ts'

export const leadBackPath = '/login/back'

/** In characters; what a check can answer with. */
const longestRedirect = 2048

type Keeper = Pick<LoginPlaces, 'addresses' | 'publicUrl'>

/** The address itself, or that of a page that leads there, with what belongs behind `#`. */
export function wayTo(
  { returnTo, page, fragment }: { readonly returnTo: string; readonly page?: string; readonly fragment?: string },
  request: Request,
  { addresses, publicUrl }: Keeper,
): { readonly url: string; readonly behind: string } {
  const behind = fragment === undefined ? '' : `#${fragment}`
  const name = returnTo.length <= longestRedirect ? undefined : (page ?? addresses.keep(returnTo, request.ip))
  if (name === undefined) return { url: returnTo, behind }
  const query = new URLSearchParams({ page: name, ...(fragment !== undefined && { fragment }) })
  return { url: `${publicUrl}${leadBackPath}?${query.toString()}`, behind: '' }
}

/** What the login is to lead back to: the address that was kept for it, or what the link holds. */
export async function askedFor(
  { rd, page }: LoginParameters,
  { addresses }: Pick<LoginPlaces, 'addresses'>,
): Promise<string | undefined> {
  return page === undefined ? rd : ((await addresses.find(page)) ?? rd)
}

export function createLeadBackRoute(dependencies: LoginPlaces & LoginRecords): RequestHandler {
  const { addresses, logger, pages, returnTo } = dependencies
  return async (request, response) => {
    const query = new URLSearchParams(rawQueryOf(request))
    const name = query.get('page')
    const { url, refused } = returnTo(isToken(name) ? await addresses.find(name) : undefined)
    if (url === undefined) {
      logNoReturn(refused, response, logger)
      return redirect(response, '/')
    }
    const fragment = fragmentIn(query)
    sendPage(response, 200, pages(response.req).leadBack({ url: fragment === '' ? url : `${url}#${fragment}` }))
  }
}
