/** Exchanges a token at the auth host (RFC 8693) and prints what comes of it. No error holds a part of a token. */
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { createSecureContext } from 'node:tls'
import { type ClientCertificate, createOutbound } from '../../app/login/provider/outbound.ts'
import { ValueError } from '../../rbac/policy-error.ts'
import { execCredential, parseExecInfo } from '../kube/exec-info.ts'
import { parseServer } from '../kube/grant-client.ts'
import { exitCodes, type Terminal } from '../terminal.ts'
import { type LoginToken, NoLoginError, tokenOfLogin } from './login.ts'
import { readInput } from './read-input.ts'

export interface ExchangeValues {
  readonly host?: string
  /** In place of a host. */
  readonly cluster?: string
  readonly execCredential?: boolean
  /** Address of the auth host; default: SALLYPORT_TOKEN_SERVER. */
  readonly server?: string
  readonly tokenFile?: string
  readonly tokenEnv?: string
  /** The login of this machine in place of a token; default: where there is none, and standard input is a terminal. */
  readonly login?: boolean
  readonly actorFile?: string
  readonly scope?: string
  readonly caFile?: string
  readonly certificateFile?: string
  readonly keyFile?: string
  readonly json?: boolean
}

const grant = 'urn:ietf:params:oauth:grant-type:token-exchange'
const jwtType = 'urn:ietf:params:oauth:token-type:jwt'
const timeoutMs = 20_000
/** Cut when the secrets are out of it: a part of one would not be found any more. */
const longestMessage = 400

/** The auth host said no, or nobody answered. */
class ExchangeFailed extends Error {}

export async function runExchange(
  values: ExchangeValues,
  terminal: Terminal,
  input?: NodeJS.ReadStream,
): Promise<number> {
  const secrets: string[] = []
  try {
    const client = clientOf(values, terminal)
    const { token: subject, server, caFile } = await subjectOf(values, terminal, input)
    secrets.push(subject)
    const form = await formOf(subject, values, terminal)
    secrets.push(form.actor_token ?? '')
    const answer = await post(server, form, { authority: textOf(caFile, terminal), client })
    terminal.write(textOfAnswer(answer, values, terminal))
    return exitCodes.ok
  } catch (error) {
    const message = error instanceof Error ? error.message : 'it failed'
    terminal.writeError(
      `${terminal.colors.red('error')}: ${withoutSecrets(message, secrets).slice(0, longestMessage)}\n`,
    )
    const hasFailed = error instanceof ExchangeFailed || error instanceof NoLoginError
    return hasFailed ? exitCodes.failure : exitCodes.usage
  }
}

function textOfAnswer({ whole, token }: Answer, values: ExchangeValues, { env }: Terminal): string {
  if (values.execCredential !== true) return values.json === true ? `${JSON.stringify(whole)}\n` : `${token}\n`
  const { expires_in: seconds } = whole
  const { apiVersion } = parseExecInfo(env.KUBERNETES_EXEC_INFO)
  // Threat: a token that kubectl keeps for ever, because nothing says when it ends.
  if (typeof seconds !== 'number') throw new ExchangeFailed('the auth host does not say how long the token counts')
  return execCredential(apiVersion, { token, expiresAt: Date.now() + seconds * 1000 })
}

function targetOf({ host, cluster, execCredential: isForKubectl, json }: ExchangeValues): string {
  if ((host === undefined) === (cluster === undefined)) throw new ValueError('give --host or --cluster, not both')
  if (isForKubectl === true && (cluster === undefined || json === true))
    throw new ValueError('--exec-credential goes with --cluster, and without --json')
  if (cluster !== undefined && !/^[a-z0-9-]{1,40}$/.test(cluster))
    throw new ValueError('--cluster is the name of a cluster')
  return host ?? `kube:${cluster}`
}

/** The token that is exchanged, and where. */
async function subjectOf(
  values: ExchangeValues,
  terminal: Terminal,
  input: NodeJS.ReadStream = process.stdin,
): Promise<LoginToken> {
  targetOf(values)
  const { tokenEnv, tokenFile, login: isAsked = false, cluster, caFile } = values
  const given = [tokenEnv !== undefined, tokenFile !== undefined, isAsked].filter(Boolean)
  if (given.length > 1) throw new ValueError('give --token-file, --token-env or --login, not both')
  if (isAsked && cluster !== undefined)
    throw new ValueError('--login goes with --host: people come to a cluster by sallyport kube credential')
  const isOfLogin = isAsked || (given.length === 0 && cluster === undefined && input.isTTY)
  if (isOfLogin) return tokenOfLogin(values, terminal)
  const token =
    tokenEnv === undefined ? await readInput(tokenFile, terminal, input) : fromEnvironment(tokenEnv, terminal)
  return { token, server: serverOf(values, terminal), ...(caFile !== undefined && { caFile }) }
}

