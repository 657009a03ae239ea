/** A browser at the auth host of a service under test. */
import { CookieJar } from 'tough-cookie'
import { createOutbound } from '../app/login/provider/outbound.ts'
import { ProviderVisitor } from './provider.ts'

const outbound = createOutbound()

interface BrowserRequest {
  readonly method?: string
  readonly body?: string
  /** Put over those that a browser sends by itself. */
  readonly headers?: Readonly<Record<string, string>>
}

/** Cookies of the auth host, and a visitor of the provider. */
export class TestBrowser {
  readonly jar = new CookieJar()
  readonly visitor = new ProviderVisitor()

  /** One request to the auth host; redirects are not followed. */
  async request(url: string, init: BrowserRequest = {}): Promise<Response> {
    const form = init.body === undefined ? {} : { 'content-type': 'application/x-www-form-urlencoded' }
    const headers = {
      cookie: await this.jar.getCookieString(url),
      'sec-fetch-site': 'same-origin',
      ...form,
      ...init.headers,
    }
    const response = await outbound.fetch(url, { ...init, redirect: 'manual', headers })
    for (const line of response.headers.getSetCookie()) await this.jar.setCookie(line, url)
    return response
  }
}
