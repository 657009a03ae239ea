/** The settings of the gateway to Kubernetes clusters: its address, its TLS, and the clusters behind it. */
import { z } from 'zod'
import { duration, durationExpected, parsed, section, setting, text } from './setting.ts'
import * as value from './values.ts'

const path = (description: string, example: string) =>
  setting(text.exactOptional(), { description, expected: 'a path', example, isPath: true })

const tls = z.strictObject({
  certificateFile: setting(text, {
    description:
      'File that holds the certificate of the gateway, in PEM, its own first; it is read again when it changes.',
    expected: 'a path',
    example: '/etc/sallyport/k8s.pem',
    isPath: true,
  }),
  keyFile: setting(text, {
    description: 'File that holds the private key of the certificate, in PEM; it is read again when it changes.',
    expected: 'a path',
    example: '/run/secrets/k8s-key.pem',
    isPath: true,
  }),
  caFile: path(
    'File that holds the certificates of the authority that vouches for the gateway, for kubeconfigs; needed where machines of people do not know it already.',
    '/etc/sallyport/k8s-ca.pem',
  ),
})

const credential = z.strictObject({
  tokenFile: path(
    'File that holds the bearer token of the gateway, such as that of a service account; it is read again when it changes.',
    '/run/secrets/prod-token',
  ),
  certificateFile: path(
    'File that holds the client certificate of the gateway, in PEM; it is read again when it changes.',
    '/etc/sallyport/prod-client.pem',
  ),
  keyFile: path('File that holds the private key of the client certificate, in PEM.', '/run/secrets/prod-key.pem'),
  kubeconfigFile: path(
    'Kubeconfig whose current context says where the cluster is and who the gateway is there; it is read again when it changes.',
    '/run/secrets/prod.kubeconfig',
  ),
  inCluster: setting(z.boolean().exactOptional(), {
    description: "Whether the gateway runs in this cluster and uses its pod's own service account.",
    expected: 'true or false',
    example: true,
  }),
})

const cluster = z.strictObject({
  name: setting(parsed(value.parseClusterName), {
    description:
      'Short name of the cluster: its address is `<kubernetes.url>/clusters/<name>`, its domain `kube:<name>`.',
    expected: 'a short name such as prod',
    example: 'prod',
  }),
  access: setting(z.enum(['gateway', 'direct']).default('gateway'), {
    description:
      'How kubectl gets there: `gateway` judges each call and makes it in the name of the person; `direct` is the API server itself, which trusts our tokens: no call is judged here and none is cut, and the policy says who gets a token.',
    expected: 'gateway or direct',
  }),
  server: setting(parsed(value.parseClusterServer).exactOptional(), {
    description:
      'Address of the API server; with `access: direct` the one that kubeconfigs name. A kubeconfig and a pod know it by themselves.',
    expected: 'an address such as https://10.0.0.1:6443',
    example: 'https://10.0.0.1:6443',
  }),
  caFile: path(
    'File that holds the certificates of the authority that vouches for the API server; a kubeconfig and a pod know them by themselves.',
    '/etc/sallyport/prod-ca.pem',
  ),
  serverName: setting(parsed(value.parseHost).exactOptional(), {
    description: 'Name that the certificate of the API server must have, where that is not the host it is reached by.',
    expected: 'a host such as kubernetes.default.svc',
    example: 'kubernetes.default.svc',
  }),
  groupPrefix: setting(parsed(value.parseClusterGroupPrefix).prefault('sallyport:'), {
    description:
      'Text that is put in front of every group in this cluster, so that its bindings tell our groups from its own.',
    expected: 'text such as sallyport:, or an empty one',
  }),
  userClaim: setting(text.regex(/^[\x21-\x7e]{1,256}$/, 'visible ASCII characters, at most 256').default('email'), {
    description:
      'What a person is called in this cluster: `email`, `sub`, or a claim of the provider, nested names joined by /; a person without it is not let in.',
    expected: 'email, sub or the name of a claim',
  }),
  impersonation: setting(z.enum(['legacy', 'constrained']).default('legacy'), {
    description:
      'By which rights the gateway speaks for people in this cluster: `legacy` is the verb `impersonate`, `constrained` also caps what it does as them (Kubernetes 1.36). Its role has one of the two, never both.',
    expected: 'legacy or constrained',
  }),
  excessRights: setting(z.enum(['warn', 'refuse']).default('warn'), {
    description:
      'What happens at start when the gateway may do more in this cluster than it needs, such as to impersonate anybody: `refuse` ends the service. What turns up later is an error in the log, a metric, and a part of `/readyz` that is degraded.',
    expected: 'warn or refuse',
  }),
  unusedRows: setting(z.enum(['refuse', 'accept']).default('refuse'), {
    description:
      'What becomes of rows for a cluster with `access: direct` that do not speak of its tokens, and so never apply there: `refuse` refuses the policy, `accept` warns.',
    expected: 'refuse or accept',
  }),
  credential: section(credential.prefault({}), 'Who the gateway is to the API server: exactly one of these.'),
})

export const kubernetes = z.strictObject({
  url: setting(parsed(value.parseGatewayUrl).exactOptional(), {
    description:
      'Public address of the gateway, as kubeconfigs name it; needed unless every cluster has `access: direct`.',
    expected: 'an origin such as https://k8s.example.com',
    example: 'https://k8s.example.com',
  }),
  listen: setting(parsed(value.parseListenAddress).prefault('127.0.0.1:9182'), {
    description: 'Address and port of the gateway, which does TLS by itself.',
    expected: 'host:port, such as 127.0.0.1:9182 or [::]:8443',
  }),
  // kubectl asks again 30 seconds before the end; the wait before a revoked token is worth nothing is not this one.
  tokenLifetime: setting(duration(60, 3600).prefault('5m'), {
    description: 'How long a token of kubectl is valid at most; it ends with the session in any case.',
    expected: durationExpected,
  }),
  tls: section(
    tls.exactOptional(),
    'The certificate of the gateway; needed unless every cluster has `access: direct`.',
  ),
  clusters: section(z.array(cluster).min(1), 'The clusters, behind the gateway or reached directly; at least one.'),
})
