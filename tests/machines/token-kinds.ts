/**
 * One service with an issuer of every kind of bearer token that somebody else makes, each with a host of its own, asked at
 * every front, over gRPC, and at the token endpoint. Whoever is asked about a token says yes to all of them.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createAuthority } from '../certificates.ts'
import { type FrontName, frontNames } from '../dialects.ts'
import { startExchange } from '../exchange/world.ts'
import { createEnvoyClient, requestAbout } from '../ext-authz/client.ts'
import { createSigningIssuer, deployer, type SigningIssuer, type TokenOptions } from '../identity/token-issuer.ts'
import { listen } from '../provider.ts'
import { header } from '../service.ts'
import { timesNow } from './world.ts'

export const sealedAudience = 'https://sealed.example.com'
const policy = `
p, authenticated, "*",    /**, *,      -, allow
p, authenticated, tokens, /**, create, -, allow
`

export interface TokenKind {
  readonly name: string
  readonly host: string
  readonly source: SigningIssuer
  /** One that counts, with these changes. */
  readonly token: (claims?: object, options?: TokenOptions) => string
  /** Names in `Remote-User`. */
  readonly bearer: string
}

interface Shape {
  readonly kind: string
  readonly claims: object
  readonly typ?: string
  readonly bearer: string
}

const robot = { sub: 'robot', client_id: 'robot' }
const shapes: Readonly<Record<string, Shape>> = {
  kubernetes: { kind: 'kubernetes', claims: deployer, bearer: 'service-account:kubernetes/ci/deployer' },
  reviewed: { kind: 'kubernetes', claims: deployer, bearer: 'service-account:reviewed/ci/deployer' },
  openid: { kind: 'openid', claims: robot, typ: 'at+jwt', bearer: 'client:openid/robot' },
  introspected: { kind: 'openid', claims: robot, typ: 'at+jwt', bearer: 'client:introspected/robot' },
  github: {
    kind: 'github-actions',
    claims: { sub: 'repo:o/w', repository: 'o/w', repository_id: '7', repository_owner_id: '6', run_id: '1' },
    bearer: 'client:github/repo:o/w',
  },
  gitlab: {
    kind: 'gitlab-ci',
    claims: { sub: 'project_path:o/w', project_path: 'o/w', project_id: '7', namespace_id: '6', pipeline_id: '1' },
    bearer: 'client:gitlab/project_path:o/w',
  },
  spiffe: {
    kind: 'generic',
    claims: { sub: 'spiffe://example.org/robot' },
    typ: 'JOSE',
    bearer: 'client:spiffe/spiffe://example.org/robot',
  },
  generic: { kind: 'generic', claims: { sub: 'robot' }, bearer: 'client:generic/robot' },
}

/** Beside the fronts over HTTP. */
export type Asked = FrontName | 'grpc'
export const allFronts: readonly Asked[] = [...frontNames, 'grpc']

export interface Told {
  readonly status: number
  readonly challenge: string | undefined
  readonly user: string | undefined
}

export type TokenKindsWorld = Awaited<ReturnType<typeof startTokenKinds>>

