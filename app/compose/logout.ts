/** Composition of the ways in which providers tell of log-outs. */

import { createBackChannelRouter } from '../login/logout/back-channel.ts'
import { createFrontChannelRouter } from '../login/logout/front-channel.ts'
import { createLogoutTokens } from '../login/logout/logout-token.ts'
import type { Providers } from '../login/provider/providers.ts'
import { createRateLimit } from '../login/rate-limit.ts'
import { createProviderLogout } from '../sessions/provider-logout.ts'
import type { Base, Kept } from './kept.ts'
import { newRequestId } from './kept.ts'
import type { WithPasswords } from './passwords.ts'

/** `isWorker`: the primary counts how often a client sends something. */
export function composeLogoutChannels(
  { audit, clock, config, logger }: Base,
  kept: Kept & WithPasswords,
  login: { readonly providers: Providers },
  isWorker: boolean,
) {
  const marks = kept.logoutMarks
  const { confirmedBy, logOut: onLogout } = kept.ofPasswords.confirmations
  const namesWith = (channel: 'backChannel' | 'frontChannel') =>
    new Set(config.providers.filter(({ logout }) => logout[channel]).map(({ name }) => name))
  const shared = {
    providers: login.providers,
    logout: createProviderLogout({ directory: kept.directory, marks, confirmedBy, onLogout }),
    audit,
    logger: logger.child('login'),
    newRequestId,
  }
  return {
    back: createBackChannelRouter({
      ...shared,
      names: namesWith('backChannel'),
      marks,
      tokens: createLogoutTokens({ clock }),
      rateLimit: createRateLimit(config.login.logoutsPerMinute, isWorker, 'logout'),
    }),
    front: createFrontChannelRouter({ ...shared, names: namesWith('frontChannel') }),
  }
}
