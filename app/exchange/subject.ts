/**
 * The tokens of an exchange: whose it is about, and who acts (RFC 8693 sections 1.1, 4.1 and 4.4).
 *
 * Threat: an application that was sent a token for itself takes it to another host. So one of our own becomes one for
 * another host only in the hands of somebody who says who they are by a token of their own, and whom the policy lets.
 */
import type { Machine, User } from '../../rbac/identity.ts'
import type { CredentialFacts } from '../audit/access-event.ts'
import type { Act, ExchangedToken, Link } from '../sessions/exchanged-tokens.ts'
import { requireBoundCertificate, thumbprintMember } from './certificate.ts'
import type { ExchangeDependencies, KnownBearer, KnownLogin, NotKnown } from './dependencies.ts'
import { ExchangeError, type ExchangeRequest } from './parameters.ts'

/** Exchanges one after the other. */
export const longestChain = 4
/** What made the first token of a login, in chains: no issuer of the configuration, and no record of ours. */
const loginIssuer = 'sallyport/login'

type OfSubject = 'identity' | 'scope' | 'chain' | 'actors' | 'actorIdentities' | 'act' | 'mayAct' | 'sessionId'

export interface Subject extends Pick<ExchangedToken, OfSubject> {
  readonly credential: CredentialFacts
  readonly expiresAt: number
  /** Of one of our own: the host that it is for. */
  readonly host?: string
  readonly confirmation?: ExchangedToken['confirmation']
}

export interface Actor {
  /** Thumbprint of the client certificate that their token is bound to, and that this connection has. */
  readonly certificate?: string
  readonly identity: Machine | User
  readonly credential: CredentialFacts
  /** As rows name it. */
  readonly name: string
}

/** A token that was sent, and the thumbprint of the client certificate that the connection has, where one is known. */
export interface Sent {
  readonly token: string
  readonly certificate: string | undefined
}

/** Rejects with `ExchangeError`. */
export async function subjectOf(sent: Sent, dependencies: ExchangeDependencies): Promise<Subject> {
  if (dependencies.isOurs(sent.token)) return ownSubject(sent, dependencies)
  const login = await dependencies.openLogin(sent.token)
  if (login !== undefined) return loginSubject(login)
  const known = await dependencies.verify(sent.token, sent.certificate)
  if ('refusal' in known) throw refused('subject_token', known.refusal)
  const { identity, credential, expiresAt, claims, certificate } = known
  const { credentialIssuer: issuer, credentialId: id } = credential
  const mayAct = Object.hasOwn(claims, 'may_act') ? mayActIn(claims.may_act, claims.iss) : undefined
  const chain: readonly Link[] = [{ issuer, ...(id !== undefined && { id }) }]
  return {
    ...{ identity, credential, expiresAt, chain, actors: [] },
    ...(mayAct !== undefined && { mayAct }),
    ...(certificate !== undefined && { confirmation: { [thumbprintMember]: certificate } }),
  }
}

/** Threat: a token that outlives the login. The session goes on into all that is made of it. */
function loginSubject(login: KnownLogin | NotKnown): Subject {
  if ('refusal' in login) throw refused('subject_token', login.refusal)
  const { identity, sessionId, tokenId, expiresAt } = login
  const credential = { credential: 'login-token', credentialIssuer: 'sallyport', credentialId: tokenId } as const
  return { identity, sessionId, expiresAt, credential, chain: [{ issuer: loginIssuer, id: tokenId }], actors: [] }
}

async function ownSubject(sent: Sent, dependencies: ExchangeDependencies): Promise<Subject> {
  const found = await dependencies.openOwn(sent.token)
  if ('refusal' in found) throw refused('subject_token', found.refusal)
  const { id, token } = found
  requireBoundCertificate(token.confirmation, sent.certificate, dependencies)
  const chain = [...token.chain, { issuer: 'sallyport', id }]
  if (chain.length > longestChain) {
    const description = `a token is exchanged ${longestChain} times at most: start again with the first one`
    throw new ExchangeError('invalid_request', description, 'chain')
  }
  const credential: CredentialFacts = {
    credential: token.sessionId === undefined ? 'exchanged-token' : 'login-token',
    credentialIssuer: 'sallyport',
    credentialId: id,
    credentialChain: token.chain.map(link => `${link.issuer}/${link.id ?? '-'}`),
    ...(token.actors.length > 0 && { credentialActors: token.actors }),
  }
  return { ...token, chain, credential }
}

/** Who is to act; `undefined` for nobody but the subject. Rejects with `ExchangeError`. */
export async function actorOf(
  { actorToken, certificate: shown }: Pick<ExchangeRequest, 'actorToken'> & Pick<Sent, 'certificate'>,
  { mayAct }: Pick<Subject, 'mayAct'>,
  { nameOf, verify }: ExchangeDependencies,
): Promise<Actor | undefined> {
  if (actorToken === undefined) {
    if (mayAct === undefined) return undefined
    throw new ExchangeError(
      'invalid_request',
      'the token says who may act with it: send their actor_token',
      'actor-token',
    )
  }
  const known = await verify(actorToken, shown)
  if ('refusal' in known) throw refused('actor_token', known.refusal)
  if (mayAct !== undefined && !isMeant(mayAct, known)) {
    throw new ExchangeError('invalid_request', 'the token does not say that this actor may act with it', 'actor-token')
  }
  const { identity, credential, certificate } = known
  return { identity, credential, name: nameOf(identity), ...(certificate !== undefined && { certificate }) }
}

/** All who acted, whoever does now the last one. */
export function actingIn(
  actor: Actor | undefined,
  { actors, actorIdentities = [] }: Pick<Subject, 'actors' | 'actorIdentities'>,
): Pick<ExchangedToken, 'actors' | 'actorIdentities'> {
  const now = actor === undefined ? [] : [actor]
  const identities = [...actorIdentities, ...now.map(({ identity }) => identity)]
  return {
    actors: [...actors, ...now.map(({ name }) => name)],
    ...(identities.length > 0 && { actorIdentities: identities }),
  }
}

export function actWith(actor: Actor | undefined, { act }: Pick<Subject, 'act'>): Act | undefined {
  if (actor === undefined) return act
  return { sub: actor.identity.subject, ...(act !== undefined && { act }) }
}

/**
 * Threat: a claim that is no object, or an empty one, which would mean anybody. And a `sub` without an `iss`, which somebody of
 * another issuer may have as well: it is one of the issuer that says so.
 */
function mayActIn(value: unknown, issuer: unknown): Readonly<Record<string, unknown>> {
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value)
  if (!isObject || typeof (value as { readonly sub?: unknown }).sub !== 'string') {
    throw refused('subject_token', 'its may_act names nobody')
  }
  return { iss: issuer, ...(value as Readonly<Record<string, unknown>>) }
}

/** Each member has to be a claim of the actor's token (RFC 8693 section 4.4). */
const isMeant = (mayAct: Readonly<Record<string, unknown>>, { claims }: KnownBearer): boolean =>
  Object.entries(mayAct).every(([name, value]) => Object.hasOwn(claims, name) && claims[name] === value)

/** RFC 8693 section 2.2.2. */
const refused = (which: 'subject_token' | 'actor_token', why: string): ExchangeError =>
  new ExchangeError('invalid_request', `${which}: ${why}`, which === 'subject_token' ? 'subject-token' : 'actor-token')