async function formOf(subject: string, values: ExchangeValues, terminal: Terminal) {
  const { actorFile, scope } = values
  const target = targetOf(values)
  const actor = actorFile === undefined ? undefined : await readInput(actorFile, terminal)
  return {
    grant_type: grant,
    subject_token: subject,
    subject_token_type: jwtType,
    audience: target,
    ...(actor !== undefined && { actor_token: actor, actor_token_type: jwtType }),
    ...(scope !== undefined && { scope }),
    ...(values.certificateFile !== undefined && { bind: 'certificate' }),
  } as Readonly<Record<string, string>>
}

function fromEnvironment(name: string, { env }: Terminal): string {
  // Threat: the token itself in the place of the name; it is on the command line by now, and need not be in an error as well.
  if (!/^[A-Za-z_][A-Za-z0-9_]{0,99}$/.test(name)) throw new ValueError('--token-env is the name of a variable')
  const token = env[name]?.trim()
  if (token === undefined || token === '') throw new ValueError(`the variable ${name} is empty`)
  return token
}

function serverOf({ server }: ExchangeValues, { env }: Terminal): string {
  const named = server ?? env.SALLYPORT_TOKEN_SERVER
  if (named === undefined) throw new ValueError('which auth host? --server, or SALLYPORT_TOKEN_SERVER')
  return parseServer(named)
}

function textOf(file: string | undefined, { cwd }: Terminal): string | undefined {
  if (file === undefined) return undefined
  try {
    return readFileSync(resolve(cwd, file), 'utf8')
  } catch {
    throw new ValueError(`${file} cannot be read`)
  }
}

/** Threat: half of the two, and a token that is bound to nothing. */
function clientOf({ certificateFile, keyFile }: ExchangeValues, terminal: Terminal): ClientCertificate | undefined {
  const [certificate, key] = [textOf(certificateFile, terminal), textOf(keyFile, terminal)]
  if (certificate === undefined && key === undefined) return undefined
  if (certificate === undefined || key === undefined)
    throw new ValueError('--certificate-file and --key-file go together')
  try {
    createSecureContext({ cert: certificate, key })
  } catch {
    throw new ValueError(`${keyFile} is not the key of ${certificateFile}, or one of the two cannot be read`)
  }
  return { certificate, key }
}

interface Way {
  /** PEM; who vouches for the auth host. */
  readonly authority: string | undefined
  readonly client: ClientCertificate | undefined
}

async function post(server: string, form: Readonly<Record<string, string>>, { authority, client }: Way) {
  const outbound = createOutbound({ timeoutMs, ...(authority !== undefined && { certificateAuthority: authority }) })
  try {
    const fetch = client === undefined ? outbound.fetch : outbound.withCertificate(client)
    const answer = await read(await send(fetch, `${server}/token`, form), server)
    if (client !== undefined) requireBound(answer.whole)
    return answer
  } finally {
    await outbound.close()
  }
}

/** Threat: an auth host that knows nothing of it, and a token that is taken for bound. */
function requireBound({ cnf }: Readonly<Record<string, unknown>>): void {
  const isBound = typeof cnf === 'object' && cnf !== null && Object.hasOwn(cnf, 'x5t#S256')
  if (!isBound) throw new ExchangeFailed('the auth host has bound the token to no certificate, so it is not printed')
}

async function send(
  fetch: ReturnType<typeof createOutbound>['fetch'],
  url: string,
  form: Readonly<Record<string, string>>,
) {
  try {
    return await fetch(url, {
      method: 'POST',
      // Threat: a redirect that takes the token elsewhere.
      redirect: 'manual',
      headers: { 'content-type': 'application/x-www-form-urlencoded', accept: 'application/json' },
      body: new URLSearchParams(form).toString(),
    })
  } catch (cause) {
    throw new ExchangeFailed(
      `no answer from ${new URL(url).origin}: is it the auth host, and is its certificate known here?`,
      {
        cause,
      },
    )
  }
}

interface Answer {
  readonly whole: Readonly<Record<string, unknown>>
  readonly token: string
}

async function read(response: Response, server: string): Promise<Answer> {
  const whole = parseObject(await response.text())
  if (response.status === 200 && typeof whole?.access_token === 'string') return { whole, token: whole.access_token }
  if (typeof whole?.error === 'string') {
    throw new ExchangeFailed(printable(`${whole.error}: ${String(whole.error_description ?? 'no reason was given')}`))
  }
  const what =
    response.status === 404 ? 'knows no token exchange: is machines.exchange configured there?' : 'has another answer'
  throw new ExchangeFailed(`${server} ${what} (${response.status})`)
}

function parseObject(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const found: unknown = JSON.parse(text)
    return typeof found === 'object' && found !== null ? (found as Readonly<Record<string, unknown>>) : undefined
  } catch {
    return undefined
  }
}

/** Threat: an answer that writes to the terminal by itself. */
const printable = (text: string): string => text.replaceAll(/[^\x20-\x7e]/g, '?')

/** Threat: an answer that repeats what was sent, in a log of a CI. */
const withoutSecrets = (text: string, secrets: readonly string[]): string =>
  secrets
    .flatMap(secret => secret.split('.'))
    .filter(part => part.length >= 8)
    .reduce((left, part) => left.replaceAll(part, '…'), text)
