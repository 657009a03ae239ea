/** The use case by itself: what each effect carries, what is recorded, and that a failure is never an answer. */
import { describe, expect, it } from 'vitest'
import type { AuditEvent, WithoutStamp } from '../../app/audit/event.ts'
import { OperationalError } from '../../app/errors.ts'
import { type Authentication, createVerify, type VerifyDependencies, type VerifyQuestion } from '../../app/verify.ts'
import type { Decision } from '../../rbac/decision.ts'
import { anonymous, type User } from '../../rbac/identity.ts'
import { accessEvent } from '../access-event.ts'

const bob: User = {
  kind: 'user',
  subject: 'https://idp.example#bob',
  email: 'bob@example.com',
  provider: 'corp',
  groups: ['contractors'],
  claims: {},
}
const question: VerifyQuestion = {
  front: 'auth-request',
  requestId: 'r1',
  request: { domain: 'wiki.example.com', resource: '/a', action: 'GET', url: 'https://wiki.example.com/a?secret=1' },
  cookie: 'sallyport=x; theme=dark',
  clientAddress: '203.0.113.9',
  headers: { only: () => undefined, any: () => undefined },
  isInteractive: true,
  isUpgrade: false,
}
const allow: Decision = { effect: 'allow', rule: 'wiki.csv:1', revision: 'abc' }
const deny: Decision = { effect: 'deny', reason: 'rule-denied', rule: 'wiki.csv:2', revision: 'abc' }
const challenge: Decision = { effect: 'challenge', reason: 'authentication-too-old', login: {}, revision: 'abc' }

const events: WithoutStamp<AuditEvent>[] = []

function verifyWith(
  decision: Decision,
  authentication: Partial<Authentication> = {},
  more: Partial<VerifyDependencies> = {},
) {
  events.length = 0
  return createVerify({
    authenticate: async () => ({ identity: bob, clearCookie: false, sessionDigest: 'digest', ...authentication }),
    decide: () => decision,
    identityHeaders: () => ['Remote-User', 'bob'],
    upstreamCookie: () => 'theme=dark',
    challenge: () => ({ loginUrl: 'https://auth.example.com/login', setCookie: 'pending' }),
    clearCookie: () => 'cleared',
    requireAudit: () => {},
    audit: access => events.push(accessEvent(access)),
    onDecision: () => {},
    record: () => {},
    now: () => 1_000_900,
    ...more,
  })(question)
}

describe('a verified request', () => {
  it('carries identity and the cleaned Cookie header when it is allowed', async () => {
    const result = await verifyWith(allow)
    expect(result).toMatchObject({ identityHeaders: ['Remote-User', 'bob'], upstreamCookie: 'theme=dark' })
    expect(result.loginUrl).toBeUndefined()
  })

  it.each([deny, challenge])('carries no identity when the effect is $effect', async decision => {
    const result = await verifyWith(decision)
    expect(result.identityHeaders).toEqual([])
    expect(result.upstreamCookie).toBeUndefined()
  })

  it('carries the login address when it is challenged, and the one cookie that is then wanted', async () => {
    const result = await verifyWith(challenge, { clearCookie: true })
    expect(result).toMatchObject({ loginUrl: 'https://auth.example.com/login', setCookie: 'pending' })
  })

  it.each([allow, deny])('clears a worthless cookie when the effect is $effect', async decision => {
    expect((await verifyWith(decision, { identity: anonymous, clearCookie: true })).setCookie).toBe('cleared')
    expect((await verifyWith(decision)).setCookie).toBeUndefined()
  })

  describe('with a session that does not do here as it is', () => {
    const sessionChallenge = { reason: 'session-idle', login: { maxAgeSeconds: 900 } } as const
    const lacking = { identity: anonymous, sessionChallenge }

    it('is challenged for what the session lacks, not for being nobody', async () => {
      const nobody: Decision = { effect: 'challenge', reason: 'user-unauthenticated', login: {}, revision: 'abc' }
      const { decision } = await verifyWith(nobody, lacking)
      expect(decision).toEqual({ effect: 'challenge', ...sessionChallenge, revision: 'abc' })
      expect(events).toMatchObject([{ event: 'access.challenged', reason: 'session-idle', session: 'digest' }])
    })

    it.each([allow, deny])('keeps what anybody would get when the effect is $effect', async decision => {
      expect((await verifyWith(decision, lacking)).decision).toEqual(decision)
    })
  })

  it('is decided with whole seconds and the address that a proxy vouched for', async () => {
    let seen: unknown
    const decide: VerifyDependencies['decide'] = ({ context }) => {
      seen = { now: context.now, clientAddress: context.clientAddress }
      return allow
    }
    await verifyWith(allow, {}, { decide })
    expect(seen).toEqual({ now: 1000, clientAddress: '203.0.113.9' })
  })

  it('looks at the certificate when somebody asks for it, and never before', async () => {
    const certificate = { fingerprint: 'ab', sanDns: [], sanEmail: [], sanUri: [] }
    let looks = 0
    const clientCertificate = () => {
      looks += 1
      return certificate
    }
    await verifyWith(allow, {}, { clientCertificate })
    expect(looks).toBe(0)
    const seen: unknown[] = []
    const decide: VerifyDependencies['decide'] = ({ context }) => {
      seen.push(context.clientCertificate, { ...context }.clientCertificate)
      return allow
    }
    await verifyWith(allow, {}, { clientCertificate, decide })
    expect(seen).toEqual([certificate, certificate])
    await verifyWith(allow, {}, { decide })
    expect(seen.slice(2)).toEqual([undefined, undefined])
  })

  it('is recorded once, without its query', async () => {
    await verifyWith(deny)
    expect(events).toHaveLength(1)
    expect(events[0]).toMatchObject({
      event: 'access.denied',
      requestId: 'r1',
      subject: bob.subject,
      email: 'bob@example.com',
      session: 'digest',
      domain: 'wiki.example.com',
      resource: '/a',
      rule: 'wiki.csv:2',
      reason: 'rule-denied',
    })
    expect(JSON.stringify(events)).not.toContain('secret')
  })

  it('is answered at once when everything is at hand', () => {
    const result = verifyWith(allow, {}, { authenticate: () => ({ identity: bob, clearCookie: false }) })
    expect(result).not.toBeInstanceOf(Promise)
    expect(result).toMatchObject({ decision: allow, identityHeaders: ['Remote-User', 'bob'] })
    expect(events).toHaveLength(1)
  })

  it('is no answer at all when the store fails at once', () => {
    const authenticate = () => {
      throw new OperationalError('ERR_STORE_UNAVAILABLE', 'down')
    }
    expect(() => verifyWith(allow, {}, { authenticate })).toThrow('down')
    expect(events).toEqual([])
  })

  it('is no answer at all where it cannot be recorded and has to be', () => {
    const requireAudit = () => {
      throw new OperationalError('ERR_AUDIT_UNAVAILABLE', 'the disk is full')
    }
    expect(() => verifyWith(allow, {}, { requireAudit })).toThrow('the disk is full')
    expect(events).toEqual([])
  })

  it('is no answer at all when the store or the signer fails', async () => {
    const down = new OperationalError('ERR_STORE_UNAVAILABLE', 'down')
    const fails = () => {
      throw down
    }
    await expect(verifyWith(allow, {}, { authenticate: async () => fails() })).rejects.toBe(down)
    await expect(verifyWith(allow, {}, { identityHeaders: fails })).rejects.toBe(down)
    expect(events).toEqual([])
  })
})
