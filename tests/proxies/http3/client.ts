/**
 * Requests over HTTP/3, made by aioquic in a process of its own (client.py): every field as it is given, and nothing else. Over
 * HTTP/2 (../http2/client.py) the same.
 */
import { spawn, spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { requirePeer } from '../../peers.ts'

export interface Http3Question {
  readonly port: number
  /** The host in TLS (SNI). */
  readonly name: string
  /** Pseudo-headers first; in this order, with repetitions. */
  readonly fields: readonly (readonly [string, string])[]
  readonly body?: string
  /** Behind the body, over HTTP/2. */
  readonly trailers?: readonly (readonly [string, string])[]
  /** Sent before the handshake is done, with the ticket of an earlier connection to that port. */
  readonly early?: boolean
  /**
   * Addresses of this machine: asked from the first, and then on the same connection from the second, until the answer names
   * that one.
   */
  readonly moves?: readonly [string, string]
  /** Further streams, over HTTP/2: opened on the same connection before anything is answered. */
  readonly beside?: readonly (readonly (readonly [string, string])[])[]
}

export interface Http3Answer {
  /** Absent where the connection or the stream ended without one, or where nothing was taken early. */
  readonly status?: number
  readonly fields?: readonly (readonly [string, string])[]
  readonly body?: string
  /** Why there is no answer. */
  readonly error?: string
  /** Whether what came early was taken. */
  readonly early?: boolean
  /** How many bytes may come early, as the ticket says it. */
  readonly ticket?: number
  /** The status of each further stream; 0 where it was reset. */
  readonly beside?: readonly number[]
}

export interface Http3Client {
  readonly ask: (question: Http3Question) => Promise<Http3Answer>
  readonly stop: () => void
}

export const hasHttp3Client = (): boolean => hasModule('aioquic')

/** Whether Python has it; with REQUIRE_PEERS=1 it has to. */
export function hasModule(name: 'aioquic' | 'h2'): boolean {
  const python = requirePeer('python3')
  if (python === undefined) return false
  if (spawnSync(python, ['-c', `import ${name}`], { stdio: 'ignore' }).status === 0) return true
  if (process.env.REQUIRE_PEERS === '1') throw new Error(`python3 lacks ${name}, and REQUIRE_PEERS=1 demands it`)
  process.stderr.write(`skipped: python3 lacks ${name}\n`)
  return false
}

export function startHttp3Client(program: string = join(import.meta.dirname, 'client.py')): Http3Client {
  const env = { ...process.env, PYTHONDONTWRITEBYTECODE: '1' }
  const stdio = ['pipe', 'pipe', 'inherit'] as const
  const child = spawn('python3', [program], { env, stdio: [...stdio] })
  const waiting = new Map<number, (answer: Http3Answer) => void>()
  let count = 0
  const { stdin, stdout } = child
  if (stdin === null || stdout === null) throw new Error('the client has no pipes')
  createInterface({ input: stdout }).on('line', line => {
    const { id, ...answer } = JSON.parse(line) as Http3Answer & { readonly id: number }
    waiting.get(id)?.(answer)
    waiting.delete(id)
  })
  child.on('exit', () => {
    for (const settle of waiting.values()) settle({ error: 'the client has ended' })
    waiting.clear()
  })
  return {
    ask: question => {
      const id = ++count
      return new Promise(resolve => {
        waiting.set(id, resolve)
        stdin.write(`${JSON.stringify({ ...question, id })}\n`)
      })
    },
    stop: () => void child.kill(),
  }
}
