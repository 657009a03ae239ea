/**
 * One keep-alive connection that sends requests as bytes and reads just enough of the answers to be cheap: the status,
 * `Content-Length`, the end of the head. Never more than one request at a time is under way.
 */
import { connect, type Socket } from 'node:net'

export interface Connection {
  readonly send: (request: Uint8Array) => void
  /** Nothing is reported afterwards. */
  readonly close: () => void
}

export interface ConnectionEvents {
  /** A whole answer is there. `head` gives its first bytes, for a message. */
  readonly onAnswer: (connection: Connection, status: number, head: () => string) => void
  /** The connection broke, or what came is no answer that can be measured. */
  readonly onError: (error: Error) => void
}

const headEnd = Buffer.from('\r\n\r\n')
const lengthName = Buffer.from('\r\nContent-Length: ')
const digitZero = 0x30

/** Resolves when the connection to the port of this machine is there. */
export function openConnection(port: number, { onAnswer, onError }: ConnectionEvents): Promise<Connection> {
  return new Promise((resolve, reject) => {
    let isClosed = false
    let earlier: Buffer | undefined
    const fail = (error: Error): void => {
      if (isClosed) return
      connection.close()
      reject(error)
      onError(error)
    }
    const read = (count: number, chunk: Uint8Array): boolean => {
      const received = gather(earlier, chunk, count)
      const length = answerLength(received)
      if (length === undefined || received.length < length) {
        // The chunk's memory is used again for the next one.
        earlier = Buffer.from(received)
        return true
      }
      earlier = undefined
      const head = (): string => received.toString('latin1', 0, 300)
      if (received.length === length) onAnswer(connection, statusOf(received), head)
      else fail(new Error(`no answer of a known length: ${head()}`))
      return true
    }
    const socket: Socket = connect({
      port,
      host: '127.0.0.1',
      noDelay: true,
      onread: { buffer: Buffer.allocUnsafe(65_536), callback: read },
    })
    const connection: Connection = {
      send: request => void socket.write(request),
      close: () => {
        isClosed = true
        socket.destroy()
      },
    }
    socket.once('connect', () => resolve(connection))
    socket.once('error', fail)
    socket.once('close', () => fail(new Error('the server closed the connection')))
  })
}

function gather(earlier: Buffer | undefined, chunk: Uint8Array, count: number): Buffer {
  const now = Buffer.from(chunk.buffer, chunk.byteOffset, count)
  return earlier === undefined ? now : Buffer.concat([earlier, now])
}

/** The three digits after `HTTP/1.1 `; NaN for anything else. */
function statusOf(received: Buffer): number {
  const digit = (at: number): number => (received[at] ?? Number.NaN) - digitZero
  return digit(9) * 100 + digit(10) * 10 + digit(11)
}

/** Length of the whole answer once its head is there. NaN, which no answer has, when the head does not say. */
function answerLength(received: Buffer): number | undefined {
  const end = received.indexOf(headEnd)
  if (end === -1) return undefined
  const at = received.indexOf(lengthName)
  if (at === -1 || at > end) return end + headEnd.length + spelledLength(received.toString('latin1', 0, end))
  let value = 0
  for (let digit = at + lengthName.length; (received[digit] ?? 0) >= digitZero; digit += 1) {
    value = value * 10 + (received[digit] ?? 0) - digitZero
  }
  return end + headEnd.length + value
}

/** For servers that write the name in small letters or leave out the space. */
const spelledLength = (head: string): number => Number(/\r\ncontent-length: *(\d+)/i.exec(head)?.[1])
