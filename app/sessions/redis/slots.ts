/** The 16384 slots of a Redis Cluster: which one a key is in, and which server has said that it owns it. */
import type { RedisAddress } from './address.ts'

export const slotCount = 16_384

/** CRC16-CCITT (XMODEM), of each byte; https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/ */
const crcOfByte = Uint16Array.from({ length: 256 }, (_, byte) => {
  let crc = byte << 8
  for (let bit = 0; bit < 8; bit += 1) crc = (crc & 0x8000) === 0 ? crc << 1 : (crc << 1) ^ 0x1021
  return crc & 0xffff
})

/** The slot of every key with this hash tag: what stands between the first brace and the next. ASCII. */
export function slotOf(tag: string): number {
  let crc = 0
  for (let index = 0; index < tag.length; index += 1) {
    crc = ((crc << 8) & 0xffff) ^ (crcOfByte[((crc >> 8) ^ tag.charCodeAt(index)) & 0xff] ?? 0)
  }
  return crc % slotCount
}

/** A run of slots and the master that owns them. */
export interface SlotRange {
  readonly from: number
  readonly to: number
  readonly master: RedisAddress
}

/** The answer to CLUSTER SLOTS. A server that does not know its own address leaves it out: it is the one that was asked. */
export function slotRangesIn(reply: unknown, askedHost: string): SlotRange[] {
  if (!Array.isArray(reply)) return []
  return reply.flatMap((range: unknown): SlotRange[] => {
    if (!Array.isArray(range) || !Array.isArray(range[2])) return []
    const [from, to] = [Number(range[0]), Number(range[1])]
    const [host, port] = [textOf(range[2][0]), Number(range[2][1])]
    const isRange = from >= 0 && from <= to && to < slotCount && port > 0
    return isRange ? [{ from, to, master: { host: host === '' || host === '?' ? askedHost : host, port } }] : []
  })
}

const textOf = (reply: unknown) => (reply === null || reply === undefined ? '' : String(reply))

/** Where a server sends whoever asks the wrong one. */
export interface Redirection {
  readonly kind: 'MOVED' | 'ASK'
  readonly slot: number
  readonly address: RedisAddress
}

/** `undefined` for every other error. */
export function redirectionIn(message: string, askedHost: string): Redirection | undefined {
  const [, kind, slot, host, port] = /^(MOVED|ASK) (\d{1,5}) (.*):(\d{1,5})$/.exec(message) ?? []
  if (host === undefined || (kind !== 'MOVED' && kind !== 'ASK')) return undefined
  const address = { host: host === '' || host === '?' ? askedHost : host, port: Number(port) }
  return Number(slot) < slotCount ? { kind, slot: Number(slot), address } : undefined
}
