/** What docs/machines.md prints for jobs, run as it is printed: curl, jq, a real NGINX and a real provider. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { decodeJwt } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { createSigningIssuer } from '../identity/token-issuer.ts'
import { close, listen } from '../provider.ts'
import { type Edge, hasEdge, printedBlock, startEdge } from './edge.ts'
import { clientCredentials, robot } from './robot.ts'
import { type MachinesWorld, startMachines, timesNow } from './world.ts'

const policy = `
p, client:github/repo:octo-org/wiki:ref:refs/heads/main, wiki.example.com,    /build/**, *,    -, allow
p, client:corp/robot,                                    payroll.example.com, /**,       read, -, allow
`

/** As GitHub documents it, of a push to main. */
const job = {
  sub: 'repo:octo-org/wiki:ref:refs/heads/main',
  repository: 'octo-org/wiki',
  repository_id: '74',
  repository_owner: 'octo-org',
  repository_owner_id: '65',
  run_id: '1234567890',
  run_attempt: '1',
  actor: 'alice',
  event_name: 'push',
  ref: 'refs/heads/main',
  ref_type: 'branch',
  job_workflow_ref: 'octo-org/wiki/.github/workflows/build.yml@refs/heads/main',
}

describe.skipIf(!hasEdge())('what the page prints', () => {
  const directory = mkdtempSync(join(tmpdir(), 'sallyport-printed-'))
  const github = createSigningIssuer('https://token.actions.githubusercontent.com', job)
  const requestToken = 'the request token of a job'
  let claims: object = {}
  const asked: string[] = []
  /** What a runner is told to ask for its token. */
  const tokenService: Server = createServer((request, response) => {
    const url = new URL(request.url ?? '', 'http://127.0.0.1')
    asked.push(`${request.method} ${url.pathname}${url.search}`)
    if (request.headers.authorization !== `Bearer ${requestToken}`) return void response.writeHead(401).end()
    const aud = url.searchParams.get('audience') ?? 'https://github.com/octo-org'
    const value = github.token({ ...timesNow(), aud, ...claims })
    response.setHeader('Content-Type', 'application/json').end(JSON.stringify({ count: value.length, value }))
  })
  let world: MachinesWorld
  let edge: Edge
  let environment: Record<string, string>

  beforeAll(async () => {
    const jwksFile = join(directory, 'github.json')
    writeFileSync(jwksFile, JSON.stringify(github.jwks()))
    world = await startMachines({
      policy,
      provider: clientCredentials,
      tokenIssuers: ({ issuer }) => [
        { name: 'github', kind: 'github-actions', issuer: github.issuer, audience: 'sallyport', jwksFile },
        { name: 'corp', kind: 'openid', issuer, audience: 'https://hosts.example.com' },
      ],
      hosts: [
        { host: 'wiki.example.com', bearerFrom: ['github'] },
        { host: 'payroll.example.com', bearerFrom: ['corp'] },
      ],
      furtherClients: [robot],
    })
    edge = await startEdge({ service: world.port, provider: world.provider.port })
    environment = {
      ACTIONS_ID_TOKEN_REQUEST_TOKEN: requestToken,
      ACTIONS_ID_TOKEN_REQUEST_URL: `http://127.0.0.1:${await listen(tokenService)}/token/abc?api-version=2.0`,
    }
  })
  afterAll(async () => {
    await edge?.close()
    await world?.close()
    await close(tokenService)
    rmSync(directory, { recursive: true, force: true })
  })

  describe('for a job of GitHub Actions', () => {
    const printed = parse(printedBlock('A job of GitHub Actions', 'yaml')) as {
      readonly permissions: unknown
      readonly steps: readonly { readonly run: string }[]
    }
    const script = printed.steps[0]?.run ?? ''

    it('lets it in', async () => {
      expect(printed.permissions).toEqual({ 'id-token': 'write' })
      expect(printed.steps).toHaveLength(1)
      claims = {}
      expect(await edge.see(script, environment)).toEqual({ user: `client:github/${job.sub}`, hasAssertion: true })
      expect(asked.at(-1)).toBe('GET /token/abc?api-version=2.0&audience=sallyport')
    })

    it.each([
      ['another branch', { sub: 'repo:octo-org/wiki:ref:refs/heads/wild', ref: 'refs/heads/wild' }, 'error: 403'],
      ['a pull request', { sub: 'repo:octo-org/wiki:pull_request', event_name: 'pull_request' }, 'error: 403'],
      ['another repository that begins alike', { sub: 'repo:octo-org/wiki-2:ref:refs/heads/main' }, 'error: 403'],
      ['another audience', { aud: 'https://github.com/octo-org' }, 'error: 401'],
    ])('fails for %s', async (_what, other, message) => {
      claims = other
      const { code, stderr, stdout } = await edge.run(script, environment)
      expect(code).toBe(22)
      expect(stderr).toContain(message)
      expect(stdout).toBe('')
    })

    it('fails where GitHub gives it no token', async () => {
      const { code } = await edge.run(script, { ...environment, ACTIONS_ID_TOKEN_REQUEST_TOKEN: 'another' })
      expect(code).not.toBe(0)
    })
  })

  describe('for a cron job', () => {
    const script = printedBlock('A cron job with client credentials', 'sh').replaceAll('/etc/robot', directory)
    const writeSecret = (secret: string) =>
      writeFileSync(join(directory, 'netrc'), `machine idp.example.com login robot password ${secret}\n`, {
        mode: 0o600,
      })

    it('lets it in', async () => {
      writeSecret(robot.clientSecret)
      expect(await edge.see(script)).toEqual({ user: 'client:corp/robot', hasAssertion: true })
    })

    it('fails with another secret, and shows neither', async () => {
      writeSecret('another-secret')
      const { code, stdout, stderr } = await edge.run(script)
      expect(code).not.toBe(0)
      expect(`${stdout}${stderr}`).not.toContain('another-secret')
    })

    it('fails for another audience', async () => {
      writeSecret(robot.clientSecret)
      const other = script.replace('https://hosts.example.com', 'https://others.example.com')
      const { code, stderr } = await edge.run(other)
      expect([code, stderr]).toEqual([22, expect.stringContaining('error: 401')])
    })

    it('gets a token of the shape that RFC 9068 has', async () => {
      writeSecret(robot.clientSecret)
      const [, ask = ''] = /^(token=[\s\S]*?\))\n/m.exec(script) ?? []
      const { stdout } = await edge.run(`${ask}\nprintf %s "$token"`)
      expect(decodeJwt(stdout)).toMatchObject({
        iss: world.provider.issuer,
        aud: 'https://hosts.example.com',
        client_id: 'robot',
      })
    })
  })
})
