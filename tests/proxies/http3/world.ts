/** A service behind one proxy that speaks HTTP/3, with the files that are printed for it; and Alice, who is logged in. */
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import type { Server } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { vi } from 'vitest'
import { createDemoApp } from '../../../cli/demo/app.ts'
import type { Echo } from '../../../cli/demo/echo.ts'
import { createAuthority } from '../../certificates.ts'
import { freePort } from '../../peers.ts'
import { close, listen } from '../../provider.ts'
import { type PrintedFormat, printInto, startPrinted } from '../../proxy-config/printed.ts'
import { type Relay, startRelay } from '../../proxy-config/relay.ts'
import { startService } from '../../service.ts'
import { type Answer, ask, logInThrough } from '../balancer.ts'
import { type Http3Answer, type Http3Client, type Http3Question, startHttp3Client } from './client.ts'

const policy = `
p, anyone,        open.localhost, /**,        *,    -, allow
p, anyone,        wiki.localhost, /public/**, read, -, allow
p, authenticated, wiki.localhost, /**,        *,    -, allow
p, authenticated, wiki.localhost, /closed/**, *,    -, deny
`

export type Fields = readonly (readonly [string, string])[]

export interface Http3World {
  readonly port: number
  /** A request for the wiki; `fields` come behind the pseudo-headers, and pseudo-headers of theirs take their place. */
  readonly ask: (path: string, fields?: Fields, more?: Partial<Http3Question>) => Promise<Http3Answer>
  /** What the application received; throws unless it answered. */
  readonly echo: (path: string, fields?: Fields, more?: Partial<Http3Question>) => Promise<Echo>
  /** Of Alice at the wiki. */
  readonly cookie: string
  /** The same over the TCP of the port. */
  readonly overTcp: (address: string) => Promise<Answer>
  /** What has reached the applications, as `method path`. */
  readonly reached: readonly string[]
  /** The ways of the checks to Sallyport. */
  readonly checks: readonly Relay[]
  readonly stop: () => Promise<void>
}

const patience = { timeout: 120_000, interval: 25 }

/** `edit`: what a test changes in the folder that was printed. */
export const startHttp3World = (format: PrintedFormat, edit?: (directory: string) => void): Promise<Http3World> =>
  startSecureWorld(format, { args: ['--http3'], client: startHttp3Client, ...(edit !== undefined && { edit }) })

export interface SecureWorldOptions {
  /** For `sallyport proxy-config`, beside those of TLS. */
  readonly args: readonly string[]
  readonly client: () => Http3Client
  readonly edit?: (directory: string) => void
}

/** The same with another client. */
export async function startSecureWorld(
  format: PrintedFormat,
  { args, client: startClient, edit = () => undefined }: SecureWorldOptions,
): Promise<Http3World> {
  const directory = mkdtempSync(join(tmpdir(), 'sallyport-http3-'))
  // Workers of NGINX, which run as another user, keep long bodies below it.
  chmodSync(directory, 0o755)
  const port = await freePort()
  const origin = (host: string): string => `https://${host}.localhost:${port}`
  const reached: string[] = []
  const applications = (['wiki', 'payroll'] as const).map(name =>
    createDemoApp({ name }).on('request', ({ method, url }) => reached.push(`${method} ${url}`)),
  ) as [Server, Server]
  const world = await startService({
    policy,
    settings: { server: { url: origin('auth') }, envoy: { listen: '127.0.0.1:0' } },
    client: () => ({ redirectUris: [`${origin('auth')}/callback/corp`] }),
  })
  const checks = await Promise.all([world.port, world.service.ports().envoy ?? 0].map(startRelay))
  const files = certificateFiles(directory)
  const [wiki, open] = await Promise.all(applications.map(application => listen(application)))
  await printInto(
    join(directory, 'printed'),
    [
      ...[format, '--config', join(world.directory, 'sallyport.yaml'), '--listen', `127.0.0.1:${port}`, ...args],
      ...['--host', `wiki.localhost=127.0.0.1:${wiki}`, '--host', `open.localhost=127.0.0.1:${open}`],
      ...['--sallyport', `127.0.0.1:${checks[0]?.port}`, '--grpc', `127.0.0.1:${checks[1]?.port}`],
      ...['--tls-certificate', files.certificate, '--tls-key', files.key],
    ],
    directory,
  )
  edit(join(directory, 'printed'))
  const proxy = startPrinted(format, join(directory, 'printed'))
  const client = startClient()

  const askOver: Http3World['ask'] = (path, fields = [], more = {}) => {
    const given = new Set(fields.map(([name]) => name))
    const pseudo: Fields = [
      [':method', more.body === undefined ? 'GET' : 'POST'],
      [':scheme', 'https'],
      [':authority', `wiki.localhost:${port}`],
      [':path', path],
    ]
    const first = pseudo.filter(([name]) => !given.has(name))
    return client.ask({ port, name: 'wiki.localhost', fields: [...first, ...fields], ...more })
  }
  const overTcp = (address: string) => ask(address, { from: '127.0.0.1', port })
  const stop = async (): Promise<void> => {
    client.stop()
    await proxy.stop(1_000)
    for (const relay of checks) await relay.close()
    await world.close()
    for (const application of applications) await close(application)
    rmSync(directory, { recursive: true, force: true })
  }
  try {
    await vi.waitUntil(async () => {
      if (!proxy.isRunning()) throw new Error(proxy.lastLines())
      return (await overTcp(`${origin('wiki')}/public/page`).catch(() => undefined))?.status === 200
    }, patience)
    await vi.waitUntil(async () => (await askOver('/public/page')).status === 200, patience)
    const { cookie } = await logInThrough((address, headers) => ask(address, { headers, port }), `${origin('wiki')}/`)
    const echo: Http3World['echo'] = async (path, fields = [], more = {}) => {
      const answer = await askOver(path, [['accept', 'application/json'], ...fields], more)
      if (answer.status !== 200) throw new Error(`no answer of the application: ${JSON.stringify(answer)}`)
      return JSON.parse(answer.body ?? '') as Echo
    }
    return { port, ask: askOver, echo, cookie, overTcp, reached, checks, stop }
  } catch (error) {
    await stop()
    throw error
  }
}

/** By names that HAProxy finds as well. */
function certificateFiles(directory: string) {
  const authority = createAuthority('Printed')
  const issued = authority.issue(
    'localhost',
    ['wiki', 'open', 'auth'].map(name => `${name}.localhost`),
  )
  authority.close()
  const files = { certificate: join(directory, 'site.pem'), key: join(directory, 'site.pem.key') }
  writeFileSync(files.certificate, issued.certificate)
  writeFileSync(files.key, issued.key)
  return files
}
