/** What `sallyport init` writes, but the files of the proxy. Pure. */
import { readHost } from '../proxy-config/read-options.ts'
import type { Answers } from './questions.ts'

export interface WrittenFile {
  /** In the folder that was named. */
  readonly path: string
  readonly text: string
}

export const providerName = 'corp'
export const ownSecretFile = './oidc.secret'

/** Where the provider has to lead logins back to. */
export const redirectUri = (url: string): string => `${url}/callback/${providerName}`

/** In double quotes, which YAML reads as JSON does. */
const quoted = (text: string): string => JSON.stringify(text)

/** All of them but secrets may be read by everybody. `secret` is a fresh one. */
export function filesFor(answers: Answers, secret: string): readonly WrittenFile[] {
  const { clientSecret = '', clientSecretFile } = answers
  return [
    { path: 'sallyport.yaml', text: configuration(answers) },
    { path: 'session.secret', text: `${secret}\n` },
    ...(clientSecret === '' || clientSecretFile !== ownSecretFile
      ? []
      : [{ path: 'oidc.secret', text: `${clientSecret}\n` }]),
    { path: 'policy/policy.csv', text: policy(answers) },
    { path: 'policy/conditions.yaml', text: conditions },
    { path: 'policy/first.test.yaml', text: test(answers) },
  ]
}

const configuration = ({ url, issuer, clientId, clientSecretFile }: Answers): string => `\
# Every other setting, with what it means: sallyport config example
server:
  # The provider has to know ${redirectUri(url)}
  url: ${quoted(url)}
  listen: 127.0.0.1:9180
  # Who may ask: the proxy, as this service sees its address. Whoever is named here says who people are.
  trustedProxies: [127.0.0.1/32]
providers:
  - name: ${providerName}
    issuer: ${quoted(issuer)}
    clientId: ${quoted(clientId)}
    clientSecretFile: ${quoted(clientSecretFile)}
    # For rows about groups the provider has to tell them; most do so for: groups
    scopes: [profile, email]
sessions:
  store: lmdb
  path: ./data
  secretFile: ./session.secret
  lifetime: 12h
  idle: 1h
policy:
  directory: ./policy
`

const policy = (answers: Answers): string => {
  const { host } = readHost(answers.host)
  return `\
# subject, domain, resource, action, condition, effect. Nobody may do what no row allows; a row that denies wins.
# Other subjects: anyone, group:ops, email:alice@example.com. All of it: docs/policy.md
p, authenticated, ${host}, /**, *, -, allow
# p, group:contractors, ${host}, /admin/**, *, -, deny
# p, group:ops, ${host}, /admin/**, *, mfa, allow
`
}

const conditions = `\
# Conditions that rows can name. This one: logged in with a second factor.
# mfa: { authentication-method: [mfa, hwk] }
{}
`

const test = (answers: Answers): string => {
  const { host } = readHost(answers.host)
  const { protocol, port } = new URL(answers.url)
  const request = quoted(`GET ${protocol}//${host}${port === '' ? '' : `:${port}`}/`)
  return `\
# Run before each start and each reload; by hand: sallyport policy test
cases:
  - name: nobody gets in without a login
    identity: anonymous
    request: ${request}
    want: challenge
  - name: whoever has logged in gets in
    identity: { user: alice }
    request: ${request}
    want: allow
`
}
