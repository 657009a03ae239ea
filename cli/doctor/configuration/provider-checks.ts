/** Whether each provider can be used: found, with keys, with our clock, and knowing where its logins lead back to. */
import { createHash, randomBytes } from 'node:crypto'
import { systemClock } from '../../../app/clock.ts'
import { describeError } from '../../../app/login/provider/describe-error.ts'
import { type DiscoveredProvider, discoverProvider } from '../../../app/login/provider/discovery.ts'
import type { Outbound, OutboundFetch } from '../../../app/login/provider/outbound.ts'
import { mustPushRequests } from '../../../app/login/provider/pushed-request.ts'
import type { Config } from '../../../config/config.ts'
import { clockSkewSeconds } from '../../../rbac/clock-skew.ts'
import type { Outcome } from '../probes/probe.ts'
import { type Check, failed, notApplicable, passed } from './check.ts'

type Settings = Config['providers'][number]

interface Found {
  readonly provider: DiscoveredProvider
  readonly fetch: OutboundFetch
  readonly took: number
}

/** Nothing of a provider that is not found is looked at. `outbound` is the way to it. */
export function providerChecks(settings: Settings, publicUrl: string, outbound: Outbound): readonly Check[] {
  let finding: Promise<Found | string> | undefined
  const found = (): Promise<Found | string> => {
    finding ??= find(settings, publicUrl, outbound)
    return finding
  }
  const check = (name: string, title: string, judge: (found: Found) => Outcome | Promise<Outcome>): Check => ({
    name,
    title: `${settings.name}: ${title}`,
    run: async () => {
      const one = await found()
      return typeof one === 'string' ? notApplicable('the provider was not found') : judge(one)
    },
  })
  return [
    {
      name: 'provider-discovery',
      title: `${settings.name}: it is found, and says what is needed`,
      run: async () => judgeDiscovery(settings, await found()),
    },
    check('provider-keys', 'it has keys to sign with', judgeKeys),
    check('clock-skew', 'its clock and ours agree', judgeClock),
    check('redirect-uri', 'it leads logins back to us', one => judgeRedirect(settings, publicUrl, one)),
  ]
}

async function find(settings: Settings, publicUrl: string, outbound: Outbound): Promise<Found | string> {
  const { clientAuthentication, clientCertificate: certificate, clientKey: key } = settings
  const isByCertificate = clientAuthentication === 'tls_client_auth' && certificate !== undefined && key !== undefined
  const fetch = isByCertificate ? outbound.withCertificate({ certificate, key }) : outbound.fetch
  const logger = { info() {}, warn() {}, error() {} }
  const startedAt = performance.now()
  try {
    const options = { publicUrl, fetch: outbound.fetch, clientFetch: fetch, clock: systemClock, logger }
    const provider = await discoverProvider(settings, options)
    return { provider, fetch, took: performance.now() - startedAt }
  } catch (error) {
    return describeError(error)
  }
}

function judgeDiscovery({ issuer }: Settings, found: Found | string): Outcome {
  if (typeof found === 'string')
    return failed(
      found,
      `see that ${issuer} is exactly the issuer of the provider and can be reached from here; for an authority of your own, name the file with its certificate in providers[].caFile. docs/providers/README.md has a table of messages`,
    )
  const { code_challenge_methods_supported: methods } = found.provider.configuration.serverMetadata()
  const text = `${issuer} answers in ${Math.round(found.took)} ms`
  if (methods === undefined) return passed(`${text}; whether it knows PKCE (S256), it does not say`)
  if (methods.includes('S256')) return passed(`${text} and knows PKCE (S256)`)
  return failed(`${text} and says that it does not know PKCE with S256`, 'switch it on at the provider (RFC 7636)')
}

interface Key {
  readonly kty?: unknown
  readonly use?: unknown
  readonly alg?: unknown
  readonly n?: unknown
}

async function judgeKeys({ provider, fetch }: Found): Promise<Outcome> {
  const address = String(provider.configuration.serverMetadata().jwks_uri)
  const answer = await fetchJson(fetch, address)
  if (typeof answer === 'string')
    return failed(answer, 'let the provider publish its keys there: without them no login can be checked')
  const { keys } = answer as { readonly keys?: unknown }
  const all = (Array.isArray(keys) ? keys : []) as readonly Key[]
  if (all.some(({ kty }) => kty === 'oct'))
    return failed(
      `${address} publishes a symmetric key, with which anybody can sign`,
      'take it out at the provider, and have it sign with another one',
    )
  const signing = all.filter(({ kty, use = 'sig' }) => ['RSA', 'EC', 'OKP'].includes(String(kty)) && use === 'sig')
  if (signing.length === 0)
    return failed(`${address} has no key for signatures`, 'give the provider a key of RSA, EC or Ed25519')
  const weak = signing.filter(({ kty, n }) => kty === 'RSA' && Buffer.from(String(n), 'base64url').length < 256)
  if (weak.length > 0)
    return failed(`${address} has a key of RSA with less than 2,048 bits`, 'let the provider make a new key')
  return passed(`${signing.length} at ${address}: ${signing.map(({ alg, kty }) => String(alg ?? kty)).join(', ')}`)
}

