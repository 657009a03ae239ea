/** When a bearer token is looked at, what is kept of it, and what a flood of forged ones costs. */
import { describe, expect, it, vi } from 'vitest'
import { OperationalError } from '../../app/errors.ts'
import { readHeaders } from '../../app/fronts/raw-headers.ts'
import type { AskedWith } from '../../app/identity/authenticators.ts'
import { createBearerToken, type HostAcceptance } from '../../app/identity/bearer-token.ts'
import type { KeySet } from '../../app/identity/token/issuer-keys.ts'
import { verifyToken } from '../../app/identity/token/verify-token.ts'
import type { User } from '../../rbac/identity.ts'
import { createSigningIssuer, deployer, nowSeconds, trust } from './token-issuer.ts'

const domain = 'wiki.example.com'

function asked(...headers: readonly (readonly [string, string])[]): AskedWith {
  return {
    cookie: '',
    headers: readHeaders(headers.flat()),
    isInteractive: false,
    isUpgrade: false,
    request: { domain, action: 'GET', url: '' },
  }
}
const bearer = (token: string) => asked(['Authorization', `Bearer ${token}`])

function world(own: Partial<HostAcceptance> = {}) {
  const issuer = createSigningIssuer('https://kubernetes.default.svc', deployer)
  let ms = 0
  let seconds = nowSeconds
  const believed = trust(issuer, { name: 'prod', kind: 'kubernetes', now: () => ms })
  let checks = 0
  const { keys } = believed.trusted
  // One for each signature that is looked at. The same set stays the same object, as its identity counts.
  const counted = new WeakMap<KeySet, KeySet>()
  const counting = (set: KeySet | undefined): KeySet | undefined => {
    if (set === undefined) return undefined
    const known = counted.get(set)
    if (known !== undefined) return known
    const getKey: KeySet['getKey'] = (...asked) => {
      checks += 1
      return set.getKey(...asked)
    }
    const made = { ...set, getKey }
    counted.set(set, made)
    return made
  }
  const countedKeys = {
    current: () => counting(keys.current()),
    holding: async (id: string | undefined) => counting(await keys.holding(id)),
  }
  const acceptance: HostAcceptance = { issuers: [{ ...believed.trusted, keys: countedKeys }], ...own }
  const verify = vi.fn(verifyToken)
  const authenticator = createBearerToken({
    acceptedOn: host => (host === domain ? acceptance : undefined),
    hasOwnHeaders: own.header !== undefined,
    clock: { now: () => seconds * 1000 },
    verify,
  })
  const codeOf = async (question: AskedWith): Promise<unknown> => {
    try {
      const { identity } = await authenticator.authenticate(question)
      return identity.kind === 'machine' ? identity.serviceAccount : identity.kind
    } catch (error) {
      return error instanceof OperationalError ? error.code : error
    }
  }
  return {
    ...authenticator,
    issuer,
    believed,
    verify,
    signatureChecks: () => checks,
    codeOf,
    wait: (by: number) => {
      ms += by * 1000
      seconds += by
    },
  }
}

