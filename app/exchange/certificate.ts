/**
 * A token for whoever has a client certificate (RFC 8705): what it is bound to is the certificate of the connection on which
 * it was asked for, which a trusted proxy has verified and passes on.
 *
 * Threat: a token that is bound, exchanged by whoever stole it for one that is not. So the binding of whatever is exchanged has
 * to hold for the exchange, and goes on into what is made of it.
 */
import type { Request } from 'express'
import type { Confirmation } from '../sessions/exchanged-tokens.ts'
import { sentHeaders } from './arrival.ts'
import type { ExchangeDependencies } from './dependencies.ts'
import { ExchangeError, type ExchangeRequest } from './parameters.ts'

/** Member of `cnf` (RFC 8705 section 3.1). */
export const thumbprintMember = 'x5t#S256' satisfies keyof Confirmation

/** Thumbprint of the connection's; `undefined` where none is known. */
export const certificateOf = (
  request: Request,
  { certificateIn }: Pick<ExchangeDependencies, 'certificateIn'>,
): string | undefined => certificateIn?.(sentHeaders(request))

/** What the tokens of an exchange are bound to; each of these was found to be that of the connection. */
export interface Bindings {
  readonly subject: Confirmation | undefined
  readonly actor: string | undefined
}

/** Thumbprint that the new token is bound to; `undefined` where none is needed and none is asked for. Throws `ExchangeError`. */
export function certificateFor(
  { bindsCertificate }: Pick<ExchangeRequest, 'bindsCertificate'>,
  { subject, actor }: Bindings,
  presented: string | undefined,
): string | undefined {
  if (bindsCertificate && presented === undefined) {
    throw refusedCertificate('no client certificate of this connection is known here, so there is nothing to bind to')
  }
  return subject?.[thumbprintMember] ?? actor ?? (bindsCertificate ? presented : undefined)
}

/** Throws `ExchangeError` for a token of ours that is bound to another certificate than that of the connection. */
export function requireBoundCertificate(
  confirmation: Confirmation | undefined,
  presented: string | undefined,
  { isCertificate }: Pick<ExchangeDependencies, 'isCertificate'>,
): void {
  const bound = confirmation?.[thumbprintMember]
  if (bound === undefined || isCertificate(bound, presented)) return
  throw refusedCertificate('subject_token: it is bound to another client certificate than that of this connection')
}

const refusedCertificate = (why: string): ExchangeError => new ExchangeError('invalid_request', why, 'certificate')
