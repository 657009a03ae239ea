/** The settings of one issuer of bearer tokens: of workloads, of clients, and of people who come without a browser. */
import { z } from 'zod'
import { duration, durationExpected, parsed, section, setting, text } from './setting.ts'
import * as value from './values.ts'

export const issuerKinds = ['kubernetes', 'openid', 'github-actions', 'gitlab-ci', 'generic'] as const

/** Only those with which nobody but the issuer can sign. */
const algorithms = [
  ...(['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'] as const),
  ...(['ES256', 'ES384', 'ES512', 'EdDSA'] as const),
] as const

export const audience = text
  .max(256)
  .regex(/^[\x21\x23-\x5b\x5d-\x7e]+$/, 'visible ASCII characters without quotes, at most 256')
export const audienceExpected = 'text such as sallyport'

const path = (description: string, example: string) =>
  setting(text.exactOptional(), { description, expected: 'a path', example, isPath: true })

const cacheFor = (usual: string) =>
  setting(duration(0, 300).prefault(usual), {
    description: 'For how long an answer counts: a token that was revoked may be used for as long as that.',
    expected: durationExpected,
  })

const introspection = z.strictObject({
  clientId: setting(text, {
    description: 'Client that asks, as the provider knows it; it proves itself by HTTP Basic.',
    expected: 'text (numbers in quotes)',
    example: 'sallyport',
  }),
  clientSecret: setting(text.exactOptional(), {
    description: 'Secret of this client; better kept in `clientSecretFile`.',
    expected: 'text (numbers in quotes)',
    secret: 'whole',
  }),
  clientSecretFile: setting(text.exactOptional(), {
    description: 'File that holds the secret of this client.',
    expected: 'a path',
    example: '/run/secrets/introspection',
    isPath: true,
    fileOf: 'clientSecret',
  }),
  endpoint: setting(parsed(value.parseIssuer).exactOptional(), {
    description:
      "Where it is asked. If absent it is the `introspection_endpoint` of the issuer's discovery document, on the host of the issuer alone.",
    expected: 'an address such as https://idp.example.com/introspect',
    example: 'https://idp.example.com/introspect',
  }),
  cacheFor: cacheFor('30s'),
  alsoJwts: setting(z.boolean().default(false), {
    description:
      'Whether the provider is also asked about tokens that are JWTs, after their signature was right: a disabled client is then noticed before its token expires.',
    expected: 'true or false',
  }),
  clientsWithoutSub: setting(z.boolean().default(false), {
    description:
      "Whether a token is its client's own when the answer has neither `sub` nor `username`. Only for a provider that leaves `sub` out for nobody who logged in.",
    expected: 'true or false',
  }),
})

const review = z.strictObject({
  server: setting(parsed(value.parseClusterServer), {
    description: 'Address of the API server that is asked.',
    expected: 'an address such as https://10.0.0.1:6443',
    example: 'https://kubernetes.default.svc',
  }),
  caFile: path(
    'File that holds the certificates of the authority that vouches for the API server, in place of those that Node knows.',
    '/var/run/secrets/kubernetes.io/serviceaccount/ca.crt',
  ),
  tokenFile: setting(text, {
    description:
      'File that holds the bearer token of this service at the API server, where it may create `tokenreviews` and needs nothing else. It is read each time.',
    expected: 'a path',
    example: '/var/run/secrets/kubernetes.io/serviceaccount/token',
    isPath: true,
  }),
  cacheFor: cacheFor('10s'),
})

