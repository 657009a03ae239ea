/** Traefik with objects of the cluster: Middlewares, and an IngressRoute for each host. */
import type { ProxyFile } from '../format.ts'
import { givenHeaders } from './checked-headers.ts'
import type { ClusterFormat, ClusterHost, ClusterQuestion } from './cluster-question.ts'
import { heading, networkPolicy, ownService } from './common-objects.ts'
import { documents, type Lines, manifest, nothing } from './manifest.ts'
import { checkOf, dropOf, refuseOf, withholdOf } from './traefik-middlewares.ts'
import { traefikValues } from './traefik-values.ts'

export const traefikCrd: ClusterFormat = {
  name: 'traefik-crd',
  summary: 'Traefik in a cluster: Middlewares and an IngressRoute for each host, and the values of its chart',
  checks: ['http'],
  pods: () => ({ namespace: 'traefik', labels: [['app.kubernetes.io/name', 'traefik']] }),
  files,
}

function files(question: ClusterQuestion): readonly ProxyFile[] {
  const { sallyport, hosts } = question
  const own = hosts.map(({ service }) => service.namespace)
  const namespaces = [...new Set([...own, sallyport.namespace])].sort()
  const text = documents(
    ...namespaces.map(namespace => dropOf(question, namespace)),
    ...[...new Set(own)]
      .sort()
      .map(namespace => checkOf(question, namespace, givenHeaders({ ...question, hosts: [] }))),
    refuseOf(sallyport.namespace),
    onlyRequests(question, 'sallyport-only-requests', nothing),
    onlyRequests(question, 'sallyport-only-requests-tls', manifest`tls: {}`),
    ...hosts.flatMap(host => [...ownMiddlewares(host, question), routeOf(host, question)]),
    loginOf(question),
    ownService(question),
    networkPolicy(question),
  )
  return [
    { path: 'sallyport.yaml', text: `${heading(question, introduction)}${text}` },
    { path: 'traefik-values.yaml', text: `${heading(question, valuesWords)}${documents(traefikValues(question))}` },
  ]
}

const introduction = [
  'Traefik 3.7.12 or later. A router is checked where its route names the middleware: one without it is open, and so is another',
  'route for the same host. Limit who may write IngressRoutes.',
  '',
  'Every namespace has the middlewares of its own: with providers.kubernetesCRD.allowCrossNamespace everybody could use, and',
  'route to, what is in another one.',
]

const valuesWords = [
  'Values for the chart traefik: the flags that Traefik is started with. Without it the chart, they are its arguments.',
]

const dashed = (host: string): string => host.replaceAll('.', '-')

/** What one host has of its own: tokens that are not for its application, or one that is. */
function ownMiddlewares(host: ClusterHost, question: ClusterQuestion): readonly Lines[] {
  const { namespace } = host.service
  const name = dashed(host.host)
  return [
    ...(host.givenAuthorization
      ? [checkOf(question, namespace, givenHeaders({ ...question, hosts: [host] }), `sallyport-check-${name}`)]
      : []),
    ...(withheldFrom(host).length > 0 ? [withholdOf(withheldFrom(host), namespace, `sallyport-withhold-${name}`)] : []),
  ]
}

/** `Authorization` is Sallyport's own word where the application gets one. */
const withheldFrom = ({ withheld, givenAuthorization }: ClusterHost): readonly string[] =>
  withheld.filter(name => !(givenAuthorization && name.toLowerCase() === 'authorization'))

function routeOf(host: ClusterHost, { login }: ClusterQuestion): Lines {
  const { service } = host
  const name = dashed(host.host)
  const withhold = withheldFrom(host).length === 0 ? nothing : manifest`- name: ${`sallyport-withhold-${name}`}`
  return manifest`
apiVersion: traefik.io/v1alpha1
kind: IngressRoute
metadata:
  name: ${`sallyport-${name}`}
  # Where the application is: it names nothing of another namespace.
  namespace: ${service.namespace}
spec:
  routes:
    - kind: Rule
      match: ${`Host(\`${host.host}\`)`}
      # In this order. What a client sent under our names is gone before anything is asked.
      middlewares:
        - name: sallyport-drop
        - name: ${host.givenAuthorization ? `sallyport-check-${name}` : 'sallyport-check'}
        ${withhold}
      services:
        - { name: ${service.name}, port: ${service.port} }
  ${tlsOf(login.scheme, name)}`
}

const tlsOf = (scheme: string, name: string): Lines =>
  scheme === 'https'
    ? manifest`
# Your certificate. Behind a balancer that ends TLS, take the line out.
tls: { secretName: ${`${name}-tls`} }`
    : nothing

const loginOf = ({ login, sallyport }: ClusterQuestion): Lines => manifest`
apiVersion: traefik.io/v1alpha1
kind: IngressRoute
metadata:
  name: sallyport-login
  namespace: ${sallyport.namespace}
spec:
  routes:
    - kind: Rule
      # The check is for the proxy alone, never for a browser.
      match: ${`Host(\`${login.host}\`) && !PathPrefix(\`/verify\`)`}
      middlewares:
        - name: sallyport-drop
      services:
        - { name: ${sallyport.name}, port: ${sallyport.port} }
  ${tlsOf(login.scheme, dashed(login.host))}`

/** Everything but `websocket`, in capitals or not. */
const otherUpgrades =
  '^(.{0,8}|.{10,}|[^Ww].*|.[^Ee].*|.{2}[^Bb].*|.{3}[^Ss].*|.{4}[^Oo].*|.{5}[^Cc].*|.{6}[^Kk].*|.{7}[^Ee].*|.{8}[^Tt])$'

const noRequest = [
  'Method(`CONNECT`) || !PathPrefix(`/`)',
  `HeaderRegexp(\`Upgrade\`, \`${otherUpgrades}\`)`,
  '(HeaderRegexp(`Upgrade`, `.`) && !HeaderRegexp(`Sec-WebSocket-Key`, `.`))',
  'HeaderRegexp(`Connection`, `[Ss][Ee][Cc]-`)',
].join(' || ')

const onlyRequests = ({ sallyport }: ClusterQuestion, name: string, tls: Lines): Lines => manifest`
# On every host, before every other router: what is no request for a path, and every upgrade but that to a WebSocket, is refused.
# After 101 for h2c the same connection asks for any path, and nobody is asked about it. Traefik tells the check nothing of
# Upgrade, and cannot drop it by its value.
apiVersion: traefik.io/v1alpha1
kind: IngressRoute
metadata:
  name: ${name}
  namespace: ${sallyport.namespace}
spec:
  routes:
    - kind: Rule
      match: ${noRequest}
      # The highest that the definition of the kind allows.
      priority: 9223372036854774784
      middlewares:
        - name: sallyport-refuse
      services:
        - { kind: TraefikService, name: "noop@internal" }
  ${tls}`
