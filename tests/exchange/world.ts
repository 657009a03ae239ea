/** The service where tokens are exchanged: of a cluster, of a generic issuer, of clients and people of the provider. */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { decodeJwt } from 'jose'
import { vi } from 'vitest'
import { request } from '../../cli/demo/browser.ts'
import { createSigningIssuer, deployer, type SigningIssuer } from '../identity/token-issuer.ts'
import { timesNow } from '../machines/world.ts'
import { type AuditRecord, startService, type TestService, type TestServiceOptions } from '../service.ts'

export const exchangeGrant = 'urn:ietf:params:oauth:grant-type:token-exchange'
export const jwtType = 'urn:ietf:params:oauth:token-type:jwt'
export const accessTokenType = 'urn:ietf:params:oauth:token-type:access_token'

export const policy = `
p, service-account:prod/ci/deployer, tokens,              /wiki.example.com,    create, -, allow
p, service-account:prod/ci/deployer, tokens,              /payroll.example.com, create, -, allow
p, service-account:prod/ci/deployer, tokens,              /shop.example.com,    create, -, allow
p, client:robots/relay,              tokens,              /payroll.example.com, create, -, allow
p, client:robots/relay,              tokens,              /wiki.example.com,    introspect, -, allow
p, client:robots/auditor,            tokens,              /*.example.com,       create|introspect, -, allow
p, client:robots/auditor,            tokens,              /payroll.example.com, create, -, deny
p, service-account:prod/ci/deployer, wiki.example.com,    /deploy/**,           *,      -, allow
p, service-account:prod/ci/deployer, wiki.example.com,    /deploy/of-others,    *,      -, deny
p, service-account:prod/ci/deployer, payroll.example.com, /deploy/**,           *,      -, allow
p, client:robots/auditor,            wiki.example.com,    /audit/**,            *,      -, allow
p, client:robots/auditor,            wiki.example.com,    /audit/nights/**,     *,      nights, deny
p, authenticated,                    shop.example.com,    /**,                  *,      -, allow
p, authenticated,                    "*",                 /everywhere/**,       *,      -, allow
p, anyone,                           wiki.example.com,    /public/**,           *,      -, allow
`
const conditions = 'nights: { claim: { name: shift, in: [night] } }\n'

export interface OAuthAnswer {
  readonly status: number
  readonly headers: Headers
  readonly body: Readonly<Record<string, unknown>>
}

export interface ExchangeWorld extends TestService {
  readonly cluster: SigningIssuer
  readonly robots: SigningIssuer
  /** A token of `ci/deployer`, made now. */
  readonly token: (claims?: object) => string
  /** A token of a client of the generic issuer, made now. */
  readonly robot: (client: string, claims?: object) => string
  readonly post: (path: string, form: Form | string, headers?: Record<string, string>) => Promise<OAuthAnswer>
  /** The usual exchange of the usual token for the wiki, with these in place of it; `undefined` takes one out. */
  readonly exchange: (
    form?: Record<string, string | undefined>,
    headers?: Record<string, string>,
  ) => Promise<OAuthAnswer>
  /** The token of `exchange`; throws when there is none. */
  readonly exchanged: (form?: Record<string, string | undefined>) => Promise<string>
  /** The audit event of this name about this token, as soon as it is written. */
  readonly written: (event: string, jti: string) => Promise<AuditRecord>
  readonly at: (host: string, path: string, token: string, method?: string) => ReturnType<TestService['ask']>
}

type Form = Readonly<Record<string, string>> | readonly (readonly [string, string])[]

export async function startExchange(options: Partial<TestServiceOptions> = {}): Promise<ExchangeWorld> {
  const directory = mkdtempSync(join(tmpdir(), 'sallyport-exchange-'))
  const cluster = createSigningIssuer('https://kubernetes.default.svc', deployer)
  const robots = createSigningIssuer('https://robots.example.com')
  const jwksFile = (name: string, source: SigningIssuer): string => {
    const file = join(directory, `${name}.json`)
    writeFileSync(file, JSON.stringify(source.jwks()))
    return file
  }
  const service = await startService({
    policy,
    conditions,
    tokenIssuers: ({ issuer }) => [
      {
        name: 'prod',
        kind: 'kubernetes',
        issuer: cluster.issuer,
        audience: 'sallyport',
        jwksFile: jwksFile('prod', cluster),
      },
      {
        name: 'robots',
        kind: 'generic',
        issuer: robots.issuer,
        audience: 'sallyport',
        jwksFile: jwksFile('robots', robots),
      },
      { name: 'corp', kind: 'openid', issuer, audience: 'urn:hosts', provider: 'corp' },
    ],
    hosts: [
      { host: 'wiki.example.com', bearerFrom: ['sallyport', 'prod'] },
      { host: 'payroll.example.com', bearerFrom: ['sallyport'] },
      { host: 'shop.example.com', bearerFrom: ['prod'] },
    ],
    ...options,
    settings: { machines: { exchange: {} }, ...options.settings },
  })
  const token = (claims = {}) => cluster.token({ ...timesNow(), ...claims })
  const post: ExchangeWorld['post'] = async (path, form, headers = {}) => {
    const body = typeof form === 'string' ? form : new URLSearchParams(form as Record<string, string>).toString()
    // The name of the public URL leads here in the Host header alone.
    const answer = await request(`${service.publicUrl}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
      body,
    })
    const found = answer.headers as Readonly<Record<string, string | string[] | undefined>>
    return {
      status: answer.status,
      headers: new Headers(
        Object.entries(found).flatMap(([name, value]) =>
          [value ?? []].flat().map((one): [string, string] => [name, one]),
        ),
      ),
      body: JSON.parse(answer.body || '{}') as Record<string, unknown>,
    }
  }
  const exchange: ExchangeWorld['exchange'] = (form = {}, headers = {}) => {
    const whole = {
      grant_type: exchangeGrant,
      subject_token: token(),
      subject_token_type: jwtType,
      audience: 'wiki.example.com',
      ...form,
    }
    const given = Object.entries(whole).flatMap(([name, value]): [string, string][] =>
      value === undefined ? [] : [[name, value]],
    )
    return post('/token', given, headers)
  }
  return {
    ...service,
    cluster,
    robots,
    token,
    robot: (client, claims = {}) => robots.token({ ...timesNow(), sub: client, ...claims }),
    post,
    exchange,
    exchanged: async form => {
      const answer = await exchange(form)
      const { access_token: made } = answer.body
      if (typeof made !== 'string') throw new Error(`no token: ${JSON.stringify(answer.body)}`)
      return made
    },
    written: (event, jti) =>
      vi.waitFor(
        () => {
          const found = service.auditEvents().find(one => one.event === event && one.jti === jti)
          if (found === undefined) throw new Error(`no ${event} of ${jti}`)
          return found
        },
        { timeout: 60_000, interval: 10 },
      ),
    at: (host, path, made, method = 'GET') =>
      service.ask('auth-request', {
        url: `https://${host}${path}`,
        method,
        headers: [['Authorization', `Bearer ${made}`]],
      }),
    close: async () => {
      await service.close()
      rmSync(directory, { recursive: true, force: true })
    },
  }
}

export const claimsOf = (token: string) => decodeJwt(token)
