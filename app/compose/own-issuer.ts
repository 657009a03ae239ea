/** The issuer of our exchanged tokens, whose keys are our own. */
import { exchangeIssuerOf } from '../exchange/dependencies.ts'
import { createOwnIssuer } from '../identity/token/own-issuer.ts'
import type { TrustedIssuer } from '../identity/token/verify-token.ts'
import { ownIssuer } from '../sessions/exchanged-tokens.ts'
import type { Base, Kept } from './kept.ts'

export const composeOwnIssuer = ({ config }: Base, { keys }: Pick<Kept, 'keys'>): TrustedIssuer =>
  createOwnIssuer({
    name: ownIssuer,
    issuer: exchangeIssuerOf(config.server.url),
    algorithm: config.assertion.algorithm,
    jwks: keys.jwks,
  })
