/** Asks an API server, over connections of its own. */
import type { OutgoingHttpHeaders } from 'node:http'
import { Agent, request } from 'node:https'
import { readLines } from './lines.ts'

export interface ApiClientOptions {
  /** With a path, if it is below one. */
  readonly url: string
  /** PEM. */
  readonly authority: string
  readonly certificate?: string
  readonly key?: string
  readonly token?: string
}

export interface ApiAnswer {
  readonly status: number
  readonly headers: NodeJS.Dict<string | string[]>
  readonly text: string
}

export interface KubernetesObject {
  readonly apiVersion?: string
  readonly kind?: string
  readonly metadata: {
    readonly name: string
    readonly namespace?: string
    readonly uid?: string
    readonly labels?: Readonly<Record<string, string>>
  }
  readonly [field: string]: unknown
}

export interface ApiClient {
  /** Whatever the answer is. The path goes out byte by byte as it is given. */
  readonly ask: (
    method: string,
    path: string,
    body?: unknown,
    headers?: Readonly<OutgoingHttpHeaders>,
  ) => Promise<ApiAnswer>
  /** Throws for every answer that is none of 2xx. */
  readonly call: (method: string, path: string, body?: unknown, contentType?: string) => Promise<unknown>
  /** The first object of a list, as it is or becomes, that fits: by a watch. */
  readonly until: (
    path: string,
    fits: (item: KubernetesObject) => boolean,
    patienceMs?: number,
  ) => Promise<KubernetesObject>
  readonly close: () => void
}

export function createApiClient(options: ApiClientOptions): ApiClient {
  const { authority: ca, certificate: cert, key, token } = options
  const agent = new Agent({ keepAlive: true, maxSockets: 16, ca, ...(cert !== undefined && { cert, key }) })
  const { hostname, port, pathname } = new URL(options.url)
  const prefix = pathname === '/' ? '' : pathname
  const authorization = token === undefined ? {} : { authorization: `Bearer ${token}` }

  const open = (method: string, path: string, headers: Readonly<OutgoingHttpHeaders>) =>
    request({
      agent,
      host: hostname,
      port,
      method,
      path: `${prefix}${path}`,
      headers: { ...authorization, ...headers },
    })

  const ask: ApiClient['ask'] = (method, path, body, headers = {}) =>
    new Promise((resolve, reject) => {
      const text = body === undefined || typeof body === 'string' ? body : JSON.stringify(body)
      const content = text === undefined ? {} : { 'content-type': 'application/json' }
      const asking = open(method, path, { ...content, ...headers })
      asking.once('error', reject)
      asking.once('response', response => {
        const chunks: Buffer[] = []
        response.on('data', chunk => chunks.push(chunk))
        response.once('error', reject)
        response.once('end', () => {
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            text: Buffer.concat(chunks).toString(),
          })
        })
      })
      asking.end(text)
    })

  const until: ApiClient['until'] = (path, fits, patienceMs = 120_000) =>
    new Promise((resolve, reject) => {
      const watching = open('GET', `${path}${path.includes('?') ? '&' : '?'}watch=true`, {})
      const finish = (settle: () => void) => {
        clearTimeout(timer)
        watching.on('error', () => undefined).destroy()
        settle()
      }
      const fail = (why: string) => finish(() => reject(new Error(`${path} was watched in vain: ${why}`)))
      const timer = setTimeout(() => fail(`${patienceMs / 1000} s are over`), patienceMs)
      watching.once('error', error => fail(error.message))
      watching.once('response', response => {
        response.once('error', error => fail(error.message)).once('end', () => fail('the watch ended'))
        if (response.statusCode !== 200) return fail(`status ${response.statusCode}`)
        readLines(response, line => {
          const { type, object } = JSON.parse(line) as { readonly type: string; readonly object: KubernetesObject }
          if (type !== 'DELETED' && fits(object)) finish(() => resolve(object))
        })
      })
      watching.end()
    })

  return {
    ask,
    until,
    call: async (method, path, body, contentType = 'application/json') => {
      const answer = await ask(method, path, body, { 'content-type': contentType })
      if (answer.status < 200 || answer.status > 299) {
        throw new Error(`${method} ${path} was answered with ${answer.status}: ${answer.text}`)
      }
      return answer.text === '' ? undefined : JSON.parse(answer.text)
    },
    close: () => agent.destroy(),
  }
}
