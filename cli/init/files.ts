/** What `sallyport init` writes, but the files of the proxy. Pure. */
import { dirname, join } from 'node:path'
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

/** The service's own folder of sockets has the one of its operator as well: no port is left. */
function listeners({ listen = '127.0.0.1:9180' }: Answers): string {
  const socket = socketOf({ listen })
  if (socket === undefined)
    return `\
  listen: ${quoted(listen).replace(/^"([\w.:-]+)"$/, '$1')}
  # Who may ask: the proxy, as this service sees its address. Whoever is named here says who people are.
  trustedProxies: [127.0.0.1/32]
`
  return `\
  # Whoever may write to this file may ask, and says who people are. Its folder has to be there.
  listen: ${quoted(listen)}
  # The group of the proxy, which may not connect before; the service has to be a member of it, or run as root.
  # socketOwner: :www-data
admin:
  listen: ${quoted(`unix:${join(dirname(socket), 'admin.sock')}`)}
`
}

/** The path of the socket, where it is one. */
export const socketOf = ({ listen = '' }: Pick<Answers, 'listen'>): string | undefined =>
  /^unix:(.*)$/.exec(listen)?.[1]

const configuration = (answers: Answers): string => {
  const { url, issuer, clientId, clientSecretFile } = answers
  return `\
# Every other setting, with what it means: sallyport config example
server:
  # The provider has to know ${redirectUri(url)}
  url: ${quoted(url)}
${listeners(answers)}providers:
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
}

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
