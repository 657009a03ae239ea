/** Checks with bearer tokens: one that was seen before, and another one in each request. */
import { generateKeyPairSync, sign } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { browserRequest, wikiHost } from './browser-request.ts'
import type { Case } from './measure.ts'
import type { Resources } from './resources.ts'
import { allowedPath } from './rules.ts'
import { type BenchService, type ProcessOptions, startService } from './service.ts'
import type { FolderOptions } from './service-folder.ts'

export type BearerCaseName = 'bearer-remembered' | 'bearer-new'

const issuer = 'https://ci.example.com'
/** Twice and more of what a service remembers (some 6,300 of these), so that going round them meets none that it knows. */
const newTokens = 16_000

/** An issuer of the name `ci`, whose tokens are those of a robot; each has an hour. */
export function createBenchIssuer(resources: Resources, audience = 'sallyport') {
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-bench-keys-'))
  resources.add(async () => rmSync(folder, { recursive: true, force: true }))
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const jwksFile = join(folder, 'jwks.json')
  const jwk = { ...publicKey.export({ format: 'jwk' }), kid: 'bench', use: 'sig', alg: 'ES256' }
  writeFileSync(jwksFile, JSON.stringify({ keys: [jwk] }))
  const trusted = { name: 'ci', kind: 'generic', issuer, audience: 'sallyport', jwksFile }
  const base64url = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')
  const iat = Math.floor(Date.now() / 1000)
  const tokenOf = (jti: number): string => {
    const claims = { iss: issuer, aud: audience, sub: 'robot', jti: `bench-${jti}`, iat, exp: iat + 3_600 }
    const text = `${base64url({ alg: 'ES256', kid: 'bench' })}.${base64url(claims)}`
    const signature = sign('sha256', Buffer.from(text), { key: privateKey, dsaEncoding: 'ieee-p1363' })
    return `${text}.${signature.toString('base64url')}`
  }
  return { trusted, tokenOf }
}

/** ES256, as clusters and CI sign; each token has an hour. */
export async function startBearerCases(
  names: readonly BearerCaseName[],
  options: FolderOptions & ProcessOptions,
  resources: Resources,
): Promise<{ readonly service: BenchService; readonly cases: readonly Case[] }> {
  const { trusted, tokenOf } = createBenchIssuer(resources)
  const service = await startService(
    {
      ...options,
      settings: { machines: { issuers: [trusted] }, hosts: [{ host: wikiHost, bearerFrom: ['ci'] }] },
      furtherRows: `p, client:ci/robot, ${wikiHost}, /**, *, -, allow\n`,
    },
    resources,
  )
  const cases = names.map(name => {
    const count = name === 'bearer-new' ? newTokens : 1
    const requests = Array.from({ length: count }, (_, index) => requestWith(tokenOf(index)))
    return { name, pid: service.pid, port: service.port, requests, expectedStatus: 200 }
  })
  return { service, cases }
}

export const isBearerCase = (name: string): name is BearerCaseName => name.startsWith('bearer-')

/** In place of the cookie of a session. */
function requestWith(token: string): string {
  const request = browserRequest('/verify/forward-auth', { host: wikiHost, path: allowedPath, cookie: 'none=1' })
  return request.replace(/\r\n\r\n$/, () => `\r\nAuthorization: Bearer ${token}\r\n\r\n`)
}
