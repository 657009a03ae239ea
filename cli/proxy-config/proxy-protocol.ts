/** Whether the balancers in front speak HTTP, or pass bytes on and say with the PROXY protocol who is there. Pure. */
import { QuestionError } from './question-error.ts'

/** Of the command line. */
export interface BalancerOptions {
  /** Ranges of balancers in front. */
  readonly balancers: readonly string[]
  /** Whether they speak the PROXY protocol. Default false. */
  readonly proxyProtocol?: boolean
}

/** Ranges of balancers, by what they are believed: one of the two is empty. */
export interface Balancers {
  /** Their `X-Forwarded-*` counts. */
  readonly balancers: readonly string[]
  /** What stands before each connection of theirs counts, and nobody else gets in. */
  readonly relays: readonly string[]
}

interface ProtocolFacts {
  readonly takesProxyProtocol: boolean
  readonly isHttps: boolean
  /** Whether the proxy is told to end TLS. */
  readonly endsTls: boolean
  readonly speaksHttp3: boolean
}

/** Throws `QuestionError` where a client could write that header itself, or nobody would. */
export function balancersOf({ balancers, proxyProtocol = false }: BalancerOptions, facts: ProtocolFacts): Balancers {
  if (!proxyProtocol) return { balancers, relays: [] }
  const problem = problemOf(balancers, facts)
  if (problem !== undefined) throw new QuestionError(problem)
  return { balancers: [], relays: balancers }
}

function problemOf(balancers: readonly string[], facts: ProtocolFacts): string | undefined {
  // Threat: a balancer that is not told to speak it. Where every connection has to begin with it, nothing works, and somebody
  // looks; elsewhere everything works, and any client writes its address itself.
  if (!facts.takesProxyProtocol)
    return '--proxy-protocol is for haproxy, nginx, envoy and envoy-grpc: traefik and caddy take a connection that does not begin with it as well, and in a cluster the listener of the Gateway is yours (docs/proxies/proxy-protocol.md)'
  // Threat: it says of everybody who they are.
  if (balancers.length === 0) return '--proxy-protocol says what --balancer speaks, which is missing'
  if (facts.isHttps && !facts.endsTls)
    return 'the PROXY protocol says nothing of TLS, which ends here then: add --tls-certificate and --tls-key, or leave --proxy-protocol out'
  // Threat: over UDP a client comes past the balancer, and past what keeps strangers out.
  if (facts.speaksHttp3) return '--proxy-protocol is of TCP alone: leave --http3 out'
  return undefined
}
