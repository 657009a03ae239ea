/** The identity provider and the applications of the demo as processes of their own, for compose.yaml. */
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import type { Server } from 'node:http'
import { createDemoApp } from './app.ts'
import { listen } from './ports.ts'
import { createDemoProvider } from './provider/provider.ts'
import { clientId, providerName } from './stack.ts'

export interface DemoProviderPart {
  /** `host:port` */
  readonly listen: string
  readonly issuer: string
  /** Sallyport's public URL. */
  readonly authUrl: string
  readonly clientSecretFile: string
}

/** Serves until SIGTERM; the exit code. */
export async function runDemoProvider(options: DemoProviderPart): Promise<number> {
  const { origin } = new URL(options.authUrl)
  const server = await createDemoProvider({
    issuer: options.issuer,
    clientId,
    clientSecret: readFileSync(options.clientSecretFile, 'utf8').trim(),
    redirectUris: [`${origin}/callback/${providerName}`],
    postLogoutRedirectUris: [`${origin}/signed-out`],
  })
  return serveUntilStopped(server, options.listen)
}

/** Serves until SIGTERM; the exit code. */
export async function runDemoApp(options: {
  readonly listen: string
  readonly name: 'wiki' | 'payroll'
}): Promise<number> {
  return serveUntilStopped(createDemoApp({ name: options.name }), options.listen)
}

async function serveUntilStopped(server: Server, address: string): Promise<number> {
  const separator = address.lastIndexOf(':')
  await listen(server, Number(address.slice(separator + 1)), address.slice(0, separator))
  await Promise.race([once(process, 'SIGTERM'), once(process, 'SIGINT')])
  server.close()
  server.closeAllConnections()
  return 0
}
