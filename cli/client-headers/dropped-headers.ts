/**
 * What no client gets through to an application: names under which other products say who is asking, and names that turn
 * one method into another. Many applications believe them from any proxy (a `X-WEBAUTH-USER` is a login to Grafana), and
 * a policy speaks of the method that it saw.
 *
 * The one list. The files of deploy/ and docs/proxies/dropped-headers.md are held against it, and the built-in proxy uses it.
 */
export interface HeaderFamily {
  /** Who sets them where they are true. */
  readonly of: string
  /** What all names have in common; Caddy and the built-in proxy drop by it. Absent: each name by itself. */
  readonly prefix?: string
  /** For proxies that drop by name alone. */
  readonly names: readonly string[]
}

const family = (of: string, prefix: string, endings: string): HeaderFamily => ({
  of,
  prefix,
  names: endings.split(' ').map(ending => `${prefix}${ending}`),
})

/** Names that begin with something that applications may have other uses for. */
const exact = (of: string, start: string, endings: string): HeaderFamily => ({
  of,
  names: endings.split(' ').map(ending => `${start}${ending}`),
})

export const droppedHeaders: readonly HeaderFamily[] = [
  exact('method overrides', 'X-', 'HTTP-Method-Override HTTP-Method Method-Override'),
  family('oauth2-proxy, as a proxy', 'X-Forwarded-', 'User Email Groups Preferred-Username Access-Token'),
  family('oauth2-proxy, asked by NGINX', 'X-Auth-Request-', 'User Email Groups Preferred-Username Access-Token'),
  family('proxies in front of Grafana and Gitea', 'X-WEBAUTH-', 'USER NAME EMAIL FULLNAME GROUPS ROLE'),
  family('Kubernetes front proxies and others', 'X-Remote-', 'User Email Name Group Groups'),
  family(
    'authentik',
    'X-authentik-',
    'username email name uid groups entitlements jwt meta-jwks meta-outpost meta-provider meta-app meta-version',
  ),
  family('Pomerium', 'X-Pomerium-', 'Jwt-Assertion Claim-Sub Claim-User Claim-Email Claim-Name Claim-Groups'),
  family('Tailscale', 'Tailscale-', 'User-Login User-Name User-Profile-Pic User Login Name Tailnet'),
  family('Cloudflare Access', 'Cf-Access-', 'Jwt-Assertion Authenticated-User-Email'),
  family('Google IAP', 'X-Goog-Authenticated-User-', 'Email Id'),
  exact('Google IAP', 'X-Goog-Iap-', 'Jwt-Assertion'),
  family('AWS load balancers', 'X-Amzn-Oidc-', 'Identity Data Accesstoken'),
  exact('Azure App Service', 'X-MS-CLIENT-', 'PRINCIPAL'),
  family('Azure App Service', 'X-MS-CLIENT-PRINCIPAL-', 'NAME ID IDP'),
  family('Azure App Service', 'X-MS-TOKEN-', 'AAD-ID-TOKEN AAD-ACCESS-TOKEN'),
  family('Vouch', 'X-Vouch-', 'User Idp-AccessToken Idp-IdToken'),
  exact('caddy-security', 'X-Token-', 'Subject User-Name User-Email User-Roles'),
  exact('Kong', 'X-Consumer-', 'ID Username Custom-ID'),
  exact('Kong', 'X-Authenticated-', 'Userid Groups Scope'),
  exact('Teleport', 'Teleport-', 'Jwt-Assertion'),
  family(
    'proxies that end TLS with client certificates',
    'X-SSL-Client-',
    'Cert Verify S-DN I-DN CN Serial Fingerprint',
  ),
  family('ingress-nginx', 'SSL-Client-', 'Cert Verify Subject-DN Issuer-DN'),
  exact('Envoy', 'X-Forwarded-', 'Client-Cert'),
  exact('Azure App Service', 'X-ARR-', 'ClientCert'),
  exact('RFC 9440', 'Client-', 'Cert Cert-Chain'),
]

/** Whether a header is one of these, by its lower-case name. */
export function isDropped(name: string): boolean {
  return names.has(name) || prefixes.some(prefix => name.startsWith(prefix))
}

const names: ReadonlySet<string> = new Set(droppedHeaders.flatMap(one => one.names.map(name => name.toLowerCase())))
const prefixes: readonly string[] = droppedHeaders.flatMap(({ prefix }) =>
  prefix === undefined ? [] : [prefix.toLowerCase()],
)
