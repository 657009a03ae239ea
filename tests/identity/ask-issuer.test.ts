/** What is believed of an issuer that is asked about a token, how often it is asked, and what its silence means. */
import { describe, expect, it } from 'vitest'
import { OperationalError } from '../../app/errors.ts'
import { readHeaders } from '../../app/fronts/raw-headers.ts'
import { createBearerToken } from '../../app/identity/bearer-token.ts'
import type { Inquiry } from '../../app/identity/token/inquiry.ts'
import { createIntrospection, type IntrospectionOptions } from '../../app/identity/token/introspection.ts'
import { createQuestions, mostAtOnce, mostPerSecond, silenceMs } from '../../app/identity/token/questions.ts'
import { TokenRefused } from '../../app/identity/token/refusal.ts'
import { createTokenReview } from '../../app/identity/token/token-review.ts'
import type { User } from '../../rbac/identity.ts'
import { fc } from '../properties.ts'
import { createSigningIssuer, deployer, nowSeconds, type TestTrust, trust } from './token-issuer.ts'

const domain = 'wiki.example.com'
const alice: User = { kind: 'user', subject: 'https://idp.example#alice', provider: 'corp', groups: [], claims: {} }

/** A host that takes tokens of one issuer, which is asked. */
function host(source: ReturnType<typeof createSigningIssuer>, settings: TestTrust, inquiry: Inquiry, more = {}) {
  let seconds = nowSeconds
  const acceptance = { issuers: [{ ...trust(source, settings).trusted, inquiry }], ...more }
  const { authenticate } = createBearerToken({
    acceptedOn: () => acceptance,
    hasOwnHeaders: false,
    certificateIn: headers => headers.only('x-thumbprint'),
    clock: { now: () => seconds * 1000 },
  })
  return {
    wait: (by: number) => {
      seconds += by
    },
    /** Whoever gets in, or why nobody does. */
    async bearer(token: string, ...further: readonly string[]): Promise<string> {
      const headers = readHeaders(['Authorization', `Bearer ${token}`, ...further])
      try {
        const { identity } = await authenticate({
          cookie: '',
          headers,
          isInteractive: false,
          isUpgrade: false,
          request: { domain, action: 'GET', url: '' },
        })
        if (identity.kind === 'user') return identity.subject
        return identity.kind === 'machine' ? (identity.client ?? identity.serviceAccount ?? '') : 'nobody'
      } catch (error) {
        if (error instanceof OperationalError) {
          return error.cause instanceof TokenRefused ? error.cause.reason : error.code
        }
        throw error
      }
    },
  }
}

const opaque = 'an-opaque-token-of-the-robot'
const idp = createSigningIssuer('https://idp.example', { sub: 'robot', client_id: 'robot' })
const active = {
  active: true,
  iss: idp.issuer,
  aud: 'sallyport',
  sub: 'robot',
  client_id: 'robot',
  token_type: 'Bearer',
  iat: nowSeconds - 10,
  exp: nowSeconds + 600,
}

/** A provider that gives these answers; a function decides by the token, and may throw. */
function introspected(
  answer: object | ((token: string) => unknown),
  own: Partial<Omit<IntrospectionOptions, 'call'>> & {
    readonly personOf?: () => User
    readonly looksAtCertificate?: boolean
    readonly now?: () => number
  } = {},
) {
  const { personOf, looksAtCertificate = false, now = () => 0, ...options } = own
  const asked: string[] = []
  const inquiry = createIntrospection({
    name: 'corp',
    countsForMs: 30_000,
    alsoJwts: false,
    clientsWithoutSubject: false,
    questions: createQuestions({ name: 'corp', now }),
    call: async token => {
      asked.push(token)
      return typeof answer === 'function' ? answer(token) : answer
    },
    ...options,
  })
  const trusted: TestTrust = { kind: 'openid', name: 'corp', ...(personOf !== undefined && { personOf }) }
  return { ...host(idp, trusted, inquiry, { looksAtCertificate }), asked }
}

