/**
 * Has the packed service run for a moment, and keeps what V8 made of it beside the packed files (docs/adr/0079). What is not
 * there, or was made by another Node, is made at the start, as ever: this saves time and nothing else.
 */
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const longestMs = 60_000

/**
 * Resolves when the code is kept. Rejects when the service could not run, with its log: on a machine where nothing may listen.
 *
 * @param target `dist/`, packed
 */
export async function keepCode(target: string): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-build-'))
  try {
    const program = fileURLToPath(new URL('run-once.js', import.meta.url))
    const child = spawn(process.execPath, [program, join(target, 'packed'), placeService(folder)], {
      stdio: ['ignore', 'ignore', 'pipe'],
      timeout: longestMs,
    })
    const log: string[] = []
    createInterface({ input: child.stderr }).on('line', line => {
      log.push(line)
      const port = listeningPort(line)
      if (port !== undefined) void askOnce(port).finally(() => child.kill('SIGTERM'))
    })
    const [status] = await once(child, 'close')
    if (status !== 0) throw new Error(log.join('\n'))
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** The ordinary service: one provider, which nobody answers for, LMDB, the words that most policies have. Gives its configuration file. */
function placeService(folder: string): string {
  mkdirSync(join(folder, 'policy'))
  writeFileSync(join(folder, 'policy', 'rows.csv'), policy)
  const settings = {
    server: { url: 'https://auth.example.com', listen: '127.0.0.1:0' },
    admin: { listen: '127.0.0.1:0' },
    providers: [{ name: 'corp', issuer: 'http://127.0.0.1:9', clientId: 'build', clientSecret: secret() }],
    sessions: { store: 'lmdb', path: './data', secret: secret() },
    policy: { directory: './policy' },
    audit: { destination: './audit.jsonl' },
  }
  const file = join(folder, 'sallyport.yaml')
  writeFileSync(file, JSON.stringify(settings))
  return file
}

const policy = [
  'p, group:ops,                wiki.example.com, /admin/**,  *,    -, allow',
  'p, anyone,                   wiki.example.com, /public/**, read, -, allow',
  'p, email-domain:example.com, *.example.com,    /pages/**,  read, -, allow',
  'p, group:contractors,        wiki.example.com, /admin/**,  *,    -, deny',
  'p, role:on-call,             wiki.example.com, /status/**, GET,  -, allow',
  'g, group:sre,                role:on-call,     *',
  '',
].join('\n')

const secret = (): string => randomBytes(32).toString('base64')

function listeningPort(line: string): number | undefined {
  try {
    const { msg, main } = JSON.parse(line)
    return msg === 'listening' ? main : undefined
  } catch {
    return undefined
  }
}

/** As a proxy does, of a person without a session; whatever is answered. */
async function askOnce(port: number): Promise<void> {
  const headers = {
    'x-forwarded-proto': 'https',
    'x-forwarded-host': 'wiki.example.com',
    'x-forwarded-uri': '/page',
    'x-forwarded-method': 'GET',
    accept: 'text/html',
  }
  const asked = request({ host: '127.0.0.1', port, path: '/check/traefik', headers }).end()
  const [answer] = await once(asked, 'response')
  await once(answer.resume(), 'end')
}
