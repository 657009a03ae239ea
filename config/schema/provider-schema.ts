/** The settings of one OpenID provider. */
import { z } from 'zod'
import { parseAuthorizationParameter } from './authorization-parameter.ts'
import { parseClientCertificate, parseClientKey } from './client-keys.ts'
import { presetNames } from './provider-presets.ts'
import { parsed, section, setting, text } from './setting.ts'
import * as value from './values.ts'

const claimExpected = "the claim's name, nested names joined by /"
// The whole of an address is one name: providers put claims of their customers under addresses.
export const claimPath = text.regex(
  /^(?:https?:\/\/[\x21-\x7e]+|[^/]+(?:\/[^/]+)*)$/,
  'a name between two slashes is empty',
)

const claims = z.strictObject({
  groups: setting(claimPath.default('groups'), {
    description: 'Claim that holds the groups of a person.',
    expected: claimExpected,
  }),
  groupsSeparator: setting(
    z
      .string()
      .regex(/^(?:none|[ ,;|:/])$/, 'none or one of space , ; | : /')
      .exactOptional(),
    {
      description:
        'At what a text in the claim of the groups is cut into names; `none`: a text is one name. If absent, a text that may be several names refuses the login.',
      expected: 'none or one of space , ; | : /',
      example: ',',
    },
  ),
  email: setting(claimPath.default('email'), {
    description: 'Claim that holds the e-mail address.',
    expected: claimExpected,
  }),
  name: setting(claimPath.default('name'), {
    description: 'Claim that holds the name to show.',
    expected: claimExpected,
  }),
})

const logout = z.strictObject({
  backChannel: setting(z.boolean().default(true), {
    description:
      'Whether the provider may tell of log-outs with a signed message to `/backchannel-logout/<name>` (OpenID Connect Back-Channel Logout).',
    expected: 'true or false',
  }),
  frontChannel: setting(z.boolean().default(false), {
    description:
      "Whether the provider may tell of log-outs through the person's browser at `/frontchannel-logout/<name>`, for providers that know no other way.",
    expected: 'true or false',
  }),
})

