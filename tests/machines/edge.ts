/**
 * A real NGINX with TLS in front of the service, for `*.example.com`, with the files of deploy/, and a shell whose curl finds
 * these names here: so that what a page prints runs as it is printed.
 */
import { spawn } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type RequestListener } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startProxy } from '../../cli/demo/proxies/proxies.ts'
import { createAuthority } from '../certificates.ts'
import { freePort, requirePeer } from '../peers.ts'
import { close, listen } from '../provider.ts'

const root = join(import.meta.dirname, '../..')

/** Whether everything that a page's commands need is here; with REQUIRE_PEERS=1 it has to be. */
export const hasEdge = (): boolean => ['nginx', 'openssl', 'curl', 'jq'].every(name => requirePeer(name) !== undefined)

/** Of a block of this language below a heading of `docs/machines.md`, its text as it is printed. */
export function printedBlock(heading: string, language: string): string {
  const text = readFileSync(join(root, 'docs/machines.md'), 'utf8')
  const section = text.split(/^## /m).find(part => part.startsWith(`${heading}\n`)) ?? ''
  const blocks = [...section.matchAll(/^```(\w*)\n([\s\S]*?)^```$/gm)]
  const found = blocks.find(([, named]) => named === language)?.[2]
  if (found === undefined)
    throw new Error(`docs/machines.md has no block of ${language || 'no language'} in ${heading}`)
  return found
}

export interface Finished {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** What an application got, as it answers: everything that says who is asking. */
export interface Seen {
  readonly user?: string
  readonly authorization?: string
  readonly hasAssertion: boolean
}

export type Edge = Awaited<ReturnType<typeof startEdge>>

const seen: RequestListener = ({ headers }, response) => {
  const { 'remote-user': user, authorization } = headers
  const hasAssertion = headers['x-sallyport-assertion'] !== undefined
  response.end(`${JSON.stringify({ user, authorization, hasAssertion })}\n`)
}

/**
 * `provider`: what answers as `idp.example.com`, unprotected.
 *
 * @param answer of the application; by default what it has seen
 */
export async function startEdge(
  ports: { readonly service: number; readonly provider?: number },
  answer: RequestListener = seen,
) {
  // Workers of NGINX are another user.
  const directory = mkdtempSync(join(tmpdir(), 'sallyport-edge-'))
  const authority = createAuthority('an authority of tests', directory)
  const application = createServer(answer)
  const port = await freePort()
  writeTemplates(directory, authority.issue('example.com', ['*.example.com']))
  const applicationAddress = `127.0.0.1:${await listen(application)}`
  const targets = {
    bind: '127.0.0.1',
    port,
    authHost: 'auth.localhost',
    authAddress: `127.0.0.1:${ports.service}`,
    wikiAddress: applicationAddress,
    payrollAddress: applicationAddress,
    providerAddress: `127.0.0.1:${ports.provider ?? ports.service}`,
  }
  const proxy = await startProxy('nginx', targets, directory)
  const home = join(directory, 'home')
  mkdirSync(home)
  const caFile = join(home, 'ca.pem')
  writeFileSync(caFile, authority.certificate)
  const names = ['wiki', 'payroll', 'idp'].map(name => `connect-to = "${name}.example.com:443:127.0.0.1:${port}"`)
  writeFileSync(join(home, '.curlrc'), [...names, `cacert = "${caFile}"`, ''].join('\n'))

  const run = (script: string, env: Readonly<Record<string, string>> = {}) => runScript(script, home, env)
  await untilAnswered(run)
  return {
    run,
    /** The same for what has to succeed; what the application saw. */
    async see(script: string, env: Readonly<Record<string, string>> = {}): Promise<Seen> {
      const { code, stdout, stderr } = await run(script, env)
      if (code !== 0) throw new Error(`the script ended with ${code}: ${stdout}${stderr}`)
      return JSON.parse(stdout) as Seen
    },
    /** Status of a request to the wiki with a token, and what the answer says of it. */
    async statusOf(path: string, token: string): Promise<readonly [status: string, challenge: string]> {
      const written = '%{http_code} %header{www-authenticate}'
      const request = `printf 'Authorization: Bearer %s' "$token" | curl -sS -o /dev/null -w '${written}' -H @- https://wiki.example.com${path}`
      const { stdout } = await run(request, { token })
      return [stdout.slice(0, 3), stdout.slice(4)]
    },
    home,
    port,
    close: async () => {
      await proxy.stop()
      await close(application)
      rmSync(directory, { recursive: true, force: true })
    },
  }
}

/** Those of deploy/, for other names and over TLS, as docs/proxies/nginx.md says. */
function writeTemplates(directory: string, { certificate, key }: { certificate: string; key: string }): void {
  const templates = join(directory, 'templates')
  cpSync(join(root, 'deploy/nginx/templates'), templates, { recursive: true })
  const [certificateFile, keyFile] = [join(directory, 'edge.pem'), join(directory, 'edge.key')]
  writeFileSync(certificateFile, certificate)
  writeFileSync(keyFile, key, { mode: 0o600 })
  change(join(templates, 'sites.conf.template'), [
    [/\.localhost;/g, '.example.com;'],
    [/\bPROXY_PORT\}/g, 'PROXY_PORT} ssl'],
  ])
  const lines = `include sallyport.conf;\n  ssl_certificate ${certificateFile};\n  ssl_certificate_key ${keyFile};`
  change(join(templates, 'nginx.conf.template'), [[/include sallyport\.conf;/, lines]])
}

function change(file: string, edits: readonly (readonly [RegExp, string])[]): void {
  let text = readFileSync(file, 'utf8')
  for (const [from, to] of edits) {
    if (text.search(from) < 0) throw new Error(`${file} has no ${from}`)
    text = text.replace(from, to)
  }
  writeFileSync(file, text)
}

/** As a job of GitHub Actions runs it, and cron nearly so. */
function runScript(script: string, home: string, env: Readonly<Record<string, string>>): Promise<Finished> {
  const child = spawn('bash', ['-e', '-c', script], {
    cwd: home,
    env: { PATH: process.env.PATH, HOME: home, CURL_HOME: home, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: 120_000,
    killSignal: 'SIGKILL',
  })
  const printed = { stdout: '', stderr: '' }
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (part: string) => {
      printed[name] += part
    })
  }
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', code => resolve({ code, ...printed }))
  })
}

async function untilAnswered(run: (script: string) => Promise<Finished>): Promise<void> {
  const { code, stderr } = await run(
    'curl -sS -o /dev/null --retry 600 --retry-delay 0 --retry-connrefused --retry-max-time 60 https://wiki.example.com/',
  )
  if (code !== 0) throw new Error(`NGINX does not answer: ${stderr}`)
}
