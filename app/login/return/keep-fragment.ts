/**
 * What stands behind `#` in an address never leaves the browser. It is still there when `/login` opens, because redirects
 * keep it, and is lost at the provider's form: so a page without content hands it back to `/login` before the browser
 * leaves, and the login puts it behind the address that it ends on.
 *
 * Threat: a script on the auth host. The page has this one, which its Content-Security-Policy names by its hash; it reads
 * the fragment and goes to `/login` of this host, with the fragment encoded as one parameter.
 */
import type { Request, Response } from 'express'
import { sendPage } from '../arrival.ts'
import type { LoginPlaces, LoginRecords } from '../dependencies.ts'
import { type LoginParameters, loginPath } from '../parameters.ts'

type Keeper = Pick<LoginPlaces, 'keepsFragment'> & Pick<LoginRecords, 'pages'>

/** Only a browser that shows a document runs its script; everybody else goes on at once, and so does who was asked. */
export function needsFragment(request: Request, { fragment }: LoginParameters, { keepsFragment }: Keeper): boolean {
  return keepsFragment && fragment === undefined && request.headers['sec-fetch-dest'] === 'document'
}

/** Without a script the browser goes on by itself as well, and the fragment is lost. */
export function sendFragmentPage(response: Response, parameters: LoginParameters, { pages }: Keeper): void {
  sendPage(response, 200, pages(response.req).keepFragment({ url: loginPath({ ...parameters, fragment: '' }) }))
}