export const provider = z.strictObject({
  name: setting(text.regex(/^[a-z0-9][a-z0-9-]{0,39}$/, 'lower-case letters, digits and hyphens, at most 40'), {
    description: 'Short name of the provider, as policy rows and logs use it.',
    expected: 'a short name such as corp',
    example: 'corp',
  }),
  label: setting(text.exactOptional(), {
    description: 'Name of the provider on the login page; its `name` if absent.',
    expected: 'text',
    example: 'Corporate login',
  }),
  preset: setting(z.enum(presetNames).default('generic'), {
    description:
      'Which provider it is; what the entry leaves out is then set as the page of that provider says (docs/providers).',
    expected: presetNames.join(', ').replace(/, (\w+)$/, ' or $1'),
  }),
  issuer: setting(parsed(value.parseIssuer), {
    description: 'Issuer identifier, exactly as the provider states it in its discovery document.',
    expected: 'an address such as https://idp.example.com',
    example: 'https://idp.example.com',
  }),
  clientId: setting(text, {
    description: 'Client identifier that the provider issued.',
    expected: 'text (numbers in quotes)',
    example: 'sallyport',
  }),
  clientSecret: setting(text.exactOptional(), {
    description: 'Client secret that the provider issued; better kept in `clientSecretFile`.',
    expected: 'text (numbers in quotes)',
    secret: 'whole',
  }),
  clientSecretFile: setting(text.exactOptional(), {
    description: 'File that holds the client secret.',
    expected: 'a path',
    example: '/run/secrets/oidc',
    isPath: true,
    fileOf: 'clientSecret',
  }),
  clientAuthentication: setting(
    z
      .enum(['auto', 'client_secret_basic', 'client_secret_post', 'private_key_jwt', 'tls_client_auth', 'none'])
      .default('auto'),
    {
      description:
        'How the client proves itself to the provider; `auto` sends the secret in the way that the provider offers.',
      expected: 'auto, client_secret_basic, client_secret_post, private_key_jwt, tls_client_auth or none',
    },
  ),
  ca: setting(parsed(value.parseCertificates).exactOptional(), {
    description:
      'Certificates of the authorities that may vouch for the provider, in place of those that Node knows; better kept in `caFile`.',
    expected: 'certificates in PEM form',
    secret: 'whole',
  }),
  caFile: setting(text.exactOptional(), {
    description: 'File that holds these certificates.',
    expected: 'a path',
    example: '/etc/sallyport/idp-ca.pem',
    isPath: true,
    fileOf: 'ca',
    fileHolds: 'text',
    isPublic: true,
  }),
  clientAssertionAudience: setting(z.enum(['issuer', 'token-endpoint']).default('issuer'), {
    description: 'Whom an assertion of `private_key_jwt` is for, as the provider wants to read it.',
    expected: 'issuer or token-endpoint',
  }),
  clientKey: setting(parsed(parseClientKey).exactOptional(), {
    description: 'Private key of the client, in PEM; better kept in `clientKeyFile`.',
    expected: 'a private key in PEM',
    secret: 'whole',
  }),
  clientKeyFile: setting(text.exactOptional(), {
    description: 'File that holds the private key for `private_key_jwt` or `tls_client_auth`, in PEM.',
    expected: 'a path',
    example: '/run/secrets/oidc-key.pem',
    isPath: true,
    fileOf: 'clientKey',
    fileHolds: 'text',
  }),
  clientKeyId: setting(text.exactOptional(), {
    description: 'Name (`kid`) under which the provider knows the key; sent in assertions.',
    expected: 'text',
    example: 'sallyport-1',
  }),
  clientCertificate: setting(parsed(parseClientCertificate).exactOptional(), {
    description: 'Certificate of the client, in PEM; better kept in `clientCertificateFile`.',
    expected: 'a certificate in PEM',
  }),
  clientCertificateFile: setting(text.exactOptional(), {
    description:
      'File that holds the certificate for `tls_client_auth`, or the one whose thumbprint assertions name, in PEM.',
    expected: 'a path',
    example: '/run/secrets/oidc-certificate.pem',
    isPath: true,
    fileOf: 'clientCertificate',
    fileHolds: 'text',
  }),
  pushedRequests: setting(z.enum(['auto', 'always', 'never']).default('auto'), {
    description:
      'Whether authorization requests are pushed to the provider before the browser goes there (RFC 9126); `auto` where it insists on that.',
    expected: 'auto, always or never',
  }),
  responseMode: setting(z.enum(['query', 'form_post']).default('query'), {
    description:
      'How the provider answers a login: in the address that it redirects to, or in a form that its page posts (OAuth 2.0 Form Post Response Mode).',
    expected: 'query or form_post',
  }),
  authorizationParameters: setting(z.array(parsed(parseAuthorizationParameter)).default([]), {
    description: 'Further parameters of every authorization request; what a login itself asks for takes their place.',
    expected: 'a list of name=value such as access_type=offline',
  }),
  scopes: setting(
    z.array(text.regex(/^[\x21\x23-\x5b\x5d-\x7e]+$/, 'a scope has no spaces')).default(['profile', 'email']),
    {
      description: 'Scopes to ask for; `openid` is always asked for.',
      expected: 'a list of scopes',
    },
  ),
  claims: section(claims.prefault({}), 'Where the ID token or userinfo holds what is needed.'),
  userinfo: setting(z.boolean().default(true), {
    description:
      'Whether the userinfo endpoint is asked at a login and at each verification; false for a provider whose ID token says all, or whose userinfo always fails.',
    expected: 'true or false',
  }),
  emailVerified: setting(z.enum(['claim', 'always']).default('claim'), {
    description:
      'Whether an address counts as verified: as the `email_verified` claim says, or always, for a provider whose people cannot choose their address.',
    expected: 'claim or always',
  }),
  groupPrefix: setting(text.regex(/^[\w.:-]{1,64}$/, 'letters, digits, _ . : and - only, at most 64').exactOptional(), {
    description: 'Text that is put in front of every group, so that groups of several providers do not meet.',
    expected: 'text such as corp:',
    example: 'corp:',
  }),
  groupsOverage: setting(z.enum(['refuse', 'graph']).default('refuse'), {
    description:
      'What becomes of a login when Entra ID leaves out groups because there are too many: it is refused, or Microsoft Graph is asked for them.',
    expected: 'refuse or graph',
  }),
  emailDomains: setting(z.array(parsed(value.parseHost)).default([]), {
    description:
      'Domains of e-mail addresses whose people are sent here when they enter their address on the login page.',
    expected: 'a list of domains such as example.com',
  }),
  logout: section(logout.prefault({}), 'How the provider tells of log-outs.'),
})
