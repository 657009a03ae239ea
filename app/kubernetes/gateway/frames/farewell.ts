/**
 * What is written last on a stream that is cut.
 *
 * Threat: kubectl takes a connection that breaks in the midst of `exec` for a command that ended well: exit code 0, no
 * word. A failure on the error channel of the protocol makes it exit with 1 and print the reason.
 */
import { Buffer } from 'node:buffer'
import type { StatusObject } from '../status.ts'
import { errorChannel, errorStream } from './formats.ts'

/** RFC 6455 section 7.4.1: refused by a rule of ours. */
const policyViolation = 1008
/** A control frame's body has 125 bytes at most, two of which are the code. */
const longestReason = 123
const [text, binary, close] = [0x1, 0x2, 0x8]

export function webSocketFrame(opcode: number, body: Uint8Array): Buffer {
  const first = 0x80 | opcode
  if (body.length < 126) return Buffer.concat([Buffer.from([first, body.length]), body])
  const head = Buffer.alloc(body.length > 0xff_ff ? 10 : 4)
  head[0] = first
  head[1] = body.length > 0xff_ff ? 127 : 126
  if (body.length > 0xff_ff) head.writeBigUInt64BE(BigInt(body.length), 2)
  else head.writeUInt16BE(body.length, 2)
  return Buffer.concat([head, body])
}

export function closeFrame(reason: string): Buffer {
  const body = Buffer.alloc(2)
  body.writeUInt16BE(policyViolation)
  return webSocketFrame(close, Buffer.concat([body, shortened(reason)]))
}

/** As much as fits; no character is cut in two, which the other side would have to call a broken frame. */
function shortened(reason: string): Buffer {
  const bytes = Buffer.from(reason)
  if (bytes.length <= longestReason) return bytes
  let end = longestReason
  while (((bytes[end] ?? 0) & 0xc0) === 0x80) end -= 1
  return bytes.subarray(0, end)
}

/** The last data frame of a stream (SPDY/3.1 section 2.2.2, flag FIN). */
export function spdyLastFrame(stream: number, body: Uint8Array): Buffer {
  const head = Buffer.alloc(8)
  head.writeUInt32BE(stream, 0)
  head.writeUInt32BE(body.length, 4)
  head[4] = 1
  return Buffer.concat([head, body])
}

/** SPDY/3.1 section 2.6.6: no stream beyond the last one is answered. */
const spdyGoAway = (): Buffer => Buffer.from([0x80, 3, 0, 7, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0])

/** What runs on the connection. */
export interface UpgradedStream {
  readonly upgrade: 'websocket' | 'spdy'
  /** As negotiated: `v5.channel.k8s.io`, say; empty where nothing was. */
  readonly protocol: string
  /** A command in a container: the error channel is there, and is the first. */
  readonly isCommand: boolean
}

export function farewellOf(stream: UpgradedStream, status: StatusObject): Buffer {
  const { upgrade, protocol, isCommand } = stream
  if (upgrade === 'websocket') {
    const close = closeFrame(status.message)
    const failure = isCommand ? webSocketFailure(protocol, status) : undefined
    return failure === undefined ? close : Buffer.concat([failure, close])
  }
  if (!isCommand) return spdyGoAway()
  // Before v4 the error stream carried a sentence.
  const isObject = /^v(?:[4-9]|\d\d)\./.test(protocol)
  return spdyLastFrame(errorStream, Buffer.from(isObject ? JSON.stringify(status) : status.message))
}

function webSocketFailure(protocol: string, status: StatusObject): Buffer | undefined {
  const body = JSON.stringify(status)
  if (/^v[45]\.channel\.k8s\.io$/.test(protocol))
    return webSocketFrame(binary, Buffer.concat([Buffer.from([errorChannel]), Buffer.from(body)]))
  if (protocol === 'v4.base64.channel.k8s.io')
    return webSocketFrame(text, Buffer.from(`${errorChannel}${Buffer.from(body).toString('base64')}`))
  // Older ones carry a sentence.
  if (protocol === 'channel.k8s.io' || protocol === '')
    return webSocketFrame(binary, Buffer.concat([Buffer.from([errorChannel]), Buffer.from(status.message)]))
  if (protocol === 'base64.channel.k8s.io')
    return webSocketFrame(text, Buffer.from(`${errorChannel}${Buffer.from(status.message).toString('base64')}`))
  return undefined
}

/** The last event of a watch in JSON, tables included. */
export const watchError = (status: StatusObject): Buffer =>
  Buffer.from(`${JSON.stringify({ type: 'ERROR', object: status })}\n`)
