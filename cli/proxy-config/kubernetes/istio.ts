/** Istio: a provider of the mesh, and policies for all of a Gateway that ask it. */
import type { ProxyFile } from '../format.ts'
import { checkedHeaders, givenHeaders } from './checked-headers.ts'
import type { ClusterFormat, ClusterQuestion } from './cluster-question.ts'
import {
  backendRef,
  believed,
  fullName,
  gatewayPods,
  heading,
  loginRoute,
  networkPolicy,
  onGateway,
  ownService,
  referenceGrants,
} from './common-objects.ts'
import { istioFilters } from './istio-filters.ts'
import { documents, type Lines, manifest, nothing } from './manifest.ts'

export const istio: ClusterFormat = {
  name: 'istio',
  summary:
    'Istio: meshConfig with an ext_authz provider, and AuthorizationPolicy CUSTOM, DENY and ALLOW, over gRPC or HTTP',
  listsHeaders: true,
  checks: ['grpc', 'http'],
  pods: gatewayPods,
  files,
}

function files(question: ClusterQuestion): readonly ProxyFile[] {
  const grants = referenceGrants(
    question,
    [question.sallyport],
    [{ group: 'gateway.networking.k8s.io', kind: 'HTTPRoute' }],
  )
  const text = documents(
    checkOf(question),
    refusalOf(question),
    knownHosts(question),
    ...istioFilters(question),
    tlsOf(question),
    loginRoute(question, toItself(question)),
    ownService(question),
    ...grants,
    networkPolicy(question),
  )
  return [
    { path: 'mesh-config.yaml', text: `${heading(question, meshIntroduction)}${documents(meshOf(question))}` },
    { path: 'sallyport.yaml', text: `${heading(question, introduction)}${text}` },
  ]
}

const meshIntroduction = [
  'Values for the chart istiod (`helm upgrade istiod istio/istiod --reuse-values -f mesh-config.yaml`), or the same below',
  'meshConfig of the operator. A list takes the place of the one that was there: add your other extensionProviders.',
]

const introduction = [
  'Istio 1.24 or later. mesh-config.yaml first: while the mesh has no provider of that name, everything is refused.',
  '',
  'Every request to the Gateway but those for the login host is checked; a host that is not in the list is refused, whoever',
  'made a route for it. Of several policies with CUSTOM for one Gateway only one provider may be named.',
]

function meshOf(question: ClusterQuestion): Lines {
  const { grpc, hosts } = question
  const encoded = hosts.some(({ encodedSlash }) => encodedSlash)
  const slashes = encoded
    ? manifest`
# canonical.allowEncodedSlash names a host whose application needs %2F; Sallyport refuses it on every other host.
pathNormalization: { normalization: MERGE_SLASHES }`
    : manifest`
# What is judged is what the application reads: %2F and double slashes are resolved before (CVE-2021-39156, CVE-2021-29492).
pathNormalization: { normalization: DECODE_AND_MERGE_SLASHES }`
  return manifest`
meshConfig:
  ${slashes}
  defaultConfig:
    gatewayTopology:
      # A client's own X-Forwarded-Client-Cert is gone.
      forwardClientCertDetails: SANITIZE
      ${hopsOf(question)}
  extensionProviders:
    - name: sallyport
      ${grpc === undefined ? overHttp(question) : overGrpc(question)}`
}

const hopsOf = ({ balancers }: ClusterQuestion): Lines =>
  balancers.length === 0
    ? manifest`
# No numTrustedProxies: address and scheme are those of the connection, whatever a client says.`
    : manifest`
# The balancer in front says where a request came from, and whether it came over https. It is believed from whoever connects:
# ${believed(balancers)}
numTrustedProxies: 1`

function overGrpc({ grpc }: ClusterQuestion): Lines {
  if (grpc === undefined) return nothing
  return manifest`
# Over gRPC Sallyport gets every header. A deny by one that is not sent would not apply.
envoyExtAuthzGrpc:
  service: ${fullName(grpc)}
  port: ${grpc.port}
  ${closed}`
}

const overHttp = (question: ClusterQuestion): Lines => manifest`
envoyExtAuthzHttp:
  service: ${fullName(question.sallyport)}
  port: ${question.sallyport.port}
  # The path of the request is put behind it.
  pathPrefix: /verify/ext-authz
  ${closed}
  # Nothing is sent but Host, method, path and these: without cookie nobody is ever logged in.
  # Those that conditions of the policy read are among them: print again when a condition reads another one, since a deny by a
  # header that is not sent does not apply.
  includeRequestHeadersInCheck:
    ${checkedHeaders(question)}
  # Each one takes the place of what a client sent. Cookie is the client's header without Sallyport's own.
  headersToUpstreamOnAllow:
    ${givenHeaders(question)}
  # A cookie that is worth nothing is cleared, beside a page that is open to everybody as well.
  headersToDownstreamOnAllow: [set-cookie]
  # No headersToDownstreamOnDeny: the whole answer is the client's, with Location and Set-Cookie.`

const closed = manifest`
# No answer is no pass: 503. With true whoever makes Sallyport slow is let in.
failOpen: false
statusOnError: "503"
# Istio's own limit is ten minutes.
timeout: 5s
# The route that was chosen for the request that was checked is the one that is taken.
clearRouteCache: false
# No includeRequestBodyInCheck: a check needs no body, and uploads would be held back for it.`

/** As they may stand in a request: with a port or without. */
const withPorts = (hosts: readonly string[]): readonly string[] => hosts.flatMap(host => [host, `${host}:*`])

const checkOf = (question: ClusterQuestion): Lines => manifest`
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
${onGateway('sallyport', question)}
  action: CUSTOM
  provider: { name: sallyport }
  rules:
    # A list of what is not checked, and never one of what is: a host that is missing there would be open.
    - to:
        - operation:
            notHosts:
              ${withPorts([question.login.host])}`

const refusalOf = (question: ClusterQuestion): Lines => manifest`
# The check is for the gateway alone, never for a browser.
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
${onGateway('sallyport-check', question)}
  action: DENY
  rules:
    - to:
        - operation:
            hosts:
              ${withPorts([question.login.host])}
            paths: [/verify, /verify/*]`

const knownHosts = (question: ClusterQuestion): Lines => manifest`
# What CUSTOM let through is looked at again: other hosts than these are refused.
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
${onGateway('sallyport-hosts', question)}
  action: ALLOW
  rules:
    - to:
        - operation:
            hosts:
              ${withPorts([question.login.host, ...question.hosts.map(({ host }) => host)])}`

/** The policy above has refused it already. */
const toItself = ({ sallyport, namespace }: ClusterQuestion): Lines => manifest`
backendRefs:
  ${backendRef(sallyport, namespace)}`

function tlsOf({ grpc, namespace }: ClusterQuestion): Lines {
  if (grpc === undefined) return nothing
  return manifest`
# Checks hold session cookies, and whoever answers in Sallyport's place lets in whom they like.
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata:
  name: sallyport
  namespace: ${namespace}
spec:
  host: ${fullName(grpc)}
  trafficPolicy:
    portLevelSettings:
      - port: { number: ${grpc.port} }
        tls:
          mode: SIMPLE
          # A Secret with the authority of envoy.tls.certificateFile as its key ca.crt, in the namespace of the Gateway. Where
          # envoy.tls.clientCaFile is set: mode MUTUAL, and tls.crt and tls.key in it as well.
          credentialName: sallyport-ca
          # Has to stand in that certificate. Without this line any certificate of that authority would do.
          subjectAltNames:
            - ${`${grpc.name}.${grpc.namespace}.svc`}`
}
