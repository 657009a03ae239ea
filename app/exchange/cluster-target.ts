/**
 * Tokens for a cluster: `audience=kube:<name>`.
 *
 * Threat: at a cluster nobody looks at scopes, bindings and actors, so a token with one of them would be worth more there than
 * at a host. There is none.
 */
import type { ExchangeDependencies } from './dependencies.ts'
import { ExchangeError, type ExchangeRequest } from './parameters.ts'
import type { Actor, Subject } from './subject.ts'

const prefix = 'kube:'

export const isClusterTarget = (target: string): boolean => target.startsWith(prefix)

/** The target of a cluster that is configured, as tokens have it. Throws `ExchangeError`. */
export function clusterIn({ target }: ExchangeRequest, { isCluster }: ExchangeDependencies): string {
  if (isCluster(target.slice(prefix.length))) return target
  throw new ExchangeError('invalid_target', 'there is no such cluster behind the gateway', 'target')
}

interface Wanted {
  readonly asked: ExchangeRequest
  readonly subject: Subject
  readonly actor: Actor | undefined
  /** Whether the new token would be bound to something. */
  readonly isBound: boolean
}

/** Throws `ExchangeError` for what a token for a cluster cannot be. */
export function checkForCluster({ asked, subject, actor, isBound }: Wanted): void {
  if (subject.identity.kind !== 'machine') {
    throw refused('people come to a cluster by sallyport kube login: its tokens hang on a login, and end with it')
  }
  if (actor !== undefined || subject.actors.length > 0) {
    throw refused('nobody acts for somebody else at a cluster: exchange a token of your own')
  }
  if (isBound || subject.confirmation !== undefined) {
    throw refused(
      'a token that is bound to a key or a certificate is for hosts alone: nobody looks at that at a cluster',
    )
  }
  if (asked.scope !== undefined || subject.scope !== undefined) {
    throw new ExchangeError('invalid_scope', 'there are no scopes for clusters: rows say what may be done', 'scope')
  }
}

const refused = (why: string): ExchangeError => new ExchangeError('invalid_target', why, 'target')
