/** A receiver of audit events in this process, and who sends to it. */
import { type Agent, type IncomingHttpHeaders, request as plainRequest } from 'node:http'
import { request as tlsRequest } from 'node:https'
import { afterAll, afterEach } from 'vitest'
import { type Receiver, type ReceiverOptions, startReceiver } from '../../../app/kubernetes/audit/receiving/receiver.ts'
import { createRecentKeys } from '../../../rbac/reach/usage/recent-keys.ts'
import { createAuthority } from '../../certificates.ts'

export const authority = createAuthority('authority of the log')
export const stranger = createAuthority('another authority')
afterAll(() => {
  authority.close()
  stranger.close()
})

const server = authority.issue('receiver', ['IP:127.0.0.1'])
export const token = 'a-token-of-the-api-server-0123456789'

export interface Running {
  readonly receiver: Receiver
  readonly kept: string[]
  readonly events: unknown[]
  readonly errors: unknown[]
}

const open: Receiver[] = []
afterEach(async () => {
  await Promise.all(open.splice(0).map(one => one.close()))
})

export async function start(options: Partial<ReceiverOptions> = {}): Promise<Running> {
  const [kept, events, errors]: [string[], unknown[], unknown[]] = [[], [], []]
  const receiver = await startReceiver({
    host: '127.0.0.1',
    port: 0,
    sender: { by: 'nobody' },
    keep: async lines => void kept.push(...lines),
    onEvent: event => void events.push(event),
    onError: error => void errors.push(error),
    seen: createRecentKeys(1000),
    ...options,
  })
  open.push(receiver)
  return { receiver, kept, events, errors }
}

export interface Post {
  readonly body?: string
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly client?: { readonly certificate: string; readonly key: string }
  /** Keeps its connections; none: one for each. */
  readonly agent?: Agent
}

export const listOf = (...items: readonly unknown[]): string =>
  JSON.stringify({ kind: 'EventList', apiVersion: 'audit.k8s.io/v1', metadata: {}, items })

export interface Answered {
  readonly status: number
  readonly headers: IncomingHttpHeaders
}

/** Status 0: there was no answer at all. */
export function post(
  { receiver }: Running,
  { body = '', method = 'POST', headers = {}, client, agent }: Post,
): Promise<Answered> {
  const isTls = receiver.address.startsWith('https:')
  const options = {
    method,
    headers: { 'content-type': 'application/json', ...headers },
    agent: agent ?? (false as const),
    ...(isTls && { ca: authority.certificate }),
    ...(client !== undefined && { cert: client.certificate, key: client.key }),
  }
  return new Promise(resolve => {
    const none = () => resolve({ status: 0, headers: {} })
    const sent = (isTls ? tlsRequest : plainRequest)(receiver.address, options, answer => {
      answer.resume()
      answer.once('end', () => resolve({ status: answer.statusCode ?? 0, headers: answer.headers }))
      answer.once('error', none)
    })
    sent.once('error', none)
    sent.end(body)
  })
}

const tls = { cert: server.certificate, key: server.key }
export const byCertificate = {
  tls: { ...tls, clientCa: authority.certificate },
  sender: { by: 'certificate', names: ['kube-apiserver'] },
} as const
export const byToken = { tls, sender: { by: 'token', token } } as const
export const apiServer = authority.issue('kube-apiserver')
