/** Questions of an application (AuthZEN): one evaluation in each request, by a token that was seen before. */
import { createBenchIssuer } from './bearer.ts'
import type { Case } from './measure.ts'
import type { Resources } from './resources.ts'
import { type BenchService, type ProcessOptions, startService } from './service.ts'
import type { FolderOptions } from './service-folder.ts'

const audience = 'https://auth.example.com/access'
const question = {
  subject: { type: 'user', id: 'https://idp.example.com#somebody' },
  action: { name: 'read' },
  resource: { type: 'item', id: '123' },
}

/** About an object, of somebody whose provider is none of ours: no session is looked for, and what is measured is the question. */
export async function startAuthzenCase(
  options: FolderOptions & ProcessOptions,
  resources: Resources,
): Promise<{ readonly service: BenchService; readonly one: Case }> {
  const { trusted, tokenOf } = createBenchIssuer(resources, audience)
  const service = await startService(
    {
      ...options,
      settings: {
        machines: { issuers: [trusted] },
        authzen: {
          bearerFrom: ['ci'],
          bearerAudience: audience,
          rateLimit: 10_000_000,
          applications: [{ name: 'bench', types: ['item'], actions: ['read'] }],
        },
      },
      furtherRows:
        'p, client:ci/robot, authzen, /app:bench, evaluate, -, allow\np, anyone, app:bench, /item/*, read, -, allow\n',
    },
    resources,
  )
  const body = JSON.stringify(question)
  const head = [
    'POST /access/v1/evaluation HTTP/1.1',
    'Host: auth.example.com',
    'Connection: keep-alive',
    `Authorization: Bearer ${tokenOf(0)}`,
    'Content-Type: application/json',
    `Content-Length: ${body.length}`,
  ]
  const requests = [`${head.join('\r\n')}\r\n\r\n${body}`]
  return { service, one: { name: 'authzen', pid: service.pid, port: service.port, requests, expectedStatus: 200 } }
}