export const tokenIssuer = z.strictObject({
  name: setting(
    text.regex(
      /^(?!sallyport$)[a-z0-9][a-z0-9-]{0,39}$/,
      'lower-case letters, digits and hyphens, at most 40, and not sallyport',
    ),
    {
      description:
        'Short name of the issuer: its clients are `client:<name>/<client id>` in rows. A name that a provider has as well needs the same issuer.',
      expected: 'a short name such as ci',
      example: 'prod',
    },
  ),
  kind: setting(z.enum(issuerKinds), {
    description:
      'What its tokens look like: those of service accounts of a Kubernetes cluster, access tokens of an OpenID provider, tokens of jobs of GitHub Actions or GitLab CI, or any other JWT whose `sub` names a client.',
    expected: 'kubernetes, openid, github-actions, gitlab-ci or generic',
    example: 'kubernetes',
  }),
  issuer: setting(parsed(value.parseIssuer), {
    description: 'Issuer identifier (`iss`), compared character by character.',
    expected: 'an address such as https://kubernetes.default.svc',
    example: 'https://kubernetes.default.svc',
  }),
  audience: setting(audience, {
    description:
      'Audience (`aud`) that its tokens must have: a name that stands for this service and for nothing else, never that of an API server or of a client.',
    expected: audienceExpected,
    example: 'sallyport',
  }),
  otherAudiences: setting(z.array(audience).default([]), {
    description:
      'Audiences that its tokens may have beside ours. A token for anybody else as well is refused: whoever else it is for could use it here.',
    expected: 'a list of audiences such as account',
  }),
  jwksUri: setting(parsed(value.parseIssuer).exactOptional(), {
    description:
      'Where its keys are. If neither this nor `jwksFile` is there they are looked for in its discovery document, on the host of the issuer alone.',
    expected: 'an address such as https://kubernetes.default.svc/openid/v1/jwks',
    example: 'https://kubernetes.default.svc/openid/v1/jwks',
  }),
  jwksFile: path(
    'File that holds its keys as a JSON Web Key Set, such as `kubectl get --raw /openid/v1/jwks` prints; it is read again every five minutes.',
    '/etc/sallyport/prod-jwks.json',
  ),
  caFile: path(
    'File that holds the certificates of the authority that vouches for the host of the keys, in place of those that Node knows.',
    '/var/run/secrets/kubernetes.io/serviceaccount/ca.crt',
  ),
  tokenFile: path(
    'File that holds a bearer token which is sent with each question for the keys, to `jwksUri` alone; an API server tells nobody else. It is read each time.',
    '/var/run/secrets/kubernetes.io/serviceaccount/token',
  ),
  algorithms: setting(z.array(z.enum(algorithms)).min(1).default(['RS256', 'PS256', 'ES256', 'ES384', 'EdDSA']), {
    description: 'Algorithms that it may sign with.',
    expected: `a list of ${algorithms.join(', ')}`,
  }),
  maxLifetime: setting(duration(60, 31 * 86_400).prefault('24h'), {
    description: 'The longest time between `iat` and `exp`; a token that is made for longer is refused.',
    expected: durationExpected,
  }),
  clockTolerance: setting(duration(0, 300).prefault('30s'), {
    description: 'How far its clock and ours may be apart.',
    expected: durationExpected,
  }),
  cluster: setting(parsed(value.parseClusterName).exactOptional(), {
    description:
      'Of a kubernetes issuer: name of the cluster in `service-account:<cluster>/<namespace>/<name>`; its `name` if absent. May be one of `kubernetes.clusters`.',
    expected: 'a short name such as prod',
    example: 'prod',
  }),
  clientClaim: setting(text.regex(/^[A-Za-z0-9_]{1,64}$/, 'letters, digits and _, at most 64').exactOptional(), {
    description:
      'Of any issuer but kubernetes and openid: claim that names the client; `sub` if absent. A claim that says less than `sub` makes one client of everybody who shares it.',
    expected: 'the name of a claim',
    example: 'sub',
  }),
  provider: setting(text.exactOptional(), {
    description:
      "Of an openid issuer: name of the entry of `providers` whose people its access tokens may stand for, with that entry's claims and groups. If absent a token of a person is refused.",
    expected: 'the name of a provider such as corp',
    example: 'corp',
  }),
  introspection: section(
    introspection.exactOptional(),
    'Of an openid issuer: how it is asked what its opaque tokens stand for (RFC 7662). Absent: they count for nothing.',
  ),
  review: section(
    review.exactOptional(),
    'Of a kubernetes issuer: how its API server is asked whether a token still counts (TokenReview), after its signature was right. Absent: the keys are enough, and a deleted account is noticed when its token expires.',
  ),
})

