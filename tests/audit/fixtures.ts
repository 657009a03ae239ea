/** One event of every kind, and a place for files. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { AuditEvent, AuditEventName, WithoutStamp } from '../../app/audit/event.ts'

export type Unstamped = WithoutStamp<AuditEvent>

const common = {
  requestId: '01HZX',
  subject: 'https://idp.example#alice',
  email: 'alice@example.com',
  clientAddress: '192.0.2.7',
  session: 'a1b2c3d4e5f60718',
}

const kubernetes = {
  cluster: 'prod',
  verb: 'get',
  group: 'core',
  resource: 'pods',
  namespace: 'payments',
  name: 'web-0',
  subresource: 'exec',
  path: '/metrics',
  apply: true,
  upgrade: 'websocket',
  rules: ['kube.csv:2'],
  shadow: ['kube.csv:9'],
} as const

const credential = {
  credential: 'exchanged-token',
  credentialIssuer: 'sallyport',
  credentialId: 'c0ffee',
  credentialChain: ['prod/0a1b'],
  credentialActors: ['client:corp/robot'],
} as const

const access = {
  ...common,
  front: 'forward-auth',
  domain: 'wiki.example.com',
  resource: '/a',
  action: 'GET',
  revision: '9f2c',
  rule: 'wiki.csv:3',
  shadow: ['wiki.csv:9'],
  provider: 'corp',
  groups: ['ops'],
  groupsOmitted: 65,
  authTime: 1_767_258_000,
  amr: ['pwd', 'otp'],
  acr: 'urn:example:strong',
  machine: 'service-account:prod/ci/deployer',
  ...credential,
  impersonatedUser: 'bob@example.com',
  impersonatedGroups: ['sallyport:contractors'],
  kubernetes,
  askedBy: 'client:prod/payroll',
  askedAbout: 'user:alice',
  askedId: 'bfe9eb29',
  durationMicroseconds: 87,
}

export const everyEvent: { readonly [N in AuditEventName]: Extract<Unstamped, { event: N }> } = {
  'access.allowed': { event: 'access.allowed', ...access },
  'access.challenged': { event: 'access.challenged', ...access, reason: 'authentication-too-old' },
  'access.denied': { event: 'access.denied', ...access, reason: 'rule-denied' },
  'access.refused': { event: 'access.refused', ...common, front: 'auth-request', code: 'ERR_REQUEST_MALFORMED' },
  'login.started': { event: 'login.started', ...common, provider: 'corp' },
  'login.succeeded': { event: 'login.succeeded', ...common, provider: 'corp', groups: ['ops'] },
  'login.failed': { event: 'login.failed', ...common, provider: 'corp', code: 'ERR_LOGIN_STATE_UNKNOWN' },
  'session.handed-off': { event: 'session.handed-off', ...common, domain: 'wiki.example.com' },
  'session.ended': { event: 'session.ended', ...common, cause: 'admin', by: 'root' },
  'session.verified': { event: 'session.verified', ...common, provider: 'corp' },
  'session.verification-failed': {
    event: 'session.verification-failed',
    ...common,
    provider: 'corp',
    code: 'ERR_PROVIDER_UNAVAILABLE',
    reason: 'unavailable',
  },
  'sessions.cut': { event: 'sessions.cut', ...common, scope: 'provider', provider: 'corp', by: 'root' },
  'grant.issued': { event: 'grant.issued', ...common, grant: 'k3Vn0mJ4kQ1uYb2d', way: 'device' },
  'grant.refused': { event: 'grant.refused', ...common, reason: 'user-code' },
  'grant.ended': { event: 'grant.ended', ...common, grant: 'k3Vn0mJ4kQ1uYb2d', cause: 'reused' },
  'token.issued': { event: 'token.issued', ...common, grant: 'k3Vn0mJ4kQ1uYb2d', audience: 'prod' },
  'exchange.issued': {
    event: 'exchange.issued',
    ...common,
    jti: 'c0ffee',
    host: 'wiki.example.com',
    scope: 'read',
    expiresAt: 1_767_258_600,
    ...credential,
    actor: 'client:corp/robot',
    confirmation: 'dpop',
  },
  'exchange.refused': { event: 'exchange.refused', ...common, reason: 'policy' },
  'exchange.revoked': { event: 'exchange.revoked', ...common, jti: 'c0ffee', host: 'wiki.example.com' },
  'authzen.searched': {
    event: 'authzen.searched',
    ...common,
    askedBy: 'client:prod/payroll',
    askedAbout: 'user:alice',
    askedId: 'bfe9eb29',
    wanted: 'resource',
    domain: 'app:todo',
    resource: '/todo/1',
    action: 'can_read',
    revision: '0123456789abcdef',
    found: 3,
  },
  'call.finished': {
    event: 'call.finished',
    ...common,
    domain: 'kube:prod',
    resource: '/payments/core/pods/web-0/exec',
    action: 'create',
    kubernetes,
    status: 101,
    bytesReceived: 12,
    bytesSent: 4096,
    durationMilliseconds: 1500,
    ending: 'cut',
    why: 'Unauthorized',
    machine: 'service-account:prod/ci/deployer',
    ...credential,
    impersonatedUser: 'bob@example.com',
    impersonatedGroups: ['sallyport:contractors'],
  },
  'password.made': {
    event: 'password.made',
    ...common,
    handle: 'abcdefghijklmnop',
    hosts: ['git.example.com'],
    expiresAt: '2026-04-01T00:00:00.000Z',
  },
  'password.revoked': {
    event: 'password.revoked',
    ...common,
    handle: 'abcdefghijklmnop',
    cause: 'admin',
    by: 'root',
  },
  'policy.loaded': { event: 'policy.loaded', requestId: '-', revision: '9f2c', rows: 12 },
  'policy.rejected': { event: 'policy.rejected', requestId: '-', revision: '9f2c', detail: 'wiki.csv:3: six fields' },
}

export function temporaryFolder() {
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-audit-'))
  return {
    path: (name: string) => join(folder, name),
    linesOf: (name: string): Record<string, unknown>[] =>
      readFileSync(join(folder, name), 'utf8')
        .split('\n')
        .slice(0, -1)
        .map(line => JSON.parse(line)),
    textOf: (name: string) => readFileSync(join(folder, name), 'utf8'),
    remove: () => rmSync(folder, { recursive: true }),
  }
}
