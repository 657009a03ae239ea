/**
 * Who holds a connection to the receiver. Threat: whoever can reach it opens as many as there may be and says nothing; then the API
 * server is not heard, gives up what it has to say, and rights look unused that were used.
 */
import type { Socket } from 'node:net'

export interface Connections {
  /** A connection was made: where there is one too many, another is cut for it. */
  readonly add: (socket: Socket) => void
  /** The same connection, from now on by its TLS side. */
  readonly secure: (socket: Socket) => void
  /** Whoever sends here has shown who it is, and is not cut before those who have not. */
  readonly show: (socket: Socket) => void
  /** A batch is under way on it: it is not cut at all. @returns what is to be called when it is not any more */
  readonly begin: (socket: Socket) => () => void
}

interface Held {
  socket: Socket
  readonly address: string
  isShown: boolean
  underWay: number
}

/** @param most connections at once; those on which a batch is under way count, and are never cut */
export function createConnections(most: number): Connections {
  // The oldest first.
  const held = new Map<string, Held>()

  function cutOne(newest: string): void {
    const idle = [...held].filter(([key, { underWay }]) => key !== newest && underWay === 0)
    const strangers = idle.filter(([, { isShown }]) => !isShown)
    const [first] = strangers.length > 0 ? ofMostCrowded(strangers) : idle
    if (first === undefined) return
    const [key, { socket }] = first
    held.delete(key)
    socket.destroy()
  }

  return {
    add: socket => {
      const key = keyOf(socket)
      const { remoteAddress: address = '' } = socket
      held.set(key, { socket, address, isShown: false, underWay: 0 })
      socket.once('close', () => held.delete(key))
      if (held.size > most) cutOne(key)
    },
    secure: socket => {
      const one = held.get(keyOf(socket))
      if (one !== undefined) one.socket = socket
    },
    show: socket => {
      const one = held.get(keyOf(socket))
      if (one !== undefined) one.isShown = true
    },
    begin: socket => {
      const one = held.get(keyOf(socket))
      if (one === undefined) return () => undefined
      one.underWay += 1
      return () => {
        one.underWay -= 1
      }
    },
  }
}

/** TLS has a socket of its own for the same connection; both say where it comes from. */
const keyOf = ({ remoteAddress, remotePort }: Socket): string => `${remoteAddress} ${remotePort}`

/** So that a flood from one address cuts itself, and not whoever is about to show himself from another. */
function ofMostCrowded(of: readonly [string, Held][]): readonly [string, Held][] {
  const counts = new Map<string, number>()
  for (const [, { address }] of of) counts.set(address, (counts.get(address) ?? 0) + 1)
  const worst = Math.max(...counts.values())
  return of.filter(([, { address }]) => counts.get(address) === worst)
}
