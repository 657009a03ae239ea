/** Objects that several gateways need. Pure. */
import type { PodSelection } from './cluster-options.ts'
import type { ClusterQuestion, ServiceRef } from './cluster-question.ts'
import { Lines, manifest, nothing } from './manifest.ts'

/** One after the other. */
export const together = (parts: readonly Lines[]): Lines => new Lines(parts.flatMap(({ lines }) => lines))

/** An item of `backendRefs`; the namespace stands there only where it is another. */
export function backendRef({ name, namespace, port }: ServiceRef, from: string): Lines {
  return manifest`
- name: ${name}
${namespace === from ? nothing : manifest`  namespace: ${namespace}`}
  port: ${port}`
}

/** The same where there is no list. */
export const onlyBackendRef = (service: ServiceRef, from: string): Lines =>
  new Lines(backendRef(service, from).lines.map(line => line.slice(2)))

/** Where an implementation makes the pods of a Gateway by itself, it calls them so (GEP-1762). */
export const gatewayPods = (gateway: string, namespace: string): PodSelection => ({
  namespace,
  labels: [['gateway.networking.k8s.io/gateway-name', gateway]],
})

/** Whoever refers to Services of another namespace has to be named there. */
export interface Referrer {
  readonly group: string
  readonly kind: string
}

/** One for each namespace that holds a Service of these, and that is not the gateway's own. */
export function referenceGrants(
  { namespace }: ClusterQuestion,
  services: readonly ServiceRef[],
  from: readonly Referrer[],
): readonly Lines[] {
  const others = [...new Set(services.map(service => service.namespace))].filter(other => other !== namespace)
  const who = from.map(({ group, kind }) => manifest`- { group: ${group}, kind: ${kind}, namespace: ${namespace} }`)
  return others.sort().map(other => {
    const names = new Set(services.filter(service => service.namespace === other).map(({ name }) => name))
    const to = [...names].sort().map(name => manifest`- { group: "", kind: Service, name: ${name} }`)
    return manifest`
# Without it no object of ${namespace} may name a Service of ${other}: every request would be refused.
apiVersion: gateway.networking.k8s.io/v1
kind: ReferenceGrant
metadata:
  name: ${`sallyport-from-${namespace}`.slice(0, 63)}
  namespace: ${other}
spec:
  from:
    ${together(who)}
  to:
    ${together(to)}`
  })
}

/** TLS towards the listener for gRPC, where the gateway knows the policy of Gateway API. */
export function backendTls({ grpc }: ClusterQuestion): Lines {
  if (grpc === undefined) return nothing
  return manifest`
# Checks hold session cookies, and whoever answers in Sallyport's place lets in whom they like.
apiVersion: gateway.networking.k8s.io/v1
kind: BackendTLSPolicy
metadata:
  name: sallyport
  namespace: ${grpc.namespace}
spec:
  targetRefs:
    - { group: "", kind: Service, name: ${grpc.name}, sectionName: grpc }
  validation:
    # The authority of envoy.tls.certificateFile, as the key ca.crt of a ConfigMap. Where envoy.tls.clientCaFile is set, the
    # gateway also needs a certificate of its own.
    caCertificateRefs:
      - { group: "", kind: ConfigMap, name: sallyport-ca }
    # Has to stand in that certificate.
    hostname: ${dnsName(grpc)}`
}

export const dnsName = ({ name, namespace }: ServiceRef): string => `${name}.${namespace}.svc`

/** The whole name, for whoever has no search path. */
export const fullName = (service: ServiceRef): string => `${dnsName(service)}.cluster.local`