export async function startTokenKinds() {
  const directory = mkdtempSync(join(tmpdir(), 'sallyport-kinds-'))
  const write = (name: string, text: string): string => {
    writeFileSync(join(directory, name), text, { mode: 0o600 })
    return join(directory, name)
  }
  const kinds = Object.entries(shapes).map(([name, { claims, typ, bearer }]): TokenKind => {
    const source = createSigningIssuer(`https://${name}.issuer.example`, claims)
    const head = typ === undefined ? {} : { typ }
    return {
      name,
      host: `${name}.example.com`,
      source,
      bearer,
      token: (changed = {}, options = {}) =>
        source.token({ ...timesNow(), ...changed }, { ...options, header: { ...head, ...options.header } }),
    }
  })
  const authority = createAuthority('issuers of tests', directory)
  const asked: string[] = []
  const { certificate: cert, key } = authority.issue('issuer', ['IP:127.0.0.1'])
  const answer = (request: IncomingMessage, response: ServerResponse) => void answerAny(request, response, asked)
  const servers = { reviews: createSecureServer({ cert, key }, answer), introspection: createServer(answer) }
  const caFile = write('ca.pem', authority.certificate)
  const credentialFile = write('credential', 'credential-of-a-reader')
  const inquiries: Readonly<Record<string, object>> = {
    reviewed: {
      review: {
        server: `https://127.0.0.1:${await listen(servers.reviews)}`,
        caFile,
        tokenFile: credentialFile,
      },
    },
    introspected: {
      introspection: {
        clientId: 'reader',
        clientSecretFile: credentialFile,
        endpoint: `http://127.0.0.1:${await listen(servers.introspection)}/introspect`,
        alsoJwts: true,
      },
    },
  }
  const world = await startExchange({
    policy,
    conditions: '',
    settings: { envoy: { listen: '127.0.0.1:0' } },
    tokenIssuers: () =>
      kinds.map(({ name, source }) => ({
        name,
        kind: shapes[name]?.kind,
        issuer: source.issuer,
        audience: 'sallyport',
        jwksFile: write(`${name}.json`, JSON.stringify(source.jwks())),
        ...inquiries[name],
      })),
    hosts: [
      ...kinds.map(({ name, host }) => ({ host, bearerFrom: [name] })),
      { host: 'own.example.com', bearerFrom: ['sallyport'] },
      { host: 'sealed.example.com', bearerFrom: kinds.map(({ name }) => name), bearerAudience: sealedAudience },
    ],
  })
  const envoy = createEnvoyClient(world.service.ports().envoy ?? 0)

  async function ask(
    front: Asked,
    url: string,
    headers: readonly (readonly [string, string])[],
    cookie?: string,
  ): Promise<Told> {
    const given = cookie === undefined ? headers : [...headers, ['Cookie', cookie] as const]
    if (front !== 'grpc') {
      const answer = await world.ask(front, { url, headers: given })
      const user = header(answer, 'remote-user')
      return { status: answer.status, challenge: header(answer, 'www-authenticate'), user }
    }
    const { ok_response: ok, denied_response: denied } = await envoy.check(requestAbout({ url, headers: given }))
    const find = (name: string) =>
      [...(ok?.headers ?? []), ...(denied?.headers ?? [])].find(option => option.header.key === name)?.header.value
    return {
      status: ok === null || ok === undefined ? (denied?.status.code ?? 0) : 200,
      challenge: find('www-authenticate'),
      user: find('remote-user'),
    }
  }

  return {
    ...world,
    kinds,
    /** Tokens about which an issuer was asked. */
    asked,
    envoy,
    ask,
    askWith: (front: Asked, host: string, token: string) =>
      ask(front, `https://${host}/x`, [['Authorization', `Bearer ${token}`]]),
    close: async () => {
      envoy.close()
      await world.close()
      for (const server of Object.values(servers)) {
        server.closeAllConnections()
        await new Promise(resolve => server.close(resolve))
      }
      rmSync(directory, { recursive: true, force: true })
    },
  }
}

/** What an issuer says of an opaque token stands in the token itself, and of every other one it says yes. */
export const opaque = (claims: object): string => Buffer.from(JSON.stringify(claims)).toString('base64url')

async function answerAny(request: IncomingMessage, response: ServerResponse, asked: string[]): Promise<void> {
  let body = ''
  for await (const piece of request.setEncoding('utf8')) body += piece
  const isReview = request.url?.endsWith('/tokenreviews') === true
  const { spec } = isReview ? JSON.parse(body) : { spec: undefined }
  const token = String(spec?.token ?? new URLSearchParams(body).get('token'))
  asked.push(token)
  const account = { username: deployer.sub, uid: deployer['kubernetes.io'].serviceaccount.uid }
  const answer = isReview
    ? { status: { authenticated: true, user: account, audiences: spec?.audiences } }
    : { active: true, ...(token.includes('.') ? {} : JSON.parse(Buffer.from(token, 'base64url').toString())) }
  response.writeHead(isReview ? 201 : 200, { 'content-type': 'application/json' }).end(JSON.stringify(answer))
}
