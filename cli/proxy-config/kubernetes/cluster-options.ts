/** What the command line says of a cluster, read strictly: none of it means anything to YAML. */
import { InvalidArgumentError } from 'commander'

/** Pods, by the namespace that they are in and all of these labels. */
export interface PodSelection {
  readonly namespace: string
  /** At least one. */
  readonly labels: readonly (readonly [key: string, value: string])[]
}

/** Names are labels of RFC 1123. */
export interface ClusterOptions {
  /** Of the gateway and of what hangs on it. Default: that of the format. */
  readonly namespace?: string
  /** Name of the Gateway. Default `gateway`. */
  readonly gateway?: string
  /** The pods that ask Sallyport. Default: those that the gateway's own installation makes. */
  readonly gatewayPods?: PodSelection
  /** How Sallyport is asked. Default: over gRPC where the configuration has it with TLS, else over HTTP. */
  readonly check?: 'http' | 'grpc'
}

/** RFC 1123 section 2.1, as Kubernetes takes it for a namespace. */
export const isLabel = (text: string): boolean => /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/.test(text)

/** A namespace, or the name of a Gateway. */
export function readName(text: string): string {
  if (isLabel(text)) return text
  throw new InvalidArgumentError('It has up to 63 small letters, digits and dashes.')
}

/** `envoy-gateway-system/app=envoy,tier=edge`. */
export function readPods(text: string): PodSelection {
  const [, namespace = '', list = ''] = /^([^/]*)\/(.*)$/s.exec(text) ?? []
  const labels = list.split(',').map((pair): readonly [string, string] => {
    const [key = '', value = '', ...more] = pair.split('=')
    if (!isLabelKey(key) || !isLabelValue(value) || more.length > 0)
      throw new InvalidArgumentError('Pods are written NAMESPACE/LABEL=VALUE, more labels behind commas.')
    return [key, value]
  })
  return { namespace: readName(namespace), labels }
}

const isLabelValue = (text: string): boolean => /^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$/.test(text)

const isLabelKey = (text: string): boolean => {
  const [name = '', prefix, ...more] = text.split('/').reverse()
  return (
    more.length === 0 &&
    isLabelValue(name) &&
    (prefix === undefined || (prefix.length <= 253 && prefix.split('.').every(isLabel)))
  )
}
