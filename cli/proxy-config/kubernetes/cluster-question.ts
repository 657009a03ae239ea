/** What a gateway in a cluster has to know, in the words of Kubernetes. Pure. */
import { isIP } from 'node:net'
import type { ProxyFile, ProxyFormat } from '../format.ts'
import { type Address, type OwnAddress, type ProxyHost, type ProxyQuestion, portOf } from '../question.ts'
import { QuestionError } from '../question-error.ts'
import { type ClusterOptions, isLabel, type PodSelection } from './cluster-options.ts'

/** A port of a Service. */
export interface ServiceRef {
  readonly name: string
  readonly namespace: string
  readonly port: number
}

export interface ClusterHost extends Omit<ProxyHost, 'upstream'> {
  readonly service: ServiceRef
}

export interface ClusterQuestion {
  readonly namespace: string
  readonly gateway: string
  readonly hosts: readonly ClusterHost[]
  readonly login: ProxyQuestion['login']
  /** Login pages, and checks over HTTP. */
  readonly sallyport: ServiceRef
  /** Checks over gRPC with TLS. Absent: over HTTP. */
  readonly grpc?: ServiceRef
  /** The pods that ask, and nobody else may. */
  readonly pods: PodSelection
  readonly balancers: readonly string[]
  /** Of the gateway for kubectl, which everybody reaches. Absent: there is none. */
  readonly kubectlPort?: number
  /** What any application is told, in lower case. */
  readonly identityHeaders: readonly string[]
  /** Those among them that single hosts are told. */
  readonly hostHeaders: readonly string[]
  readonly clientCertificateHeader?: string
  /** Headers that conditions of the policy read, in lower case. */
  readonly conditionHeaders: readonly string[]
}

/** A kind of gateway. */
export interface ClusterFormat {
  readonly name: string
  readonly summary: string
  readonly retired?: string
  /** Whether it can ask over HTTP, over gRPC, or both. */
  readonly checks: readonly ('http' | 'grpc')[]
  /** Whether a check over HTTP sends only headers that are listed. Default false. */
  readonly listsHeaders?: boolean
  /** The pods that its own installation makes. */
  readonly pods: (gateway: string, namespace: string) => PodSelection
  /** Pure. */
  readonly files: (question: ClusterQuestion) => readonly ProxyFile[]
}

/** The format for the table. Applications that name no address are Services called like the first label of their host. */
export const inCluster = (format: ClusterFormat): ProxyFormat => ({
  name: format.name,
  summary: format.summary,
  isInCluster: true,
  ...(format.listsHeaders === undefined ? {} : { listsHeaders: format.listsHeaders }),
  ...(format.retired === undefined ? {} : { retired: format.retired }),
  // TLS ends in listeners of the gateway, with certificates that are objects of the cluster.
  fetchesCertificates: true,
  upstreamOf: host => ({ host: host.slice(0, host.indexOf('.')), port: 80 }),
  render: question => format.files(clusterQuestion(question, format)),
})

/** Throws `QuestionError` where the configuration and what is asked have no place in a cluster, or in this gateway. */
export function clusterQuestion(question: ProxyQuestion, format: ClusterFormat): ClusterQuestion {
  const { login, balancers, clientCertificateHeader, cluster = {} } = question
  if (question.tls !== undefined)
    throw new QuestionError(
      'in a cluster TLS ends with a Secret, in the listener of the gateway: leave --tls-certificate out',
    )
  const { namespace = 'default', gateway = 'gateway' } = cluster
  const grpc = grpcOf(question, cluster, format)
  return {
    namespace,
    gateway,
    hosts: question.hosts.map(({ upstream, ...host }) => ({
      ...host,
      service: serviceOf(upstream, namespace, '--host'),
    })),
    login,
    sallyport: ownService(question.sallyport, '--sallyport'),
    ...(grpc !== undefined && { grpc }),
    pods: cluster.gatewayPods ?? format.pods(gateway, namespace),
    balancers,
    ...(question.kubectlPort === undefined ? {} : { kubectlPort: question.kubectlPort }),
    conditionHeaders: question.conditionHeaders,
    hostHeaders: question.hostHeaders.map(name => name.toLowerCase()),
    identityHeaders: [...Object.values(question.identity), ...question.hostHeaders].map(name => name.toLowerCase()),
    ...(clientCertificateHeader !== undefined && { clientCertificateHeader }),
  }
}

function grpcOf({ grpc, grpcTls }: ProxyQuestion, { check }: ClusterOptions, { checks }: ClusterFormat) {
  const usual = checks.includes('http') && !(grpcTls && checks.includes('grpc')) ? 'http' : 'grpc'
  const chosen = check ?? usual
  if (!checks.includes(chosen)) throw new QuestionError(`this gateway does not ask over ${chosen}: leave --check out`)
  if (chosen === 'http') return undefined
  const [first, ...more] = grpc
  // Threat: checks hold session cookies, and whoever answers in our place lets in whom they like.
  if (first === undefined || !grpcTls)
    throw new QuestionError(
      'this asks over gRPC, from another machine: the configuration needs the section `envoy` with `tls`',
    )
  return ownService([first, ...more], '--grpc')
}

/** Our own Service. In the configuration stands where it listens, which is no address of a cluster. */
function ownService([own, ...more]: readonly [OwnAddress, ...OwnAddress[]], option: string): ServiceRef {
  if (more.length > 0)
    throw new QuestionError(
      `in a cluster the replicas are behind one Service: name ${option} once, as NAME.NAMESPACE:PORT`,
    )
  const first = portOf(own)
  const { host, port } = first
  if (host === 'localhost' || host.startsWith('127.') || host === '::1')
    return { name: 'sallyport', namespace: 'sallyport', port }
  return serviceOf(first, 'sallyport', option)
}

/** `name`, `name.namespace`, and the longer names of the cluster's DNS. */
function serviceOf({ host, port }: Address, namespace: string, option: string): ServiceRef {
  const [name = '', second = namespace, ...rest] = host.replace(/\.svc(?:\.cluster\.local)?$/, '').split('.')
  if (isIP(host) > 0 || rest.length > 0 || !isLabel(name) || /^\d/.test(name) || !isLabel(second))
    throw new QuestionError(
      `${host}:${port} of ${option} is no Service of a cluster: write NAME:PORT, or NAME.NAMESPACE:PORT`,
    )
  return { name, namespace: second, port }
}
