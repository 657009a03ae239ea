/**
 * `GET /frontchannel-logout/<provider>?iss=…&sid=…`: the provider's log-out page opens this in a frame (OpenID Connect
 * Front-Channel Logout 1.0).
 *
 * In a frame of another site no cookie of ours arrives, so the session is found by what the provider calls it, and a
 * request that does not name it ends nothing. Anybody who knows that name can do this: it is off unless configured.
 */
import { type Request, Router } from 'express'
import { OperationalError } from '../../errors.ts'
import { arrivalOf } from '../arrival.ts'
import { rawQueryOf } from '../parameters.ts'
import type { DiscoveredProvider } from '../provider/discovery.ts'
import { type ChannelDependencies, endByProvider, requireChannel } from './logout-channel.ts'

const page = '<!doctype html><title>Logged out</title>'

export function createFrontChannelRouter(dependencies: ChannelDependencies): Router {
  const router = Router({ caseSensitive: true, strict: true })
  router.get('/frontchannel-logout/:provider', async (request, response) => {
    arrivalOf(response).requestId = dependencies.newRequestId()
    // Section 3 asks for both directives, and for the old header.
    response.set({ 'Cache-Control': 'no-cache, no-store', Pragma: 'no-cache' })
    const name = requireChannel(request, dependencies)
    const provider = await dependencies.providers.find(name)
    const loggedOut = readQuery(request, provider)
    const teller = { provider: name, cause: 'front-channel' } as const
    await endByProvider(loggedOut, teller, { request, response }, dependencies)
    // Every other page refuses to be framed. X-Frame-Options cannot name who may; this page shows and does nothing.
    response.removeHeader('X-Frame-Options')
    response.set('Cross-Origin-Resource-Policy', 'cross-origin')
    response.set('Content-Security-Policy', `default-src 'none'; frame-ancestors ${framers(provider).join(' ')}`)
    response.type('html').send(page)
  })
  return router
}

/** Each exactly once: a second value would be somebody's guess. */
function readQuery(request: Request, { configuration }: DiscoveredProvider) {
  const query = new URLSearchParams(rawQueryOf(request))
  const [issuers, sessions] = [query.getAll('iss'), query.getAll('sid')]
  const [issuer] = issuers
  const [providerSession] = sessions
  if (issuers.length !== 1 || sessions.length !== 1 || issuer === undefined || !providerSession) {
    throw new OperationalError('ERR_REQUEST_MALFORMED', 'iss and sid have to come, each once')
  }
  if (issuer !== configuration.serverMetadata().issuer) {
    throw new OperationalError('ERR_REQUEST_MALFORMED', 'iss is not the issuer of this provider')
  }
  return { issuer, providerSession }
}

/** Where the provider's own log-out page can be. */
function framers({ configuration }: DiscoveredProvider): readonly string[] {
  const { issuer, end_session_endpoint: logoutPage } = configuration.serverMetadata()
  const addresses = [issuer, ...(logoutPage !== undefined && URL.canParse(logoutPage) ? [logoutPage] : [])]
  return [...new Set(addresses.map(address => new URL(address).origin))]
}
