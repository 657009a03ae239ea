/** The service with hosts that take bearer tokens: of a cluster whose keys stand in a file, and of the provider. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createSigningIssuer, deployer, type SigningIssuer } from '../identity/token-issuer.ts'
import { startService, type TestService, type TestServiceOptions } from '../service.ts'

export const policy = `
p, anyone,                             wiki.example.com,    /public/**, read, -, allow
p, service-account:prod/ci/deployer,   wiki.example.com,    /deploy/**, *,    -, allow
p, service-account:prod/ci/deployer,   wiki.example.com,    /deploy/of-others, *, -, deny
p, client:corp/robot,                  wiki.example.com,    /robots/**, *,    -, allow
p, group:ops,                          wiki.example.com,    /admin/**,  *,    -, allow
p, authenticated,                      wiki.example.com,    /pages/**,  read, -, allow
p, authenticated,                      payroll.example.com, /**,        read, -, allow
p, authenticated,                      shop.example.com,    /**,        read, -, allow
`

export interface MachinesWorld extends TestService {
  readonly cluster: SigningIssuer
  /** A token of `ci/deployer`, made now. */
  readonly token: (claims?: object) => string
}

/** Of a token that is made now; fixtures are made for a moment of their own. */
export const timesNow = () => {
  const now = Math.floor(Date.now() / 1000)
  return { iat: now - 1, nbf: now - 1, exp: now + 600 }
}

export async function startMachines(options: Partial<TestServiceOptions> = {}): Promise<MachinesWorld> {
  const directory = mkdtempSync(join(tmpdir(), 'sallyport-keys-'))
  const cluster = createSigningIssuer('https://kubernetes.default.svc', deployer)
  const jwksFile = join(directory, 'jwks.json')
  writeFileSync(jwksFile, JSON.stringify(cluster.jwks()))
  const service = await startService({
    policy,
    tokenIssuers: ({ issuer }) => [
      { name: 'prod', kind: 'kubernetes', issuer: cluster.issuer, audience: 'sallyport', jwksFile },
      { name: 'corp', kind: 'openid', issuer, audience: 'urn:hosts', provider: 'corp' },
    ],
    hosts: [
      { host: 'wiki.example.com', bearerFrom: ['prod', 'corp'] },
      { host: 'payroll.example.com', bearerFrom: ['prod'], bearerAudience: 'https://payroll.example.com' },
    ],
    ...options,
  })
  return {
    ...service,
    cluster,
    token: (claims = {}) => cluster.token({ ...timesNow(), ...claims }),
    close: async () => {
      await service.close()
      rmSync(directory, { recursive: true, force: true })
    },
  }
}
