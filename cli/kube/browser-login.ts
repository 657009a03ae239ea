/**
 * A login in the browser of this machine (RFC 8252): a page of the auth host, and an answer on a loopback address.
 *
 * Threat: any page and any program of this machine can call that address. Only an answer with our `state` and `iss` counts,
 * and its code is worth nothing without the verifier, which never leaves this process but for the auth host.
 */
import { spawn } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type GrantClient, RefusedError, type TokenAnswer } from './grant-client.ts'

export interface BrowserLoginOptions {
  readonly client: GrantClient
  /** Of the first token; absent: for the account. */
  readonly audience?: string
  /** Shows the address to a person, or opens it. */
  readonly show: (url: string) => void
  /** In milliseconds. Default three minutes. */
  readonly patienceMs?: number
}

const patienceMs = 180_000

export async function logInWithBrowser(options: BrowserLoginOptions): Promise<TokenAnswer> {
  const { client, audience, show } = options
  const verifier = randomBytes(32).toString('base64url')
  const state = randomBytes(16).toString('base64url')
  const issuer = `${client.server}/kube`
  const listener = await listenForAnswer({ state, issuer, patienceMs: options.patienceMs ?? patienceMs })
  try {
    const redirectUri = `http://127.0.0.1:${listener.port}/callback`
    const query = new URLSearchParams({
      response_type: 'code',
      client_id: 'sallyport-kubectl',
      redirect_uri: redirectUri,
      state,
      code_challenge: createHash('sha256').update(verifier).digest('base64url'),
      code_challenge_method: 'S256',
    })
    show(`${issuer}/authorize?${query}`)
    const code = await listener.code
    return await client.token({
      grant_type: 'authorization_code',
      code,
      redirect_uri: redirectUri,
      code_verifier: verifier,
      ...(audience !== undefined && { audience }),
    })
  } finally {
    listener.close()
  }
}

interface Expected {
  readonly state: string
  readonly issuer: string
  readonly patienceMs: number
}

async function listenForAnswer(expected: Expected) {
  let settle: (outcome: string | Error) => void = () => undefined
  const code = new Promise<string>((resolve, reject) => {
    settle = outcome => (typeof outcome === 'string' ? resolve(outcome) : reject(outcome))
  })
  // Nobody may be waiting yet when it fails.
  code.catch(() => undefined)
  const server = createServer((request, response) => {
    const outcome = outcomeOf(request, expected)
    answer(response, outcome)
    if (outcome !== undefined) response.on('close', () => settle(outcome))
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', resolve)
  })
  const timer = setTimeout(
    () => settle(new Error('nobody has answered in the browser: run sallyport kube login again')),
    expected.patienceMs,
  )
  return {
    port: (server.address() as AddressInfo).port,
    code,
    close: () => {
      clearTimeout(timer)
      server.close()
      server.closeAllConnections()
    },
  }
}

/** `undefined` for what is no answer to our question. */
function outcomeOf({ method, url = '' }: IncomingMessage, { state, issuer }: Expected): string | Error | undefined {
  if (method !== 'GET' || !url.startsWith('/callback?')) return undefined
  const query = new URL(url, 'http://127.0.0.1').searchParams
  if (query.get('state') !== state || query.get('iss') !== issuer) return undefined
  const code = query.get('code')
  if (code !== null && /^[\w-]{43}$/.test(code)) return code
  return new RefusedError('access_denied', 'it was denied in the browser')
}

function answer(response: ServerResponse, outcome: string | Error | undefined): void {
  const sentence =
    typeof outcome === 'string'
      ? 'Kubectl is logged in. You can close this page.'
      : outcome === undefined
        ? 'There is nothing here.'
        : 'Kubectl was not let in. You can close this page.'
  response.writeHead(outcome === undefined ? 404 : 200, {
    'Content-Type': 'text/html; charset=utf-8',
    'Content-Security-Policy': "default-src 'none'; frame-ancestors 'none'",
    'Cache-Control': 'no-store',
    'Referrer-Policy': 'no-referrer',
    Connection: 'close',
  })
  response.end(`<!doctype html><meta charset="utf-8"><title>Sallyport</title><p>${sentence}</p>\n`)
}

type Environment = Readonly<Record<string, string | undefined>>

/** Whether a browser can show a page to the person at this terminal. */
export function hasBrowser(env: Environment, platform: NodeJS.Platform = process.platform): boolean {
  if (env.BROWSER !== undefined && env.BROWSER !== '') return true
  if (platform !== 'linux' && platform !== 'freebsd') return env.SSH_CONNECTION === undefined
  return (env.DISPLAY ?? env.WAYLAND_DISPLAY ?? '') !== ''
}

/** The program that opens an address, and what it is given. No shell reads the address. */
export function openerOf(url: string, env: Environment, platform: NodeJS.Platform = process.platform) {
  if (env.BROWSER !== undefined && env.BROWSER !== '') return { command: env.BROWSER, args: [url] }
  if (platform === 'darwin') return { command: 'open', args: [url] }
  // `start` is a word of cmd, which would read the address as its own.
  if (platform === 'win32') return { command: 'rundll32', args: ['url.dll,FileProtocolHandler', url] }
  return { command: 'xdg-open', args: [url] }
}

/** `onFailure`: there is no such program. */
export function openBrowser(url: string, env: Environment, onFailure: () => void): void {
  const { command, args } = openerOf(url, env)
  const child = spawn(command, args, { detached: true, stdio: 'ignore' })
  child.once('error', onFailure)
  child.unref()
}
