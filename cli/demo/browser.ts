/**
 * A small HTTP client that behaves like a browser where it matters here: it keeps cookies per host, follows redirects,
 * sends forms, and finds every name below `.localhost` on loopback (RFC 6761 section 6.3).
 */
import { once } from 'node:events'
import { request as httpRequest, type IncomingMessage } from 'node:http'
import { loopback } from './ports.ts'

export interface RequestOptions {
  readonly method?: string
  /** Names and values; a list repeats the header. */
  readonly headers?: Readonly<Record<string, string | readonly string[]>>
  readonly body?: string
  readonly timeoutMs?: number
  /** The request target as it goes on the wire, where it has to differ from the URL's. */
  readonly target?: string
}

export interface HttpResponse {
  readonly url: string
  readonly status: number
  readonly headers: IncomingMessage['headers']
  readonly setCookies: readonly string[]
  readonly body: string
}

/** One request, as given. Rejects when nothing answers in time. */
export async function request(url: string, options: RequestOptions = {}): Promise<HttpResponse> {
  const { hostname, port, host, pathname, search } = new URL(url)
  const headers: Record<string, string | readonly string[]> = { host, ...options.headers }
  if (options.body !== undefined) headers['content-length'] = String(Buffer.byteLength(options.body))
  const outgoing = httpRequest({
    host: hostname === 'localhost' || hostname.endsWith('.localhost') ? loopback : hostname,
    port: port || 80,
    path: options.target ?? `${pathname}${search}`,
    method: options.method ?? 'GET',
    headers: headers as Record<string, string | string[]>,
    agent: false,
    timeout: options.timeoutMs ?? 10_000,
  })
  outgoing.on('timeout', () => outgoing.destroy(new Error(`no answer from ${host} in time`)))
  // `once` hears errors until the answer begins; a hang-up after that shows in the body.
  outgoing.on('error', () => undefined)
  outgoing.end(options.body)
  const [response] = (await once(outgoing, 'response')) as [IncomingMessage]
  let body = ''
  response.setEncoding('utf8')
  for await (const chunk of response) body += chunk
  return {
    url,
    status: response.statusCode ?? 0,
    headers: response.headers,
    setCookies: response.headers['set-cookie'] ?? [],
    body,
  }
}

/** What a browser sends when someone types an address. */
export const navigation = {
  accept: 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8',
  'sec-fetch-mode': 'navigate',
  'sec-fetch-dest': 'document',
  'sec-fetch-site': 'none',
  'user-agent': 'Mozilla/5.0 (X11; Linux x86_64) sallyport-demo',
} as const

export interface Browser {
  /** Navigates and follows what leads on by itself (at most 20 times); the last answer. */
  readonly visit: (url: string, options?: RequestOptions) => Promise<HttpResponse>
  /** Navigates without following. */
  readonly open: (url: string, options?: RequestOptions) => Promise<HttpResponse>
  /** Submits the first form of a page, with its hidden fields and these values. */
  readonly submit: (page: HttpResponse, values: Readonly<Record<string, string>>) => Promise<HttpResponse>
  /** The Cookie header for this URL; empty when there is none. */
  readonly cookieFor: (url: string) => string
  readonly setCookie: (url: string, name: string, value: string) => void
}

