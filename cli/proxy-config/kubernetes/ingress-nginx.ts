/** ingress-nginx, which its project has ended: annotations, and the ConfigMap of the controller. */
import type { ProxyFile } from '../format.ts'
import type { ClusterFormat, ClusterHost, ClusterQuestion } from './cluster-question.ts'
import { fullName, heading, networkPolicy, ownService } from './common-objects.ts'
import { ingressNginxSnippets } from './ingress-nginx-snippets.ts'
import { documents, type Lines, manifest, nothing } from './manifest.ts'

export const ingressNginx: ClusterFormat = {
  name: 'ingress-nginx',
  summary: 'ingress-nginx: annotations of an Ingress for each host, and the ConfigMap of the controller',
  retired:
    'the project ended in March 2026 and mends nothing any more, security included; go to envoy-gateway, istio, contour, kgateway or traefik-crd',
  checks: ['http'],
  pods: () => ({
    namespace: 'ingress-nginx',
    labels: [
      ['app.kubernetes.io/name', 'ingress-nginx'],
      ['app.kubernetes.io/component', 'controller'],
    ],
  }),
  files,
}

function files(question: ClusterQuestion): readonly ProxyFile[] {
  const text = documents(
    controllerOf(question),
    ...question.hosts.flatMap(host => [ingressOf(host, question), handoffOf(host, question)]),
    loginOf(question),
    ownService(question),
    networkPolicy(question),
  )
  return [{ path: 'sallyport.yaml', text: `${heading(question, introduction)}${text}` }]
}

const introduction = [
  'RETIRED: ingress-nginx ended in March 2026. Nobody mends it any more, security included. For what is there today; begin with',
  'nothing new. Successors: envoy-gateway, istio, contour, kgateway, traefik-crd (`sallyport proxy-config --list`).',
  '',
  'What it cannot do: keep the session cookie from the application, and tell Sallyport the scheme where a balancer ends TLS. An',
  'Ingress without the annotations is open, and so is another one for the same host and a longer path.',
]

/** What an application gets; each one in the place of what a client sent. */
const responseHeaders = (host: ClusterHost, { identityHeaders }: ClusterQuestion): string => {
  const given = host.givenAuthorization ? ['authorization'] : []
  const all = [...identityHeaders, ...given, ...host.withheld.map(name => name.toLowerCase())]
  return [...new Set(all)].join(',')
}

const originOf = (sallyport: ClusterQuestion['sallyport']): string => `http://${fullName(sallyport)}:${sallyport.port}`

const ingressOf = (host: ClusterHost, question: ClusterQuestion): Lines => manifest`
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: ${`sallyport-${host.host.replaceAll('.', '-')}`}
  # Where the application is: it names no Service of another namespace.
  namespace: ${host.service.namespace}
  annotations:
    # No answer is no pass: 500, always.
    nginx.ingress.kubernetes.io/auth-url: ${`${originOf(question.sallyport)}/verify/auth-request`}
    # Each one takes the place of what a client sent, or removes it where Sallyport says nothing. Tokens that were for Sallyport
    # are removed in the same way.
    nginx.ingress.kubernetes.io/auth-response-headers: ${responseHeaders(host, question)}
    # A cookie that is worth nothing is cleared, with every status.
    nginx.ingress.kubernetes.io/auth-always-set-cookie: "true"
    # No auth-signin: it makes an address of its own, without what binds the login to this browser. The ConfigMap sends people to
    # the address that Sallyport names. No auth-cache-key: a log-out has to count at once. No auth-snippet and no
    # configuration-snippet: whoever may write them reads every secret of the cluster (CVE-2021-25742).
spec:
  ingressClassName: nginx
  ${tlsOf(question.login.scheme, host.host)}
  rules:
    - host: ${host.host}
      http:
        paths:
          - path: /
            pathType: Prefix
            backend: { service: { name: ${host.service.name}, port: { number: ${host.service.port} } } }`

const handoffOf = ({ host }: ClusterHost, { sallyport }: ClusterQuestion): Lines => manifest`
# The end of a login is on the host of the application. This needs no check, and would wait for itself.
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: ${`sallyport-own-${host.replaceAll('.', '-')}`}
  namespace: ${sallyport.namespace}
spec:
  ingressClassName: nginx
  rules:
    - host: ${host}
      http:
        paths:
          - path: /.sallyport
            pathType: Prefix
            backend: { service: { name: ${sallyport.name}, port: { number: ${sallyport.port} } } }`

const tlsOf = (scheme: string, host: string): Lines =>
  scheme === 'https'
    ? manifest`
tls:
  - { hosts: [${host}], secretName: ${`${host.replaceAll('.', '-')}-tls`} }`
    : nothing

const loginOf = ({ login, sallyport }: ClusterQuestion): Lines => manifest`
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: sallyport-login
  namespace: ${sallyport.namespace}
spec:
  ingressClassName: nginx
  ${tlsOf(login.scheme, login.host)}
  rules:
    - host: ${login.host}
      http:
        paths:
          - path: /
            pathType: Prefix
            backend: { service: { name: ${sallyport.name}, port: { number: ${sallyport.port} } } }
          # The check is for the proxy alone, never for a browser: there is no such Service, which is 503.
          - path: /verify
            pathType: Prefix
            backend: { service: { name: sallyport-not-found, port: { number: 80 } } }`

const controllerOf = ({ pods, balancers, sallyport }: ClusterQuestion): Lines => manifest`
# Of the controller, for all Ingresses: add these to the data of yours.
apiVersion: v1
kind: ConfigMap
metadata:
  name: ingress-nginx-controller
  namespace: ${pods.namespace}
data:
  # Snippets in annotations are code in everybody's NGINX (CVE-2021-25742). Those of this ConfigMap are not meant.
  allow-snippet-annotations: "false"
  # Many applications read Remote_User as Remote-User.
  enable-underscores-in-headers: "false"
  ignore-invalid-headers: "true"
  # A path that is no plain path is no rule (CVE-2021-25748).
  strict-validate-path-type: "true"
  merge-slashes: "true"
  ${trustOf(balancers)}
  ${ingressNginxSnippets(originOf(sallyport))}`

const trustOf = (balancers: readonly string[]): Lines =>
  balancers.length === 0
    ? manifest`
# Address and scheme are those of the connection, whatever a client says.
use-forwarded-headers: "false"`
    : manifest`
# What these say of a client counts, and what anybody else says never does.
use-forwarded-headers: "true"
proxy-real-ip-cidr: ${balancers.join(',')}`
