/** One request to a proxy, or past it, for a host that no name server knows. */
import { request as httpRequest } from 'node:http'
import { text } from 'node:stream/consumers'

export interface Question {
  readonly port: number
  readonly host: string
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  /** An object is sent as JSON, a text as a form. */
  readonly body?: unknown
  /** Of this machine; 127.0.0.1 when absent. */
  readonly address?: string
}

export interface Answer {
  readonly status: number
  readonly location: string | undefined
  /** `name=value` of each. */
  readonly cookies: readonly string[]
  readonly body: string
}

export function ask(path: string, question: Question): Promise<Answer> {
  const { port, host, method = 'GET', headers = {}, body, address = '127.0.0.1' } = question
  const isForm = typeof body === 'string'
  const type = body !== undefined && {
    'content-type': isForm ? 'application/x-www-form-urlencoded' : 'application/json',
  }
  return new Promise((resolve, reject) => {
    const all = { host, accept: 'text/html', ...type, ...headers }
    httpRequest({ host: address, port, path, method, headers: all }, answer => {
      const { statusCode = 0, headers: answered } = answer
      const cookies = (answered['set-cookie'] ?? []).map(line => line.split(';', 1)[0] ?? '')
      text(answer).then(
        said => resolve({ status: statusCode, location: answered.location, cookies, body: said }),
        reject,
      )
    })
      .on('error', reject)
      .end(isForm ? body : body && JSON.stringify(body))
  })
}