describe('a host that takes bearer tokens', () => {
  it.each([
    ['Bearer x', true],
    ['bearer x', true],
    ['BEARER', true],
    ['Bearer', true],
    ['Basic Ym9iOng=', false],
    ['Basic Ym9iOng=, Bearer x', true],
    ['Bearerish x', false],
    ['Digest realm="bearer"', false],
    ['', false],
  ])('is responsible for the Authorization header %j: %s', (value, isResponsible) => {
    expect(world().isResponsible(asked(['Authorization', value]))).toBe(isResponsible)
  })

  it('looks at no other host, and at no other header', () => {
    const { isResponsible } = world()
    const elsewhere = { ...bearer('x'), request: { domain: 'other.example.com', action: 'GET', url: '' } }
    expect(isResponsible(elsewhere)).toBe(false)
    expect(isResponsible(asked(['X-Authorization', 'Bearer x'], ['Cookie', 'Authorization=Bearer x']))).toBe(false)
  })

  it('J16 refuses two lines and two schemes', async () => {
    const { codeOf, isResponsible, issuer } = world()
    const good = `Bearer ${issuer.token()}`
    for (const lines of [
      [good, good],
      ['Basic Ym9iOng=', good],
      [good, 'Basic Ym9iOng='],
      ['Basic Ym9iOng=', 'Basic Ym9iOng='],
    ]) {
      const question = asked(...lines.map(line => ['Authorization', line] as const))
      expect(isResponsible(question)).toBe(true)
      expect(await codeOf(question)).toBe('ERR_CREDENTIALS_AMBIGUOUS')
    }
    for (const line of [`Basic Ym9iOng=, ${good}`, `${good}, Basic Ym9iOng=`, `${good} ${good}`, 'Bearer', 'Bearer ']) {
      expect(await codeOf(asked(['Authorization', line]))).toBe('ERR_BEARER_INVALID')
    }
  })

  it('reads a header of its own in place of it, once', async () => {
    const { codeOf, isResponsible, issuer } = world({ header: 'x-machine-token' })
    const token = issuer.token()
    expect(isResponsible(bearer(token))).toBe(false)
    expect(isResponsible(asked(['X-Machine-Token', token]))).toBe(true)
    expect(await codeOf(asked(['X-Machine-Token', token]))).toBe('prod/ci/deployer')
    expect(await codeOf(asked(['X-Machine-Token', `Bearer ${token}`]))).toBe('ERR_BEARER_INVALID')
    expect(await codeOf(asked(['X-Machine-Token', token], ['x-machine-token', token]))).toBe(
      'ERR_CREDENTIALS_AMBIGUOUS',
    )
  })

  it('J17 tells whoever is refused why, with nothing of the token in it', async () => {
    const { authenticate, issuer } = world()
    const refused = await Promise.resolve(authenticate(bearer(issuer.token({ aud: 'secret"\\\r\naudience' })))).catch(
      (error: unknown) => error,
    )
    expect(refused).toBeInstanceOf(OperationalError)
    const { challenge, message } = refused as OperationalError
    expect(challenge).toMatch(
      /^Bearer error="invalid_token", error_description="the token is for another audience: [^"\\\r\n]+"$/,
    )
    expect(`${challenge}${message}`).not.toContain('secret')
  })
})

describe('a token that was seen', () => {
  it('J18 costs no signature check, and is at hand at once', async () => {
    const { authenticate, verify, issuer } = world()
    const token = issuer.token()
    const first = await authenticate(bearer(token))
    const second = authenticate(bearer(token))
    expect(second).not.toBeInstanceOf(Promise)
    expect(second).toBe(first)
    expect(verify).toHaveBeenCalledTimes(1)
  })

  it('is the same somebody with another token, as one object, and nobody else is', async () => {
    const { authenticate, issuer } = world()
    const identityOf = async (claims: object) => (await authenticate(bearer(issuer.token(claims)))).identity
    const first = await identityOf({ jti: 'id-1' })
    expect(await identityOf({ jti: 'id-2', exp: nowSeconds + 500 })).toBe(first)
    const [account, pod] = ['other', 'pod-2'].map(name => ({ name, uid: `uid-${name}` }))
    const others = [{ serviceaccount: account }, { pod }].map(part => ({
      'kubernetes.io': { ...deployer['kubernetes.io'], ...part },
    }))
    for (const claims of [{ ...others[0], sub: 'system:serviceaccount:ci:other' }, others[1] ?? {}]) {
      const other = await identityOf(claims)
      expect(other).not.toBe(first)
      expect(other).not.toEqual(first)
    }
  })

  it('J18 counts until it expires', async () => {
    const { codeOf, wait, issuer } = world()
    const token = issuer.token({ exp: nowSeconds + 60 })
    expect(await codeOf(bearer(token))).toBe('prod/ci/deployer')
    wait(89)
    expect(await codeOf(bearer(token))).toBe('prod/ci/deployer')
    wait(1)
    expect(await codeOf(bearer(token))).toBe('ERR_BEARER_INVALID')
  })

  it('J19 counts no more once its key was withdrawn, five minutes after at the latest', async () => {
    const { codeOf, wait, issuer, believed } = world()
    const token = issuer.token()
    expect(await codeOf(bearer(token))).toBe('prod/ci/deployer')
    issuer.rotate()
    wait(299)
    expect(await codeOf(bearer(token))).toBe('prod/ci/deployer')
    wait(1)
    // This one makes us look; what it finds counts for the next.
    await codeOf(bearer(token))
    await believed.trusted.keys.holding('first-next')
    expect(await codeOf(bearer(token))).toBe('ERR_BEARER_INVALID')
    expect(await codeOf(bearer(issuer.token()))).toBe('prod/ci/deployer')
    expect(believed.reads).toBe(2)
  })

  it('J18 is not forgotten for thousands of forged ones, each of which costs one check', async () => {
    const { codeOf, verify, issuer, believed, signatureChecks } = world()
    // As many as are good on a busy day.
    const good = Array.from({ length: 200 }, (_, index) => issuer.token({ jti: `id-${index}` }))
    for (const token of good) await codeOf(bearer(token))
    expect(signatureChecks()).toBe(200)
    const other = createSigningIssuer(issuer.issuer, deployer)
    const [head, body] = (good[0] ?? '').split('.')
    for (let index = 0; index < 10_000; index += 1) {
      const forged =
        index % 10 === 0
          ? other.token({ jti: `forged-${index}` })
          : `${head}.${body}.${Buffer.alloc(64, index % 251).toString('base64url')}`
      if ((await codeOf(bearer(forged))) !== 'ERR_BEARER_INVALID') throw new Error('let in')
    }
    expect(signatureChecks()).toBe(10_200)
    for (const token of good) expect(await codeOf(bearer(token))).toBe('prod/ci/deployer')
    expect(signatureChecks()).toBe(10_200)
    expect(verify).toHaveBeenCalledTimes(10_200)
    expect(believed.reads).toBe(1)
  })

  it('J11 is another one for a host that takes other tokens', async () => {
    const issuer = createSigningIssuer('https://kubernetes.default.svc', deployer)
    const { trusted } = trust(issuer, { name: 'prod', kind: 'kubernetes' })
    const hosts: Readonly<Record<string, HostAcceptance>> = {
      [domain]: { issuers: [trusted] },
      'payroll.example.com': { issuers: [trusted], audience: 'payroll' },
      'shop.example.com': { issuers: [] },
    }
    const { authenticate } = createBearerToken({
      acceptedOn: host => hosts[host],
      hasOwnHeaders: false,
      clock: { now: () => nowSeconds * 1000 },
    })
    const question = bearer(issuer.token())
    const on = (host: string) =>
      Promise.resolve().then(() => authenticate({ ...question, request: { domain: host, action: 'GET', url: '' } }))
    await expect(on(domain)).resolves.toMatchObject({ identity: { serviceAccount: 'prod/ci/deployer' } })
    for (const host of ['payroll.example.com', 'shop.example.com']) {
      await expect(on(host)).rejects.toMatchObject({ code: 'ERR_BEARER_INVALID' })
    }
  })
})