async function fetchJson(fetch: OutboundFetch, address: string): Promise<object | string> {
  try {
    const response = await fetch(address, { headers: { accept: 'application/json' }, redirect: 'manual' })
    if (response.status !== 200) return `${address} answers with ${response.status}`
    const body: unknown = await response.json()
    return typeof body === 'object' && body !== null ? body : `${address} answers with no JSON object`
  } catch (error) {
    return `${address}: ${describeError(error)}`
  }
}

/** Its `Date` has whole seconds (RFC 9110 section 6.6.1), and is of the middle of the call. */
async function judgeClock({ provider, fetch }: Found): Promise<Outcome> {
  const address = `${provider.configuration.serverMetadata().issuer.replace(/\/$/, '')}/.well-known/openid-configuration`
  const sentAt = Date.now()
  const response = await fetch(address, { redirect: 'manual' }).catch(() => undefined)
  const middle = (sentAt + Date.now()) / 2
  const date = Date.parse(response?.headers.get('date') ?? '')
  await response?.body?.cancel()
  if (Number.isNaN(date)) return notApplicable('its answers have no `Date`')
  const ahead = Math.round((date + 500 - middle) / 1000)
  const text =
    ahead === 0 ? 'less than a second apart' : `${Math.abs(ahead)} s ${ahead > 0 ? 'ahead of' : 'behind'} ours`
  if (Math.abs(ahead) <= clockSkewSeconds) return passed(`${text}; up to ${clockSkewSeconds} s are let pass`)
  return failed(
    `the provider's clock is ${text}, and more than ${clockSkewSeconds} s make its tokens too new or too old`,
    'set both clocks by NTP',
  )
}

/** What a provider says to somebody who is not logged in and must not be asked (OpenID Connect Core 1.0 section 3.1.2.6). */
const expected = /^(?:login_required|interaction_required|account_selection_required|consent_required)$/

async function judgeRedirect(settings: Settings, publicUrl: string, found: Found): Promise<Outcome> {
  const metadata = found.provider.configuration.serverMetadata()
  const redirectUri = new URL(`/callback/${settings.name}`, publicUrl).href
  if (mustPushRequests(settings.pushedRequests ?? 'auto', metadata))
    return notApplicable(`requests are pushed to this provider; ${redirectUri} has to be known to it`)
  const asked = new URL(String(metadata.authorization_endpoint))
  const query = {
    client_id: settings.clientId,
    redirect_uri: redirectUri,
    response_type: 'code',
    scope: 'openid',
    state: random(),
    nonce: random(),
    code_challenge: createHash('sha256').update(random()).digest('base64url'),
    code_challenge_method: 'S256',
    // Nobody is here to be asked.
    prompt: 'none',
  }
  for (const [name, value] of Object.entries(query)) asked.searchParams.set(name, value)
  try {
    const response = await found.fetch(asked.href, { headers: { accept: 'text/html' }, redirect: 'manual' })
    const { status, headers } = response
    const body = await response.text()
    return judgeAnswer({ status, location: headers.get('location'), body, asked }, { redirectUri, settings })
  } catch (error) {
    return failed(`${asked.origin}${asked.pathname}: ${describeError(error)}`, 'see that it can be reached from here')
  }
}

const random = (): string => randomBytes(32).toString('base64url')

interface Answered {
  readonly status: number
  readonly location: string | null
  readonly body: string
  readonly asked: URL
}

function judgeAnswer(
  { status, location, body, asked }: Answered,
  { redirectUri, settings }: { readonly redirectUri: string; readonly settings: Settings },
): Outcome {
  const fix = `register ${redirectUri} as a redirect URI of the client ${settings.clientId} at the provider, character for character`
  const back = location === null ? undefined : new URL(location, asked)
  if (back !== undefined && `${back.origin}${back.pathname}` === redirectUri) {
    const error = back.searchParams.get('error')
    if (error === null || expected.test(error)) return passed(`${redirectUri}: it answers there`)
    return failed(
      `it leads back to ${redirectUri} with the error ${error}: ${back.searchParams.get('error_description') ?? 'no more is said'}`,
      'set the client up at the provider for the authorization code flow with the scope openid',
    )
  }
  if (back !== undefined && !/error/i.test(`${back.pathname}${back.search}`))
    return passed(`${redirectUri}: it asks for a login at ${back.host}`)
  if (status >= 400 || back !== undefined || /redirect_uri|AADSTS\d+/i.test(body))
    return failed(`it refuses a login that leads back to ${redirectUri} (${status})`, fix)
  return notApplicable(
    `it answers ${status} with a page that only a person can read; ${redirectUri} has to be known to it`,
  )
}
