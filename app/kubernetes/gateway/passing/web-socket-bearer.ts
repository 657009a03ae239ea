/**
 * A browser cannot send `Authorization` with a WebSocket; Kubernetes lets it put the token among the protocols it offers.
 *
 * Threat: a token that passes there unseen: the API server would know two callers in one request.
 */
import { Buffer } from 'node:buffer'

const prefix = 'base64url.bearer.authorization.k8s.io.'

const partsOf = (value: string): string[] => value.split(',').map(part => part.trim())

/** What is left of a `Sec-WebSocket-Protocol` line; `undefined` when that is nothing. */
export function withoutBearer(value: string): string | undefined {
  if (!value.toLowerCase().includes(prefix)) return value
  const left = partsOf(value).filter(part => !part.toLowerCase().startsWith(prefix))
  return left.length === 0 ? undefined : left.join(', ')
}

/** The tokens in such lines, decoded. */
export const bearersIn = (values: readonly string[]): string[] =>
  values
    .flatMap(partsOf)
    .filter(part => part.toLowerCase().startsWith(prefix))
    .map(part => Buffer.from(part.slice(prefix.length), 'base64url').toString('latin1'))
