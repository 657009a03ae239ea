/**
 * Every setting once: its type, unit, default and one sentence. The environment name follows from the path
 * (config/schema/settings.ts). The example, the reference and the JSON Schema are generated from here.
 */
import { z } from 'zod'
import { assertion } from './assertion-schema.ts'
import { authzen } from './authzen-schema.ts'
import { envoy } from './envoy-schema.ts'
import { host } from './hosts-schema.ts'
import { kubernetes } from './kubernetes-schema.ts'
import { listenExpected, parsedListen, socketSettings } from './listen-place.ts'
import { machines } from './machines-schema.ts'
import { pages } from './pages-schema.ts'
import { passwords } from './passwords-schema.ts'
import { policy } from './policy-schema.ts'
import { provider } from './provider-schema.ts'
import { sessions } from './sessions-schema.ts'
import { duration, durationExpected, parsed, parsing, section, setting, text } from './setting.ts'
import * as value from './values.ts'

const headerExpected = 'a header name'
const hostsExpected = 'a list of host names'
const header = (name: string, description: string) =>
  setting(parsed(value.parseHeaderName).prefault(name), { description, expected: headerExpected })

const hosts = (description: string) =>
  setting(z.array(parsed(value.parseHost)).default([]), { description, expected: hostsExpected })

const server = z.strictObject({
  url: setting(parsed(value.parseOrigin), {
    description:
      'Public address of the login pages; the redirect URI of a provider is this plus `/callback/<its name>`.',
    expected: 'an origin such as https://auth.example.com',
    example: 'https://auth.example.com',
  }),
  listen: setting(parsedListen('127.0.0.1:9180'), {
    description: 'Address and port, or Unix socket, for the checks of the proxies and for the login pages.',
    expected: listenExpected,
  }),
  ...socketSettings('0660'),
  trustedProxies: setting(z.array(parsed(value.parseAddressRange)).prefault(['127.0.0.0/8', '::1/128']), {
    description:
      'Peers that may ask for decisions and whose forwarding headers are believed. Whoever may open a Unix socket of `listen` is one as well.',
    expected: 'a list of addresses or CIDR ranges such as 10.0.0.0/8',
  }),
  clientCertificateHeader: setting(parsed(value.parseCertificateHeader).exactOptional(), {
    description:
      "Header in which the trusted proxies pass the client's certificate of each request, for `client-certificate` conditions of the policy and for `sessions.bindTo`, which has to be written beside it. They have to overwrite it, or remove it where there is no certificate: whoever can write it can pretend to have any.",
    expected: headerExpected,
    example: 'X-Client-Certificate',
  }),
  webSocketOrigins: setting(z.array(parsed(value.parseOrigin)).default([]), {
    description:
      "Origins whose pages may open a WebSocket on a host other than their own; a host's own pages always may.",
    expected: 'a list of origins such as https://partner.example.org',
  }),
  requestTimeout: setting(duration(1, 300).prefault('10s'), {
    description: 'How long a client may take to send one request.',
    expected: durationExpected,
  }),
  shutdownTimeout: setting(duration(0, 600).prefault('10s'), {
    description: 'How long running requests may take to finish after SIGTERM.',
    expected: durationExpected,
  }),
  cookieName: setting(text.regex(/^[A-Za-z0-9-]{1,40}$/, 'letters, digits and hyphens only').default('sallyport'), {
    description: 'Name of the session cookie, without the `__Host-` or `__Secure-` that is put in front of it.',
    expected: 'a cookie name',
  }),
  workers: setting(z.union([z.int(), text]).transform(parsing(value.parseWorkers)).prefault(1), {
    description:
      'How many processes answer on `listen`; `auto` is one for each processor core that this process may use.',
    expected: 'a whole number from 1 to 64, or auto',
  }),
})

const admin = z.strictObject({
  listen: setting(parsedListen('127.0.0.1:9181'), {
    description:
      'Address and port, or Unix socket, for `/healthz`, `/readyz` and `/metrics`, which ask nobody who they are, and for `/explain/`, which answers this machine only.',
    expected: listenExpected,
  }),
  ...socketSettings('0600'),
  hosts: hosts(
    'Names under which the admin listener answers, such as the one that Prometheus scrapes; addresses, `localhost` and the host of `listen` always count. Any other name is 421: a web page could have pointed it here.',
  ),
})

const headers = z.strictObject({
  user: header('Remote-User', 'Header for the subject of the person.'),
  email: header('Remote-Email', 'Header for the verified e-mail address.'),
  name: header('Remote-Name', 'Header for the name to show.'),
  groups: header('Remote-Groups', 'Header for the groups.'),
  assertion: header('X-Sallyport-Assertion', 'Header for the signed identity assertion.'),
  groupSeparator: setting(z.enum([',', ';', '|', ' ']).default(','), {
    description: 'Character between two groups; a group that holds it is percent-encoded.',
    expected: 'a comma, a semicolon, a bar or a space, in quotes',
  }),
})

