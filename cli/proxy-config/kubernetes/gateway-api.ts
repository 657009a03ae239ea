/** Gateway API with its own filter ExternalAuth (GEP-1494): one HTTPRoute for each host. */
import type { ProxyFile } from '../format.ts'
import { checkedHeaders, givenHeaders } from './checked-headers.ts'
import type { ClusterFormat, ClusterHost, ClusterQuestion } from './cluster-question.ts'
import {
  backendRef,
  backendTls,
  gatewayPods,
  heading,
  loginRoute,
  networkPolicy,
  onlyBackendRef,
  ownService,
  referenceGrants,
} from './common-objects.ts'
import { documents, type Lines, manifest, nothing } from './manifest.ts'

export const gatewayApi: ClusterFormat = {
  name: 'gateway-api',
  summary:
    'Gateway API: an HTTPRoute with the filter ExternalAuth for each host (experimental channel), over gRPC or HTTP',
  listsHeaders: true,
  checks: ['grpc', 'http'],
  pods: gatewayPods,
  files,
}

function files(question: ClusterQuestion): readonly ProxyFile[] {
  const { sallyport, grpc, hosts } = question
  const services = [sallyport, ...(grpc === undefined ? [] : [grpc]), ...hosts.map(({ service }) => service)]
  const grants = referenceGrants(question, services, [{ group: 'gateway.networking.k8s.io', kind: 'HTTPRoute' }])
  const text = documents(
    ...hosts.map(host => routeOf(host, question)),
    loginRoute(question, noAnswer),
    backendTls(question),
    ownService(question),
    ...grants,
    networkPolicy(question),
  )
  return [{ path: 'sallyport.yaml', text: `${heading(question, introduction)}${text}` }]
}

const introduction = [
  'Gateway API 1.4 or later, experimental channel, and an implementation that says HTTPRouteExternalAuth in the',
  'supportedFeatures of its GatewayClass.',
  '',
  'THE FILTER IS PART OF EACH RULE OF EACH ROUTE. A route without it is open, and so is another route for the same host or a',
  'longer path: whoever may write HTTPRoutes for this Gateway decides what is checked. Limit them (allowedRoutes of its',
  'listeners), or use what is attached to a whole Gateway where the implementation has it (envoy-gateway, istio, kgateway).',
  '',
  'What this API cannot say, and the implementation has to be told: that addresses and schemes of clients are not believed,',
  'that %2F and %5C in a path are refused and dot segments resolved, and that headers of other names are dropped',
  '(docs/proxies/dropped-headers.md).',
]

const noAnswer = manifest`
# This API has no answer of its own: a rule without backendRefs is 500.`

const routeOf = (host: ClusterHost, question: ClusterQuestion): Lines => manifest`
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata:
  name: ${`sallyport-${host.host.replaceAll('.', '-')}`.slice(0, 253)}
  namespace: ${question.namespace}
spec:
  parentRefs:
    - name: ${question.gateway}
  hostnames:
    - ${host.host}
  rules:
    - filters:
        # An implementation that does not know the filter must answer 500, and one that gets no answer must not let through.
        - type: ExternalAuth
          externalAuth:
            ${question.grpc === undefined ? overHttp(host, question) : overGrpc(question)}
      # No RequestHeaderModifier for identity headers: most implementations apply it after the check, and would take away what
      # Sallyport has just said.
      backendRefs:
        ${backendRef(host.service, question.namespace)}`

function overGrpc({ grpc, namespace }: ClusterQuestion): Lines {
  if (grpc === undefined) return nothing
  return manifest`
protocol: GRPC
# No allowedHeaders: Sallyport gets every header. A deny by one that is not sent would not apply.
grpc: {}
# No forwardBody: a check needs no body.
backendRef:
  ${onlyBackendRef(grpc, namespace)}`
}

const overHttp = (host: ClusterHost, question: ClusterQuestion): Lines => manifest`
protocol: HTTP
http:
  # The path of the request is put behind it.
  path: /verify/ext-authz
  # Nothing is sent but Host, method, path, Authorization and these: without cookie nobody is ever logged in.
  # Those that conditions of the policy read are among them: print again when a condition reads another one, since a deny by a
  # header that is not sent does not apply.
  allowedHeaders:
    ${checkedHeaders(question)}
  # Each one takes the place of what a client sent. An empty list would mean all headers of the answer.
  allowedResponseHeaders:
    ${givenHeaders({ ...question, hosts: [host] })}
# No forwardBody: a check needs no body.
backendRef:
  ${onlyBackendRef(question.sallyport, question.namespace)}`