export const nameKinds = ['uri', 'dns', 'email'] as const

export const certificateAuthority = z.strictObject({
  name: setting(text.regex(/^[a-z0-9][a-z0-9-]{0,39}$/, 'lower-case letters, digits and hyphens, at most 40'), {
    description:
      'Short name of the authority: its machines are `certificate:<name>/<subject alternative name>` in rows.',
    expected: 'a short name such as mesh',
    example: 'mesh',
  }),
  caFile: setting(text, {
    description:
      'File that holds, in PEM, the certificates of the authorities that issue the certificates of clients themselves; it is looked at every five seconds.',
    expected: 'a path',
    example: '/etc/sallyport/mesh-ca.pem',
    isPath: true,
  }),
  names: setting(z.array(z.enum(nameKinds)).min(1), {
    description:
      'Kinds of subject alternative names that name a machine. A certificate has to have exactly one name of these kinds; the common name is never taken.',
    expected: 'a list of uri (as of SPIFFE), dns, email',
    example: ['uri'],
  }),
})

export const machines = z.strictObject({
  issuers: section(
    z.array(tokenIssuer).min(1).exactOptional(),
    'Whose tokens are believed, on the hosts whose `bearerFrom` names them.',
  ),
  certificates: section(
    z.array(certificateAuthority).min(1).exactOptional(),
    'Whose client certificates name machines, on the hosts whose `certificateFrom` names them.',
  ),
  exchange: section(
    z
      .strictObject({
        lifetime: setting(duration(60, 3_600).prefault('10m'), {
          description:
            'The longest life of a token that is made out of another one; it never lives longer than the one that it is made from.',
          expected: durationExpected,
        }),
        people: setting(z.boolean().default(false), {
          description:
            'Whether people get such tokens out of their login (`sallyport login`), for hosts that a row of the domain `tokens` allows them. A token ends with the login session. Whoever let a command line in before this was set let it in for this as well.',
          expected: 'true or false',
          example: true,
        }),
      })
      .exactOptional(),
    'Tokens that this service makes out of those of `issuers`, each for one host whose `bearerFrom` names `sallyport`, where a row of the domain `tokens` allows it. Without this section none; `exchange: {}` takes the usual values.',
  ),
})

/** Of `hosts`. */
export const bearerSettings = {
  certificateFrom: setting(z.array(text).min(1).exactOptional(), {
    description:
      'Names of `machines.certificates` whose client certificates say on this host who is asking. If absent none does.',
    expected: 'a list of names of authorities, at least one',
    example: ['mesh'],
  }),
  bearerFrom: setting(z.array(text).min(1).exactOptional(), {
    description:
      'Names of `machines.issuers` whose bearer tokens say on this host who is asking; `sallyport` are those that this service made for the host (`machines.exchange`). If absent none does, and an `Authorization` header is the business of the application.',
    expected: 'a list of names of issuers, at least one',
    example: ['prod'],
  }),
  bearerAudience: setting(audience.exactOptional(), {
    description:
      'Audience that tokens must have on this host in place of the one of their issuer, so that a token for one host is worth nothing on another.',
    expected: audienceExpected,
    example: 'https://payroll.example.com',
  }),
  bearerHeader: setting(parsed(value.parseBearerHeader).exactOptional(), {
    description:
      "Header in which tokens come to this host, bare, in place of `Authorization: Bearer`, which then stays the application's. The proxy has to drop it on the way to the application.",
    expected: 'a header name',
    example: 'X-Machine-Token',
  }),
}
