/** The formats whose frames are followed: what the API server sends in a stream. */
import type { FrameFormat } from './frame-walker.ts'

const viewOf = (head: Uint8Array): DataView => new DataView(head.buffer, head.byteOffset, head.byteLength)

const [shortLength, longLength] = [126, 127]
const [isFinal, isControl, isMasked] = [0x80, 0x08, 0x80]
const closing = 0x08
/** The channel of a WebSocket on which remote commands report their end (`remotecommand.v4` and `v5`). */
export const errorChannel = 3
/** The same where channels are digits (`base64.channel.k8s.io`). */
const errorChannelDigit = 0x33
/** kubectl opens its error stream first, and a client's streams have odd numbers. */
export const errorStream = 1

const lengthCode = (head: Uint8Array): number => (head[1] ?? 0) & 0x7f

function lengthOf(head: Uint8Array): number {
  const code = lengthCode(head)
  if (code === shortLength) return viewOf(head).getUint16(2)
  if (code !== longLength) return code
  const size = Number(viewOf(head).getBigUint64(2))
  return Number.isSafeInteger(size) ? size : Number.NaN
}

function headLength(head: Uint8Array): number {
  const code = lengthCode(head)
  const extended = code === longLength ? 8 : code === shortLength ? 2 : 0
  return 2 + extended + (((head[1] ?? 0) & isMasked) === 0 ? 0 : 4)
}

/** RFC 6455 section 5.2, with the first byte behind the head: Kubernetes has the number of a channel there. */
export const webSocketFrames: FrameFormat = {
  shortestHead: 2,
  longestHead: 15,
  headSize: head => headLength(head) + (lengthCode(head) === 0 ? 0 : 1),
  bodySize: head => lengthOf(head) - (lengthCode(head) === 0 ? 0 : 1),
  // A control frame may come in the midst of a message, and is none of its parts (section 5.4).
  placeAfter(head, before) {
    const first = head[0] ?? 0
    if ((first & isControl) !== 0) return (first & 0x0f) === closing ? 'over' : before
    return (first & isFinal) === 0 ? 'within' : 'free'
  },
  isResult(head) {
    const channel = head[headLength(head)]
    const isData = ((head[0] ?? 0) & isControl) === 0
    return isData && lengthCode(head) > 0 && (channel === errorChannel || channel === errorChannelDigit)
  },
}

/** SPDY/3.1 section 2.2: control and data frames alike have their length, without the head, in bytes 5 to 7. */
export const spdyFrames: FrameFormat = {
  shortestHead: 8,
  longestHead: 8,
  headSize: () => 8,
  bodySize: head => viewOf(head).getUint32(4) & 0xff_ff_ff,
  placeAfter: () => 'free',
  isResult: head => viewOf(head).getUint32(0) === errorStream,
}

/** Events of a watch in Kubernetes' protobuf: each behind its length of four bytes. */
export const protobufEvents: FrameFormat = {
  shortestHead: 4,
  longestHead: 4,
  headSize: () => 4,
  bodySize: head => viewOf(head).getUint32(0),
  placeAfter: () => 'free',
  isResult: () => false,
}
