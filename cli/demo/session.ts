/** What a person does in a browser: log in as somebody, log out. Written for pages, not for any one proxy. */
import type { Browser, HttpResponse } from './browser.ts'

/** Opens `url`, chooses the person at the identity provider, and returns the page that it ends on. */
export async function logIn(browser: Browser, url: string, person: string): Promise<HttpResponse> {
  const page = await browser.visit(url)
  if (!isProviderPage(page)) return page
  return choosePerson(browser, page, person)
}

/** From the identity provider's page on. */
export async function choosePerson(
  browser: Browser,
  page: HttpResponse,
  person: string,
  more: Readonly<Record<string, string>> = {},
): Promise<HttpResponse> {
  if (!isProviderPage(page))
    throw new Error(`expected the identity provider's page, got ${page.status} from ${page.url}`)
  let next = await browser.submit(page, { person, ...more })
  // Another person was logged in there: oidc-provider ends that session with a form that submits itself.
  while (next.body.includes('document.forms[0].submit()')) next = await browser.submit(next, {})
  return next
}

/** Leaves through the application's own link, confirms, and ends the provider's session as well. */
export async function logOut(browser: Browser, applicationUrl: string): Promise<HttpResponse> {
  let page = await browser.visit(new URL('/.sallyport/sign-out', applicationUrl).href)
  for (let forms = 0; page.status === 200 && page.body.includes('<form') && forms < 3; forms += 1) {
    if (page.body.includes('document.forms[0].submit()')) page = await browser.submit(page, {})
    else page = await browser.submit(page, isProviderHost(page) ? { logout: 'yes' } : {})
  }
  return page
}

export function isProviderPage(page: HttpResponse): boolean {
  return isProviderHost(page) && page.body.includes('name="person"')
}

function isProviderHost(page: HttpResponse): boolean {
  return new URL(page.url).hostname === 'idp.localhost'
}
