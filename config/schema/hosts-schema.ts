/** The settings that single hosts have of their own. */
import { z } from 'zod'
import { parseAssertionClaim } from './assertion-claim.ts'
import { parseAuthorizationHeader } from './authorization-header.ts'
import { headerPresetNames, parseClaimHeader } from './header-presets.ts'
import { bearerSettings } from './machines-schema.ts'
import { parseStartPath, parseTitle } from './pages-schema.ts'
import { passwordSettings } from './passwords-schema.ts'
import { duration, durationExpected, parsed, section, setting, text } from './setting.ts'
import * as value from './values.ts'

const userName = z.strictObject({
  claim: setting(text.exactOptional(), {
    description:
      'Claim that is the name, such as `preferred_username` or `upn`; nested names joined by `/`. Whoever can change it at the provider to that of somebody else is that person to the application.',
    expected: 'the name of a claim',
    example: 'preferred_username',
  }),
  emailDomain: setting(parsed(value.parseHost).exactOptional(), {
    description:
      'In place of `claim`: the name is what stands before the `@` of a verified address of exactly this domain; of any other address there is none.',
    expected: 'one domain such as example.com',
    example: 'example.com',
  }),
  provider: setting(text.exactOptional(), {
    description:
      "The provider whose people have such a name; needed where people of several get in. `'*'` says that a name is the same person at all of them.",
    expected: "the name of a provider, or '*'",
    example: 'corp',
  }),
})

export const host = z.strictObject({
  host: setting(parsed(value.parseHostPattern), {
    description: 'Host that the entry is for; `*.example.com` is every host below.',
    expected: 'a host such as app.example.com or *.example.com',
    example: 'payroll.example.com',
  }),
  maxAge: setting(duration(60).exactOptional(), {
    description:
      'How long after a login at the provider the host may be used before it asks for another; `sessions.lifetime` ends it anyway.',
    expected: durationExpected,
    example: '8h',
  }),
  // As with sessions.idle: what is written once a minute cannot be measured more finely.
  maxIdle: setting(duration(120).exactOptional(), {
    description:
      'How long a session may go without a request to the host before the host asks for a login; `sessions.idle` ends it anyway. No person gets in by token there.',
    expected: durationExpected,
    example: '15m',
  }),
  providers: setting(z.array(text).min(1).exactOptional(), {
    description: 'Names of the providers that people of the host may log in with; all of them if absent.',
    expected: 'a list of names of providers, at least one',
    example: ['corp'],
  }),
  assertionClaims: setting(z.array(parsed(parseAssertionClaim)).exactOptional(), {
    description:
      "Claims of the provider that the host's assertions carry beside the usual ones, each with the name that it gets.",
    expected: 'a list of name=path such as department=department or team=org/team, nested names joined by /',
    example: ['department=department'],
  }),
  groups: setting(z.array(parsed(value.parseGroupPattern)).exactOptional(), {
    description:
      'Which groups the host hears of, in its header and in assertions: names, or the beginnings of names and `*`. All of them if absent, and an application that forbids by a group has to be told of it. The policy judges by all of them in any case.',
    expected: 'a list of names such as wiki-editors or wiki-*',
    example: ['wiki-*'],
  }),
  identityHeaders: setting(z.array(z.enum(headerPresetNames)).min(1).exactOptional(), {
    description:
      'Headers of other products under which the application hears who is asking, beside those of `headers`; `remote` is about those. Printed anew (`sallyport proxy-config`), the proxy drops what clients send under these names, on every host.',
    expected: `a list of ${headerPresetNames.join(', ').replace(/, (\w+)$/, ' or $1')}`,
    example: ['webauth'],
  }),
  userName: section(
    userName.exactOptional(),
    'A name that the application knows, for the headers of `identityHeaders` that hold the user, in place of the subject. It is no identity: policy and audit know `issuer#sub` alone. Of who has no such name they are empty.',
  ),
  claimHeaders: setting(z.array(parsed(parseClaimHeader)).min(1).max(16).exactOptional(), {
    description:
      'Claims of the provider as headers of their own. The proxy, printed anew, drops what clients send under these names, on every host.',
    expected: 'a list of header=path such as X-Department=department or X-Team=org/team, nested names joined by /',
    example: ['X-Department=department'],
  }),
  authorization: setting(parsed(parseAuthorizationHeader).exactOptional(), {
    description:
      'What the application gets as `Authorization: Bearer`, where its proxy passes that on: `assertion` is the assertion; `kube:prod` a token of minutes for that cluster behind the gateway, which a dashboard can act with as whoever is logged in in the browser. In every answer for the host then, and empty for everybody else.',
    expected: 'assertion, or kube: and the name of a cluster',
    example: 'kube:prod',
  }),
  tickets: setting(z.boolean().exactOptional(), {
    description:
      'Whether logins lead back to the host with a ticket for the session. Hosts that a policy row or an entry here names get one anyway; for `*.example.com` true says that every host below is yours. `false` keeps tickets from named hosts as well.',
    expected: 'true or false',
    example: true,
  }),
  ...bearerSettings,
  ...passwordSettings,
  title: setting(parsed(parseTitle).exactOptional(), {
    description:
      'Name of the application on the start page of the login, which lists it for whoever may open it now; not listed if absent.',
    expected: 'a text of at most 64 characters',
    example: 'Payroll',
  }),
  startPath: setting(parsed(parseStartPath).exactOptional(), {
    description:
      'Path on the host that its entry on the start page leads to, and that has to be allowed for it; `/` if absent.',
    expected: 'a path such as /home',
    example: '/home',
  }),
})
