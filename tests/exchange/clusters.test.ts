/** What a token for a cluster cannot be, and what the gateway takes for one. */
import { generateKeyPairSync } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { signJwt } from '../../app/assertion/sign.ts'
import type { PublicJwk, SigningKey } from '../../app/assertion/signing-keys.ts'
import { checkForCluster, clusterIn, isClusterTarget } from '../../app/exchange/cluster-target.ts'
import type { ExchangeDependencies } from '../../app/exchange/dependencies.ts'
import type { Subject } from '../../app/exchange/subject.ts'
import { createClusterTokenLogin } from '../../app/identity/cluster-token.ts'
import { createOwnIssuer } from '../../app/identity/token/own-issuer.ts'
import { createExchangedTokens, type ExchangedToken } from '../../app/sessions/exchanged-tokens.ts'
import type { RecordStore } from '../../app/sessions/record-store.ts'
import type { Machine, User } from '../../rbac/identity.ts'
import { createMovableClock } from '../sessions/fixtures.ts'

const deployer: Machine = {
  kind: 'machine',
  subject: 'https://kubernetes.default.svc#system:serviceaccount:ci:deployer',
  provider: 'prod',
  groups: [],
  claims: {},
  serviceAccount: 'prod/ci/deployer',
}
const alice: User = { kind: 'user', subject: 'https://idp#alice', provider: 'corp', groups: ['ops'], claims: {} }

describe('J106 a token for a cluster', () => {
  const asked = {
    subjectToken: '',
    actorToken: undefined,
    target: 'kube:prod',
    scope: undefined,
    bindsCertificate: false,
  }
  const credential = { credential: 'service-account-token', credentialIssuer: 'prod' } as const
  const subject: Subject = { identity: deployer, credential, chain: [], actors: [], expiresAt: 0 }
  const usual = { asked, subject, actor: undefined, isBound: false }

  it('is made for a workload as it is', () => {
    expect(() => checkForCluster(usual)).not.toThrow()
  })

  it.each([
    ['a person', { subject: { ...subject, identity: alice } }, 'invalid_target'],
    ['an actor', { actor: { identity: deployer, credential, name: 'x' } }, 'invalid_target'],
    ['somebody who has acted before', { subject: { ...subject, actors: ['client:robots/relay'] } }, 'invalid_target'],
    ['a key or a certificate', { isBound: true }, 'invalid_target'],
    ['the binding of the token before', { subject: { ...subject, confirmation: { jkt: 'a' } } }, 'invalid_target'],
    ['a scope', { asked: { ...asked, scope: 'read' } }, 'invalid_scope'],
    ['the scope of the token before', { subject: { ...subject, scope: 'read' } }, 'invalid_scope'],
  ])('is not made with %s', (_what, change, error) => {
    expect(() => checkForCluster({ ...usual, ...change })).toThrow(expect.objectContaining({ error }))
  })

  it('names one that is there, whole', () => {
    const dependencies = { isCluster: (name: string) => name === 'prod' } as unknown as ExchangeDependencies
    expect(clusterIn(asked, dependencies)).toBe('kube:prod')
    for (const target of ['kube:', 'kube:prod/', 'kube:Prod', 'kube:prod.example.com', 'kube:kube:prod']) {
      expect(isClusterTarget(target)).toBe(true)
      expect(() => clusterIn({ ...asked, target }, dependencies)).toThrow(/no such cluster/)
    }
  })
})

describe('J106 at a cluster', () => {
  const clock = createMovableClock()
  const now = () => Math.floor(clock.now() / 1000)
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const publicJwk = { ...publicKey.export({ format: 'jwk' }), kid: 'k', alg: 'ES256', use: 'sig' } as PublicJwk
  const key: SigningKey = { kid: 'k', algorithm: 'ES256', privateKey, publicJwk }
  const issuer = 'https://auth.example.com/token'
  const own = createOwnIssuer({ name: 'sallyport', issuer, algorithm: 'ES256', jwks: () => ({ keys: [publicJwk] }) })
  const records = new Map<string, ExchangedToken>()
  const tokens = createExchangedTokens({ records: {} as RecordStore, secrets: ['s'.repeat(40)], clock })
  const { identify, isOurs } = createClusterTokenLogin({
    own,
    tokens: {
      ...tokens,
      open: async id => {
        const token = records.get(id)
        return token && { token, stands: () => records.has(id) }
      },
    },
    clock,
  })
  let count = 0
  const made = (change: Partial<ExchangedToken> = {}, claims: object = {}): string => {
    const id = `id-${++count}`
    const expiresAt = now() + 60
    records.set(id, { identity: deployer, host: 'kube:prod', chain: [], actors: [], expiresAt, ...change })
    const usual = { iss: issuer, aud: 'kube:prod', sub: deployer.subject, jti: id, iat: now(), exp: expiresAt }
    return signJwt(key, { ...usual, ...claims }, 'at+jwt')
  }

  it('a token for it says who is asking', async () => {
    const token = made()
    expect(isOurs(token)).toBe(true)
    expect(await identify(token, 'prod')).toMatchObject({ workload: deployer, tokenId: 'id-1' })
    expect(await identify(token, 'other')).toBeUndefined()
    // Neither by its record alone, whatever it says itself.
    expect(await identify(made({ host: 'kube:other' }), 'other')).toBeUndefined()
  })

  it('is the same object for a token that was seen, until that stands no more', async () => {
    const token = made()
    const [first, second] = [await identify(token, 'prod'), await identify(token, 'prod')]
    expect(second?.workload).toBe(first?.workload)
    expect(await identify(token, 'other')).toBeUndefined()
    records.delete(String(first?.tokenId))
    expect(await identify(token, 'prod')).toBeUndefined()
    expect(await identify(token, 'prod')).toBeUndefined()
  })

  it.each<[string, Partial<ExchangedToken>, object]>([
    ['for a host', { host: 'wiki.example.com' }, { aud: 'wiki.example.com' }],
    ['whose record is for another cluster', { host: 'kube:other' }, {}],
    ['of a person', { identity: alice }, {}],
    ['that is bound to a key', { confirmation: { jkt: 'a' } }, {}],
    ['that is bound to a certificate', { confirmation: { 'x5t#S256': 'a' } }, {}],
    ['with a scope', { scope: 'read' }, {}],
    ['with somebody who acts', { actors: ['client:robots/relay'] }, {}],
    ['of another issuer', {}, { iss: 'https://auth.example.com' }],
    ['that has expired', {}, { iat: 1, exp: 2 }],
    ['for two', {}, { aud: ['kube:prod', 'kube:other'] }],
    ['without a record', {}, { jti: 'nobody' }],
  ])('one %s is worth nothing', async (_what, change, claims) => {
    expect(await identify(made(change, claims), 'prod')).toBeUndefined()
  })

  it('garbage is not ours, and worth nothing', async () => {
    for (const text of ['', 'x', 'a.b.c', `${made().slice(0, -4)}AAAA`]) {
      if (text.length < 10) expect(isOurs(text)).toBe(false)
      expect(await identify(text, 'prod')).toBeUndefined()
    }
  })
})