describe('a token of a person', () => {
  const personal = (own: Partial<HostAcceptance>, user: Partial<User> = {}) => {
    const issuer = createSigningIssuer('https://idp.example', { sub: 'alice', client_id: 'cli' })
    const alice: User = {
      kind: 'user',
      subject: 'https://idp.example#alice',
      provider: 'corp',
      groups: [],
      claims: {},
      ...user,
    }
    const { trusted } = trust(issuer, { name: 'corp', kind: 'openid', personOf: () => alice })
    const { authenticate } = createBearerToken({
      acceptedOn: () => acceptance,
      hasOwnHeaders: false,
      clock: { now: () => nowSeconds * 1000 },
    })
    const acceptance = { issuers: [trusted], ...own }
    const question = bearer(issuer.token({}, { header: { typ: 'at+jwt' } }))
    return async () => authenticate(question)
  }

  it('is refused where the host takes people of other providers, the second time as the first', async () => {
    const ask = personal({ providers: ['partner'] })
    for (let time = 1; time <= 2; time += 1) await expect(ask()).rejects.toMatchObject({ code: 'ERR_BEARER_INVALID' })
    await expect(personal({ providers: ['corp', 'partner'] })()).resolves.toMatchObject({ identity: { kind: 'user' } })
  })

  it.each([
    ['at no known time', {}, false],
    ['too long ago', { authTime: nowSeconds - 3_601 }, false],
    ['a moment ago', { authTime: nowSeconds - 60 }, true],
  ])('who authenticated %s is judged by the age that the host allows', async (_when, user, isFresh) => {
    const answer = await personal({ maxAgeSeconds: 3_600 }, user)()
    expect(answer.identity.kind).toBe(isFresh ? 'user' : 'anonymous')
    expect(answer.sessionChallenge?.reason).toBe(isFresh ? undefined : 'session-too-old')
    expect(answer.credential).toMatchObject({ credential: 'user-token' })
  })
})
