/** What says who has logged in on this machine (`sallyport login`), in place of a token of a platform. */
import { resolve } from 'node:path'
import { type Cache, openCache } from '../kube/cache.ts'
import { createGrantClient, parseServer, RefusedError, UnreachableError } from '../kube/grant-client.ts'
import { LoginNeededError, obtainToken } from '../kube/obtain.ts'
import type { Terminal } from '../terminal.ts'

export interface LoginChoice {
  /** Address of the auth host; default: SALLYPORT_TOKEN_SERVER, SALLYPORT_KUBE_SERVER, else that of the last login. */
  readonly server?: string
  readonly caFile?: string
}

export interface LoginToken {
  /** Secret; worth nothing at any host. */
  readonly token: string
  readonly server: string
  /** Path of the certificates of whoever vouches for the auth host, where this machine does not know them. */
  readonly caFile?: string
}

/** Nobody has logged in on this machine, or not any more, or nobody could say; the message says what to do. */
export class NoLoginError extends Error {}

/** What is made of it ends when it does: one that is about to end is renewed. */
const shortestMs = 240_000

/** The auth host is asked each time: what it said a moment ago may be wrong by now. Rejects with `NoLoginError`. */
export async function tokenOfLogin(choice: LoginChoice, terminal: Terminal): Promise<LoginToken> {
  const startedAt = Date.now()
  const cache = await openCache(terminal.env)
  const server = await serverOf(choice, terminal, cache)
  const kept = await cache.read(server)
  const caFile = choice.caFile === undefined ? kept.caFile : resolve(terminal.cwd, choice.caFile)
  const client = createGrantClient(server, caFile)
  try {
    const { token } = await obtainToken({ cache, client, startedAt, shortestMs, confirmedMs: 0 })
    return { token, server, ...(caFile !== undefined && { caFile }) }
  } catch (error) {
    throw adviceOf(error, server)
  } finally {
    await client.close()
  }
}

async function serverOf({ server }: LoginChoice, { env }: Terminal, cache: Cache): Promise<string> {
  const named = server ?? env.SALLYPORT_TOKEN_SERVER ?? env.SALLYPORT_KUBE_SERVER ?? (await cache.lastServer())
  if (named === undefined) {
    throw new NoLoginError(
      'you are not logged in: run sallyport login --server https://auth.example.com, or give a token with --token-file',
    )
  }
  return parseServer(named)
}

/** A sentence is there for kubectl as well, and does not name the auth host. */
function adviceOf(error: unknown, server: string): unknown {
  if (error instanceof LoginNeededError) {
    const [why = ''] = error.message.split(':')
    return new NoLoginError(`${why} at ${server}: run sallyport login --server ${server}`, { cause: error })
  }
  const isAnswer = error instanceof RefusedError || error instanceof UnreachableError
  return isAnswer ? new NoLoginError(error.message, { cause: error }) : error
}