describe('an opaque token', () => {
  it('stands for what its provider says, and for thirty seconds it is not asked again', async () => {
    const { bearer, asked, wait } = introspected(active)
    expect(await bearer(opaque)).toBe('corp/robot')
    wait(17)
    expect(await bearer(opaque)).toBe('corp/robot')
    expect(asked).toEqual([opaque])
    wait(13)
    expect(await bearer(opaque)).toBe('corp/robot')
    expect(asked).toHaveLength(2)
  })

  it('is asked about again beside its requests, once and a little before the answer is too old', async () => {
    let answer: Promise<object> = Promise.resolve(active)
    const { bearer, asked, wait } = introspected(() => answer)
    expect(await bearer(opaque)).toBe('corp/robot')
    let give: (value: object) => void = () => undefined
    answer = new Promise(resolve => {
      give = resolve
    })
    wait(28)
    for (let count = 0; count < 3; count += 1) expect(await bearer(opaque)).toBe('corp/robot')
    expect(asked).toHaveLength(2)
    give(active)
    await new Promise(setImmediate)
    wait(10)
    // The first answer is too old by now, the second one is not.
    expect(await bearer(opaque)).toBe('corp/robot')
    expect(asked).toHaveLength(2)
  })

  it('J50 counts no more at once when it is found to be inactive beside a request', async () => {
    let answer: object = active
    const { bearer, wait } = introspected(() => answer)
    expect(await bearer(opaque)).toBe('corp/robot')
    answer = { active: false }
    wait(28)
    expect(await bearer(opaque)).toBe('corp/robot')
    await new Promise(setImmediate)
    expect(await bearer(opaque)).toBe('inactive')
  })

  it('J50 counts no more once its client was disabled, thirty seconds after at the latest', async () => {
    let answer: object = active
    const { bearer, wait } = introspected(() => answer)
    expect(await bearer(opaque)).toBe('corp/robot')
    answer = { active: false }
    wait(30)
    expect(await bearer(opaque)).toBe('inactive')
    answer = active
    expect(await bearer(opaque)).toBe('corp/robot')
  })

  it('J50 counts no longer for a clock that was set back', async () => {
    let answer: object = active
    const { bearer, wait } = introspected(() => answer)
    expect(await bearer(opaque)).toBe('corp/robot')
    answer = { active: false }
    wait(-5)
    expect(await bearer(opaque)).toBe('inactive')
  })

  it('counts no longer than it is valid, whatever was remembered', async () => {
    const { bearer, wait, asked } = introspected({ ...active, exp: nowSeconds + 5 })
    expect(await bearer(opaque)).toBe('corp/robot')
    wait(5 + 30)
    expect(await bearer(opaque)).toBe('expired')
    expect(asked).toHaveLength(2)
  })

  it.each<readonly [string, object, string]>([
    ['is not active', { active: false }, 'inactive'],
    ['is active as a text', { ...active, active: 'true' }, 'ERR_ISSUER_UNAVAILABLE'],
    ['is active as a number', { ...active, active: 1 }, 'ERR_ISSUER_UNAVAILABLE'],
    ['says nothing of that', { ...active, active: undefined }, 'ERR_ISSUER_UNAVAILABLE'],
    ['is a list', [active], 'ERR_ISSUER_UNAVAILABLE'],
    ['has another issuer', { ...active, iss: 'https://idp.example/' }, 'issuer'],
    ['has no issuer', { ...active, iss: undefined }, 'issuer'],
    ['is for somebody else', { ...active, aud: 'sallyport-2' }, 'audience'],
    ['is for others as well', { ...active, aud: ['sallyport', 'shop'] }, 'other-audience'],
    ['is for nobody', { ...active, aud: undefined }, 'audience'],
    ['has expired', { ...active, exp: nowSeconds - 31 }, 'expired'],
    ['does not expire', { ...active, exp: undefined }, 'claim'],
    ['expires as a text', { ...active, exp: `${active.exp}` }, 'claim'],
    ['does not say since when', { ...active, iat: undefined }, 'claim'],
    ['counts for a month', { ...active, exp: nowSeconds + 30 * 86_400 }, 'lifetime'],
    ['has no type', { ...active, token_type: undefined }, 'type'],
    ['is bound to a key', { ...active, token_type: 'DPoP' }, 'type'],
    ['is bound to nothing that is known', { ...active, cnf: {} }, 'bound'],
    ['is bound to a certificate, which nobody looks at', { ...active, cnf: { 'x5t#S256': 'a'.repeat(43) } }, 'bound'],
    ['is a refresh token of Keycloak', { ...active, typ: 'Refresh' }, 'type'],
    ['is a refresh token of Hydra', { ...active, token_use: 'refresh_token' }, 'type'],
    ['names no client', Object.fromEntries(Object.entries(active).filter(([name]) => name !== 'client_id')), 'client'],
    ['names two clients', { ...active, azp: 'other' }, 'client'],
    ['has no subject', { ...active, sub: undefined }, 'person'],
    ['is that of a person', { ...active, sub: 'alice' }, 'person'],
    ['is that of a person who is called as the client', { ...active, sid: 's-1' }, 'person'],
  ])('J54 lets nobody in when the answer %s', async (_what, answer, reason) => {
    expect(await introspected(answer).bearer(opaque)).toBe(reason)
  })

  it('J54 without a subject is its client’s own only where the provider is known to leave it out', async () => {
    const answer = { ...active, sub: undefined }
    const own = { clientsWithoutSubject: true, personOf: () => alice }
    expect(await introspected(answer, own).bearer(opaque)).toBe('corp/robot')
    for (const more of [{ username: 'alice' }, { sid: 's-1' }, { auth_time: 1 }]) {
      expect(await introspected({ ...answer, ...more }, own).bearer(opaque)).not.toBe('corp/robot')
    }
  })

  it('of a person is that person', async () => {
    expect(await introspected({ ...active, sub: 'alice' }, { personOf: () => alice }).bearer(opaque)).toBe(
      alice.subject,
    )
  })

  it('J54 never gets in by an answer that is anything else, and never ends in another error', async () => {
    const answers = fc.oneof(
      fc.jsonValue(),
      fc.record({ active: fc.constant(true) }).chain(base => fc.object().map(more => ({ ...more, ...base }))),
      fc.record(
        Object.fromEntries(
          Object.entries(active).map(([name, value]) => [name, fc.oneof(fc.jsonValue(), fc.constant(value))]),
        ),
        {
          requiredKeys: [],
        },
      ),
    )
    await fc.assert(
      fc.asyncProperty(answers, async answer => {
        const result = await introspected(() => answer, { personOf: () => alice }).bearer(opaque)
        const isWhole = Object.entries(active).every(
          ([name, value]) =>
            JSON.stringify((answer as Record<string, unknown> | null)?.[name]) === JSON.stringify(value),
        )
        if (!isWhole) expect(result).not.toBe('corp/robot')
      }),
    )
  })

  it('J55 is sent to nobody when it is a JWT, too short, or of odd characters', async () => {
    const { bearer, asked } = introspected(active)
    const jwt = createSigningIssuer(idp.issuer, { sub: 'robot', client_id: 'robot', scope: 'x' }).token()
    for (const token of [jwt, 'a.b.c', 'short', `${opaque}"`, `${opaque}=x`, 'x'.repeat(4_097)]) {
      expect(await bearer(token)).not.toBe('corp/robot')
    }
    expect(asked).toEqual([])
  })
})

