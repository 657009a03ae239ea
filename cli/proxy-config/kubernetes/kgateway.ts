/** kgateway: a GatewayExtension, and a TrafficPolicy for all of a Gateway. */
import type { ProxyFile } from '../format.ts'
import { QuestionError } from '../question-error.ts'
import { droppedNames } from './checked-headers.ts'
import type { ClusterFormat, ClusterQuestion } from './cluster-question.ts'
import {
  backendTls,
  believed,
  closedWithoutAnswer,
  gatewayPods,
  heading,
  loginRoute,
  networkPolicy,
  onGateway,
  onlyBackendRef,
  ownService,
  referenceGrants,
  refusedBy,
} from './common-objects.ts'
import { documents, type Lines, manifest, nothing } from './manifest.ts'

export const kgateway: ClusterFormat = {
  name: 'kgateway',
  summary:
    'kgateway: GatewayExtension and TrafficPolicy for all of a Gateway, over gRPC (its own kinds are not validated)',
  checks: ['grpc'],
  pods: gatewayPods,
  files,
}

function files(question: ClusterQuestion): readonly ProxyFile[] {
  const services = [question.sallyport, ...(question.grpc === undefined ? [] : [question.grpc])]
  const grants = referenceGrants(question, services, [
    { group: 'gateway.kgateway.dev', kind: 'GatewayExtension' },
    { group: 'gateway.networking.k8s.io', kind: 'HTTPRoute' },
  ])
  const text = documents(
    extensionOf(question),
    checkOf(question),
    clientsOf(question),
    loginRoute(question, refusedBy('gateway.kgateway.dev', 'DirectResponse')),
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
  'kgateway 2.2 or later, data plane Envoy. NOT VALIDATED by its own definitions, which are in no registry that the tests reach:',
  'an API server took everything below, but the kinds of gateway.kgateway.dev as written down from its Go types. Look at',
  '`kubectl apply --server-side --dry-run=server --validate=strict -f` before you rely on it.',
  '',
  'Every route of the Gateway is checked. A TrafficPolicy of a route whose extAuth is disabled opens it: let nobody else write',
  'TrafficPolicies. Never percentageEnabled below 100 where a version has it: the rest goes through without a check.',
]

function extensionOf({ namespace, grpc }: ClusterQuestion): Lines {
  if (grpc === undefined) return nothing
  return manifest`
apiVersion: gateway.kgateway.dev/v1alpha1
kind: GatewayExtension
metadata:
  name: sallyport
  namespace: ${namespace}
spec:
  type: ExtAuth
  extAuth:
    ${closedWithoutAnswer}
    # The route that was chosen for the request that was checked is the one that is taken.
    clearRouteCache: false
    # No withRequestBody: a check needs no body, and uploads would be held back for it.
    grpcService:
      # Envoy's own limit is 200 ms, which a session that is read from a store far away may take.
      requestTimeout: 5s
      backendRef:
        ${onlyBackendRef(grpc, namespace)}`
}

const checkOf = (question: ClusterQuestion): Lines => manifest`
apiVersion: gateway.kgateway.dev/v1alpha1
kind: TrafficPolicy
${onGateway('sallyport', question)}
  extAuth:
    extensionRef: { name: sallyport }`

/** `HTTPHeaderFilter` of the Gateway API. */
const mostRemoved = 16

/** Each is a login to some application, or another method than was judged: these before all others. */
const worstNames = [
  'x-webauth-user',
  'x-forwarded-user',
  'x-forwarded-preferred-username',
  'x-remote-user',
  'x-remote-group',
  'x-auth-request-user',
  'x-authentik-username',
  'x-http-method-override',
  'x-method-override',
  'forwarded',
  'x-real-ip',
]

/** Threat: a name for which there is no room, and that a client sends to an application that believes it. */
function removedNames({ identityHeaders }: ClusterQuestion): readonly string[] {
  if (identityHeaders.length > mostRemoved)
    throw new QuestionError(
      `kgateway drops ${mostRemoved} headers of a client before it asks, and applications are told ${identityHeaders.length}: take fewer identityHeaders and claimHeaders, or envoy-gateway or istio`,
    )
  return [...new Set([...identityHeaders, ...worstNames, ...droppedNames])].slice(0, mostRemoved)
}

const clientsOf = (question: ClusterQuestion): Lines => manifest`
# What the gateway believes of a client.
apiVersion: gateway.kgateway.dev/v1alpha1
kind: ListenerPolicy
${onGateway('sallyport', question)}
  default:
    httpSettings:
      # Address and scheme are those of the connection, whatever a client says.
      useRemoteAddress: true
      ${hopsOf(question.balancers)}
      # Before anything is asked: what is not a client's to say. There is room for 16; docs/proxies/dropped-headers.md has more.
      earlyRequestHeaderModifier:
        remove:
          ${removedNames(question)}
      # %2F and %5C in a path go through to Sallyport, which refuses them but on hosts of canonical.allowEncodedSlash
      # (CVE-2021-29492).`

const hopsOf = (balancers: readonly string[]): Lines =>
  balancers.length === 0
    ? nothing
    : manifest`
# The balancer in front says where a request came from, and whether it came over https. It is believed from whoever connects:
# ${believed(balancers)}
xffNumTrustedHops: 1`

const refusal = ({ namespace }: ClusterQuestion): Lines => manifest`
apiVersion: gateway.kgateway.dev/v1alpha1
kind: DirectResponse
metadata:
  name: sallyport-not-found
  namespace: ${namespace}
spec:
  status: 404`

const loginException = ({ namespace }: ClusterQuestion): Lines => manifest`
# The login pages are open, or nobody could log in: a policy of a route goes before the Gateway's.
apiVersion: gateway.kgateway.dev/v1alpha1
kind: TrafficPolicy
metadata:
  name: sallyport-login
  namespace: ${namespace}
spec:
  targetRefs:
    - { group: gateway.networking.k8s.io, kind: HTTPRoute, name: sallyport-login }
  extAuth:
    disable: {}`
