/** Connections to the proxy: what is written, and until when answers are read. */
import { connect, type Socket } from 'node:net'
import type { FuzzCase, Sending } from './fuzz-case.ts'

export interface Exchanged {
  /** All that came back, Latin-1. */
  readonly text: string
  readonly statuses: readonly number[]
  /** Nothing more came, and the connection stayed open. */
  readonly isSilent: boolean
}

/** One after the other; the connection is kept for the next one, as long as nobody can doubt where an answer ends. */
export interface Lane {
  readonly exchange: (fuzzCase: FuzzCase, sending: Sending) => Promise<Exchanged>
  /** What was sent on the connection that is open, oldest first. */
  readonly history: number[]
  readonly close: () => void
}

/** It only ends what nobody answers; no finding depends on it, for what arrives later is looked at as well. */
const silenceMs = { plain: 10_000, doubtful: 500, closing: 30 } as const

export function createLane(port: number): Lane {
  let socket: Socket | undefined
  const history: number[] = []
  const close = (): void => {
    socket?.destroy()
    socket = undefined
    history.length = 0
  }
  const open = (): Socket => {
    close()
    const opened = connect({ port, host: '127.0.0.1', noDelay: true })
    opened.setEncoding('latin1').on('error', () => opened.destroy())
    return opened
  }
  return {
    history,
    close,
    async exchange(fuzzCase, sending) {
      const isKept = !fuzzCase.isDoubtful
      if (socket === undefined || socket.destroyed || !socket.writable || !isKept) socket = open()
      const found = await talk(socket, sending, isKept)
      if (!isKept || found.isSilent || /^connection: *close/im.test(found.text)) close()
      return found
    },
  }
}

function talk(socket: Socket, { bytes, methods }: Sending, isPlain: boolean): Promise<Exchanged> {
  return new Promise(resolve => {
    let text = ''
    const finish = (isSilent: boolean): void => {
      socket.removeAllListeners('data').removeAllListeners('end').removeAllListeners('close').setTimeout(0)
      socket.removeAllListeners('timeout')
      resolve({ text, statuses: statusesOf(text), isSilent })
    }
    const ended = (): void => {
      socket.destroy()
      finish(false)
    }
    socket.on('data', (chunk: string) => {
      text += chunk
      if (isPlain && isWhole(text, methods)) finish(false)
      // The last answer of a connection; some proxies wait a second for us to close it.
      if (!isPlain && /^connection: *close/im.test(text)) socket.setTimeout(silenceMs.closing, ended)
    })
    socket.once('end', ended).once('close', ended)
    socket.setTimeout(isPlain ? silenceMs.plain : silenceMs.doubtful, () => finish(true))
    write(socket, bytes)
  })
}

/** Long ones in two parts, for a server that looks at what it has read so far. */
function write(socket: Socket, bytes: string): void {
  const cut = bytes.length % 7 === 0 ? Math.floor(bytes.length / 2) : bytes.length
  socket.write(bytes.slice(0, cut), 'latin1')
  if (cut < bytes.length) setImmediate(() => socket.write(bytes.slice(cut), 'latin1'))
}

const statusesOf = (text: string): number[] =>
  [...text.matchAll(/HTTP\/1\.[01] (\d{3})[ \r]/g)].map(([, status]) => Number(status)).filter(status => status >= 200)

/** Whether each of these has its answer. */
function isWhole(text: string, methods: readonly string[]): boolean {
  let at = 0
  for (const method of methods) {
    const next = endOfAnswer(text, at, method)
    if (next === undefined) return false
    at = next
  }
  return true
}

function endOfAnswer(text: string, from: number, method: string): number | undefined {
  let start = from
  for (;;) {
    const end = text.indexOf('\r\n\r\n', start)
    if (end === -1) return undefined
    const head = text.slice(start, end)
    if (/^HTTP\/1\.[01] 1(?!01)/.test(head)) {
      start = end + 4
      continue
    }
    if (method === 'HEAD' || /^HTTP\/1\.[01] (204|304|101)/.test(head)) return end + 4
    const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1]
    if (length !== undefined) return text.length >= end + 4 + Number(length) ? end + 4 + Number(length) : undefined
    if (!/\r\ntransfer-encoding: *chunked/i.test(head)) return undefined
    const last = text.indexOf('0\r\n\r\n', end)
    return last === -1 ? undefined : last + 5
  }
}