describe('a JWT whose provider is asked as well', () => {
  const jwt = idp.token({ scope: 'x' })

  it('J50 counts no more once it is inactive, thirty seconds after at the latest', async () => {
    let answer: object = active
    const { bearer, wait, asked } = introspected(() => answer, { alsoJwts: true })
    expect(await bearer(jwt)).toBe('corp/robot')
    answer = { active: false }
    wait(17)
    expect(await bearer(jwt)).toBe('corp/robot')
    wait(13)
    expect(await bearer(jwt)).toBe('inactive')
    expect(asked).toHaveLength(2)
  })

  it('J53 is not asked about before its signature was right', async () => {
    const { bearer, asked } = introspected(active, { alsoJwts: true })
    const forged = createSigningIssuer(idp.issuer, { sub: 'robot', client_id: 'robot', scope: 'x' })
    expect(await bearer(forged.token())).toBe('signature')
    expect(await bearer(idp.token({ aud: 'other' }))).toBe('audience')
    expect(asked).toEqual([])
  })

  it.each([
    ['a certificate', { 'x5t#S256': 'a'.repeat(43) }],
    ['a key', { jkt: 'a' }],
  ])('J104 that its issuer knows to be bound to %s, and does not say so itself, lets nobody in', async (_what, cnf) => {
    const world = introspected({ ...active, cnf }, { alsoJwts: true, looksAtCertificate: true })
    expect(await world.bearer(jwt, 'X-Thumbprint', 'a'.repeat(43))).toBe('bound')
  })

  it('J54 does not count by an answer about somebody else', async () => {
    expect(await introspected({ ...active, sub: 'shop' }, { alsoJwts: true }).bearer(jwt)).toBe('inactive')
  })
})

