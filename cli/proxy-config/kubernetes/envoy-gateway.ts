/** Envoy Gateway: one SecurityPolicy for all of a Gateway, so that a route that nobody thought of is checked as well. */
import type { ProxyFile } from '../format.ts'
import { checkedHeaders, droppedForwarded, droppedNames, droppedPrefixes, givenHeaders } from './checked-headers.ts'
import type { ClusterFormat, ClusterQuestion } from './cluster-question.ts'
import {
  backendRef,
  backendTls,
  believed,
  closedWithoutAnswer,
  heading,
  loginRoute,
  networkPolicy,
  onGateway,
  ownService,
  referenceGrants,
  refusedBy,
  together,
} from './common-objects.ts'
import { documents, type Lines, manifest, nothing } from './manifest.ts'

export const envoyGateway: ClusterFormat = {
  name: 'envoy-gateway',
  summary: 'Envoy Gateway: SecurityPolicy and ClientTrafficPolicy for all of a Gateway, over gRPC or HTTP',
  listsHeaders: true,
  checks: ['grpc', 'http'],
  pods: (gateway, namespace) => ({
    namespace: 'envoy-gateway-system',
    labels: [
      ['gateway.envoyproxy.io/owning-gateway-name', gateway],
      ['gateway.envoyproxy.io/owning-gateway-namespace', namespace],
    ],
  }),
  files,
}

function files(question: ClusterQuestion): readonly ProxyFile[] {
  const services = [question.sallyport, ...(question.grpc === undefined ? [] : [question.grpc])]
  const grants = referenceGrants(question, services, [
    { group: 'gateway.envoyproxy.io', kind: 'SecurityPolicy' },
    { group: 'gateway.networking.k8s.io', kind: 'HTTPRoute' },
  ])
  const text = documents(
    checkOf(question),
    clientsOf(question),
    loginRoute(question, refusedBy('gateway.envoyproxy.io', 'HTTPRouteFilter')),
    refusal(question),
    loginException(question),
    backendTls(question),
    ownService(question),
    ...grants,
    networkPolicy(question),
  )
  return [{ path: 'sallyport.yaml', text: `${heading(question, introduction)}${text}` }]
}

const introduction = [
  'Envoy Gateway 1.6 or later: every route of the Gateway is checked, the one of the login host alone is not.',
  '',
  'A SecurityPolicy that somebody attaches to a route, or to one listener by sectionName, TAKES THE PLACE of the one of the',
  'Gateway: that route is then open. On a route it needs `mergeType: StrategicMerge`, and no extAuth of its own. Let nobody',
  'else write SecurityPolicies in the namespaces of routes.',
]

function checkOf(question: ClusterQuestion): Lines {
  const { grpc } = question
  return manifest`
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: SecurityPolicy
${onGateway('sallyport', question)}
  extAuth:
    # With true Envoy Gateway would also let everybody in while it cannot use this object.
    ${closedWithoutAnswer}
    # Envoy Gateway's own limit is 10 seconds.
    timeout: 5s
    # The route that was chosen for the request that was checked is the one that is taken.
    recomputeRoute: false
    # No bodyToExtAuth: a check needs no body, and uploads would be held back for it.
    ${grpc === undefined ? overHttp(question) : overGrpc(question)}`
}

function overGrpc({ grpc, namespace }: ClusterQuestion): Lines {
  if (grpc === undefined) return nothing
  return manifest`
# No headersToExtAuth: over gRPC Sallyport gets every header. A deny by one that is not sent would not apply.
# What a route says of itself, for conditions of the kind \`route\`.
includeRouteMetadata: true
grpc:
  backendRefs:
    ${backendRef(grpc, namespace)}`
}

const overHttp = (question: ClusterQuestion): Lines => manifest`
# Over HTTP nothing is sent but Host, method, path and these: without cookie nobody is ever logged in.
# Those that conditions of the policy read are among them: print again when a condition reads another one, since a deny by a
# header that is not sent does not apply.
headersToExtAuth:
  ${checkedHeaders(question)}
http:
  # The path of the request is put behind it.
  path: /verify/ext-authz
  # Each one takes the place of what a client sent. Cookie is the client's header without Sallyport's own.
  headersToBackend:
    ${givenHeaders(question)}
  backendRefs:
    ${backendRef(question.sallyport, question.namespace)}`

function clientsOf(question: ClusterQuestion): Lines {
  const { hosts, balancers } = question
  const encoded = hosts.filter(({ encodedSlash }) => encodedSlash)
  const slashes =
    encoded.length === 0
      ? manifest`
# %2F and %5C are letters to Envoy and slashes to many applications (CVE-2021-29492).
escapedSlashesAction: RejectRequest`
      : manifest`
# canonical.allowEncodedSlash names ${encoded.map(({ host }) => host).join(', ')}; this knows only one rule for the whole
# Gateway. Sallyport refuses %2F and %5C on every other host.
escapedSlashesAction: KeepUnchanged`
  return manifest`
# What the gateway believes of a client.
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: ClientTrafficPolicy
${onGateway('sallyport', question)}
  ${addressOf(balancers)}
  path:
    ${slashes}
    # Dot segments are always resolved; so are double slashes (CVE-2019-9901).
    disableMergeSlashes: false
  headers:
    # Many applications read Remote_User as Remote-User. The other forms of it are dropped below.
    withUnderscoresAction: DropHeader
    xForwardedClientCert:
      # A client's own certificate header is gone.
      mode: Sanitize
    # Before anything is asked or routed: what is not a client's to say.
    earlyRequestHeaders:
      remove:
        ${[...question.identityHeaders, ...droppedNames]}
        ${certificateHeader(question)}
        ${forwardedOf(balancers)}
      removeOnMatch:
        # Remote.User and Remote!User are Remote-User to many applications.
        - { type: RegularExpression, value: "[^:a-z0-9-].*|[^:].*[^a-z0-9-].*" }
        ${together(droppedPrefixes.map(prefix => manifest`- { type: Prefix, value: ${prefix} }`))}`
}

const certificateHeader = ({ clientCertificateHeader }: ClusterQuestion): Lines =>
  clientCertificateHeader === undefined ? nothing : manifest`- ${clientCertificateHeader}`

function addressOf(balancers: readonly string[]): Lines {
  if (balancers.length === 0)
    return manifest`
# No clientIPDetection: address and scheme are those of the connection, whatever a client says.`
  return manifest`
clientIPDetection:
  xForwardedFor:
    # The balancer in front says where a request came from, and whether it came over https. It is believed from whoever
    # connects: ${believed(balancers)}
    numTrustedHops: 1`
}

/** Without a balancer nobody's word counts; with one, two headers are its own. */
const forwardedOf = (balancers: readonly string[]): Lines =>
  together(
    [...droppedForwarded, ...(balancers.length === 0 ? ['x-forwarded-for', 'x-forwarded-proto'] : [])].map(
      name => manifest`- ${name}`,
    ),
  )

const refusal = ({ namespace }: ClusterQuestion): Lines => manifest`
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: HTTPRouteFilter
metadata:
  name: sallyport-not-found
  namespace: ${namespace}
spec:
  directResponse:
    statusCode: 404`

const loginException = ({ namespace }: ClusterQuestion): Lines => manifest`
# The login pages are open, or nobody could log in: a policy of a route takes the place of the Gateway's.
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: SecurityPolicy
metadata:
  name: sallyport-login
  namespace: ${namespace}
spec:
  targetRefs:
    - { group: gateway.networking.k8s.io, kind: HTTPRoute, name: sallyport-login }
  authorization:
    defaultAction: Allow`
