/** A browser at the auth host of a service under test. */
import { CookieJar } from 'tough-cookie'
import { createOutbound, type Outbound } from '../app/login/provider/outbound.ts'
import { ProviderVisitor } from './provider.ts'

const plain = createOutbound()

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
  readonly #outbound: Pick<Outbound, 'fetch'>

  /** @param outbound for an auth host whose certificate this machine does not know */
  constructor(outbound: Pick<Outbound, 'fetch'> = plain) {
    this.#outbound = outbound
  }

  /** One request to the auth host; redirects are not followed. */
  async request(url: string, init: BrowserRequest = {}): Promise<Response> {
    const form = init.body === undefined ? {} : { 'content-type': 'application/x-www-form-urlencoded' }
    const headers = {
      cookie: await this.jar.getCookieString(url),
      'sec-fetch-site': 'same-origin',
      ...form,
      ...init.headers,
    }
    const response = await this.#outbound.fetch(url, { ...init, redirect: 'manual', headers })
    for (const line of response.headers.getSetCookie()) await this.jar.setCookie(line, url)
    return response
  }
}
