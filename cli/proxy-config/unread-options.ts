/**
 * Options that a format does not read. Pure.
 *
 * Threat: an option that is passed over looks as if it had been heeded: whoever says `--check grpc` to a format that asks over HTTP
 * believes that every header gets to Sallyport.
 */
import type { ProxyFormat } from './format.ts'
import type { ClusterOptions } from './kubernetes/cluster-options.ts'
import type { ProxyOptions } from './question.ts'
import { QuestionError } from './question-error.ts'

/** What of the command line not every format reads. */
export interface PartialOptions extends Pick<ProxyOptions, 'grpc' | 'listen' | 'checks'> {
  readonly cluster?: ClusterOptions
  readonly output?: string
  readonly force: boolean
}

const clusterOptions = {
  namespace: '--namespace',
  gateway: '--gateway',
  gatewayPods: '--gateway-pods',
  check: '--check',
}

/** Throws `QuestionError` for the first of them. */
export function refuseUnread(format: ProxyFormat, options: PartialOptions): void {
  const problem = format.isInCluster === true ? inCluster(options) : onMachine(format, options)
  if (problem !== undefined) throw new QuestionError(problem)
  if (options.force && options.output === undefined)
    throw new QuestionError('--force says what --output may overwrite, which is missing')
}

function inCluster({ listen, checks }: PartialOptions): string | undefined {
  if (listen !== undefined)
    return '--listen is not for gateways in a cluster: the listener of the Gateway is yours, so leave it out'
  if (checks !== undefined) return checksAreOfTraefik
  return undefined
}

function onMachine(format: ProxyFormat, { cluster = {}, grpc, checks }: PartialOptions): string | undefined {
  const [first] = Object.entries(clusterOptions).filter(([key]) => key in cluster)
  if (first !== undefined)
    return `${first[1]} is for gateways in a cluster alone, and ${format.name} is none: leave it out${first[0] === 'check' ? ', or take envoy or envoy-grpc, which say by their names how they ask' : ''}`
  if (grpc.length > 0 && format.asksOverGrpc !== true)
    return `${format.name} asks over HTTP, and --grpc is for those that ask over gRPC: leave it out, or take envoy-grpc`
  if (checks !== undefined && format.passesChecksOn !== true) return checksAreOfTraefik
  return undefined
}

const checksAreOfTraefik = '--checks is for traefik and traefik-labels, which can ask one address alone: leave it out'
