/**
 * The `AuthenticationConfiguration` (apiserver.config.k8s.io/v1) of an API server that trusts our tokens, as text with the
 * reasons in it. Whatever a token could be mistaken for is refused by the server itself as well: it is the last to look.
 */
import { directAudienceOf, issuerOf } from '../../app/grants/dependencies.ts'
import { clientId } from '../../app/grants/parameters.ts'

export interface AuthenticationOptions {
  /** The auth host. */
  readonly publicUrl: string
  readonly cluster: string
  readonly groupPrefix: string
  readonly tokenLifetimeSeconds: number
  /** PEM of whoever vouches for the auth host; absent where the machine of the API server knows them. */
  readonly certificateAuthority?: string
}

export function authenticationConfiguration(options: AuthenticationOptions): string {
  const { publicUrl, cluster, groupPrefix, tokenLifetimeSeconds, certificateAuthority } = options
  return `# Whom the API server of the cluster ${cluster} believes, beside its client certificates and its service accounts.
# Start it with --authentication-config=<this file>, on every control plane node, and without --anonymous-auth and
# --oidc-*, which exclude the file. Kubernetes 1.34 and newer; 1.30 to 1.33 want apiVersion: …/v1beta1. A file that it cannot use ends the server at its
# start; a change of the file is taken up while it runs. It fetches keys from the issuer, so it has to reach it.
apiVersion: apiserver.config.k8s.io/v1
kind: AuthenticationConfiguration
jwt:
  - issuer:
      url: ${text(issuerOf(publicUrl))}
${authorityLines(certificateAuthority)}      # Tokens of other clusters, and of the gateway, have another audience.
      audiences: [${text(directAudienceOf(publicUrl, cluster))}]
      audienceMatchPolicy: MatchAny
    claimValidationRules:
      # A token that would live longer than any that is given out today. Print this file again after a change of tokenLifetime.
      - expression: claims.exp - claims.iat <= ${tokenLifetimeSeconds}
        message: the token lives too long
      # Another kind of token of the same issuer.
      - expression: has(claims.client_id) && claims.client_id == '${clientId}' && has(claims.sallyport_session)
        message: not a token of kubectl
      # A token with a part of the groups, or of somebody's without our prefix.
      - expression: ${text(groupsRule(groupPrefix))}
        message: groups are missing or not from sallyport
    claimMappings:
      username: { claim: username, prefix: "" }
      # The prefix is in the token already.
      groups: { claim: groups, prefix: "" }
      # <issuer>#<sub>: the only name that is never given to somebody else.
      uid: { claim: sub }
      extra:
        # Joins the audit log of the cluster with ours.
        - key: sallyport.dev/session
          valueExpression: claims.sid
    userValidationRules:
      # Names that the cluster takes for its own, such as system:masters, which may do everything.
      - expression: "!user.username.lowerAscii().startsWith('system:')"
        message: names that begin with system are the cluster's own
      - expression: "user.groups.all(group, !group.lowerAscii().startsWith('system:'))"
        message: groups that begin with system are the cluster's own
# Nobody without credentials gets further than the questions of load balancers.
anonymous:
  enabled: true
  conditions:
    - path: /livez
    - path: /readyz
    - path: /healthz
`
}

/** In CEL groups have any type, and `all` wants a list. */
const groupsRule = (prefix: string): string =>
  [
    'has(claims.groups) && !has(claims.groups_omitted)',
    ...(prefix === '' ? [] : [`dyn(claims.groups).all(group, group.startsWith('${prefix}'))`]),
  ].join(' && ')

/** JSON is YAML. */
const text = (value: string): string => JSON.stringify(value)

function authorityLines(certificateAuthority: string | undefined): string {
  if (certificateAuthority === undefined) {
    return '      # Vouched for by somebody whom the machine knows; otherwise print this with --ca-file.\n'
  }
  const lines = certificateAuthority.trim().split(/\r?\n/)
  return `      certificateAuthority: |\n${lines.map(line => `        ${line}\n`).join('')}`
}