describe('J104 an opaque token that its issuer binds to a certificate', () => {
  const [own, others] = ['a'.repeat(43), 'b'.repeat(43)]
  const answer = { ...active, cnf: { 'x5t#S256': own } }

  it('lets in whoever comes with that one, the first time and while the answer is remembered', async () => {
    const { bearer, asked, wait } = introspected(answer, { looksAtCertificate: true })
    for (const seconds of [0, 1, 17, 31]) {
      wait(seconds)
      expect(await bearer(opaque)).toBe('certificate')
      expect(await bearer(opaque, 'X-Thumbprint', others)).toBe('certificate')
      expect(await bearer(opaque, 'X-Thumbprint', own, 'X-Thumbprint', own)).toBe('certificate')
      expect(await bearer(opaque, 'X-Thumbprint', own)).toBe('corp/robot')
    }
    // A thief makes nobody ask more often.
    expect(asked.length).toBeLessThanOrEqual(3)
  })

  it('and to a key lets nobody in', async () => {
    const both = { ...answer, cnf: { ...answer.cnf, jkt: own } }
    expect(await introspected(both, { looksAtCertificate: true }).bearer(opaque, 'X-Thumbprint', own)).toBe('bound')
  })
})

describe('a provider that does not answer', () => {
  const down = () => {
    throw new Error('no way there')
  }

  it('J52 lets nobody in: it cannot be told, which is no refusal', async () => {
    expect(await introspected(down).bearer(opaque)).toBe('ERR_ISSUER_UNAVAILABLE')
  })

  it('J52 lets nobody stay in whose answer is too old, and lets him in again when it answers', async () => {
    let answer: () => unknown = () => active
    const { bearer, wait } = introspected(() => answer())
    expect(await bearer(opaque)).toBe('corp/robot')
    answer = down
    wait(29)
    expect(await bearer(opaque)).toBe('corp/robot')
    wait(1)
    expect(await bearer(opaque)).toBe('ERR_ISSUER_UNAVAILABLE')
    answer = () => active
    expect(await bearer(opaque)).toBe('corp/robot')
  })

  it('J53 is left alone for a second by tokens that were never good, and not by others', async () => {
    let ms = 0
    let isDown = false
    const { bearer, wait, asked } = introspected(
      token => {
        if (isDown || token.startsWith('faulty')) throw new Error('no answer to that')
        return active
      },
      { now: () => ms },
    )
    expect(await bearer(opaque)).toBe('corp/robot')
    expect(await bearer('faulty-token-of-a-stranger')).toBe('ERR_ISSUER_UNAVAILABLE')
    wait(30)
    // The stranger's fault keeps nobody out who was in.
    expect(await bearer(opaque)).toBe('corp/robot')
    const before = asked.length
    expect(await bearer('another-token-of-a-robot')).toBe('ERR_ISSUER_UNAVAILABLE')
    expect(asked).toHaveLength(before)
    ms += silenceMs
    expect(await bearer('another-token-of-a-robot')).toBe('corp/robot')
    isDown = true
  })
})

describe('a flood of tokens that were made up', () => {
  it('J53 asks fifty times a second and no more, leaves nothing behind, and keeps nobody out who was in', async () => {
    let ms = 0
    const { bearer, wait, asked } = introspected(token => (token === opaque ? active : { active: false }), {
      now: () => ms,
    })
    expect(await bearer(opaque)).toBe('corp/robot')
    const results: Record<string, number> = {}
    for (let count = 0; count < 10_000; count += 1) {
      const result = await bearer(`made-up-token-of-mallory-${count}`)
      results[result] = (results[result] ?? 0) + 1
    }
    expect(results).toEqual({ inactive: mostPerSecond - 1, ERR_ISSUER_UNAVAILABLE: 10_000 - mostPerSecond + 1 })
    wait(30)
    expect(await bearer(opaque)).toBe('corp/robot')
    expect(asked.filter(token => token === opaque)).toHaveLength(2)
    ms += 1_000
    expect(await bearer('made-up-token-of-mallory-0')).toBe('inactive')
  })

  it('J53 counts whoever was refused as a stranger again', async () => {
    let answer: object = active
    const { bearer, wait } = introspected(token => (token === opaque ? answer : { active: false }))
    expect(await bearer(opaque)).toBe('corp/robot')
    answer = { active: false }
    wait(30)
    expect(await bearer(opaque)).toBe('inactive')
    for (let count = 1; count < mostPerSecond; count += 1) await bearer(`made-up-token-of-mallory-${count}`)
    expect(await bearer(opaque)).toBe('ERR_ISSUER_UNAVAILABLE')
  })

  it('J53 has only so many questions under way, and one for however many ask the same', async () => {
    let answer: (value: unknown) => void = () => undefined
    const answered = new Promise(resolve => {
      answer = resolve
    })
    const { bearer, asked } = introspected(() => answered)
    const same = Array.from({ length: 100 }, () => bearer(opaque))
    // These wait; a hundred would be more than strangers have in a second.
    const others = Array.from({ length: mostPerSecond - 1 }, (_, index) => bearer(`made-up-token-of-mallory-${index}`))
    await expect.poll(() => asked.length).toBe(mostAtOnce)
    answer(active)
    expect(new Set(await Promise.all(same))).toEqual(new Set(['corp/robot']))
    expect(new Set(await Promise.all(others))).toEqual(new Set(['corp/robot']))
    expect(asked).toHaveLength(mostPerSecond)
  })
})

