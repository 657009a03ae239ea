/** Builds the gateway in front of the clusters: who is let in is decided by the judge that it is given. */
import { createTrustedProxies } from '../../fronts/trusted-proxies.ts'
import type { TlsFiles } from '../../kubernetes/gateway/arriving/tls-files.ts'
import type { CallMeter } from '../../kubernetes/gateway/carrying/call-meter.ts'
import { createGateway, type Gateway, type RefusedCall } from '../../kubernetes/gateway/gateway.ts'
import type { Judge } from '../../kubernetes/gateway/gateway-call.ts'
import { type AccessFile, createChangingCluster } from '../../kubernetes/gateway/upstream/changing-cluster.ts'
import type { ClusterAccess } from '../../kubernetes/gateway/upstream/cluster-access.ts'
import type { Logger } from '../../telemetry/logger.ts'
import { newRequestId } from '../kept.ts'

export interface ComposeGatewayOptions {
  readonly tls: TlsFiles
  readonly clusters: readonly { readonly name: string; readonly access: ClusterAccess | AccessFile }[]
  readonly judge: Judge
  /** Networks whose `X-Forwarded-For` is believed; none by default. */
  readonly trustedProxies?: readonly string[]
  readonly logger: Pick<Logger, 'warn' | 'error'>
  readonly onRefused?: (refused: RefusedCall) => void
  /** Default: nothing is measured. */
  readonly meter?: CallMeter
  /** Until an API server begins to answer. Default 65 000: it gives up after 60 s by itself. */
  readonly answerTimeoutMs?: number
  /** Default 10 000. */
  readonly connectTimeoutMs?: number
  /** How often certificates, keys and tokens are looked at. Default 5000. */
  readonly lookEveryMs?: number
}

/** Throws when a certificate, a key or a token cannot be used. */
export function composeGateway(options: ComposeGatewayOptions): Gateway {
  const { tls, judge, logger, trustedProxies = [], onRefused = () => undefined, lookEveryMs = 5000 } = options
  const { answerTimeoutMs = 65_000, connectTimeoutMs = 10_000 } = options
  const proxies = createTrustedProxies(trustedProxies)
  const clusters = options.clusters.map(({ name, access }) =>
    createChangingCluster({
      name,
      access,
      connectTimeoutMs,
      lookEveryMs,
      onError: error =>
        logger.error({ err: error, cluster: name }, 'credential of a cluster cannot be used; the last good one stays'),
    }),
  )
  return createGateway({
    tls,
    clusters,
    judge,
    newRequestId,
    clientAddress: (peer, forwardedFor) =>
      (proxies.isTrusted(peer) && forwardedFor !== '' ? proxies.clientAddress(forwardedFor) : undefined) ?? peer,
    limits: { answerTimeoutMs },
    log: {
      upstreamFailed: (error, requestId) => logger.warn({ err: error, requestId }, 'API server failed a call'),
      failed: error => logger.error({ err: error }, 'gateway failed'),
      certificateRefused: error => logger.error({ err: error }, 'certificate of the gateway cannot be used'),
    },
    onRefused,
    ...(options.meter !== undefined && { meter: options.meter }),
    lookEveryMs,
  })
}
