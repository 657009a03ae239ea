/** The headers of a real allowed check, for a yardstick that writes as many. */
import { get, type OutgoingHttpHeaders } from 'node:http'
import { browserHeaders, wikiHost } from './browser-request.ts'
import { createResources, type Resources } from './resources.ts'
import { allowedPath } from './rules.ts'
import { startService } from './service.ts'

let known: Promise<OutgoingHttpHeaders> | undefined

/** As a service answers that is started for it, once in a run. What node:http adds to every answer by itself is left out. */
export function allowedAnswerHeaders(parent: Resources): Promise<OutgoingHttpHeaders> {
  known ??= askService(parent)
  return known
}

async function askService(parent: Resources): Promise<OutgoingHttpHeaders> {
  const resources = createResources(parent)
  try {
    const { port, cookie } = await startService({ rows: 10 }, resources)
    return await askOnce(port, cookie)
  } finally {
    await resources.end()
  }
}

function askOnce(port: number, cookie: string): Promise<OutgoingHttpHeaders> {
  const headers = Object.fromEntries(browserHeaders({ host: wikiHost, path: allowedPath, cookie }))
  return new Promise((resolve, reject) => {
    const request = get({ port, host: '127.0.0.1', path: '/verify/forward-auth', headers }, response => {
      response.resume()
      if (response.statusCode === 200) resolve(headersOf(response.rawHeaders))
      else reject(new Error(`expected 200, got: ${response.statusCode}`))
    })
    request.once('error', reject)
  })
}

const fromNode = new Set(['date', 'connection', 'keep-alive'])

function headersOf(rawHeaders: readonly string[]): OutgoingHttpHeaders {
  const headers: OutgoingHttpHeaders = {}
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at] ?? ''
    if (!fromNode.has(name.toLowerCase())) headers[name] = rawHeaders[at + 1] ?? ''
  }
  return headers
}