const canonical = z.strictObject({
  allowEncodedSlash: hosts(
    'Hosts whose applications need `%2F` inside a path segment; rows then have to fit every way to read such a path.',
  ),
  allowSemicolon: hosts(
    'Hosts whose applications need `;` in a path; rows then have to fit every way to read such a path.',
  ),
  allowUnderscore: hosts('Hosts whose names hold an underscore.'),
})

const login = z.strictObject({
  returnTo: setting(z.array(parsed(value.parseHostPattern)).default([]), {
    description:
      'Hosts that a login may return to beside those that the policy and `hosts` name; for every host below a domain see `hosts[].tickets`.',
    expected: 'a list of hosts such as app.example.com',
  }),
  attemptLifetime: setting(duration(30, 3600).prefault('10m'), {
    description: 'How long a person may take to log in at the provider.',
    expected: durationExpected,
  }),
  keepFragment: setting(z.boolean().default(true), {
    description:
      'Whether what stands behind `#` in an address is there again after the login. A page that nobody sees, with one script that its Content-Security-Policy names by its hash, reads it before the browser leaves for the provider.',
    expected: 'true or false',
  }),
  rateLimit: setting(z.int().min(1).max(100_000).default(600), {
    description:
      'Requests to the login pages per client address and minute, and as many to each of the endpoints of tokens (`/token`, `/token/revoke`, `/token/introspect`, `/kube/token` and the like), counted for each by itself.',
    expected: 'a whole number from 1 to 100000',
  }),
  logoutRateLimit: setting(z.int().min(1).max(1_000_000).default(6000), {
    description: 'Log-outs that a provider may tell of over the back channel, per address and minute.',
    expected: 'a whole number from 1 to 1000000',
  }),
})

const audit = z.strictObject({
  destination: setting(text.default('stdout'), {
    description: 'Where audit events go, one JSON line each: stdout, stderr or a file that is appended to.',
    expected: 'stdout, stderr or a path',
    isPath: true,
  }),
  whenFull: setting(z.enum(['warn', 'refuse']).default('warn'), {
    description:
      'What becomes of checks while audit events can be neither written nor kept waiting (a full disk): `refuse` answers 503, `warn` goes on, counts the lost events and logs an error.',
    expected: 'warn or refuse',
  }),
})

const log = z.strictObject({
  level: setting(z.enum(['fatal', 'error', 'warn', 'info', 'debug']).default('info'), {
    description:
      'Least severity of an operational log line; the log goes to stderr. `debug` tells each step of each request, and costs accordingly.',
    expected: 'fatal, error, warn, info or debug',
  }),
})

export const configSchema = z.strictObject({
  server: section(server, 'The listener for proxies and browsers.'),
  admin: section(admin.prefault({}), 'The listener for health checks, metrics and explanations.'),
  providers: section(z.array(provider).min(1), 'The OpenID providers that people log in with; at least one.'),
  sessions: section(sessions.prefault({}), 'Logins: where they are kept and how long they last.'),
  policy: section(policy.prefault({}), 'The rules.'),
  assertion: section(assertion.prefault({}), 'The signed statement of identity for upstreams.'),
  headers: section(headers.prefault({}), 'Names of the headers that upstreams receive.'),
  canonical: section(canonical.prefault({}), 'What applications need beyond the strict reading of addresses.'),
  login: section(login.prefault({}), 'The login itself.'),
  pages: section(pages.prefault({}), 'The pages that people see.'),
  audit: section(audit.prefault({}), 'The record of decisions and logins.'),
  log: section(log.prefault({}), 'The operational log.'),
  envoy: section(
    envoy.exactOptional(),
    'The listener for checks of Envoy over gRPC; without this section Envoy asks over HTTP alone.',
  ),
  kubernetes: section(
    kubernetes.exactOptional(),
    'The gateway to Kubernetes clusters, and the logins of kubectl; without this section there is none of it.',
  ),
  machines: section(
    machines.exactOptional(),
    'Who may come with a bearer token in place of a login: workloads, clients, and people without a browser. Without this section nobody.',
  ),
  authzen: section(
    authzen.exactOptional(),
    'Questions of applications: who may do what (AuthZEN Authorization API 1.0). Without this section nobody can ask.',
  ),
  passwords: section(
    passwords.prefault({}),
    'Application passwords, which people make for programs that know nothing else; counts where a host has `passwords: true`.',
  ),
  hosts: section(
    z.array(host).default([]),
    'What single hosts or the hosts below one have of their own; of several entries that fit, the most exact one that holds a setting gives it.',
  ),
})

/** The configuration after parsing, still with the names of the file. */
export type ParsedSettings = z.output<typeof configSchema>