/** The ports of the Service, which the texts refer to. */
export function ownService({ sallyport, grpc, kubectlPort }: ClusterQuestion): Lines {
  const port =
    grpc === undefined || grpc.name !== sallyport.name || grpc.namespace !== sallyport.namespace
      ? nothing
      : manifest`
# Checks over gRPC: the section envoy of the configuration.
- { name: grpc, port: ${grpc.port}, targetPort: ${grpc.port}, protocol: TCP }`
  return manifest`
# In the place of the Service of the same name that \`kube render\` prints.
apiVersion: v1
kind: Service
metadata:
  name: ${sallyport.name}
  namespace: ${sallyport.namespace}
spec:
  selector:
    app.kubernetes.io/name: sallyport
  ports:
    - { name: pages, port: ${sallyport.port}, targetPort: ${sallyport.port}, protocol: TCP }
    ${port}
    ${kubectlPort === undefined ? nothing : manifest`- { name: gateway, port: ${kubectlPort}, targetPort: ${kubectlPort}, protocol: TCP }`}`
}

/** The host of server.url. @param refusal how a path of the check is answered: lines of its rule */
export const loginRoute = (
  { namespace, gateway, login, sallyport }: ClusterQuestion,
  refusal: Lines,
): Lines => manifest`
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata:
  name: sallyport-login
  namespace: ${namespace}
spec:
  parentRefs:
    - name: ${gateway}
  hostnames:
    - ${login.host}
  rules:
    # The check is for the gateway alone, never for a browser.
    - matches:
        - path: { type: PathPrefix, value: /verify }
      ${refusal}
    - backendRefs:
        ${backendRef(sallyport, namespace)}`

/** Answers by an object of that group and kind, called sallyport-not-found. */
export const refusedBy = (group: string, kind: string): Lines => manifest`
filters:
  - type: ExtensionRef
    extensionRef: { group: ${group}, kind: ${kind}, name: sallyport-not-found }`

/** What refuses to listen to anybody but a balancer, where there is one. */
export const believed = (balancers: readonly string[]): string =>
  `let nobody reach the gateway's port but ${balancers.join(', ')}.`

/** Only the gateway's pods reach what answers checks. */
export function networkPolicy({ sallyport, grpc, pods, kubectlPort }: ClusterQuestion): Lines {
  const labels = pods.labels.map(([key, value]) => manifest`${key}: ${value}`)
  const checks = grpc === undefined ? nothing : manifest`- { protocol: TCP, port: ${grpc.port} }`
  return manifest`
# Whoever reaches the check says which request is judged, and from where it came. server.trustedProxies of Sallyport has to
# hold the addresses of these pods, and not those of others. The policies of a pod add up: this one takes the place of the one
# that \`kube render\` prints under the same name, which lets everybody in. It counts only where the cluster's network
# enforces policies. A port that is not named is closed.
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: sallyport
  namespace: ${sallyport.namespace}
spec:
  podSelector:
    matchLabels:
      app.kubernetes.io/name: sallyport
  policyTypes: [Ingress]
  ingress:
    - from:
        # One item: both have to be so. As two items each would do, and every pod of that namespace could ask.
        - namespaceSelector:
            matchLabels:
              kubernetes.io/metadata.name: ${pods.namespace}
          podSelector:
            matchLabels:
              ${together(labels)}
      ports:
        - { protocol: TCP, port: ${sallyport.port} }
        ${checks}
    ${kubectlOf(kubectlPort)}`
}

const kubectlOf = (port: number | undefined): Lines =>
  port === undefined
    ? nothing
    : manifest`
# kubectl comes from everywhere, and asks the gateway with its own credentials.
- ports:
    - { protocol: TCP, port: ${port} }`

/** What is above the first document. */
export function heading({ hosts }: ClusterQuestion, lines: readonly string[]): string {
  const text = [...lines, '', `Hosts: ${hosts.map(({ host }) => host).join(', ')}`]
  return `${together(text.map(line => (line === '' ? new Lines(['#']) : manifest`# ${line}`))).lines.join('\n')}\n`
}

/** The head of an object that is about all of a Gateway, up to where it says what. */
export const onGateway = (name: string, { namespace, gateway }: ClusterQuestion): Lines => manifest`
metadata:
  name: ${name}
  namespace: ${namespace}
spec:
  targetRefs:
    - { group: gateway.networking.k8s.io, kind: Gateway, name: ${gateway} }`

/** Where the fields are called so. */
export const closedWithoutAnswer = manifest`
# No answer is no pass: 503. With true whoever makes Sallyport slow is let in.
failOpen: false
statusOnError: 503`
