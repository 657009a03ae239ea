/** Contour: an ExtensionService, and an HTTPProxy for each host. */
import type { ProxyFile } from '../format.ts'
import type { ClusterFormat, ClusterHost, ClusterQuestion } from './cluster-question.ts'
import { believed, dnsName, heading, networkPolicy, ownService } from './common-objects.ts'
import { documents, type Lines, manifest, nothing } from './manifest.ts'

export const contour: ClusterFormat = {
  name: 'contour',
  summary: 'Contour: ExtensionService and an HTTPProxy with authorization for each host, over gRPC',
  checks: ['grpc'],
  pods: () => ({ namespace: 'projectcontour', labels: [['app', 'envoy']] }),
  files,
}

function files(question: ClusterQuestion): readonly ProxyFile[] {
  const text = documents(
    extensionOf(question),
    ...question.hosts.map(host => proxyOf(host, question)),
    loginOf(question),
    ownService(question),
    networkPolicy(question),
  )
  return [
    { path: 'sallyport.yaml', text: `${heading(question, introduction)}${text}` },
    {
      path: 'contour-configuration.yaml',
      text: `${heading(question, configurationWords)}${documents(wholeOf(question))}`,
    },
  ]
}

const introduction = [
  'Contour 1.33. A host is checked where its HTTPProxy says so. With contour-configuration.yaml every host is, also those that',
  'somebody adds later and those of Ingresses: use both.',
  '',
  'Never permitInsecure: what comes over plain HTTP is answered by another virtual host, which does not ask. Never',
  'authPolicy.disabled on a route of an application. enableFallbackCertificate and a check exclude each other.',
  '',
  'What Contour cannot say: %2F and %5C in a path go through to Sallyport, which refuses them (CVE-2021-29492), and so do headers',
  'of other products that applications believe (docs/proxies/dropped-headers.md). Do not remove identity headers with a',
  'requestHeadersPolicy: it acts after the check, and would take away what Sallyport has just said.',
]

const configurationWords = [
  'For a Contour that reads a ContourConfiguration (--contour-config-name); add the lines to yours. One with a ConfigMap has the',
  'same as globalExtAuth (extensionService: NAMESPACE/NAME) and network.num-trusted-hops in its contour.yaml.',
]

function extensionOf({ grpc }: ClusterQuestion): Lines {
  if (grpc === undefined) return nothing
  return manifest`
apiVersion: projectcontour.io/v1alpha1
kind: ExtensionService
metadata:
  name: sallyport
  # Where the Service is: it names none of another namespace.
  namespace: ${grpc.namespace}
spec:
  # Checks hold session cookies, and whoever answers in Sallyport's place lets in whom they like: HTTP/2 with TLS, and h2c never.
  protocol: h2
  services:
    - { name: ${grpc.name}, port: ${grpc.port} }
  validation:
    # A Secret with the authority of envoy.tls.certificateFile as its key ca.crt. Where envoy.tls.clientCaFile is set, Envoy also
    # needs a certificate of its own: envoy.clientCertificate of Contour's configuration.
    caSecret: sallyport-ca
    # Has to stand in that certificate.
    subjectName: ${dnsName(grpc)}
  timeoutPolicy:
    response: 5s`
}

const authorizationOf = ({ grpc }: ClusterQuestion): Lines =>
  grpc === undefined
    ? nothing
    : manifest`
extensionRef: { name: sallyport, namespace: ${grpc.namespace} }
# No answer is no pass: 403. With true whoever makes Sallyport slow is let in.
failOpen: false
responseTimeout: 5s
# No withRequestBody: a check needs no body, and uploads would be held back for it.`

const secretOf = (host: string): string => `${host.replaceAll('.', '-')}-tls`

const proxyOf = (host: ClusterHost, question: ClusterQuestion): Lines => manifest`
apiVersion: projectcontour.io/v1
kind: HTTPProxy
metadata:
  name: ${`sallyport-${host.host.replaceAll('.', '-')}`}
  # Where the application is: it names no Service of another namespace.
  namespace: ${host.service.namespace}
spec:
  virtualhost:
    fqdn: ${host.host}
    # Contour checks hosts with TLS alone.
    tls: { secretName: ${secretOf(host.host)} }
    authorization:
      ${authorizationOf(question)}
  routes:
    - conditions:
        - prefix: /
      # The only other protocol that is switched to. With another one a client has a tunnel to every path.
      enableWebsockets: true
      services:
        - { name: ${host.service.name}, port: ${host.service.port} }`

const loginOf = ({ login, sallyport }: ClusterQuestion): Lines => manifest`
apiVersion: projectcontour.io/v1
kind: HTTPProxy
metadata:
  name: sallyport-login
  namespace: ${sallyport.namespace}
spec:
  virtualhost:
    fqdn: ${login.host}
    ${login.scheme === 'https' ? manifest`tls: { secretName: ${secretOf(login.host)} }` : nothing}
    authorization:
      # The login pages are open, or nobody could log in.
      authPolicy: { disabled: true }
  routes:
    - conditions:
        - prefix: /
      services:
        - { name: ${sallyport.name}, port: ${sallyport.port} }
    # The check is for the gateway alone, never for a browser.
    - conditions:
        - prefix: /verify
      directResponsePolicy: { statusCode: 404 }`

const wholeOf = (question: ClusterQuestion): Lines => manifest`
apiVersion: projectcontour.io/v1alpha1
kind: ContourConfiguration
metadata:
  name: contour
  namespace: ${question.pods.namespace}
spec:
  # Every host asks, whoever made it. One that must not says so itself (authPolicy.disabled), as the login host does.
  globalExtAuth:
    ${authorizationOf(question)}
  envoy:
    listener:
      # Double slashes are resolved before the check, as dot segments always are (CVE-2019-9901).
      disableMergeSlashes: false
    network:
      ${hopsOf(question)}`

const hopsOf = ({ balancers }: ClusterQuestion): Lines =>
  balancers.length === 0
    ? manifest`
# Address and scheme are those of the connection, whatever a client says.
numTrustedHops: 0`
    : manifest`
# The balancer in front says where a request came from, and whether it came over https. It is believed from whoever connects:
# ${believed(balancers)}
numTrustedHops: 1`
