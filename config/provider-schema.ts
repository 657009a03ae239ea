/** The settings of one OpenID provider. */
import { z } from 'zod'
import { parsed, section, setting, text } from './setting.ts'
import * as value from './values.ts'

const claimExpected = "the claim's name, nested names joined by /"
const claimPath = text.regex(/^[^/]+(?:\/[^/]+)*$/, 'a name between two slashes is empty')

const claims = z.strictObject({
  groups: setting(claimPath.default('groups'), {
    description: 'Claim that holds the groups of a person.',
    expected: claimExpected,
  }),
  email: setting(claimPath.default('email'), {
    description: 'Claim that holds the e-mail address.',
    expected: claimExpected,
  }),
  name: setting(claimPath.default('name'), {
    description: 'Claim that holds the name to show.',
    expected: claimExpected,
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
  scopes: setting(
    z.array(text.regex(/^[\x21\x23-\x5b\x5d-\x7e]+$/, 'a scope has no spaces')).default(['profile', 'email']),
    {
      description: 'Scopes to ask for; `openid` is always asked for.',
      expected: 'a list of scopes',
    },
  ),
  claims: section(claims.prefault({}), 'Where the ID token or userinfo holds what is needed.'),
  emailVerified: setting(z.enum(['claim', 'always']).default('claim'), {
    description:
      'Whether an address counts as verified: as the `email_verified` claim says, or always, for a provider whose people cannot choose their address.',
    expected: 'claim or always',
  }),
})
