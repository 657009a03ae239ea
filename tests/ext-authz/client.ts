/** A client of Envoy's protocol: messages are made and read by @grpc/proto-loader, which knows nothing of our own reader and writer. */
import { join } from 'node:path'
import { type CallOptions, type ChannelCredentials, Client, credentials, type ServiceError } from '@grpc/grpc-js'
import { loadSync } from '@grpc/proto-loader'

const definitions = loadSync(join(import.meta.dirname, '../../app/ext-authz/ext-authz.proto'), {
  keepCase: true,
  defaults: true,
  oneofs: true,
})

interface Method {
  readonly path: string
  readonly requestSerialize: (message: object) => Buffer
  readonly responseDeserialize: (bytes: Buffer) => object
}

const methodOf = (service: string, name: string): Method =>
  (definitions[`envoy.service.auth.v3.${service}`] as unknown as Record<string, Method>)[name] as Method
const check = methodOf('Authorization', 'Check')
const health = methodOf('Health', 'Check')

export interface HeaderOption {
  readonly header: { readonly key: string; readonly value: string }
  readonly append: { readonly value: boolean } | null
  readonly append_action: number
}

export interface CheckResponse {
  readonly status: { readonly code: number }
  readonly http_response?: 'ok_response' | 'denied_response'
  readonly ok_response?: {
    readonly headers: readonly HeaderOption[]
    readonly headers_to_remove: readonly string[]
    readonly response_headers_to_add: readonly HeaderOption[]
  }
  readonly denied_response?: {
    readonly status: { readonly code: number }
    readonly headers: readonly HeaderOption[]
    readonly body: string
  }
  readonly dynamic_metadata: { readonly fields: Readonly<Record<string, { readonly string_value: string }>> } | null
}

/** Bytes as Envoy would send them. */
export const encode = (request: object): Buffer => check.requestSerialize(request)
export const decode = (bytes: Buffer): CheckResponse => check.responseDeserialize(bytes) as CheckResponse

export interface EnvoyClient {
  readonly check: (request: object | Buffer, options?: CallOptions) => Promise<CheckResponse>
  readonly health: (service: string) => Promise<number>
  /** Follows the health of a service: the first status that is told; rejects where the stream ends before. */
  readonly watch: (service: string | Buffer) => { readonly first: Promise<number>; readonly cancel: () => void }
  readonly close: () => void
}

/** A call that fails rejects with the `ServiceError`. */
export function createEnvoyClient(port: number, trust: ChannelCredentials = credentials.createInsecure()): EnvoyClient {
  const client = new Client(`localhost:${port}`, trust)
  const call = <T>(path: string, request: Buffer, read: (bytes: Buffer) => T, options: CallOptions = {}) =>
    new Promise<T>((resolve, reject) => {
      client.makeUnaryRequest(
        path,
        (bytes: Buffer) => bytes,
        read,
        request,
        { deadline: Date.now() + 60_000, ...options },
        (error: ServiceError | null, answer?: T) => (error === null ? resolve(answer as T) : reject(error)),
      )
    })
  return {
    check: (request, options) =>
      call(check.path, Buffer.isBuffer(request) ? request : encode(request), bytes => decode(bytes), options),
    health: service =>
      call('/grpc.health.v1.Health/Check', health.requestSerialize({ service }), bytes => {
        return (health.responseDeserialize(bytes) as { readonly status: number }).status
      }),
    watch: service => {
      const request = Buffer.isBuffer(service) ? service : health.requestSerialize({ service })
      const stream = client.makeServerStreamRequest(
        '/grpc.health.v1.Health/Watch',
        (bytes: Buffer) => bytes,
        bytes => (health.responseDeserialize(bytes) as { readonly status: number }).status,
        request,
        { deadline: Date.now() + 60_000 },
      )
      const first = new Promise<number>((resolve, reject) => {
        stream.on('data', resolve)
        stream.on('error', reject)
      })
      return { first, cancel: () => stream.cancel() }
    },
    close: () => client.close(),
  }
}

export interface Asked {
  readonly method?: string
  readonly url: string
  readonly headers?: readonly (readonly [string, string])[]
  readonly source?: string
  readonly extensions?: Readonly<Record<string, string>>
  /** Fields of the message in place of those that Envoy writes. */
  readonly http?: object
}

/** As Envoy asks with `encode_raw_headers`. */
export function requestAbout({
  method = 'GET',
  url,
  headers = [],
  source = '203.0.113.9',
  extensions,
  http,
}: Asked): object {
  const [scheme = '', rest = ''] = url.split('://', 2)
  const slash = rest.indexOf('/')
  const [host, path] = [rest.slice(0, slash), rest.slice(slash)]
  const pseudo = [
    [':method', method],
    [':path', path],
    [':authority', host],
    [':scheme', scheme],
  ] as const
  const all = [...pseudo, ['x-forwarded-proto', scheme] as const, ...headers]
  return {
    attributes: {
      source: { address: { socket_address: { address: source, port_value: 1 } } },
      request: {
        http: {
          method,
          path,
          host,
          scheme,
          protocol: 'HTTP/1.1',
          header_map: { headers: all.map(([key, value]) => ({ key, raw_value: Buffer.from(value, 'latin1') })) },
          ...http,
        },
      },
      ...(extensions !== undefined && { context_extensions: extensions }),
    },
  }
}