describe('a token of a service account whose API server is asked', () => {
  const cluster = createSigningIssuer('https://kubernetes.default.svc', deployer)
  const user = { username: deployer.sub, uid: deployer['kubernetes.io'].serviceaccount.uid }
  const good = { authenticated: true, audiences: ['sallyport'], user }

  function reviewed(status: unknown | (() => unknown)) {
    const asked: { readonly spec: { readonly token: string; readonly audiences: readonly string[] } }[] = []
    const inquiry = createTokenReview({
      name: 'prod',
      countsForMs: 10_000,
      questions: createQuestions({ name: 'prod', now: () => 0 }),
      post: async body => {
        asked.push(JSON.parse(body))
        const answer = typeof status === 'function' ? status() : status
        return JSON.stringify({ apiVersion: 'authentication.k8s.io/v1', kind: 'TokenReview', status: answer })
      },
    })
    return { ...host(cluster, { kind: 'kubernetes', name: 'prod' }, inquiry), asked }
  }

  it('is asked about with our audience, and for ten seconds not again', async () => {
    const { bearer, asked, wait } = reviewed(good)
    const token = cluster.token()
    expect(await bearer(token)).toBe('prod/ci/deployer')
    wait(5)
    expect(await bearer(token)).toBe('prod/ci/deployer')
    expect(asked.map(({ spec }) => spec)).toEqual([{ token, audiences: ['sallyport'] }])
    wait(5)
    expect(await bearer(token)).toBe('prod/ci/deployer')
    expect(asked).toHaveLength(2)
  })

  it.each<readonly [string, unknown]>([
    ['says that it does not count', { user: {}, error: 'service account token has been invalidated' }],
    ['says no', { ...good, authenticated: false }],
    ['says yes as a text', { ...good, authenticated: 'true' }],
    ['says yes as a number', { ...good, authenticated: 1 }],
    ['knows nothing of audiences', { ...good, audiences: undefined }],
    ['is for no audience', { ...good, audiences: [] }],
    ['is for another audience', { ...good, audiences: ['https://kubernetes.default.svc'] }],
    ['has an audience as a text', { ...good, audiences: 'sallyport' }],
    ['names another account', { ...good, user: { ...user, username: 'system:serviceaccount:ci:other' } }],
    ['names a person', { ...good, user: { ...user, username: 'alice' } }],
    ['names an account that was made anew', { ...good, user: { ...user, uid: 'ffff' } }],
    ['names nobody', { ...good, user: undefined }],
  ])('J56 lets nobody in when the answer %s', async (_what, status) => {
    expect(await reviewed(status).bearer(cluster.token())).toBe('inactive')
  })

  it.each([undefined, null, 'yes', []])('J52 lets nobody in when the status is %j', async status => {
    expect(await reviewed(status).bearer(cluster.token())).toBe('ERR_ISSUER_UNAVAILABLE')
  })

  it('J51 counts no more once its account is gone, ten seconds after at the latest', async () => {
    let status: object = good
    const { bearer, wait } = reviewed(() => status)
    const token = cluster.token()
    expect(await bearer(token)).toBe('prod/ci/deployer')
    status = { user: {}, error: 'gone' }
    wait(10)
    expect(await bearer(token)).toBe('inactive')
  })

  it('J53 is not asked about before its signature, audience and times were right', async () => {
    const { bearer, asked } = reviewed(good)
    expect(await bearer(createSigningIssuer(cluster.issuer, deployer).token())).toBe('signature')
    expect(await bearer(cluster.token({ aud: 'other' }))).toBe('audience')
    expect(await bearer(cluster.token({ exp: nowSeconds - 60 }))).toBe('expired')
    expect(asked).toEqual([])
  })

  it('J52 lets nobody in while the API server is silent', async () => {
    const { bearer } = reviewed(() => {
      throw new Error('no way there')
    })
    expect(await bearer(cluster.token())).toBe('ERR_ISSUER_UNAVAILABLE')
  })
})
