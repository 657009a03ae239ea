/** Which protocol a call wants its connection turned into, and the method that it is judged by. */
import { refuse } from './refusal.ts'

/** `spdy`: SPDY/3.1. */
export type Stream = 'none' | 'websocket' | 'spdy'

interface Wanted {
  readonly method: string
  readonly upgrades?: readonly string[]
  readonly protocol?: string
}

/** Throws `Refused`. */
export function readStream({ method, upgrades = [], protocol }: Wanted): { method: string; upgrade: Stream } {
  if (protocol !== undefined) {
    if (method !== 'CONNECT' || protocol !== 'websocket' || upgrades.length > 0) refuse('upgrade')
    return { method: 'GET', upgrade: 'websocket' }
  }
  const [first, second] = upgrades
  if (first === undefined) return { method, upgrade: 'none' }
  // Threat: of two lines, or of a list, a front takes one and the server the other.
  if (second !== undefined) refuse('upgrade')
  return { method, upgrade: upgradeOf(first.trim().toLowerCase(), method) }
}

function upgradeOf(protocol: string, method: string): Stream {
  if (protocol === 'websocket' && method === 'GET') return 'websocket'
  if (protocol === 'spdy/3.1' && (method === 'GET' || method === 'POST')) return 'spdy'
  return refuse('upgrade')
}