export function createBrowser(): Browser {
  const jar = createJar()
  const open = async (url: string, options: RequestOptions = {}): Promise<HttpResponse> => {
    const cookie = jar.header(url)
    const headers = { ...navigation, ...(cookie === '' ? {} : { cookie }), ...options.headers }
    const response = await request(url, { ...options, headers })
    for (const line of response.setCookies) jar.store(url, line)
    return response
  }
  const visit = async (url: string, options: RequestOptions = {}): Promise<HttpResponse> => {
    let response = await open(url, options)
    for (let hops = 0, next = nextOf(response); next !== undefined; hops += 1, next = nextOf(response)) {
      if (hops >= 20) throw new Error(`too many redirects, the last one to ${next}`)
      response = await open(new URL(next, response.url).href)
    }
    return response
  }
  return {
    visit,
    open,
    cookieFor: jar.header,
    setCookie: (url, name, value) => jar.store(url, `${name}=${value}`),
    submit: async (page, values) => {
      const form = findForm(page.body)
      const body = new URLSearchParams({ ...form.fields, ...values }).toString()
      const headers = {
        'content-type': 'application/x-www-form-urlencoded',
        origin: new URL(page.url).origin,
        'sec-fetch-site': 'same-origin',
      }
      return visit(new URL(form.action || page.url, page.url).href, { method: 'POST', body, headers })
    },
  }
}

/** Where an answer leads on to: by a redirect, or by a page that needs no script for it. */
function nextOf({ status, headers, body }: HttpResponse): string | undefined {
  if ([301, 302, 303, 307, 308].includes(status)) return headers.location
  const [refresh] = /<meta http-equiv="refresh"[^>]*>/.exec(body) ?? []
  return refresh === undefined ? undefined : attribute(refresh, 'content').replace(/^0;\s*url=/, '')
}

/** The first form of a page: where it goes and its hidden fields. Good enough for the pages of this demo. */
function findForm(html: string): { readonly action: string; readonly fields: Readonly<Record<string, string>> } {
  const form = /<form\b([^>]*)>([\s\S]*?)<\/form>/i.exec(html)
  if (form === null) throw new Error(`the page has no form: ${html.slice(0, 200)}`)
  const inputs = (form[2] ?? '').match(/<input\b[^>]*>/gi) ?? []
  const fields = inputs.flatMap(input => {
    const name = attribute(input, 'name')
    return name === '' ? [] : [[name, attribute(input, 'value')] as const]
  })
  return { action: attribute(form[1] ?? '', 'action'), fields: Object.fromEntries(fields) }
}

function attribute(tag: string, name: string): string {
  const value = new RegExp(`\\s${name}\\s*=\\s*"([^"]*)"`, 'i').exec(` ${tag}`)?.[1] ?? ''
  return value
    .replaceAll('&quot;', '"')
    .replaceAll('&#39;', "'")
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&amp;', '&')
}

interface Cookie {
  readonly name: string
  readonly value: string
  readonly host: string
  readonly path: string
}

/** Host-only cookies by host, path and name (RFC 6265 section 5.3); a Domain attribute is not honoured. */
function createJar() {
  const cookies = new Map<string, Cookie>()
  return {
    store(url: string, line: string): void {
      const { hostname, pathname } = new URL(url)
      const [pair = '', ...attributes] = line.split(';').map(part => part.trim())
      const separator = pair.indexOf('=')
      const read = (name: string) =>
        attributes.find(part => part.toLowerCase().startsWith(`${name}=`))?.slice(name.length + 1)
      const path = read('path') ?? (pathname.slice(0, pathname.lastIndexOf('/')) || '/')
      const cookie = { name: pair.slice(0, separator), value: pair.slice(separator + 1), host: hostname, path }
      const key = `${hostname} ${path} ${cookie.name}`
      const maxAge = read('max-age')
      const expires = read('expires')
      const isOver =
        maxAge === undefined ? expires !== undefined && Date.parse(expires) <= Date.now() : Number(maxAge) <= 0
      if (isOver) cookies.delete(key)
      else cookies.set(key, cookie)
    },
    header(url: string): string {
      const { hostname, pathname } = new URL(url)
      const fitting = [...cookies.values()].filter(
        cookie => cookie.host === hostname && pathFits(pathname, cookie.path),
      )
      return fitting.map(cookie => `${cookie.name}=${cookie.value}`).join('; ')
    },
  }
}

function pathFits(path: string, prefix: string): boolean {
  return path === prefix || path.startsWith(prefix.endsWith('/') ? prefix : `${prefix}/`)
}
