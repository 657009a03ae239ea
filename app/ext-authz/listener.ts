/** The listener of Envoy's checks over gRPC: the authorization service and the health service, with TLS where it is set. */
import { Server, ServerCredentials } from '@grpc/grpc-js'
import { type AuthorizationOptions, authorizationDefinition, createAuthorization } from './authorization.ts'
import { createHealth, healthDefinition } from './health.ts'

export interface GrpcTls {
  /** PEM. */
  readonly certificate: Buffer
  readonly key: Buffer
  /** Authorities of clients; with them nobody is answered who has no certificate of one. */
  readonly clientAuthorities?: Buffer
}

export interface GrpcListenerOptions extends AuthorizationOptions {
  /** Absent: plain text. */
  readonly tls?: GrpcTls
  /** The longest message that is read, in bytes; a longer one is RESOURCE_EXHAUSTED, which is no allow. */
  readonly maxMessageBytes: number
}

export interface GrpcListener {
  /** Rejects when the port is taken. */
  readonly listen: (at: { readonly host: string; readonly port: number } | { readonly staged: string }) => Promise<void>
  /** 0 until it listens. */
  readonly port: () => number
  /** Takes no new calls, and resolves when those that there are have been answered, or after `timeoutMs`, 5 s by default: nobody waits longer for a check. Again, it is the same. */
  readonly close: (timeoutMs?: number) => Promise<void>
}

export function createGrpcListener(options: GrpcListenerOptions): GrpcListener {
  const health = createHealth(['envoy.service.auth.v3.Authorization'])
  const server = new Server({
    'grpc.max_receive_message_length': options.maxMessageBytes,
    // Less than what any client waits; a connection that nobody answers on is let go.
    'grpc.keepalive_time_ms': 60_000,
    'grpc.keepalive_timeout_ms': 20_000,
    // Figures of each call for a service that is not offered here.
    'grpc.enable_channelz': 0,
  })
  server.addService(authorizationDefinition, createAuthorization(options))
  server.addService(healthDefinition, health.implementation)
  let port = 0
  let closing: Promise<void> | undefined
  return {
    listen: at =>
      new Promise((resolve, reject) => {
        server.bindAsync(targetOf(at), credentialsOf(options.tls), (error, bound) => {
          if (error !== null) return reject(error)
          port = 'staged' in at ? 0 : bound
          resolve()
        })
      }),
    port: () => port,
    close: (timeoutMs = 5_000) => {
      closing ??= new Promise(resolve => {
        health.stop()
        const timer = setTimeout(() => server.forceShutdown(), timeoutMs)
        server.tryShutdown(() => {
          clearTimeout(timer)
          resolve()
        })
      })
      return closing
    },
  }
}

function targetOf(at: { readonly host: string; readonly port: number } | { readonly staged: string }): string {
  if ('staged' in at) return `unix:${at.staged}`
  return `${at.host.includes(':') ? `[${at.host}]` : at.host}:${at.port}`
}

function credentialsOf(tls: GrpcTls | undefined): ServerCredentials {
  if (tls === undefined) return ServerCredentials.createInsecure()
  const { certificate, key, clientAuthorities } = tls
  const pair = { cert_chain: certificate, private_key: key }
  return ServerCredentials.createSsl(clientAuthorities ?? null, [pair], clientAuthorities !== undefined)
}
