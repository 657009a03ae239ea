/**
 * The files of deploy/haproxy between raw bytes of a client and two servers of the test: an application that shows what
 * reached it, and one that answers checks with whatever bytes a test wants, also such as Sallyport would never send.
 */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import type { IncomingMessage } from 'node:http'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createDemoApp } from '../../../cli/demo/app.ts'
import { listen } from '../../../cli/demo/ports.ts'
import { startProxy } from '../../../cli/demo/proxies/proxies.ts'
import { freePort } from '../../peers.ts'
import { close } from '../../provider.ts'

/** A check as HAProxy asks it. */
export interface Check {
  readonly method: string
  readonly uri: string
  /** By lower-case name, in order. */
  readonly lines: readonly (readonly [name: string, value: string])[]
  readonly first: (name: string) => string | undefined
}

/** Bytes, and whether nothing follows them; `undefined` keeps it waiting. */
export type Verdict = string | { readonly bytes: string; readonly isEnd: true } | undefined

export interface Lab {
  readonly port: number
  /** Targets that reached the application, in order, with the lines of their headers. */
  readonly reached: { readonly target: string; readonly headers: readonly string[] }[]
  readonly checks: Check[]
  /** Connections on which checks are kept waiting. */
  readonly waiting: Socket[]
  judge: (check: Check) => Verdict
  readonly stopJudge: () => Promise<void>
  readonly stop: () => Promise<void>
}

export interface LabOptions {
  readonly judge: Lab['judge']
  /** Changes a file of deploy/haproxy. */
  readonly edit?: Readonly<Record<string, (text: string, directory: string) => string>>
}

const identity = ['Remote-User', 'Remote-Email', 'Remote-Name', 'Remote-Groups', 'X-Sallyport-Assertion', 'Cookie']

/** An answer that allows; `given` beside or in the place of the identity headers, which are empty otherwise. */
export function allowing(given: Readonly<Record<string, string>> = {}, more = ''): string {
  const headers = { ...Object.fromEntries(identity.map(name => [name, ''])), ...given }
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
  return `HTTP/1.1 200 OK\r\n${lines.join('')}${more}Content-Length: 0\r\n\r\n`
}

export const refusing = (status: number, headers = '', body = 'refused'): string =>
  `HTTP/1.1 ${status} Refused\r\n${headers}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`

/** Allows what is below /public, and says whose turn it is by the query. */
export function judgePublic({ uri }: Check): Verdict {
  if (!uri.startsWith('/public')) return refusing(403)
  return allowing({ 'Remote-User': uri.split('?')[1] ?? '' })
}

export async function startLab({ judge, edit = {} }: LabOptions): Promise<Lab> {
  const directory = mkdtempSync(join(tmpdir(), 'sallyport-haproxy-'))
  cpSync(join(import.meta.dirname, '../../../deploy/haproxy'), directory, { recursive: true })
  for (const [name, change] of Object.entries(edit)) {
    const text = readFileSync(join(directory, name), 'utf8')
    const changed = change(text, directory)
    if (changed === text) throw new Error(`nothing was changed in ${name}`)
    writeFileSync(join(directory, name), changed)
  }
  const application = createDemoApp({ name: 'wiki' })
  const reached: Lab['reached'] = []
  const note = ({ url = '', rawHeaders }: IncomingMessage) => void reached.push({ target: url, headers: rawHeaders })
  application.prependListener('request', note).prependListener('upgrade', note)
  const wikiAddress = `127.0.0.1:${await listen(application)}`
  const port = await freePort()
  const judges = createJudge(check => lab.judge(check))
  const addresses = { wikiAddress, payrollAddress: wikiAddress, providerAddress: wikiAddress }
  const targets = {
    bind: '127.0.0.1',
    port,
    authHost: 'auth.localhost',
    authAddress: `127.0.0.1:${await listen(judges.server)}`,
  }
  const lab: Lab = {
    port,
    reached,
    checks: judges.checks,
    waiting: judges.waiting,
    judge,
    stopJudge: judges.stop,
    stop: async () => {
      await proxy.stop()
      await judges.stop()
      await close(application)
      rmSync(directory, { recursive: true, force: true })
    },
  }
  const proxy = await startProxy('haproxy', { ...targets, ...addresses }, directory)
  const died = proxy.child?.died.then(message => Promise.reject(new Error(`${message}\n${proxy.child?.lastLines()}`)))
  await Promise.race([untilOpen(port), died])
  return lab
}

/** Answers whatever it is asked with the bytes that `judge` gives. */
function createJudge(judge: Lab['judge']) {
  const checks: Check[] = []
  const waiting: Socket[] = []
  const open = new Set<Socket>()
  const answer = (socket: Socket, head: string): void => {
    const check = readCheck(head)
    checks.push(check)
    const verdict = judge(check)
    if (verdict === undefined) waiting.push(socket)
    else if (typeof verdict === 'string') socket.write(verdict, 'latin1')
    else socket.end(verdict.bytes, 'latin1')
  }
  const server: Server = createServer(socket => {
    open.add(socket)
    let text = ''
    socket.setEncoding('latin1').on('data', chunk => {
      text += chunk
      for (let end = text.indexOf('\r\n\r\n'); end !== -1; end = text.indexOf('\r\n\r\n')) {
        const head = text.slice(0, end)
        text = text.slice(end + 4)
        answer(socket, head)
      }
    })
    socket.on('error', () => socket.destroy()).once('close', () => open.delete(socket))
  })
  const stop = async (): Promise<void> => {
    if (!server.listening) return
    const closed = new Promise(resolve => server.close(resolve))
    for (const socket of open) socket.destroy()
    await closed
  }
  return { server, checks, waiting, stop }
}

function readCheck(head: string): Check {
  const lines = head
    .split('\r\n')
    .slice(1)
    .map(line => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 1).trim()] as const)
  const first = (name: string) => lines.find(([candidate]) => candidate === name)?.[1]
  return { method: first('x-forwarded-method') ?? '', uri: first('x-forwarded-uri') ?? '', lines, first }
}

async function untilOpen(port: number): Promise<void> {
  const isOpen = () =>
    new Promise<boolean>(resolve => {
      const socket = connect(port, '127.0.0.1')
      socket.once('connect', () => resolve(true)).once('error', () => resolve(false))
      socket.once('connect', () => socket.destroy())
    })
  while (!(await isOpen())) await new Promise(resolve => setTimeout(resolve, 15))
}

/** All that comes back until HAProxy closes the connection: a request says `Connection: close`, or is none. */
export function talk(port: number, bytes: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1')
    let text = ''
    socket.setTimeout(60_000, () => socket.destroy(new Error(`HAProxy waits: ${bytes.slice(0, 200)}`)))
    socket.setEncoding('latin1').on('data', chunk => {
      text += chunk
    })
    socket.once('close', () => resolve(text))
    // A reset behind an answer, where bytes were left unread.
    socket.on('error', error => (text === '' && !error.message.includes('RESET') ? reject(error) : resolve(text)))
    socket.write(bytes, 'latin1')
  })
}

export const statusesOf = (text: string): number[] =>
  [...text.matchAll(/HTTP\/1\.[01] (\d{3}) /g)].map(([, status]) => Number(status))

/** A request of the wiki that ends its connection. */
export const closing = (line: string, headers = '', body = ''): string =>
  `${line}\r\nHost: wiki.localhost\r\n${headers}Connection: close\r\n\r\n${body}`
