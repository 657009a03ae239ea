/** Where the listeners of a process are: ports as they are, files of Unix sockets claimed, published and taken away. */
import type { ListenAddress } from './listen.ts'
import { claimSocket, type SocketFile, type SocketPlace } from './socket-file.ts'

/** As a listener takes it. */
export type ListenAt = ListenAddress | { readonly staged: string }

export interface Places {
  /** Rejects with `ERR_LISTEN_FAILED`. Again, for the same socket, it is the same. */
  readonly claim: (place: ListenAddress | SocketPlace) => Promise<ListenAt>
  /** Before servers listen where sockets were claimed. */
  readonly prepare: () => void
  /** When they listen. Throws `ERR_LISTEN_FAILED`. */
  readonly publish: () => void
  /** The paths that were claimed. */
  readonly sockets: () => readonly string[]
  /** Takes the files away: what proxies connect to next finds nobody. */
  readonly remove: () => void
}

export function createPlaces(): Places {
  const files = new Map<string, SocketFile>()
  return {
    async claim(place) {
      if (!('socket' in place)) return place
      if (place.staged !== undefined) return { staged: place.staged }
      const file = files.get(place.socket) ?? (await claimSocket(place))
      files.set(place.socket, file)
      return { staged: file.staged }
    },
    prepare: () => {
      for (const { prepare } of files.values()) prepare()
    },
    publish: () => {
      for (const { publish } of files.values()) publish()
    },
    sockets: () => [...files.keys()],
    remove: () => {
      for (const { remove } of files.values()) remove()
      files.clear()
    },
  }
}
